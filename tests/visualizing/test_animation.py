"""Each frame of the animation shows the spikes of its time step and the glow of those before it."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from spikingjelly import visualizing
from spikingjelly.activation_based import functional, layer, monitor, neuron

SPIKES = np.array([[1, 0, 0, 1, 0], [0, 1, 0, 1, 0], [0, 0, 0, 0, 0]])


def made(*arguments, **keywords):
    """An animation whose figure has been drawn once, so that its end is no surprise to matplotlib."""
    animation = visualizing.animate_spikes(*arguments, **keywords)
    figure = animation._fig
    figure.canvas.draw()
    return animation, figure


def shown(animation, t: int, column: int = 0) -> np.ndarray:
    """The image of a layer at time step ``t``."""
    animation._func(t)
    return np.ma.filled(animation._fig.axes[column].images[0].get_array(), np.nan)


def test_neurons_glow_after_their_spikes() -> None:
    animation, figure = made(SPIKES, afterglow=0.5)
    expected = np.array([[1, 0, 0, 1, 0], [0.5, 1, 0, 1, 0], [0.25, 0.5, 0, 0.5, 0]])
    for t in (0, 1, 2, 0):
        sheet = shown(animation, t)
        assert sheet.shape == (2, 3)
        assert np.array_equal(sheet.ravel()[:5], expected[t])
        assert np.isnan(sheet[1, 2])
        assert figure.get_suptitle() == f"time step {t} of 3"
        course, marker = figure.axes[1].lines
        assert np.allclose(course.get_ydata(), [0.4, 0.4, 0])
        assert list(marker.get_xdata()) == [t, t]
    assert figure.axes[0].get_title() == "spikes\n5 neurons"
    assert (figure.axes[1].get_xlabel(), figure.axes[1].get_ylabel()) == ("time step", "firing")
    assert animation._interval == 100


def test_shapes_of_layers() -> None:
    rng = np.random.default_rng(0)
    spikes = {"conv": rng.random((4, 3, 2, 5)) < 0.5, "image": rng.random((4, 6, 7)) < 0.5, "one": np.ones(4)[:, None]}
    animation, figure = made(spikes, afterglow=0.0, figsize=(6, 3), dpi=40, frames_per_second=4)
    assert [axes.get_title() for axes in figure.axes[:3]] == ["conv\n30 neurons", "image\n42 neurons", "one\n1 neuron"]
    for t in (2, 3):
        sheet = shown(animation, t)
        assert sheet.shape == (5, 11)
        for c, (top, left) in enumerate([(0, 0), (0, 6), (3, 0)]):
            assert np.array_equal(sheet[top : top + 2, left : left + 5], spikes["conv"][t, c])
        assert np.array_equal(shown(animation, t, 1), spikes["image"][t])
        assert shown(animation, t, 2).tolist() == [[1]]
    assert (figure.get_size_inches().tolist(), figure.dpi) == ([6, 3], 40)
    assert animation._interval == 250


def test_sample_of_a_batch() -> None:
    batch = np.stack([SPIKES, 1 - SPIKES], 1)
    for sample, expected in ((0, SPIKES), (1, 1 - SPIKES), (-1, 1 - SPIKES)):
        animation, _ = made(batch, sample=sample, afterglow=0.0)
        assert np.array_equal(shown(animation, 1).ravel()[:5], expected[1])


def test_records_of_a_monitor(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    net = torch.nn.Sequential(
        layer.Conv2d(1, 2, 3), neuron.IFNode(), layer.Flatten(), layer.Linear(2 * 9, 4), neuron.IFNode()
    )
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.abs_()
    layers = {}
    for mode in ("m", "s"):
        functional.set_step_mode(net, mode)
        functional.reset_net(net)
        records = monitor.OutputMonitor(net, neuron.IFNode)
        x = torch.full((6, 2, 1, 5, 5), 0.3)
        net(x) if mode == "m" else [net(step) for step in x]
        layers[mode] = {name: records[name][0] if mode == "m" else records[name] for name in records.monitored_layers}
        records.remove_hooks()
        path = tmp_path / f"{mode}.GIF"
        visualizing.animate_spikes(layers[mode], path, sample=1, frames_per_second=5)
        with image.open(path) as gif:
            assert gif.n_frames == 6
            assert gif.info["duration"] == 200
    assert layers["m"]["1"].sum() > 0
    assert (tmp_path / "m.GIF").read_bytes() == (tmp_path / "s.GIF").read_bytes()


def test_draws_on_a_figure_that_is_there(tmp_path: Path) -> None:
    from matplotlib import pyplot as plt
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    animation = visualizing.animate_spikes(torch.as_tensor(SPIKES), tmp_path / "spikes.gif", figure=figure)
    assert animation._fig is figure
    assert plt.get_fignums() == []


def test_pyplot_knows_a_new_figure() -> None:
    from matplotlib import pyplot as plt

    _, figure = made({"a": SPIKES, "b": SPIKES, "c": SPIKES})
    assert plt.gcf() is figure
    assert figure.get_size_inches().tolist() == [10.5, 5]


@pytest.mark.parametrize(
    ("spikes", "keywords", "message"),
    [
        ({}, {}, "there is no layer to show"),
        (np.zeros(4), {}, r"spikes must be \[T, \*\], but its shape is \[4\]"),
        ({"fc": np.zeros((4, 2))}, {"sample": 0}, r"fc must be \[T, N, \*\], but its shape is \[4, 2\]"),
        ({"fc": np.zeros((4, 0))}, {}, r"fc is empty"),
        ({"fc": np.full((4, 2), 3)}, {}, "fc must hold only 0 and 1, but 3"),
        ({"a": np.zeros((4, 2)), "b": np.zeros((5, 2))}, {}, r"as many time steps T, but they have \{'a': 4, 'b': 5\}"),
        ({"a": np.zeros((4, 2, 1))}, {"sample": 2}, "there is no sample=2, the batch of 'a' has 2 samples"),
        ({"a": np.zeros((4, 2, 1))}, {"sample": -3}, "there is no sample=-3"),
        (SPIKES, {"afterglow": 1.0}, "afterglow must be at least 0 and less than 1, but 1.0"),
        (SPIKES, {"afterglow": -0.1}, "afterglow must be at least 0"),
        (SPIKES, {"frames_per_second": 0}, "frames_per_second must be greater than 0, but 0"),
    ],
)
def test_refused(spikes: object, keywords: dict, message: str) -> None:
    from matplotlib import pyplot as plt

    with pytest.raises(ValueError, match=f"animate_spikes: .*{message}"):
        visualizing.animate_spikes(spikes, **keywords)
    assert plt.get_fignums() == []


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'animate_spikes needs matplotlib.*pip install "spikingjelly\[plot\]"'):
        visualizing.animate_spikes(SPIKES)
