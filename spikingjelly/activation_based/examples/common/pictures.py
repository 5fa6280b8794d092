"""A picture of one sample on its way through a network."""

from pathlib import Path

import torch


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
