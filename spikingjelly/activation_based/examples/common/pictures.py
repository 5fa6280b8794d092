"""Pictures of one sample on its way through a network, and of what a run came to."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F


def matplotlib_is_missing() -> bool:
    """Whether pictures can't be drawn; says so, with the remedy."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        print('No picture at the end: pip install "spikingjelly[plot]" to get it.')
        return True
    return False


def draw_sample(
    path: Path, image: torch.Tensor, label: int, spikes: torch.Tensor, potentials: torch.Tensor, v_threshold: float
) -> None:
    """Save the image, the spike raster, the membrane potentials and the firing rates of one sample.

    :param image: ``[H, W]``
    :param label: its class
    :param spikes: of the output neurons, ``[T, classes]``
    :param potentials: their membrane potentials after reset, ``[T, classes]``
    """
    from matplotlib.figure import Figure

    rates = spikes.mean(0)
    prediction = int(rates.argmax())
    figure = Figure(figsize=(11, 7), layout="constrained")
    ((top_left, top_right), (bottom_left, bottom_right)) = figure.subplots(2, 2, width_ratios=[1, 2])
    top_left.imshow(image.numpy(), cmap="gray_r", vmin=0, vmax=1)
    top_left.set(title=f"test image, label {label}", xticks=[], yticks=[])
    _draw_raster(top_right, spikes)
    bottom_left.barh(range(len(rates)), rates.numpy(), color=_colours(len(rates)))
    bottom_left.set(title=f"firing rates: prediction {prediction}", xlabel="spikes per time step")
    bottom_left.set(yticks=range(len(rates)), ylabel="output neuron", xlim=(0, 1))
    _draw_potentials(bottom_right, potentials, (prediction, label), v_threshold)
    figure.savefig(path, dpi=120)


def _colours(classes: int) -> list[str]:
    return [f"C{i}" for i in range(classes)]


def _draw_raster(axes: Any, spikes: torch.Tensor) -> None:
    T, classes = spikes.shape
    trains = [spikes[:, i].nonzero().squeeze(1).tolist() for i in range(classes)]
    axes.eventplot(trains, lineoffsets=list(range(classes)), linelengths=0.8, colors=_colours(classes))
    axes.set(title="spikes", xlabel="time step", ylabel="output neuron", xlim=(-1, T), yticks=range(classes))
    axes.set(ylim=(-0.7, classes - 0.3))


def _draw_potentials(axes: Any, potentials: torch.Tensor, strong: tuple[int, int], v_threshold: float) -> None:
    T, classes = potentials.shape
    for i, colour in enumerate(_colours(classes)):
        width, alpha = (1.8, 1.0) if i in strong else (0.7, 0.5)
        axes.plot(potentials[:, i].numpy(), color=colour, linewidth=width, alpha=alpha, label=str(i))
    axes.axhline(v_threshold, color="black", linestyle="--", linewidth=1)
    axes.set(title="membrane potential after reset (threshold dashed)", xlabel="time step", ylabel="V")
    lowest = max(float(potentials.min()), -5.0 * v_threshold)
    axes.set(xlim=(-1, T), ylim=(lowest - 0.5 * v_threshold, 1.5 * v_threshold))
    axes.legend(title="neuron", fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))


def draw_outcome(
    path: Path, history: Sequence[Mapping[str, float]], confusion: torch.Tensor, classes: Sequence[str]
) -> None:
    """Save the loss and the accuracy over the epochs, and the confusion matrix of the last test.

    :param history: of each epoch ``epoch``, ``train_loss``, ``test_loss``, ``train_acc``, ``test_acc``
    :param confusion: samples of each class (row) by prediction (column), ``[classes, classes]``
    :param classes: their names
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 5.5), layout="constrained")
    halves: Any = figure.subfigures(1, 2, width_ratios=[1, 1.2])
    left, right = halves
    upper, lower = left.subplots(2, 1)
    _draw_curves(upper, history, "loss", "loss")
    _draw_curves(lower, history, "acc", "accuracy")
    lower.set(xlabel="epoch")
    _draw_confusion(right.add_subplot(), confusion, classes)
    figure.savefig(path, dpi=120)


def _draw_curves(axes: Any, history: Sequence[Mapping[str, float]], quantity: str, name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    epochs = [row["epoch"] for row in history]
    for split, colour in (("train", "C0"), ("test", "C1")):
        values = [row[f"{split}_{quantity}"] for row in history]
        axes.plot(epochs, values, color=colour, marker="." if len(epochs) < 30 else None, label=split)
    axes.set(ylabel=name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()


def _draw_confusion(axes: Any, confusion: torch.Tensor, classes: Sequence[str]) -> None:
    shares = confusion / confusion.sum(1, keepdim=True).clamp(min=1)
    axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
    accuracy = float(confusion.trace() / confusion.sum())
    ticks = range(len(classes))
    axes.set(title=f"last test: accuracy {accuracy:.2%}", xlabel="prediction", ylabel="class", xticks=ticks)
    axes.set(yticks=ticks, yticklabels=classes)
    axes.set_xticks(ticks, classes, rotation=45, ha="right")
    for i in ticks:
        for j in ticks:
            if confusion[i, j]:
                colour = "white" if shares[i, j] > 0.5 else "black"
                axes.text(j, i, int(confusion[i, j]), ha="center", va="center", fontsize=8, color=colour)


def draw_feature_maps(path: Path, image: torch.Tensor, spikes: torch.Tensor) -> None:
    """Save an image and the spikes that a layer makes of it: a tile for each channel, a panel for each time step.

    :param image: ``[H, W]``
    :param spikes: ``[T, C, H, W]``
    """
    from matplotlib.figure import Figure

    T, C, H, W = spikes.shape
    columns = math.ceil(C**0.5)
    rows = math.ceil(C / columns)
    tiles = F.pad(spikes, (0, 1, 0, 1, 0, rows * columns - C), value=0.5)
    panels = tiles.view(T, rows, columns, H + 1, W + 1).transpose(2, 3).reshape(T, rows * (H + 1), columns * (W + 1))
    shown = min(T, 8)
    figure = Figure(figsize=(3 * (shown + 1), 3.4), layout="constrained")
    first, *others = figure.subplots(1, shown + 1)
    first.imshow(image.numpy(), cmap="gray_r", vmin=0, vmax=1)
    first.set(title="image", xticks=[], yticks=[])
    for t, axes in enumerate(others):
        axes.imshow(panels[t].numpy(), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
        axes.set(title=f"spikes of {C} channels, time step {t}", xticks=[], yticks=[])
    figure.savefig(path, dpi=150)
