"""A static input, repeated over time, is computed once until the first module with a state.

``x.expand(T, *x.shape)`` has a stride of 0 over time: all time steps are one piece of memory. A layer without state
that sees such a sequence computes one step, and gives it on in the same form.
"""

from typing import Any

import torch

_ONE_STEP = "_one_step"


def repeat(step: Any, T: int) -> Any:
    """``step`` ``[*]``, or each of a tuple, as a sequence ``[T, *]`` without a copy; :func:`one_step` finds it."""
    if isinstance(step, tuple):
        return tuple(repeat(part, T) for part in step)
    sequence = step.unsqueeze(0).expand(T, *step.shape)
    setattr(sequence, _ONE_STEP, step)
    return sequence


def one_step(x_seq: torch.Tensor) -> torch.Tensor | None:
    """The step that ``x_seq`` ``[T, *]`` repeats, or None if it doesn't, or if nothing would be gained."""
    if torch.compiler.is_compiling() or not isinstance(x_seq, torch.Tensor) or x_seq.dim() == 0:
        return None
    if x_seq.shape[0] < 2 or x_seq.stride(0) != 0:
        return None
    step = getattr(x_seq, _ONE_STEP, None)
    # The gradient of a step that is taken out of a sequence would be a sequence again, full of zeros.
    return x_seq[0] if step is None and not x_seq.requires_grad else step
