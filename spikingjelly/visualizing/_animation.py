"""The spikes of a network as an animation."""

import math
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from spikingjelly._extras import needing
from spikingjelly.visualizing._arrays import Array, as_spikes
from spikingjelly.visualizing._figures import COLOUR_MAP, COLOURS, figure_for, whole_ticks
from spikingjelly.visualizing._maps import side_by_side

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.figure import Figure


def animate_spikes(
    spikes: Array | Mapping[str, Array],
    save_to: str | PathLike[str] | None = None,
    *,
    sample: int | None = None,
    afterglow: float = 0.6,
    frames_per_second: float = 10.0,
    figsize: tuple[float, float] | None = None,
    dpi: float = 100,
    figure: "Figure | None" = None,
) -> "FuncAnimation":
    """Time step after time step, which neurons of each layer fire; below, how large a part of the layer that is.

    A column for each layer. Its neurons are arranged as they are: feature maps ``[C, H, W]`` side by side, ``[H, W]``
    as an image; a row of neurons is broken into lines to be about as high as it is wide.

    What a monitor recorded is shown so::

        from spikingjelly.visualizing import animate_spikes

        net = nn.Sequential(layer.Linear(8, 20), neuron.IFNode(), layer.Linear(20, 4), neuron.IFNode())
        functional.set_step_mode(net, "m")
        records = monitor.OutputMonitor(net, neuron.IFNode)
        net(10 * torch.rand(5, 1, 8))
        layers = {name: records[name][0] for name in records.monitored_layers}
        animate_spikes(layers, "spikes.gif", sample=0)

    :param spikes: the spikes of each layer by its name, or of a single layer: ``[T, *]``, only 0 and 1
    :param save_to: a file to write, such as ``spikes.gif``; default None: none. Videos (.mp4) need ffmpeg
    :param sample: the sample of the batch that is shown, if the spikes are ``[T, N, *]``; default None: they are of one
        sample, ``[T, *]``
    :param afterglow: what is left of the brightness of a spike one time step later, in [0, 1)
    :param frames_per_second: time steps that are shown in a second
    :param figsize: width and height of a new figure in inches; default None: 3.5 inches for each layer, times 5
    :param dpi: resolution of a new figure
    :param figure: the figure to draw on; default None: a new one
    :return: the animation, of which a reference must be kept until it has been shown or saved
    :raises TypeError: if a layer does not hold real numbers
    :raises ValueError: if a layer has another shape, is empty or holds other values, layers differ in T, ``sample`` is
        none of the batch, or ``afterglow`` or ``frames_per_second`` is out of its range
    :raises ImportError: if matplotlib is missing
    """
    if not 0 <= afterglow < 1:
        raise ValueError(f"animate_spikes: afterglow must be at least 0 and less than 1, but {afterglow} was given.")
    if not frames_per_second > 0:
        raise ValueError(
            f"animate_spikes: frames_per_second must be greater than 0, but {frames_per_second} was given."
        )
    layers = _layers(spikes, sample)
    T = len(next(iter(layers.values())))
    canvas: Any = figure_for("animate_spikes", figure, figsize or (max(3.5 * len(layers), 4.0), 5.0), dpi)
    with needing("matplotlib", "animate_spikes", "plot"):
        from matplotlib.animation import FuncAnimation
    above, below = canvas.subplots(2, len(layers), squeeze=False, height_ratios=(4, 1))
    columns = [
        _Column(name, fired, afterglow, image_axes, rate_axes)
        for (name, fired), image_axes, rate_axes in zip(layers.items(), above, below, strict=True)
    ]
    below[0].set_ylabel("firing")
    heading = canvas.suptitle("")

    def show(t: int) -> list[Any]:
        heading.set_text(f"time step {t} of {T}")
        return [heading, *(artist for column in columns for artist in column.show(t))]

    animation = FuncAnimation(canvas, show, frames=T, interval=1000 / frames_per_second)
    if save_to is not None:
        is_gif = str(save_to).lower().endswith(".gif")
        animation.save(str(save_to), writer="pillow" if is_gif else None, fps=frames_per_second)  # type: ignore[arg-type]
    return animation


class _Column:
    """One layer: the image of its neurons, the course of its firing rate and a line that marks the time step."""

    def __init__(self, name: str, fired: np.ndarray, afterglow: float, image_axes: Any, rate_axes: Any) -> None:
        self.sheets = _as_sheets(_glow(fired, afterglow))
        self.image = image_axes.imshow(self.sheets[0], cmap=COLOUR_MAP, vmin=0, vmax=1, interpolation="nearest")
        neurons = fired[0].size
        image_axes.set(title=f"{name}\n{neurons} neuron{'s' * (neurons > 1)}", xticks=[], yticks=[])
        image_axes.spines[:].set_visible(False)
        rates = fired.reshape(len(fired), -1).mean(1)
        rate_axes.plot(np.arange(len(rates)), rates, color=COLOURS[1])
        self.marker = rate_axes.axvline(0, color=COLOURS[2])
        rate_axes.set(xlabel="time step", xlim=(-0.5, len(rates) - 0.5), ylim=(0, max(1.1 * rates.max(), 0.01)))
        whole_ticks((rate_axes.xaxis, True))

    def show(self, t: int) -> tuple[Any, Any]:
        """Go to time step ``t``."""
        self.image.set_data(self.sheets[t])
        self.marker.set_xdata([t, t])
        return self.image, self.marker


def _layers(spikes: Array | Mapping[str, Array], sample: int | None) -> dict[str, np.ndarray]:
    given = spikes if isinstance(spikes, Mapping) else {"spikes": spikes}
    if not given:
        raise ValueError("animate_spikes: there is no layer to show; does the monitor watch any?")
    shape = ("T", "*") if sample is None else ("T", "N", "*")
    layers = {name: as_spikes("animate_spikes", name, values, shape) for name, values in given.items()}
    steps = {name: len(fired) for name, fired in layers.items()}
    if len(set(steps.values())) > 1:
        raise ValueError(f"animate_spikes: layers must have as many time steps T, but they have {steps}.")
    if sample is None:
        return layers
    for name, fired in layers.items():
        if not -fired.shape[1] <= sample < fired.shape[1]:
            raise ValueError(
                f"animate_spikes: there is no sample={sample}, the batch of {name!r} has {fired.shape[1]} samples."
            )
    return {name: fired[:, sample] for name, fired in layers.items()}


def _glow(fired: np.ndarray, afterglow: float) -> np.ndarray:
    brightness = fired.astype(np.float32)
    for t in range(1, len(brightness)):
        np.maximum(brightness[t], afterglow * brightness[t - 1], out=brightness[t])
    return brightness


def _as_sheets(values: np.ndarray) -> np.ndarray:
    """Images ``[T, height, width]`` of ``[T, *]``."""
    if values.ndim == 3:
        return values
    pixels = values.ndim == 2
    maps = values.reshape(len(values), -1, *((1, 1) if pixels else values.shape[-2:]))
    ncols = math.ceil(math.sqrt(maps.shape[1]))
    return side_by_side(maps, math.ceil(maps.shape[1] / ncols), ncols, space=0 if pixels else 1)
