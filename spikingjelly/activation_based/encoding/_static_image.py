r"""Random spikes for an image that is repeated over time: 16 random bits for each spike, and none for black pixels.

How exact it is. A pixel :math:`x` fires with probability :math:`p = \operatorname{round}(65536 x) / 65536` (half to
even), clipped to :math:`[0, 1]`, exactly: it compares a uniform 16-bit integer with an integer bound. So
:math:`\lvert p - x \rvert \le 2^{-17}`, values from :math:`1 - 2^{-17}` on always fire, values up to :math:`2^{-17}`
and NaN never do. Spikes are independent of each other, as far as NumPy's SFC64, seeded anew from PyTorch's generator
(``torch.manual_seed``), gives independent bits: each spike has its own 16 of them, from 64 that are drawn at a time.
"""

import numpy as np
import torch

_LEVELS = 1 << 16
# Random numbers drawn at once: the memory beside the result stays below 2 MiB (or what one time step takes).
_CHUNK = 1 << 18


def is_static(x_seq: torch.Tensor) -> bool:
    """Whether ``x_seq`` ``[T, *]`` is one image, expanded over T > 1 time steps without a copy, on the CPU."""
    if torch.compiler.is_compiling() or x_seq.device.type != "cpu" or x_seq.dim() == 0:
        return False
    return x_seq.shape[0] > 1 and x_seq.stride(0) == 0 and x_seq.numel() > 0


@torch.no_grad()
def bernoulli(x_seq: torch.Tensor) -> torch.Tensor:
    """Spikes ``[T, *]`` in the dtype of ``x_seq``, which is static."""
    T = x_seq.shape[0]
    level = _level(x_seq[0].flatten())
    lit = level.nonzero().squeeze(1)
    # Scattering costs more for each spike than drawing does, so that it only pays where enough pixels are black.
    if 2 * lit.numel() > level.numel():
        spikes = _everywhere(level, T, x_seq.dtype)
    else:
        spikes = _where_lit(level, lit, T, x_seq.dtype)
    return spikes.view(x_seq.shape)


def _level(x: torch.Tensor) -> torch.Tensor:
    """The probability of each pixel as an integer from 0 to 65536."""
    wide = x if x.dtype == torch.float64 else x.float()  # 65536 overflows in half precision
    return torch.nan_to_num(wide * _LEVELS, nan=0.0).round_().clamp_(0, _LEVELS).to(torch.int32)


def _bound(level: torch.Tensor) -> torch.Tensor:
    """What a random int16 must not exceed for a spike: ``level`` of its 65536 values don't. Level 0 has no bound."""
    return (level - (_LEVELS // 2 + 1)).clamp_(min=-(_LEVELS // 2)).to(torch.int16)


def _random_bits() -> np.random.SFC64:
    """NumPy's fastest generator, seeded by PyTorch's: half the time of PyTorch's own 64-bit integers."""
    return np.random.SFC64(int(torch.randint(2**63 - 1, (), device="cpu")))


def _random_int16(bits: np.random.SFC64, rows: int, columns: int) -> torch.Tensor:
    count = rows * columns
    words = torch.from_numpy(bits.random_raw((count + 3) // 4))
    return words.view(torch.int16)[:count].view(rows, columns)


def _where_lit(level: torch.Tensor, lit: torch.Tensor, T: int, dtype: torch.dtype) -> torch.Tensor:
    # Bytes first: scattering into the wider result would read and write four times as much memory.
    spikes = level.new_zeros(T, level.numel(), dtype=torch.uint8)
    if lit.numel() == 0:
        return spikes.to(dtype)
    bits, bound = _random_bits(), _bound(level[lit])
    for rows in spikes.split(max(1, _CHUNK // lit.numel())):
        fired = _random_int16(bits, rows.shape[0], lit.numel()) <= bound
        rows.scatter_(1, lit.expand_as(fired), fired.view(torch.uint8))
    return spikes.to(dtype)


def _everywhere(level: torch.Tensor, T: int, dtype: torch.dtype) -> torch.Tensor:
    spikes = level.new_empty(T, level.numel(), dtype=dtype)
    bits, bound, lit = _random_bits(), _bound(level), level > 0
    for rows in spikes.split(max(1, _CHUNK // level.numel())):
        rows.copy_((_random_int16(bits, *rows.shape) <= bound).logical_and_(lit))
    return spikes
