"""An array as bars in three dimensions."""

from typing import TYPE_CHECKING, Any

import numpy as np

from spikingjelly.visualizing._arrays import Array, as_array
from spikingjelly.visualizing._figures import COLOUR_MAP, figure_for, whole_ticks

if TYPE_CHECKING:
    from spikingjelly.visualizing._figures import AnyFigure

_WIDTH = 0.7


def plot_2d_bar_in_3d(
    array: Array,
    title: str,
    xlabel: str,
    ylabel: str,
    zlabel: str,
    int_x_ticks: bool = True,
    int_y_ticks: bool = True,
    int_z_ticks: bool = False,
    dpi: float = 200,
    *,
    figure: "AnyFigure | None" = None,
) -> "AnyFigure":
    """The values of an array as the heights of bars, one colour for each index of its second dimension.

    Meant for hundreds of values; :func:`plot_2d_heatmap` draws millions.

    :param array: ``[X, Y]``, for example the firing rate of each neuron (x) in each epoch (y)
    :param title: title of the plot
    :param xlabel: label of the first dimension of ``array``
    :param ylabel: label of the second dimension of ``array``
    :param zlabel: label of the values
    :param int_x_ticks: whether ticks of the x axis are whole numbers only
    :param int_y_ticks: whether ticks of the y axis are whole numbers only
    :param int_z_ticks: whether ticks of the z axis are whole numbers only
    :param dpi: resolution of a new figure
    :param figure: the figure to draw on; default None: a new one
    :return: the figure
    :raises TypeError: if ``array`` does not hold real numbers
    :raises ValueError: if ``array`` has another shape or is empty
    """
    values = as_array("plot_2d_bar_in_3d", "array", array, ("X", "Y"))
    figure = figure_for("plot_2d_bar_in_3d", figure, dpi=dpi)
    from matplotlib import colormaps

    axes: Any = figure.add_subplot(projection="3d")
    x, y = (index.ravel() for index in np.indices(values.shape))
    # The ends of the colour map are too dark to see the shading, or too pale.
    colours = colormaps[COLOUR_MAP](np.linspace(0.15, 0.9, values.shape[1]))[y]
    half = _WIDTH / 2
    axes.bar3d(x - half, y - half, 0.0, _WIDTH, _WIDTH, values.ravel(), color=colours)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel, zlabel=zlabel)
    whole_ticks((axes.xaxis, int_x_ticks), (axes.yaxis, int_y_ticks), (axes.zaxis, int_z_ticks))
    return figure
