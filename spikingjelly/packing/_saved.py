"""What autograd keeps of a call, packed."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from spikingjelly import _layer_kernels
from spikingjelly._saved_tensors import hooks_in_force
from spikingjelly.packing import _kernel
from spikingjelly.packing._forms import Packed
from spikingjelly.packing._packed import pack

FEWEST_PRODUCTS = 128  # with an entry of the input: with fewer, the layer takes so little that packing is much of it
SMALLEST = 1 << 17  # elements; for fewer, the call takes as long as the work of small layers
# What PyTorch puts behind a product of matrices or a convolution to give the result its shape.
_SHAPES = ("ViewBackward", "UnsafeViewBackward", "SqueezeBackward", "PermuteBackward")


def pack_saved(y: torch.Tensor, *names: str) -> None:
    """Have autograd keep what it has saved to compute the gradient of ``y`` in fewer bits, where they hold it.

    The backward pass gets the same values, and gradients of any order are those without packing. What is packed is a
    copy: a change of the input in place, which autograd answers with an error, leaves the gradient right. Where hooks
    for saved tensors are set, it is for them to say what is kept, and nothing is packed. Values of other types, on
    other devices, and with fewer than 131072 elements are kept as they are.

    :param y: the output of one of PyTorch's functions, or of an autograd function
    :param names: what the function keeps, as ``y.grad_fn._saved_<name>`` has it; of an autograd function the first of
        the tensors that it has saved is packed
    """
    if type(y) is not torch.Tensor or not _layer_kernels.may_take_over() or y.device.type != "cpu":
        return
    if hooks_in_force() is not None:
        return
    node = y.grad_fn
    while node is not None and node.name().startswith(_SHAPES):
        node = node.next_functions[0][0]
    if isinstance(node, torch.autograd.function.BackwardCFunction):
        _pack(node.saved_tensors[0], node._raw_saved_tensors[0])  # type: ignore[attr-defined]
        return
    for name in names:
        saved = getattr(node, f"_saved_{name}", None)
        if saved is not None:
            _pack(saved, getattr(node, f"_raw_saved_{name}"))


def worth_packing(outputs: int, taps: Sequence[int] = (), groups: int = 1) -> bool:
    """Whether packing its input takes little beside a layer with so many output channels, and taps of its kernel."""
    return outputs * math.prod(taps) >= FEWEST_PRODUCTS * groups


def what_is_packed(tensor: torch.Tensor) -> Packed | None:
    """How :func:`pack_saved` has ``tensor`` kept; None if as it is."""
    return pack(tensor) if tensor.numel() >= SMALLEST and _kernel.can_take(tensor) else None


def _pack(tensor: torch.Tensor, saved: Any) -> None:
    packed = what_is_packed(tensor)
    if packed is not None:
        saved.register_hooks(lambda _: packed, Packed.unpack)
