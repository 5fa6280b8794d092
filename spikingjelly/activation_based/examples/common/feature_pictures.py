"""Pictures of what plasticity has done: the weights of neurons as images, and time courses."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch

Row = tuple[str, str, torch.Tensor, Sequence[str]]  # "spikes" or "lines", title, values [T, k], names of the k columns


def draw_features(path: Path, weights: torch.Tensor, preference: torch.Tensor) -> None:
    """Save the weights of each neuron as an image, ordered by the class that it prefers, which stands above it.

    :param weights: ``[n, H, W]``; the first 400 are drawn
    :param preference: of each neuron for each class, ``[n, classes]``; zeros for none
    """
    from matplotlib.figure import Figure

    strength, favourite = preference.max(1)
    order = (favourite - strength).argsort()[:400]
    side = math.ceil(math.sqrt(len(order)))
    figure = Figure(figsize=(0.6 * side + 1, 0.68 * side + 1), layout="constrained")
    axes = figure.subplots(side, side, squeeze=False).flat
    for place, ax in enumerate(axes):
        ax.set_axis_off()
        if place < len(order):
            neuron = int(order[place])
            ax.imshow(weights[neuron].numpy(), cmap="inferno", vmin=0)
            if strength[neuron] > 0:
                ax.set_title(f"{int(favourite[neuron])} ({strength[neuron]:.0%})", fontsize=6, pad=1)
    figure.suptitle("weights of each neuron, its favourite digit and that digit's share in its spikes", fontsize=9)
    figure.savefig(path, dpi=120)


def draw_time_courses(path: Path, title: str, rows: Sequence[Row]) -> None:
    """Save rows of plots over the same time: spikes as rasters, everything else as lines.

    :param rows: for each row 'spikes' or 'lines', its title, values ``[T, k]``, and the names of the k columns
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.7 * len(rows) + 0.7), layout="constrained")
    axes = figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (kind, row_title, values, names) in zip(axes, rows, strict=True):
        if kind == "spikes":
            trains = [column.nonzero().squeeze(1).tolist() for column in values.unbind(1)]
            ax.eventplot(trains, linelengths=0.8, colors=[f"C{i % 10}" for i in range(len(trains))])
            ax.set_yticks(range(len(trains)), names, fontsize="small")
        else:
            for i, column in enumerate(values.unbind(1)):
                ax.plot(column.numpy(), color=f"C{i % 10}", linewidth=1.2, label=names[i])
            ax.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
        ax.set_title(row_title, fontsize=9)
    axes[-1].set_xlabel("time step")
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=120)
