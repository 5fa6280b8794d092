"""Whose hooks decide what autograd keeps."""

from collections.abc import Callable
from typing import Any

import torch

_top = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", None)
_UNKNOWN = (None, None)

Hooks = tuple[Callable[[torch.Tensor], Any] | None, Callable[[Any], torch.Tensor] | None]


def hooks_are_known() -> bool:
    """Whether this PyTorch tells which hooks are set; 2.6 does not."""
    return _top is not None


def hooks_in_force() -> Hooks | None:
    """The innermost hooks for saved tensors, or None; where PyTorch doesn't tell, those of a stranger."""
    return _UNKNOWN if _top is None else _top(True)
