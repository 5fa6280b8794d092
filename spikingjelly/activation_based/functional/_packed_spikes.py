"""Spikes that wait for the backward pass as one bit each."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.multiprocessing.reductions import StorageWeakRef

from spikingjelly._memory_order import elements_without_gaps
from spikingjelly.fusion import dispatch

_SMALLEST = 1 << 14  # elements; below, the fixed 45 us of packing and unpacking are most of what it takes
_SAMPLE = 512
_BLOCK = 1 << 18  # elements that are looked at and packed while they lie in the cache; a multiple of 8
_BITS_OF_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
# Times eight bytes 0 or 1, read as one number of 64 bits, its top byte has their bits, the first byte's highest.
_GATHER = 0x8040201008040201 - (1 << 64)

# dtype -> the integers of the same size
_INTEGERS = {
    torch.float64: torch.int64,
    torch.float32: torch.int32,
    torch.float16: torch.int16,
    torch.bfloat16: torch.int16,
    torch.bool: torch.uint8,
    torch.uint8: torch.uint8,
    torch.int8: torch.int8,
    torch.int16: torch.int16,
    torch.int32: torch.int32,
    torch.int64: torch.int64,
}
_ONE = {dtype: int(torch.ones(1, dtype=dtype).view(integer)) for dtype, integer in _INTEGERS.items()}


@contextmanager
def packed_spikes() -> Iterator[None]:
    r"""Keep the spikes that autograd saves for the backward pass as one bit each. A context manager or a decorator.

    A convolution, a linear layer or a pooling keeps its input until its backward pass is done. In a spiking network
    that is a tensor of zeros and ones, of which

    .. math::
        \mathrm{bytes} = \lceil n / 8 \rceil

    hold all there is to know, in place of :math:`4 n` in float32 with :math:`n` spikes::

        net = nn.Sequential(layer.Linear(8, 4), neuron.IFNode(), layer.Linear(4, 2))
        with functional.packed_spikes():
            loss = net(torch.rand(3, 8)).sum()
        loss.backward()

    What is packed: a tensor that autograd saves inside the context and that holds nothing but 0 and 1, of any shape, of
    dtype float64, float32, float16, bfloat16, bool or an integer, on a CPU or a CUDA device. The backward pass gets a
    tensor of the same values to the last bit, shape, strides and dtype, so that all gradients are those without
    packing. Of an expanded tensor (stride 0) only the memory that it has is packed. Layers that save the same spikes
    share the bits, even if they see them in another shape; the bits are freed with the last of them.

    What is saved as it is: a tensor with any other value (-0.0 and NaN among them), with fewer than 16384 elements,
    with gaps in its memory (``x[:, ::2]``), or a leaf with ``requires_grad=True``, as all parameters are. So what a
    batch normalisation keeps, and the input of a fused neuron elsewhere than behind one, stay whole. Spikes
    that something else holds, such as a variable of yours or a monitor, stay in memory too.

    Convolutions, linear layers and matrix products of this package pack float32 inputs on the CPU by themselves. In a
    network of these there is nothing left to gain (``python -m benchmarks packed_spikes``); it is for spikes that other
    modules keep, other dtypes and CUDA. Of ``[16, 32, 128, 28, 28]`` in float32, 206 MB become 6.4 MB. The fixed part
    of packing and unpacking is about 45 us, and a tensor without spikes among its first elements takes 13 us. The one
    that is just used is whole again, so a network in which one layer has most of the spikes gains little. On CUDA the
    look at each tensor waits for the device; this way of packing has been tested on CPU tensors only.

    Changes in place: packed spikes are a copy. A change of the tensor after it was saved, which autograd answers with
    an error in the backward pass, leaves the gradient right and gives none. A tensor that is saved as it is gives
    the error as ever. A change that autograd does not see (of ``x.data``, or through numpy) between two layers that
    save ``x`` is not seen here either: the second layer may be given the spikes of the first.

    Hooks: this is :class:`torch.autograd.graph.saved_tensors_hooks`, with what holds for these. Of nested contexts only
    the innermost sees a tensor, so inside :func:`torch.utils.checkpoint.checkpoint` nothing is packed but the inputs of
    the checkpoint. The derivatives of ``torch.func`` raise an error under hooks. What a network compiled by
    ``torch.compile`` keeps is packed if the context is around it; a compiled function that enters the context itself
    breaks into several graphs, and is an error with ``fullgraph=True``.

    :raises RuntimeError: in the backward pass, if a tensor that is saved as it is was changed in place
    """
    with dispatch.nothing_kept(), torch.autograd.graph.saved_tensors_hooks(_Packer().pack, _unpack):
        yield


class _Bits:
    """Spikes in the order of the memory, eight a byte, the first in the highest bit."""

    __slots__ = ("__weakref__", "bits", "dtype", "origin")

    def __init__(self, bits: torch.Tensor, dtype: torch.dtype, origin: StorageWeakRef) -> None:
        self.bits, self.dtype = bits, dtype
        self.origin = origin  # keeps the address, not the memory: no other storage can be taken for this one

    @property
    def nbytes(self) -> int:
        return self.bits.untyped_storage().nbytes()

    def unpack(self) -> torch.Tensor:
        return (_unpack_numpy if self.bits.device.type == "cpu" else _unpack_torch)(self.bits, self.dtype)


class _Packed:
    """How a saved tensor lies on its bits."""

    __slots__ = ("bits", "shape", "stride")

    def __init__(self, bits: _Bits, tensor: torch.Tensor) -> None:
        self.bits, self.shape, self.stride = bits, tensor.shape, tensor.stride()

    def unpack(self) -> torch.Tensor:
        return self.bits.unpack().as_strided(self.shape, self.stride)


class _Whole:
    """A tensor that is saved as it is, and the check that autograd leaves to the hooks where there are any."""

    __slots__ = ("tensor", "version")

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()  # an output that its own graph holds would never be freed
        self.version = tensor._version

    def unpack(self) -> torch.Tensor:
        if self.tensor._version != self.version:
            raise RuntimeError(
                f"packed_spikes: one of the variables needed for gradient computation has been modified by an inplace "
                f"operation: [{self.tensor.type()} {list(self.tensor.shape)}] is at version {self.tensor._version}; "
                f"expected version {self.version} instead."
            )
        return self.tensor


class _Packer:
    """What is packed within one context."""

    def __init__(self) -> None:
        self.known: weakref.WeakValueDictionary[tuple[Any, ...], _Bits] = weakref.WeakValueDictionary()

    @dispatch.may_be_asked
    def pack(self, tensor: torch.Tensor) -> _Packed | _Whole:
        memory = _memory_of_candidate(tensor)
        bits = None if memory is None else self._bits(memory, shared=tensor.requires_grad)
        return _Whole(tensor) if bits is None else _Packed(bits, tensor)

    def _bits(self, memory: torch.Tensor, shared: bool) -> _Bits | None:
        """The bits of ``memory``, or None if it does not hold spikes.

        :param shared: whether it is part of a graph, in which changes in place are counted
        """
        origin = StorageWeakRef(memory.untyped_storage())
        key = (origin.cdata, memory.storage_offset(), memory.numel(), memory.dtype, memory._version)
        known = self.known.get(key) if shared else None
        if known is not None:
            return known
        packed = (_pack_numpy if memory.device.type == "cpu" else _pack_torch)(
            memory.view(_INTEGERS[memory.dtype]), _ONE[memory.dtype]
        )
        if packed is None:
            return None
        bits = _Bits(packed, memory.dtype, origin)
        if shared:
            self.known[key] = bits
        return bits


def _unpack(saved: _Packed | _Whole) -> torch.Tensor:
    return saved.unpack()


def _memory_of_candidate(tensor: torch.Tensor) -> torch.Tensor | None:
    """The elements of ``tensor`` in the order of the memory ``[n]``, or None if it is not to be packed."""
    if (
        tensor.numel() < _SMALLEST
        or type(tensor) is not torch.Tensor
        or tensor.dtype not in _INTEGERS
        or tensor.layout is not torch.strided
        or tensor.device.type not in ("cpu", "cuda")
        or (tensor.is_leaf and tensor.requires_grad)
        or tensor.is_neg()
        or tensor.is_nested
    ):
        return None
    n = elements_without_gaps(tensor.shape, tensor.stride(), repeated=True)
    return tensor.detach().as_strided((n,), (1,)) if n >= _SMALLEST else None


def _pack_numpy(memory: torch.Tensor, one: int) -> torch.Tensor | None:
    """Bits ``[ceil(n / 8)]`` of integers ``[n]`` that are all 0 or ``one``; None if they are not."""
    values = memory.numpy()
    n = len(values)
    for sample in (values[:_SAMPLE], values[:: -(-n // _SAMPLE)]):
        if not ((sample == 0) | (sample == one)).all():
            return None
    bits, is_one = np.empty(-(-n // 8), np.uint8), np.empty(min(n, _BLOCK), bool)
    for start in range(0, n, _BLOCK):
        block = values[start : start + _BLOCK]
        flags = is_one[: len(block)]
        zeros = np.count_nonzero(np.equal(block, 0, out=flags))
        if zeros + np.count_nonzero(np.equal(block, one, out=flags)) != len(block):
            return None
        packed = np.packbits(flags)
        bits[start // 8 : start // 8 + len(packed)] = packed
    return torch.from_numpy(bits)


def _unpack_numpy(bits: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Elements ``[8 * bytes]``; numpy's new memory is faster than torch's, for it comes in large pages."""
    integers = _INTEGERS[dtype]
    table = (torch.from_numpy(_BITS_OF_BYTE).to(integers) * _ONE[dtype]).numpy()
    eight = table.view(np.dtype((np.void, 8 * table.itemsize))).ravel()
    values = np.empty((len(bits), 8), table.dtype)
    elements, source = values.view(eight.dtype).ravel(), bits.numpy()
    for start in range(0, len(source), _BLOCK // 8):
        block = slice(start, start + _BLOCK // 8)
        np.take(eight, source[block], out=elements[block], mode="clip")
    return torch.from_numpy(values.ravel()).view(dtype)


def _pack_torch(memory: torch.Tensor, one: int) -> torch.Tensor | None:
    """:func:`_pack_numpy` for other devices. Each of the two looks waits for the device."""
    n = len(memory)
    sample = torch.cat((memory[:_SAMPLE], memory[:: -(-n // _SAMPLE)]))
    if not ((sample == 0) | (sample == one)).all():
        return None
    flags = memory.new_zeros(-(-n // 8) * 8, dtype=torch.bool)
    torch.eq(memory, one, out=flags[:n])
    if not (flags[:n] | (memory == 0)).all():
        return None
    return flags.view(torch.int64).mul_(_GATHER).bitwise_right_shift_(56).to(torch.uint8)


def _unpack_torch(bits: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    table = torch.from_numpy(_BITS_OF_BYTE).to(bits.device).to(dtype)
    return table.index_select(0, bits.int()).ravel()
