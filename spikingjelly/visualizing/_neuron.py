"""Potential and spikes of one neuron."""

from typing import TYPE_CHECKING

import numpy as np

from spikingjelly.visualizing._arrays import Array, as_array, as_spikes
from spikingjelly.visualizing._figures import COLOURS, figure_for, whole_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from spikingjelly.visualizing._figures import AnyFigure


def plot_one_neuron_v_s(
    v: Array,
    s: Array,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    title: str = "$V[t]$ and $S[t]$ of the neuron",
    figsize: tuple[float, float] = (12, 8),
    dpi: float = 200,
    *,
    figure: "AnyFigure | None" = None,
) -> "tuple[AnyFigure, Axes, Axes]":
    """The potential of one neuron over time, with its threshold and reset as dashed lines, above its spikes.

    :param v: membrane potentials ``[T]``; ``[T, 1]`` is taken too
    :param s: spikes of the same shape, only 0 and 1
    :param v_threshold: firing threshold
    :param v_reset: potential after a spike; None, for a soft reset, draws no line
    :param title: title of the plot
    :param figsize: width and height of a new figure in inches
    :param dpi: resolution of a new figure
    :param figure: the figure to draw on; default None: a new one
    :return: the figure, and its axes of the potential and of the spikes
    :raises TypeError: if ``v`` or ``s`` does not hold real numbers
    :raises ValueError: if they have another shape, are empty or differ in length, or ``s`` holds other values
    """
    potentials = _of_one_neuron("v", as_array("plot_one_neuron_v_s", "v", v, ("*",)))
    fired = _of_one_neuron("s", as_spikes("plot_one_neuron_v_s", "s", s, ("*",)))
    if len(potentials) != len(fired):
        raise ValueError(
            f"plot_one_neuron_v_s: v and s must have as many time steps, but there are {len(potentials)} and "
            f"{len(fired)}."
        )
    figure = figure_for("plot_one_neuron_v_s", figure, figsize, dpi)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    above.plot(np.arange(len(potentials)), potentials, color=COLOURS[1], label="$V[t]$")
    above.axhline(float(v_threshold), color=COLOURS[2], linestyle="--", label="$V_{threshold}$")
    if v_reset is not None:
        above.axhline(float(v_reset), color=COLOURS[3], linestyle="-.", label="$V_{reset}$")
    above.set(title=title, ylabel="membrane potential", xlim=(-0.5, len(potentials) - 0.5))
    above.legend(frameon=True)
    (time,) = np.nonzero(fired)
    below.vlines(time, 0, 1, colors=COLOURS[1])
    below.set(xlabel="time step", ylabel="spike", yticks=[], ylim=(0, 1))
    whole_ticks((below.xaxis, True))
    return figure, above, below


def _of_one_neuron(name: str, array: np.ndarray) -> np.ndarray:
    if array.size != len(array):
        raise ValueError(
            f"plot_one_neuron_v_s: {name} must be [T], the course of one neuron, but its shape is "
            f"{list(array.shape)}. Choose one, for example {name}[:, 0]."
        )
    return array.reshape(-1)
