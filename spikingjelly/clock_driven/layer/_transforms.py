"""Layers that only existed in ``clock_driven``: pooling of channels and products from both sides."""

import math

import torch
from torch import nn


class ChannelsPool(nn.Module):
    """Pools the channels at each place: ``[N, C, *]`` to ``[N, C', *]``.

    :param pool: a 1d pooling, as ``torch.nn.MaxPool1d`` or ``torch.nn.AvgPool1d``, which sees ``[N, places, C]``
    """

    def __init__(self, pool: nn.MaxPool1d | nn.AvgPool1d) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pool(x.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, x.shape[2:])


class AXAT(nn.Module):
    r"""A linear layer on both sides of a matrix: :math:`Y = A X A^T`, ``[*, in, in]`` to ``[*, out, out]``.

    :param in_features: rows and columns of the input
    :param out_features: rows and columns of the output
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.A = nn.Parameter(torch.empty(out_features, in_features))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.A @ x @ self.A.t()


class DCT(nn.Module):
    r"""The orthonormal discrete cosine transform (DCT-II) of each block of an image: :math:`Y = D X D^T`.

    ``[*, H, W]`` to ``[*, H, W]``, with H and W multiples of ``kernel_size``.

    :param kernel_size: rows and columns of a block

    :raises ValueError: if a block does not fit
    """

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        k = torch.arange(kernel_size, dtype=torch.float64)
        cosines = torch.cos(math.pi / kernel_size * (k + 0.5) * k[:, None]) * math.sqrt(2.0 / kernel_size)
        cosines[0] = math.sqrt(1.0 / kernel_size)
        self.kernel = cosines.to(torch.get_default_dtype())

    def _apply(self, fn, recurse=True):  # type: ignore[no-untyped-def]
        super()._apply(fn, recurse)
        self.kernel = fn(self.kernel)  # no buffer: published state dicts don't have it
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        size = self.kernel.shape[0]
        if x.shape[-2] % size or x.shape[-1] % size:
            raise ValueError(
                f"DCT: height and width must be multiples of kernel_size={size}, but x has shape {list(x.shape)}."
            )
        blocks = x.unflatten(-1, (-1, size)).unflatten(-3, (-1, size)).transpose(-3, -2)
        return (self.kernel @ blocks @ self.kernel.t()).transpose(-3, -2).flatten(-4, -3).flatten(-2, -1)
