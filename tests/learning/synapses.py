"""Synapses of all kinds, and spikes for them."""

import torch
from torch import nn

from spikingjelly.activation_based import layer

SYNAPSES = {
    "linear": (lambda: layer.Linear(4, 3, bias=False), (4,)),
    "torch-linear-with-bias": (lambda: nn.Linear(4, 3), (4,)),
    "linear-over-places": (lambda: layer.Linear(3, 2), (2, 3)),
    "conv1d": (lambda: layer.Conv1d(2, 3, 3, bias=False), (2, 6)),
    "conv1d-all": (lambda: nn.Conv1d(4, 2, 3, stride=2, padding=1, dilation=2, groups=2), (4, 9)),
    "conv2d": (lambda: layer.Conv2d(2, 3, 3, padding=1, bias=False), (2, 4, 5)),
    "conv2d-all": (
        lambda: layer.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2), (4, 5, 6),
    ),
    "conv2d-same": (lambda: nn.Conv2d(1, 2, (2, 3), padding="same", dilation=(3, 1)), (1, 5, 4)),
    "conv2d-valid": (lambda: layer.Conv2d(1, 2, 2, padding="valid"), (1, 3, 3)),
    "conv2d-circular": (lambda: layer.Conv2d(1, 2, 3, padding=1, padding_mode="circular"), (1, 4, 3)),
    "conv2d-reflect": (lambda: layer.Conv2d(1, 2, 3, padding=(1, 2), padding_mode="reflect"), (1, 4, 3)),
    "conv1d-replicate": (lambda: layer.Conv1d(1, 2, 3, padding=2, padding_mode="replicate"), (1, 4)),
    "conv3d": (lambda: layer.Conv3d(1, 2, 2, stride=(1, 2, 1)), (1, 3, 4, 3)),
}  # fmt: skip


def make(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    build, shape = SYNAPSES[name]
    return build().double(), shape


def spikes(*shape: int, rate: float = 0.4) -> torch.Tensor:
    return (torch.rand(shape) < rate).double()


def run(synapse: nn.Module, T: int, N: int, shape: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Random spikes before and after the synapse, ``[T, N, *]`` each."""
    pre = spikes(T, N, *shape)
    return pre, spikes(T, *nn.Module.__call__(synapse, pre[0]).shape)
