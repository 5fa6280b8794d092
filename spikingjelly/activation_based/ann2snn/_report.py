"""Where a converted network differs from its ANN, layer by layer and over time."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based.ann2snn import _twin
from spikingjelly.activation_based.ann2snn._assembly import activations_of
from spikingjelly.activation_based.ann2snn._cropping import whole_input
from spikingjelly.activation_based.ann2snn._measurement import outputs_of, watching
from spikingjelly.activation_based.ann2snn.simulation import simulate_together

_OUTPUT = "(output)"


@dataclass(frozen=True)
class LayerReport:
    r"""One activation, or the output of the network.

    :param path: of the activation
    :param errors: relative errors :math:`\lVert r_t - a \rVert / \lVert a \rVert` of the mean output :math:`r_t` over
        the first t steps against the ANN's :math:`a`, for each t in ``Report.times``
    :param clipped: the part of the ANN's activations that are larger than the largest possible rate
    :param rate: mean number of spikes per neuron and time step
    """

    path: str
    errors: tuple[float, ...]
    clipped: float
    rate: float


@dataclass(frozen=True)
class Report:
    """What :func:`report` found; ``print`` gives a table."""

    times: tuple[int, ...]
    layers: tuple[LayerReport, ...]

    def __str__(self) -> str:
        width = max(len(layer.path) for layer in self.layers)
        heads = "".join(f"{f'T={t}':>9}" for t in self.times)
        lines = [f"{'relative error':{width}}{heads}{'clipped':>9}{'spikes':>9}"]
        for layer in self.layers:
            errors = "".join(f"{error:9.4f}" for error in layer.errors)
            last = " " * 18 if layer.path == _OUTPUT else f"{layer.clipped:9.2%}{layer.rate:9.4f}"
            lines.append(f"{layer.path:{width}}{errors}{last}".rstrip())
        return "\n".join(lines)

    def plot(self, path: str | Path) -> Path:
        """Draw the errors over time, one line a layer, to the file ``path``; needs matplotlib."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 5), layout="constrained")
        axes = figure.subplots()
        for index, layer in enumerate(self.layers):
            color = "black" if layer.path == _OUTPUT else f"C{index % 10}"
            axes.plot(self.times, layer.errors, marker="o", color=color, label=layer.path)
        axes.set(xscale="log", yscale="log", xlabel="time steps T", ylabel="relative error of the mean output")
        axes.set_xticks(self.times, [str(t) for t in self.times])
        axes.set_title("Mean output of the spiking network against the ANN")
        axes.grid(alpha=0.3)
        axes.legend(title="layer", fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
        figure.savefig(Path(path), dpi=120)
        return Path(path)


@torch.no_grad()
def report(
    model: nn.Module,
    snn: nn.Module,
    images: torch.Tensor,
    T: int,
    times: Sequence[int] | None = None,
    fuse: bool = True,
) -> Report:
    """Compare the activations of an ANN with the mean outputs of the neurons that stand for them.

    :param model: the ANN that ``snn`` was converted from
    :param snn: in step mode 's' or 'm'; it is reset before and after
    :param images: ``[N, *]``, constant over time
    :param T: time steps
    :param times: the numbers of steps to report, at most T each; default None: powers of 2, and T
    :param fuse: as it was in :func:`convert`

    :raises ValueError: for times out of range, and if ``snn`` is not from ``model``
    """
    chosen = tuple(sorted({2**i for i in range(T.bit_length()) if 2**i <= T} | {T})) if times is None else tuple(times)
    if not chosen or not all(1 <= t <= T for t in chosen):
        raise ValueError(f"report: times must be in [1, T = {T}], but {list(chosen)} was given.")
    parts = activations_of(snn)
    twin = _twin.twin_of(model, images.device, fuse, logging.DEBUG)
    if set(twin.paths) != set(parts):
        raise ValueError(
            f"report: the activations of the two networks are not the same: {twin.paths} and {list(parts)}. "
            "Give the model that was converted, and the converted network."
        )
    wanted, logits = outputs_of(twin.ann, twin.paths, images)
    found = {path: _Rates(activation, chosen, parts[path].spike_value) for path, activation in wanted.items()}
    with whole_input(snn), watching(snn, {f"{path}.if_node": rates for path, rates in found.items()}):
        outputs = simulate_together(snn, images, T)
    layers = [_layer(path, found[path], parts[path].spike_value, T) for path in wanted]
    last = _Rates(logits, chosen)
    last(outputs)
    return Report(chosen, (*layers, LayerReport(_OUTPUT, tuple(last.errors), 0.0, 0.0)))


def _layer(path: str, rates: Any, scale: torch.Tensor, T: int) -> LayerReport:
    clipped = (rates.wanted > scale).double().mean().item()
    return LayerReport(path, tuple(rates.errors), clipped, (rates.total / scale).mean().item() / T)


class _Rates:
    """Sums the outputs of the time steps, which come one by one ``[N, *]`` or many at once ``[t, N, *]``, each times
    ``value``, and keeps the errors of their mean."""

    def __init__(self, wanted: torch.Tensor, times: Iterable[int], value: float | torch.Tensor = 1.0) -> None:
        self.wanted = wanted
        self.value = value
        self.times = set(times)
        self.total = torch.zeros_like(wanted)
        self.t = 0
        self.errors: list[float] = []

    def __call__(self, x: torch.Tensor) -> None:
        for step in x.reshape(-1, *self.wanted.shape):
            self.total = self.total + step * self.value
            self.t += 1
            if self.t in self.times:
                difference = (self.total / self.t - self.wanted).norm()
                self.errors.append((difference / self.wanted.norm().clamp_min(1e-30)).item())
