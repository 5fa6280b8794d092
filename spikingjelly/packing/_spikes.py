"""Zeros and ones of any dtype, on the CPU or a GPU, as one bit each: eight a byte, the first in the highest bit."""

import numpy as np
import torch

from spikingjelly.packing._forms import Stored

_SAMPLE = 512
_BLOCK = 1 << 18  # elements that are looked at and packed while they lie in the cache; a multiple of 8
_BITS_OF_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
# Times eight bytes 0 or 1, read as one number of 64 bits, its top byte has their bits, the first byte's highest.
_GATHER = 0x8040201008040201 - (1 << 64)

# dtype -> the integers of the same size
INTEGERS = {
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
_ONE = {dtype: int(torch.ones(1, dtype=dtype).view(integer)) for dtype, integer in INTEGERS.items()}


def pack(memory: torch.Tensor) -> Stored | None:
    """Elements ``[n]``, or None if one of them is neither 0 nor 1."""
    on_cpu = memory.device.type == "cpu"
    pack, unpack = (_pack_numpy, _unpack_numpy) if on_cpu else (_pack_torch, _unpack_torch)
    bits = pack(memory.view(INTEGERS[memory.dtype]), _ONE[memory.dtype])
    return None if bits is None else (bits, unpack)


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


def _unpack_numpy(bits: torch.Tensor, n: int, dtype: torch.dtype) -> torch.Tensor:
    """Elements ``[n]``; numpy's new memory is faster than torch's, for it comes in large pages."""
    integers = INTEGERS[dtype]
    table = (torch.from_numpy(_BITS_OF_BYTE).to(integers) * _ONE[dtype]).numpy()
    eight = table.view(np.dtype((np.void, 8 * table.itemsize))).ravel()
    values = np.empty((len(bits), 8), table.dtype)
    elements, source = values.view(eight.dtype).ravel(), bits.numpy()
    for start in range(0, len(source), _BLOCK // 8):
        block = slice(start, start + _BLOCK // 8)
        np.take(eight, source[block], out=elements[block], mode="clip")
    return torch.from_numpy(values.ravel()[:n]).view(dtype)


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


def _unpack_torch(bits: torch.Tensor, n: int, dtype: torch.dtype) -> torch.Tensor:
    table = torch.from_numpy(_BITS_OF_BYTE).to(bits.device).to(dtype)
    return table.index_select(0, bits.int()).ravel()[:n]
