"""Spikes as one bit each, under the names of earlier releases.

:func:`spikingjelly.activation_based.functional.packed_spikes` does it for a whole network, without a change in it.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F

__all__ = [
    "BOOL_TENSOR_CACHE",
    "BoolTensorCache",
    "bit_spike_compress",
    "bit_spike_decompress",
    "bool_spike_to_float",
    "float_spike_to_bool",
    "tensor_key",
]

_VALUES = (1, 2, 4, 8, 16, 32, 64, 128)


class _Bits(NamedTuple):
    spike_b: torch.Tensor
    s_dtype: torch.dtype
    s_shape: torch.Size
    s_padding: int


def float_spike_to_bool(spike: torch.Tensor) -> _Bits:
    """Eight spikes a byte: ``(spike_b, s_dtype, s_shape, s_padding)``, the arguments of :func:`bool_spike_to_float`.

    :param spike: zeros and ones of any shape

    :raises ValueError: if it holds anything else
    """
    flags = spike != 0
    if not torch.equal(flags.to(spike.dtype), spike):
        raise ValueError("float_spike_to_bool: expected a tensor of zeros and ones, but other values were given.")
    padding = -spike.numel() % 8
    values = torch.tensor(_VALUES, dtype=torch.uint8, device=spike.device)
    bytes_ = (F.pad(flags.flatten(), (0, padding)).view(-1, 8) * values).sum(1, dtype=torch.uint8)
    return _Bits(bytes_, spike.dtype, spike.shape, padding)


def bool_spike_to_float(
    spike_b: torch.Tensor, s_dtype: torch.dtype, s_shape: torch.Size, s_padding: int = 0
) -> torch.Tensor:
    """The spikes of :func:`float_spike_to_bool`.

    :param spike_b: the bytes ``[ceil(n / 8)]``
    :param s_dtype: the dtype of the spikes
    :param s_shape: their shape, with n elements
    :param s_padding: bits at the end that are none of them
    """
    values = torch.tensor(_VALUES, dtype=torch.uint8, device=spike_b.device)
    flags = (spike_b.unsqueeze(1) & values != 0).flatten()
    return flags[: flags.numel() - s_padding].to(s_dtype).view(s_shape)


def bit_spike_compress(spike: torch.Tensor) -> torch.Tensor:
    """Eight spikes a byte ``[ceil(n / 8)]``, the first in the lowest bit.

    :param spike: zeros and ones of any shape

    :raises ValueError: if it holds anything else
    """
    return float_spike_to_bool(spike).spike_b


def bit_spike_decompress(
    packed: torch.Tensor, shape: tuple[int, ...], dtype: torch.dtype = torch.uint8
) -> torch.Tensor:
    """The spikes of :func:`bit_spike_compress`.

    :param packed: the bytes
    :param shape: the shape of the spikes
    :param dtype: their dtype

    :raises ValueError: if the shape has not as many elements as the bytes have bits, up to seven
    """
    padding = packed.numel() * 8 - math.prod(shape)
    if not 0 <= padding < 8:
        raise ValueError(
            f"bit_spike_decompress: shape {list(shape)} has {math.prod(shape)} elements, which {packed.numel()} bytes "
            "don't hold."
        )
    return bool_spike_to_float(packed, dtype, torch.Size(shape), padding)


def tensor_key(x: torch.Tensor) -> tuple[int, int, int]:
    """What tells the memory of ``x``: its first address, the address of its last element, the number of elements."""
    x = x.flatten()
    return x.data_ptr(), x[-1].data_ptr(), x.numel()


class BoolTensorCache:
    """Spikes that wait as bits, for autograd functions of one's own."""

    def store_bool(self, spike: torch.Tensor) -> _Bits:
        """The bits of ``spike``, to be given to :meth:`get_float`."""
        return float_spike_to_bool(spike)

    def get_float(self, tk: _Bits, spike_shape: torch.Size) -> torch.Tensor:
        """The spikes of :meth:`store_bool`, in the shape ``spike_shape``."""
        return bool_spike_to_float(*tk).view(spike_shape)


BOOL_TENSOR_CACHE = BoolTensorCache()
