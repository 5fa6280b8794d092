"""How PyTorch rounds, where its results are to be met to the last bit."""

import functools

import torch


def scaled(x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, once: bool) -> torch.Tensor:
    """``scale * x + shift`` in float32, with one rounding or with two."""
    if once:  # a product of two floats is exact in float64
        return (x.double() * scale + shift).float()
    return x * scale + shift


@functools.cache
def rounds_once() -> bool | None:
    """Whether PyTorch's batch normalisation rounds once in ``scale * x + shift``; None if it does something else."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 16, generator=generator)
    weight, bias, mean, variance = (torch.rand(16, generator=generator) for _ in range(4))
    with torch.no_grad():
        y = torch.nn.functional.batch_norm(x, mean, variance, weight, bias, training=False, eps=0.5)
        scale = (variance + 0.5).rsqrt() * weight
        for once in (True, False):
            if torch.equal(scaled(x, scale, scaled(-mean, scale, bias, once), once), y):
                return once
    return None
