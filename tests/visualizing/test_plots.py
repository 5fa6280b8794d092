"""What the artists of each plot hold is what was given; titles, labels and ticks are those that were asked for."""

import inspect
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch

from spikingjelly import visualizing

ARRAY = np.arange(12.0).reshape(4, 3)
SPIKES = np.array([[0, 1], [1, 1], [0, 0], [1, 0], [0, 1]])
LABELS = ("a title", "time step", "neuron")

PLOTS = {
    "plot_2d_heatmap": (ARRAY, *LABELS),
    "plot_2d_bar_in_3d": (ARRAY, *LABELS, "value"),
    "plot_1d_spikes": (SPIKES, *LABELS),
    "plot_2d_feature_map": (ARRAY.reshape(2, 2, 3), 1, 2, 1, "a title"),
    "plot_one_neuron_v_s": (ARRAY[:, 0], SPIKES[:4, 0]),
}


def plot(name: str, *arguments, **keywords):
    drawn = getattr(visualizing, name)(*(arguments or PLOTS[name]), **keywords)
    return drawn[0] if name in ("plot_2d_feature_map", "plot_one_neuron_v_s") else drawn


def values_of(image) -> np.ndarray:
    return np.ma.filled(image.get_array(), np.nan)


def strokes(axes) -> list[tuple[float, float, float]]:
    """Time, lower and upper end of each stroke."""
    (lines,) = axes.collections
    return sorted((x, low, high) for (x, low), (_, high) in lines.get_segments())


@pytest.mark.parametrize("name", PLOTS)
def test_pyplot_knows_the_figure(name: str) -> None:
    from matplotlib import pyplot as plt

    figure = plot(name)
    assert plt.gcf() is figure
    assert figure.dpi == 200
    assert figure.get_size_inches().tolist() == ([6.4, 4.8] if name == "plot_2d_bar_in_3d" else [12, 8])


@pytest.mark.parametrize("name", PLOTS)
def test_size_and_resolution(name: str) -> None:
    sizes = {} if name == "plot_2d_bar_in_3d" else {"figsize": (5, 3)}
    figure = plot(name, dpi=60, **sizes)
    assert figure.dpi == 60
    assert not sizes or figure.get_size_inches().tolist() == [5, 3]


@pytest.mark.parametrize("name", PLOTS)
def test_draws_on_a_figure_that_is_there(name: str) -> None:
    from matplotlib import pyplot as plt
    from matplotlib.figure import Figure

    before = plt.get_fignums()
    left, right = Figure(layout="constrained").subfigures(1, 2)
    assert plot(name, figure=right) is right
    assert not left.axes
    right.figure.canvas.draw()
    assert plt.get_fignums() == before


@pytest.mark.parametrize("name", PLOTS)
def test_style_of_the_user_is_left_alone(name: str) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    plot(name).canvas.draw()
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize(
    "kind",
    [
        torch.as_tensor,
        lambda x: torch.as_tensor(x).bfloat16(),
        lambda x: torch.as_tensor(x, dtype=torch.float32).requires_grad_(),
        lambda x: list(torch.as_tensor(x)),
        lambda x: x.tolist(),
    ],
    ids=["tensor", "bfloat16", "requires_grad", "list of tensors", "lists"],
)
def test_tensors_and_lists_are_drawn_as_arrays_are(name: str, kind: Callable) -> None:
    given = tuple(kind(x) if isinstance(x, np.ndarray) else x for x in PLOTS[name])
    pictures = []
    for arguments in (PLOTS[name], given):
        figure = plot(name, *arguments, dpi=20)
        figure.canvas.draw()
        pictures.append(np.asarray(figure.canvas.buffer_rgba()))
    assert np.array_equal(*pictures)


def test_heat_map() -> None:
    axes, bar = plot("plot_2d_heatmap", ARRAY, *LABELS, colorbar_y_label="mV").axes
    (image,) = axes.images
    assert np.array_equal(values_of(image), ARRAY.T)
    assert image.origin == "lower"
    assert image.get_extent() == [-0.5, 3.5, -0.5, 2.5]
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == LABELS
    assert bar.get_ylabel() == "mV"


def test_heat_map_without_colour_bar_and_with_the_duration() -> None:
    (axes,) = plot("plot_2d_heatmap", ARRAY, *LABELS, plot_colorbar=False, x_max=8.0).axes
    assert axes.images[0].get_extent() == [-1.0, 7.0, -0.5, 2.5], "a column is drawn around its time, 0, 2, 4, 6"


def test_defaults_of_the_labels() -> None:
    assert plot("plot_2d_heatmap").axes[1].get_ylabel() == "magnitude"
    assert plot("plot_2d_feature_map").axes[1].get_ylabel() == "magnitude"
    assert plot("plot_1d_spikes").axes[1].get_title() == "firing rate"
    assert plot("plot_one_neuron_v_s").axes[0].get_title() == "$V[t]$ and $S[t]$ of the neuron"


@pytest.mark.parametrize(
    ("name", "axis"),
    [(name, axis) for name in ("plot_2d_heatmap", "plot_2d_bar_in_3d", "plot_1d_spikes") for axis in "xy"]
    + [("plot_2d_bar_in_3d", "z")],
)
def test_ticks_at_whole_numbers(name: str, axis: str) -> None:
    """An axis that shows 0 to 1 or so has ticks between them, unless only whole numbers are wanted."""
    small = np.array([[1, 0], [0, 1]])
    for wanted in (True, False):
        figure = plot(name, small, *PLOTS[name][1:], **{f"int_{axis}_ticks": wanted})
        ticks = getattr(figure.axes[0], f"get_{axis}ticks")()
        assert (ticks == ticks.round()).all() == wanted


def test_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    from mpl_toolkits.mplot3d.axes3d import Axes3D

    drawn = []
    bar3d = Axes3D.bar3d
    monkeypatch.setattr(Axes3D, "bar3d", lambda self, *box, **style: drawn.append(box) or bar3d(self, *box, **style))
    figure = plot("plot_2d_bar_in_3d")
    (axes,) = figure.axes
    ((x, y, bottom, width, depth, height),) = drawn
    assert np.allclose(x + width / 2, np.repeat(np.arange(4), 3))
    assert np.allclose(y + depth / 2, np.tile(np.arange(3), 4))
    assert bottom == 0
    assert np.array_equal(height, ARRAY.ravel())
    colours = axes.collections[0].get_facecolors()
    assert len(np.unique(colours.round(6), axis=0)) >= 3
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == LABELS
    assert axes.get_zlabel() == "value"


def test_raster() -> None:
    axes, rates, _ = plot("plot_1d_spikes", SPIKES, *LABELS, firing_rate_map_title="rates").axes
    assert strokes(axes) == [(t, n - 0.4, n + 0.4) for t, n in ((0, 1), (1, 0), (1, 1), (3, 0), (4, 1))]
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == LABELS
    assert (axes.get_xlim(), axes.get_ylim()) == ((-0.5, 4.5), (-0.5, 1.5))
    assert values_of(rates.images[0]).ravel().tolist() == [0.4, 0.6]
    assert rates.get_title() == "rates"
    assert rates.get_ylim() == axes.get_ylim()


def test_raster_of_neurons_in_their_colours_without_rates() -> None:
    (axes,) = plot("plot_1d_spikes", np.eye(9), *LABELS, plot_firing_rate=False).axes
    colours = axes.collections[0].get_colors()
    assert len(np.unique(colours, axis=0)) == 7, "neurons 7 and 8 have the colours of 0 and 1"


def test_raster_without_spikes() -> None:
    axes, rates, _ = plot("plot_1d_spikes", np.zeros((5, 2)), *LABELS).axes
    assert strokes(axes) == []
    assert values_of(rates.images[0]).ravel().tolist() == [0, 0]
    axes.figure.canvas.draw()


def test_raster_of_very_many_spikes() -> None:
    """They are markers, a stroke high as in the small raster, as long as the figure keeps its size."""
    spikes = np.random.default_rng(0).random((2000, 100)) < 0.3
    figure = plot("plot_1d_spikes", spikes, *LABELS, dpi=50)
    axes = figure.axes[0]
    (line,) = axes.lines
    time, neuron = np.nonzero(spikes)
    assert len(time) > 50_000
    assert np.array_equal(line.get_xydata(), np.stack([time, neuron], 1))
    row_in_points = (axes.transData.transform((0, 1)) - axes.transData.transform((0, 0)))[1] * 72 / 50
    assert line.get_markersize() == pytest.approx(0.8 * row_in_points)


def test_feature_maps() -> None:
    maps = np.arange(30.0).reshape(5, 2, 3)
    figure, axes = visualizing.plot_2d_feature_map(maps, 2, 3, 2, "maps", colorbar_y_label="Hz")
    first, bar = figure.axes
    assert first is axes
    sheet = values_of(axes.images[0])
    assert sheet.shape == (2 + 2 + 2, 3 + 2 + 3 + 2 + 3)
    for c in range(5):
        top, left = c // 3 * 4, c % 3 * 5
        assert np.array_equal(sheet[top : top + 2, left : left + 3], maps[c])
    assert np.isnan(sheet).sum() == sheet.size - 30
    assert axes.get_title() == "maps"
    assert bar.get_ylabel() == "Hz"


def test_feature_maps_without_space() -> None:
    axes, _ = plot("plot_2d_feature_map", ARRAY.reshape(4, 1, 3), 2, 2, 0, "").axes
    assert np.array_equal(values_of(axes.images[0]), ARRAY.reshape(2, 6))


def test_one_neuron() -> None:
    v, s = np.array([0.1, 0.9, -0.2, 0.3]), np.array([0, 1, 0, 1])
    figure, above, below = visualizing.plot_one_neuron_v_s(v, s, v_threshold=0.8, v_reset=-0.2, title="LIF")
    assert figure.axes == [above, below]
    course, threshold, reset = above.lines
    assert np.array_equal(course.get_xydata(), np.stack([np.arange(4), v], 1))
    assert set(threshold.get_ydata()) == {0.8}
    assert set(reset.get_ydata()) == {-0.2}
    assert strokes(below) == [(1, 0, 1), (3, 0, 1)]
    assert above.get_title() == "LIF"
    assert (above.get_ylabel(), below.get_ylabel(), below.get_xlabel()) == ("membrane potential", "spike", "time step")
    assert [text.get_text() for text in above.get_legend().get_texts()] == ["$V[t]$", "$V_{threshold}$", "$V_{reset}$"]
    ticks = below.get_xticks()
    assert np.array_equal(ticks, ticks.round())


def test_one_neuron_with_a_soft_reset_and_a_dimension_of_neurons() -> None:
    _, above, _ = visualizing.plot_one_neuron_v_s(ARRAY[:, :1], SPIKES[:4, :1], v_reset=None)
    assert len(above.lines) == 2
    assert np.array_equal(above.lines[0].get_ydata(), ARRAY[:, 0])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (
            "plot_2d_heatmap",
            "array title xlabel ylabel int_x_ticks=True int_y_ticks=True plot_colorbar=True colorbar_y_label='magnitude' x_max=None figsize=(12, 8) dpi=200",
        ),
        (
            "plot_2d_bar_in_3d",
            "array title xlabel ylabel zlabel int_x_ticks=True int_y_ticks=True int_z_ticks=False dpi=200",
        ),
        (
            "plot_1d_spikes",
            "spikes title xlabel ylabel int_x_ticks=True int_y_ticks=True plot_firing_rate=True firing_rate_map_title='firing rate' figsize=(12, 8) dpi=200",
        ),
        ("plot_2d_feature_map", "x3d nrows ncols space title figsize=(12, 8) dpi=200"),
        (
            "plot_one_neuron_v_s",
            "v s v_threshold=1.0 v_reset=0.0 title='$V[t]$ and $S[t]$ of the neuron' figsize=(12, 8) dpi=200",
        ),
    ],
)
def test_published_code_calls_them_so(name: str, arguments: str) -> None:
    parameters = inspect.signature(getattr(visualizing, name)).parameters.values()
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert " ".join(p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in positional) == arguments


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        ("plot_2d_heatmap", (np.zeros(3), *LABELS), ValueError, r"array must be \[T, N\], but its shape is \[3\]"),
        ("plot_2d_heatmap", (np.zeros((0, 3)), *LABELS), ValueError, r"array is empty: its shape is \[0, 3\]"),
        ("plot_2d_heatmap", (np.array([["a"]]), *LABELS), TypeError, r"array must hold real numbers \[T, N\], but its dtype is <U1"),
        ("plot_2d_heatmap", (np.zeros((2, 2), complex), *LABELS), TypeError, "its dtype is complex128"),
        ("plot_2d_bar_in_3d", (np.zeros((1, 2, 3)), *LABELS, ""), ValueError, r"array must be \[X, Y\], but its shape is \[1, 2, 3\]"),
        ("plot_1d_spikes", (np.zeros(3), *LABELS), ValueError, r"spikes must be \[T, N\]"),
        ("plot_1d_spikes", (np.full((2, 2), 0.5), *LABELS), ValueError, "spikes must hold only 0 and 1, but 0.5 is .* plot_2d_heatmap draws"),
        ("plot_1d_spikes", (np.full((2, 2), np.nan), *LABELS), ValueError, "only 0 and 1, but nan"),
        ("plot_2d_feature_map", (np.zeros((2, 2)), 1, 1, 1, ""), ValueError, r"x3d must be \[C, H, W\], but its shape is \[2, 2\]"),
        ("plot_2d_feature_map", (np.zeros((5, 2, 2)), 2, 2, 1, ""), ValueError, "5 maps don't fit into nrows=2 times ncols=2 places"),
        ("plot_2d_feature_map", (np.zeros((5, 2, 2)), -2, -3, 1, ""), ValueError, "don't fit"),
        ("plot_2d_feature_map", (np.zeros((4, 2, 2)), 2, 2, -1, ""), ValueError, "space must be at least 0 pixels, but -1"),
        ("plot_one_neuron_v_s", (np.zeros((5, 2)), np.zeros(5)), ValueError, r"v must be \[T\], .* its shape is \[5, 2\]. Choose one, for example v\[:, 0\]"),
        ("plot_one_neuron_v_s", (np.zeros(5), np.zeros((5, 2))), ValueError, r"s must be \[T\]"),
        ("plot_one_neuron_v_s", (np.zeros(5), np.zeros(4)), ValueError, "as many time steps, but there are 5 and 4"),
        ("plot_one_neuron_v_s", (np.zeros(5), np.full(5, 2)), ValueError, "s must hold only 0 and 1, but 2"),
    ],
)  # fmt: skip
def test_refused(name: str, arguments: tuple, error: type[Exception], message: str) -> None:
    from matplotlib import pyplot as plt

    before = plt.get_fignums()
    with pytest.raises(error, match=f"{name}: {message}" if "must be" in message else message):
        plot(name, *arguments)
    assert plt.get_fignums() == before


@pytest.mark.parametrize("x_max", [0, -1.0, np.nan])
def test_refused_duration(x_max: float) -> None:
    with pytest.raises(ValueError, match=f"plot_2d_heatmap: x_max must be greater than 0, but {x_max}"):
        plot("plot_2d_heatmap", ARRAY, *LABELS, x_max=x_max)


@pytest.mark.parametrize("name", PLOTS)
def test_without_matplotlib_it_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=rf'{name} needs matplotlib.*pip install "spikingjelly\[plot\]"'):
        plot(name)


def test_feature_maps_under_their_former_name() -> None:
    spikes = ARRAY.reshape(2, 2, 3)
    former, axes = visualizing.plot_2d_spiking_feature_map(spikes, 1, 2, 1, "a title", dpi=50)
    assert former.axes[0] is axes
    assert former.dpi == 50
    figures = (former, plot("plot_2d_feature_map"))
    shown = [figure.axes[0].images[0].get_array().filled(-1) for figure in figures]
    assert np.array_equal(*shown)
    assert former.axes[0].get_title() == plot("plot_2d_feature_map").axes[0].get_title()
