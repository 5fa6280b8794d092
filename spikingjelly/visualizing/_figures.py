"""The figure to draw on, colours and ticks that all plots share."""

from typing import TYPE_CHECKING, TypeAlias

from spikingjelly._extras import needing

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure, SubFigure

    AnyFigure: TypeAlias = Figure | SubFigure

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart; without the pale yellow.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
COLOUR_MAP = "viridis"


def figure_for(
    what: str, figure: "AnyFigure | None", figsize: tuple[float, float] | None = None, dpi: float | None = None
) -> "AnyFigure":
    """``figure`` if there is one, or else a new figure of pyplot, which ``plt.show()`` knows of."""
    if figure is not None:
        return figure
    with needing("matplotlib", what, "plot"):
        from matplotlib import pyplot as plt
    return plt.figure(figsize=figsize, dpi=dpi)


def whole_ticks(*axes: "tuple[Axis, bool]") -> None:
    """Ticks at whole numbers only, for each axis whose flag is set."""
    from matplotlib.ticker import MaxNLocator

    for axis, wanted in axes:
        if wanted:
            axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
