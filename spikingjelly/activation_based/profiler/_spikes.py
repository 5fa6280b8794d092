"""Which tensors are spikes."""

import torch

SILENT = 0.0


def spike_level(x: torch.Tensor) -> float | None:
    """The value of a spike in ``x``: 1 for zeros and ones, c for zeros and c, 0 where all is zero, None for no spikes.

    A factor c that all spikes share can be folded into the weights that they meet, so each still costs one accumulate.
    """
    if x.dtype == torch.bool:
        return 1.0 if bool(x.any()) else SILENT
    if x.is_complex() or x.numel() == 0:
        return None
    low, high = (float(bound) for bound in torch.aminmax(x))
    level = high if low == 0 or low == high else low
    if level == SILENT:
        return SILENT
    return level if bool(((x == 0) | (x == level)).all()) else None


def joint_level(a: float | None, b: float | None) -> float | None:
    """The value of a spike in two tensors together: silence goes with every value, two values are no spikes."""
    if a is None or b is None:
        return None
    if SILENT in (a, b):
        return a or b
    return a if a == b else None
