"""Neurons in front of a linear layer, as one function of the state."""

from typing import Any

import torch
import torch.nn.functional as F

from spikingjelly.activation_based.functional._sequences import if_multi_step, lif_multi_step
from spikingjelly.activation_based.functional._steps import Spike


def if_linear(
    x: torch.Tensor,
    v: torch.Tensor,
    weight_t: torch.Tensor,
    bias: torch.Tensor | None = None,
    *,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    detach_reset: bool = False,
    surrogate_function: Spike | None = None,
    threads: int = 256,
) -> tuple[torch.Tensor, torch.Tensor]:
    """A linear layer behind an :class:`~spikingjelly.activation_based.neuron.IFNode`.

    :param x: input of a time step ``[N, K]`` or of a sequence ``[T, N, K]``
    :param v: potential at the start ``[N, K]``
    :param weight_t: weights ``[K, M]``, the transposed ones of the layer
    :param bias: ``[M]``, or None
    :param surrogate_function: default ``Sigmoid(alpha=4.0)``
    :param threads: of a block of one CUDA kernel of the 2.0 releases; not used here

    The other parameters are those of the neuron.

    :return: output of the layer ``[N, M]`` or ``[T, N, M]``, and potential at the end ``[N, K]``

    :raises ValueError: for an ``x`` with another number of dimensions
    """
    settings = (v_threshold, v_reset, surrogate_function, detach_reset)
    return _run("if_linear", if_multi_step, x, v, settings, weight_t, bias)


def lif_linear(
    x: torch.Tensor,
    v: torch.Tensor,
    weight_t: torch.Tensor,
    bias: torch.Tensor | None = None,
    *,
    tau: float = 2.0,
    decay_input: bool = True,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    detach_reset: bool = False,
    surrogate_function: Spike | None = None,
    threads: int = 256,
) -> tuple[torch.Tensor, torch.Tensor]:
    """As :func:`if_linear`, for a :class:`~spikingjelly.activation_based.neuron.LIFNode`."""
    settings = (tau, decay_input, v_threshold, v_reset, surrogate_function, detach_reset)
    return _run("lif_linear", lif_multi_step, x, v, settings, weight_t, bias)


def _run(name: str, sequence: Any, x: torch.Tensor, v: torch.Tensor, settings: tuple, weight_t: Any, bias: Any) -> Any:
    if x.dim() not in (2, 3):
        raise ValueError(f"{name}: x must be [N, K] or [T, N, K], but shape {list(x.shape)} was given.")
    spikes, v, _ = sequence(x if x.dim() == 3 else x.unsqueeze(0), v, *settings)
    return F.linear(spikes if x.dim() == 3 else spikes[0], weight_t.t(), bias), v
