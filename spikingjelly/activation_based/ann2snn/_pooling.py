"""Integrate-and-fire and the average pooling behind it in one pass, so that the spikes are never written."""

import itertools
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import neuron

Window = tuple[int, int]


class WindowNode(neuron.BaseNode):
    r"""The neurons of a pooling window, whose mean spike is the output, with soft reset.

    With the constant currents :math:`X_k` of the K neurons of a window,

    .. math::
        H_k[t] = V_k[t-1] + X_k, \quad S_k[t] = \Theta(H_k[t] - V_{th}), \quad V_k[t] = H_k[t] - S_k[t] V_{th}, \quad
        Y[t] = \frac{1}{K} \sum_k S_k[t]

    The input ``[T, N, *]`` is :math:`X_0`; the others are the memories ``x1``, ``x2`` and so on ``[N, *]``, and the
    potentials are ``v``, ``v1``, ``v2`` and so on.

    :param K: neurons of a window
    """

    def __init__(self, K: int, v_threshold: float = 1.0, backend: str = "auto") -> None:
        super().__init__(v_threshold, None, step_mode="m", backend=backend)
        self.K = K
        for k in range(1, K):
            self.register_memory(f"v{k}", 0.0)
            self.register_memory(f"x{k}", 0.0)

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        super().v_float_to_tensor(x)
        for k in range(1, self.K):
            self._give_shape(f"v{k}", x)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + x
        for k in range(1, self.K):
            setattr(self, f"v{k}", getattr(self, f"v{k}") + getattr(self, f"x{k}"))

    def neuronal_fire(self) -> torch.Tensor:
        spikes = []
        for name in self.potentials:
            charged = getattr(self, name)
            spikes.append(self.surrogate_function(charged - self.v_threshold))
            setattr(self, name, self.jit_soft_reset(charged, spikes[-1], self.v_threshold))
        return sum(spikes[1:], spikes[0]) / self.K

    def neuronal_reset(self, spike: torch.Tensor) -> None:
        """Each neuron has been reset by its own spike."""

    @property
    def potentials(self) -> list[str]:
        """The names of the memories."""
        return ["v", *(f"v{k}" for k in range(1, self.K))]


def places(window: Window) -> list[tuple[Any, ...]]:
    """For each place in a window, the index that takes it from all windows: ``[N, C, H / rows, W / columns]``."""
    rows, columns = window
    return [
        (..., slice(i, None, rows), slice(j, None, columns)) for i, j in itertools.product(range(rows), range(columns))
    ]


def window_of(pool: nn.AvgPool2d) -> Window | None:
    """The size of windows that neither overlap nor leave out anything, or None for other pooling."""
    size, stride = (v if isinstance(v, tuple) else (v, v) for v in (pool.kernel_size, pool.stride))
    plain = size == stride and pool.padding in (0, (0, 0)) and pool.divisor_override is None
    return size if plain else None


def fits(node: Any, x: torch.Tensor, window: Window) -> bool:
    """Whether ``node`` may run as windows on ``x`` ``[N, C, H, W]``: it is a plain neuron, and nobody looks at it."""
    if type(node) is not neuron.IFNode or node.v_reset is not None or node.backend == "torch":
        return False
    watched = node._forward_hooks or node._forward_pre_hooks or node.store_v_seq
    whole = x.dim() == 4 and all(size % part == 0 for size, part in zip(x.shape[-2:], window, strict=True))
    return whole and not watched


def run(node: neuron.IFNode, x: torch.Tensor, T: int, window: Window) -> torch.Tensor:
    """The pooled spikes ``[T, N, *]`` of ``node`` for T steps of ``x`` ``[N, *]``; its potential goes on."""
    layout = torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
    indices = places(window)
    windows = WindowNode(len(indices), node.v_threshold, node.backend)
    currents = [x[index].contiguous(memory_format=layout) for index in indices]
    for k, (index, name) in enumerate(zip(indices, windows.potentials, strict=True)):
        start = node.v[index].contiguous(memory_format=layout) if isinstance(node.v, torch.Tensor) else node.v
        setattr(windows, name, start)
        if k > 0:
            setattr(windows, f"x{k}", currents[k])
    y = windows(currents[0].expand(T, *currents[0].shape))
    potential = torch.empty_like(x, memory_format=layout, requires_grad=False)
    for index, name in zip(indices, windows.potentials, strict=True):
        potential[index] = getattr(windows, name)
    node.v = potential
    return y
