"""How many outputs each input of a convolution or a pooling window reaches, borders and strides included."""

import math
from collections.abc import Sequence

import torch

Reach = list[torch.Tensor]  # per spatial dimension: how many windows hold each position


def convolution_reach(
    size: Sequence[int],
    out_size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool = False,
) -> Reach:
    """For each dimension, the number of output positions that each input position reaches.

    Output ``o`` sees input ``o * stride - padding + tap * dilation``; in a transposed convolution these change places.
    """
    reach = []
    for n, n_out, k, s, p, d in zip(size, out_size, kernel, stride, padding, dilation, strict=True):
        near, far = (n, n_out) if transposed else (n_out, n)
        met = torch.arange(near)[:, None] * s - p + torch.arange(k)[None] * d
        inside = (met >= 0) & (met < far)
        reach.append(inside.sum(1) if transposed else torch.bincount(met[inside], minlength=n))
    return reach


def adaptive_reach(size: Sequence[int], out_size: Sequence[int]) -> Reach:
    """The same for adaptive pooling, whose window ``o`` goes from ``floor(o * n / m)`` to ``ceil((o + 1) * n / m)``."""
    reach = []
    for n, m in zip(size, out_size, strict=True):
        count = torch.zeros(n, dtype=torch.long)
        for o in range(m):
            count[o * n // m : math.ceil((o + 1) * n / m)] += 1
        reach.append(count)
    return reach


def reached(x: torch.Tensor, reach: Reach) -> int:
    """The sum over the nonzero values of ``x`` ``[*, spatial]`` of the windows that each of them is in."""
    spatial = x.shape[x.dim() - len(reach) :]
    fired = (x != 0).reshape(-1, *spatial).sum(0)
    for dimension, count in enumerate(reach):
        shape = [-1 if i == dimension else 1 for i in range(len(reach))]
        fired = fired * count.to(fired.device).reshape(shape)
    return int(fired.sum())


def window_values(x: torch.Tensor, reach: Reach) -> int:
    """The same for all values of ``x``, zero or not."""
    leading = math.prod(x.shape[: x.dim() - len(reach)])
    return leading * math.prod(int(count.sum()) for count in reach)
