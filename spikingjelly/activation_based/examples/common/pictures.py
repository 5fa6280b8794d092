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

    T, classes = spikes.shape
    rates = spikes.mean(0).numpy()
    prediction = int(rates.argmax())
    figure = Figure(figsize=(11, 7), layout="constrained")
    ((top_left, top_right), (bottom_left, bottom_right)) = figure.subplots(2, 2, width_ratios=[1, 2])

    top_left.imshow(image.numpy(), cmap="gray_r", vmin=0, vmax=1)
    top_left.set(title=f"test image, label {label}", xticks=[], yticks=[])

    trains = [spikes[:, i].nonzero().squeeze(1).tolist() for i in range(classes)]
    colors = [f"C{i}" for i in range(classes)]
    top_right.eventplot(trains, lineoffsets=list(range(classes)), linelengths=0.8, colors=colors)
    top_right.set(title="spikes", xlabel="time step", ylabel="output neuron", xlim=(-1, T), yticks=range(classes))
    top_right.set(ylim=(-0.7, classes - 0.3))

    bottom_left.barh(range(classes), rates, color=colors)
    bottom_left.set(
        title=f"firing rates: prediction {prediction}", xlabel="spikes per time step", yticks=range(classes)
    )
    bottom_left.set(ylabel="output neuron", xlim=(0, 1))

    for i in range(classes):
        strong = i in (prediction, label)
        bottom_right.plot(
            potentials[:, i].numpy(),
            color=colors[i],
            linewidth=1.8 if strong else 0.7,
            alpha=1 if strong else 0.5,
            label=str(i),
        )
    bottom_right.axhline(v_threshold, color="black", linestyle="--", linewidth=1)
    bottom_right.set(title="membrane potential after reset (threshold dashed)", xlabel="time step", ylabel="V")
    lowest = max(float(potentials.min()), -5.0 * v_threshold)
    bottom_right.set(xlim=(-1, T), ylim=(lowest - 0.5 * v_threshold, 1.5 * v_threshold))
    bottom_right.legend(title="neuron", fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=120)


def draw_outcome(
    path: Path, history: Sequence[Mapping[str, float]], confusion: torch.Tensor, classes: Sequence[str]
) -> None:
    """Save the loss and the accuracy over the epochs, and the confusion matrix of the last test.

    :param history: of each epoch ``epoch``, ``train_loss``, ``test_loss``, ``train_acc``, ``test_acc``
    :param confusion: samples of each class (row) by prediction (column), ``[classes, classes]``
    :param classes: their names
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(13, 5.5), layout="constrained")
    halves: Any = figure.subfigures(1, 2, width_ratios=[1, 1.2])
    left, right = halves
    epochs = [row["epoch"] for row in history]
    upper, lower = left.add_subplot(2, 1, 1), left.add_subplot(2, 1, 2)
    for axes, quantity, name in ((upper, "loss", "loss"), (lower, "acc", "accuracy")):
        for split, color in (("train", "C0"), ("test", "C1")):
            values = [row[f"{split}_{quantity}"] for row in history]
            axes.plot(epochs, values, color=color, marker="." if len(epochs) < 30 else None, label=split)
        axes.set(ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    lower.set(xlabel="epoch")

    shares = confusion / confusion.sum(1, keepdim=True).clamp(min=1)
    axes = right.add_subplot()
    axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
    accuracy = float(confusion.trace() / confusion.sum())
    ticks = range(len(classes))
    axes.set(title=f"last test: accuracy {accuracy:.2%}", xlabel="prediction", ylabel="class", xticks=ticks)
    axes.set(yticks=ticks, yticklabels=classes)
    axes.set_xticks(ticks, classes, rotation=45, ha="right")
    for i in ticks:
        for j in ticks:
            if confusion[i, j]:
                color = "white" if shares[i, j] > 0.5 else "black"
                axes.text(j, i, int(confusion[i, j]), ha="center", va="center", fontsize=8, color=color)
    figure.savefig(path, dpi=120)


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
