"""Integer arithmetic in floats: exact as long as no number needs more digits than they have."""

import torch

WEIGHT_BITS = 8
LEAK_BITS = 12
LEAK_ONE = 1 << LEAK_BITS
FLOAT32_LIMIT = 1 << 24  # integers up to here are exact in float32
INT32_LIMIT = (1 << 31) - 1


def dtype_for(largest: int) -> torch.dtype:
    """The float that holds all integers up to ``largest``, at most int32's."""
    return torch.float32 if largest < FLOAT32_LIMIT - LEAK_ONE else torch.float64


def leaked(v: torch.Tensor, kept: int) -> torch.Tensor:
    r""":math:`\lfloor (k v + 2^{11}) / 2^{12} \rfloor`: the product with :math:`k / 2^{12}`, rounded.

    With :math:`v = 2^{12} h + l` and :math:`0 \le l < 2^{12}`, it is
    :math:`k h + \lfloor (k l + 2^{11}) / 2^{12} \rfloor`.
    None of these numbers is larger than :math:`|v| + 2^{12}` and :math:`2^{24}`.
    """
    high = (v * (1.0 / LEAK_ONE)).floor()
    low = v - high * LEAK_ONE
    return high * kept + ((low * kept + LEAK_ONE // 2) * (1.0 / LEAK_ONE)).floor()


def leaked_int(v: int, kept: int) -> int:
    """The same for one integer."""
    return (v * kept + LEAK_ONE // 2) >> LEAK_BITS
