"""Spikes of many neurons over time."""

from typing import TYPE_CHECKING, Any

import numpy as np

from spikingjelly.visualizing._arrays import Array, as_spikes
from spikingjelly.visualizing._figures import COLOUR_MAP, COLOURS, figure_for, whole_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from spikingjelly.visualizing._figures import AnyFigure

_MOST_LINES = 50_000
_HEIGHT = 0.8


def plot_1d_spikes(
    spikes: Array,
    title: str,
    xlabel: str,
    ylabel: str,
    int_x_ticks: bool = True,
    int_y_ticks: bool = True,
    plot_firing_rate: bool = True,
    firing_rate_map_title: str = "firing rate",
    figsize: tuple[float, float] = (12, 8),
    dpi: float = 200,
    *,
    figure: "AnyFigure | None" = None,
) -> "AnyFigure":
    """A stroke for each spike: time from left to right, neuron 0 at the bottom; beside it the firing rates as colours.

    :param spikes: ``[T, N]``, only 0 and 1
    :param title: title of the plot
    :param xlabel: label of the first dimension of ``spikes``, the time
    :param ylabel: label of the second dimension of ``spikes``, the neurons
    :param int_x_ticks: whether ticks of the x axis are whole numbers only
    :param int_y_ticks: whether ticks of the y axis are whole numbers only
    :param plot_firing_rate: whether to draw the firing rates, which are the means over time
    :param firing_rate_map_title: title of the firing rates
    :param figsize: width and height of a new figure in inches
    :param dpi: resolution of a new figure
    :param figure: the figure to draw on; default None: a new one
    :return: the figure
    :raises TypeError: if ``spikes`` does not hold real numbers
    :raises ValueError: if ``spikes`` has another shape, is empty or holds other values
    """
    fired = as_spikes("plot_1d_spikes", "spikes", spikes, ("T", "N"))
    figure = figure_for("plot_1d_spikes", figure, figsize, dpi)
    if plot_firing_rate:
        # Far enough apart for the firing rates to have a title of their own.
        axes, beside = figure.subplots(1, 2, sharey=True, width_ratios=(10, 1), gridspec_kw={"wspace": 0.25})
        rates = fired.mean(0)[:, None]
        image = beside.imshow(rates, cmap=COLOUR_MAP, origin="lower", aspect="auto", vmin=0)
        beside.set(title=firing_rate_map_title, xticks=[])
        beside.tick_params(labelleft=False, left=False)
        figure.colorbar(image, ax=beside, fraction=0.5)
    else:
        axes = figure.add_subplot()
    _draw_strokes(axes, fired)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    axes.set(xlim=(-0.5, fired.shape[0] - 0.5), ylim=(-0.5, fired.shape[1] - 0.5))
    whole_ticks((axes.xaxis, int_x_ticks), (axes.yaxis, int_y_ticks))
    return figure


def _draw_strokes(axes: "Axes", fired: np.ndarray) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba_array

    time, neuron = np.nonzero(fired)
    if len(time) <= _MOST_LINES:
        ends = neuron[:, None] + np.array([-_HEIGHT / 2, _HEIGHT / 2])
        segments: Any = np.stack([np.broadcast_to(time[:, None], ends.shape), ends], 2)
        colours: Any = to_rgba_array(COLOURS)[neuron % len(COLOURS)]
        axes.add_collection(LineCollection(segments, colors=colours, linewidths=1), autolim=False)
        return
    # Markers are stamped, which is several times as fast as lines; their size does not follow that of a window.
    points = axes.bbox.height * 72 / axes.figure.dpi
    size = max(_HEIGHT * points / fired.shape[1], 0.5)
    axes.plot(time, neuron, "|", color=COLOURS[0], markersize=size, markeredgewidth=0.5)
