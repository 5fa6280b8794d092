"""Integers of Intel's Loihi, held exactly in floats, with the gradients of the same formulas without rounding."""

import torch

DECAY_BITS = 12
DECAY_ONE = 1 << DECAY_BITS  # a decay of 1: nothing is left after a time step
STATE_BITS = 24
STATE_LIMIT = (1 << (STATE_BITS - 1)) - 1
STATE_SHIFT = 6  # of weights and thresholds against states
THRESHOLD_LIMIT = (1 << 17) - 1


def toward_zero(x: torch.Tensor) -> torch.Tensor:
    """The integer next to ``x`` on the side of 0; the gradient is 1."""
    return x + (x.trunc() - x).detach()


def nearest(x: torch.Tensor) -> torch.Tensor:
    """The nearest integer, a half to the even one; the gradient is 1."""
    return x + (x.round() - x).detach()


def leaked(state: torch.Tensor, decay: torch.Tensor) -> torch.Tensor:
    r""":math:`\operatorname{trunc}(s (2^{12} - d) / 2^{12})` for an integer state of up to 24 bits.

    The product has up to 36 bits, more than a float32 holds. With :math:`s = 2^{12} h + l` it is
    :math:`2^{12} h k + l k`, whose parts have at most 24, so float32 gives every bit. :math:`h` and :math:`l` have the
    sign of :math:`s`: rounding the second part rounds the whole.
    """
    kept = DECAY_ONE - nearest(decay)
    smooth = state * (kept / DECAY_ONE)
    high = (state / DECAY_ONE).trunc()
    low = state - high * DECAY_ONE
    exact = high * kept + (low * kept / DECAY_ONE).trunc()
    # The two differ by less than 1, so this difference and this sum are exact.
    return smooth + (exact - smooth).detach()
