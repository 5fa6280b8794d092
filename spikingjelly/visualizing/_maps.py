"""Arrays as colours: a heat map and a sheet of feature maps."""

from typing import TYPE_CHECKING

import numpy as np

from spikingjelly.visualizing._arrays import Array, as_array
from spikingjelly.visualizing._figures import COLOUR_MAP, figure_for, whole_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from spikingjelly.visualizing._figures import AnyFigure


def plot_2d_heatmap(
    array: Array,
    title: str,
    xlabel: str,
    ylabel: str,
    int_x_ticks: bool = True,
    int_y_ticks: bool = True,
    plot_colorbar: bool = True,
    colorbar_y_label: str = "magnitude",
    x_max: float | None = None,
    figsize: tuple[float, float] = (12, 8),
    dpi: float = 200,
    *,
    figure: "AnyFigure | None" = None,
) -> "AnyFigure":
    """A value for each time step and neuron, as colours: time from left to right, neuron 0 at the bottom.

    :param array: ``[T, N]``, for example membrane potentials
    :param title: title of the plot
    :param xlabel: label of the first dimension of ``array``
    :param ylabel: label of the second dimension of ``array``
    :param int_x_ticks: whether ticks of the x axis are whole numbers only
    :param int_y_ticks: whether ticks of the y axis are whole numbers only
    :param plot_colorbar: whether to draw the colour bar
    :param colorbar_y_label: label of the colour bar
    :param x_max: the time at the end of ``array``, such as the duration in ms; default None: T, in time steps
    :param figsize: width and height of a new figure in inches
    :param dpi: resolution of a new figure
    :param figure: the figure to draw on; default None: a new one
    :return: the figure
    :raises TypeError: if ``array`` does not hold real numbers
    :raises ValueError: if ``array`` has another shape or is empty, or ``x_max`` is not greater than 0
    """
    values = as_array("plot_2d_heatmap", "array", array, ("T", "N"))
    if x_max is not None and not x_max > 0:
        raise ValueError(f"plot_2d_heatmap: x_max must be greater than 0, but {x_max} was given.")
    T, N = values.shape
    step = 1.0 if x_max is None else x_max / T
    figure = figure_for("plot_2d_heatmap", figure, figsize, dpi)
    axes = figure.add_subplot()
    image = axes.imshow(
        values.T, cmap=COLOUR_MAP, origin="lower", aspect="auto", extent=(-step / 2, (T - 0.5) * step, -0.5, N - 0.5)
    )
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    whole_ticks((axes.xaxis, int_x_ticks), (axes.yaxis, int_y_ticks))
    if plot_colorbar:
        figure.colorbar(image, ax=axes).set_label(colorbar_y_label)
    return figure


def plot_2d_feature_map(
    x3d: Array,
    nrows: int,
    ncols: int,
    space: int,
    title: str,
    figsize: tuple[float, float] = (12, 8),
    dpi: float = 200,
    *,
    colorbar_y_label: str = "magnitude",
    figure: "AnyFigure | None" = None,
) -> "tuple[AnyFigure, Axes]":
    """The feature maps of one layer side by side, with one scale of colours for all of them.

    :param x3d: ``[C, H, W]``
    :param nrows: rows of maps
    :param ncols: maps in a row; ``nrows * ncols`` must be at least C, and places that are left over stay empty
    :param space: pixels between two maps
    :param title: title of the plot
    :param figsize: width and height of a new figure in inches
    :param dpi: resolution of a new figure
    :param colorbar_y_label: label of the colour bar
    :param figure: the figure to draw on; default None: a new one
    :return: the figure and the axes of the maps
    :raises TypeError: if ``x3d`` does not hold real numbers
    :raises ValueError: if ``x3d`` has another shape or is empty, there are too few places or ``space < 0``
    """
    maps = as_array("plot_2d_feature_map", "x3d", x3d, ("C", "H", "W"))
    if nrows < 1 or ncols < 1 or nrows * ncols < len(maps):
        raise ValueError(
            f"plot_2d_feature_map: {len(maps)} maps don't fit into nrows={nrows} times ncols={ncols} places."
        )
    if space < 0:
        raise ValueError(f"plot_2d_feature_map: space must be at least 0 pixels, but {space} was given.")
    figure = figure_for("plot_2d_feature_map", figure, figsize, dpi)
    axes = figure.add_subplot()
    image = axes.imshow(side_by_side(maps, nrows, ncols, space), cmap=COLOUR_MAP, interpolation="nearest")
    axes.set(title=title, xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes).set_label(colorbar_y_label)
    return figure, axes


def side_by_side(maps: np.ndarray, nrows: int, ncols: int, space: int) -> np.ndarray:
    """One image of all maps ``[*, C, H, W]``, row after row; NaN between them and in the places that are left over."""
    *leading, C, H, W = maps.shape
    sheet = np.full((*leading, nrows * (H + space), ncols * (W + space)), np.nan, np.result_type(maps, np.float32))
    for c in range(C):
        top, left = c // ncols * (H + space), c % ncols * (W + space)
        sheet[..., top : top + H, left : left + W] = maps[..., c, :, :]
    return sheet[..., : sheet.shape[-2] - space, : sheet.shape[-1] - space]


def plot_2d_spiking_feature_map(
    spikes: Array, nrows: int, ncols: int, space: int, title: str, dpi: float = 200
) -> "tuple[AnyFigure, Axes]":
    """:func:`plot_2d_feature_map` under the name and with the arguments that it had up to version 0.0.0.0.12."""
    return plot_2d_feature_map(spikes, nrows, ncols, space, title, dpi=dpi)
