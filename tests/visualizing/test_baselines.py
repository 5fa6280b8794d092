"""The plots look as the stored pictures do. Texts are left out: fonts differ from machine to machine.

After a change of the looks that is meant: ``DRAW_BASELINES=1 python -m pytest tests/visualizing/test_baselines.py``, and
look at what has changed.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from spikingjelly import visualizing

FOLDER = Path(__file__).parent / "baselines"
# Root mean square of the differences, of 255. Images move by a pixel from one version of matplotlib to the next.
TOLERANCE = {"heatmap": 6, "feature_maps": 14}
OTHERS = 3


def waves(*shape: int) -> np.ndarray:
    """Numbers that look irregular and are the same everywhere."""
    return np.sin(np.arange(np.prod(shape)) ** 1.3).reshape(shape)


def slope(*shape: int) -> np.ndarray:
    """Numbers that change little from one to the next: versions of matplotlib put edges of cells a pixel apart."""
    return sum(np.linspace(0, k + 1, n)[(...,) + (None,) * (len(shape) - k - 1)] for k, n in enumerate(shape))


def potential_and_spikes() -> tuple[np.ndarray, np.ndarray]:
    """A leaky neuron with a hard reset, written out."""
    v, potentials, spikes = 0.0, [], []
    for t in range(40):
        v = 0.9 * v + 0.15 + 0.1 * np.sin(t)
        fired = v >= 1
        potentials.append(v)
        spikes.append(fired)
        v = 0.0 if fired else v
    return np.array(potentials), np.array(spikes)


PICTURES = {
    "heatmap": lambda small: visualizing.plot_2d_heatmap(slope(30, 12), "", "", "", **small),
    "bars": lambda small: visualizing.plot_2d_bar_in_3d(np.abs(waves(5, 4)), "", "", "", "", dpi=50),
    "raster": lambda small: visualizing.plot_1d_spikes(waves(40, 12) > 0.6, "", "", "", **small),
    "raster_of_many": lambda small: visualizing.plot_1d_spikes(waves(400, 400) > 0.5, "", "", "", **small),
    "feature_maps": lambda small: visualizing.plot_2d_feature_map(slope(3, 9, 12), 2, 2, 1, "", **small)[0],
    "one_neuron": lambda small: visualizing.plot_one_neuron_v_s(*potential_and_spikes(), **small)[0],
}


def without_text(figure) -> None:
    from matplotlib.text import Text

    figure.canvas.draw()
    for text in figure.findobj(Text):
        text.set_visible(False)
    for axes in figure.axes:
        if (legend := axes.get_legend()) is not None:
            legend.remove()


@pytest.mark.parametrize("name", PICTURES)
def test_looks_as_before(name: str, tmp_path: Path) -> None:
    from matplotlib.testing.compare import compare_images

    figure = PICTURES[name]({"figsize": (6, 4), "dpi": 50})
    without_text(figure)
    drawn = tmp_path / f"{name}.png"
    figure.savefig(drawn, dpi=50)
    stored = FOLDER / drawn.name
    if os.environ.get("DRAW_BASELINES"):
        stored.write_bytes(drawn.read_bytes())
    difference = compare_images(str(stored), str(drawn), TOLERANCE.get(name, OTHERS))
    assert difference is None, difference


def test_the_comparison_can_fail(tmp_path: Path) -> None:
    from matplotlib.testing.compare import compare_images

    figure = visualizing.plot_1d_spikes(waves(40, 12) > 0.55, "", "", "", figsize=(6, 4), dpi=50)
    without_text(figure)
    figure.savefig(tmp_path / "other.png", dpi=50)
    (tmp_path / "raster.png").write_bytes((FOLDER / "raster.png").read_bytes())
    assert compare_images(str(tmp_path / "raster.png"), str(tmp_path / "other.png"), OTHERS) is not None


def test_stored_pictures_are_small_and_each_is_used() -> None:
    files = list(FOLDER.iterdir())
    assert {path.stem for path in files} == set(PICTURES)
    assert sum(path.stat().st_size for path in files) < 300_000
