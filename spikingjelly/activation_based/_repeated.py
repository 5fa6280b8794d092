"""A static input, repeated over time, is computed once until the first module with a state.

``x.expand(T, *x.shape)`` has a stride of 0 over time: all time steps are one piece of memory. A layer without state
that sees such a sequence computes one step, and gives it on in the same form. Of copies of an input, which layers find
equal (``_equal_steps``), it gives on copies: everyone sees the sequence that they expect, and may write to it.

What is computed from the one step leaves the sequence out of its graph. So a sequence is taken as it is, with a
gradient for each time step, where hooks ask for that, or where somebody has written to it.
"""

import weakref
from collections.abc import Hashable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.modules import module as of_all_modules
from torch.utils.weak import WeakTensorKeyDictionary

from spikingjelly import _layer_kernels

_SAMPLE = 64


class _Known(NamedTuple):
    """What a sequence was when it was made from ``step``."""

    step: torch.Tensor
    version: int
    node: Hashable


_known = WeakTensorKeyDictionary()


def repeat(step: Any, T: int, like: torch.Tensor | None = None) -> Any:
    """``step`` ``[*]``, or each of a tuple, as a sequence ``[T, *]``; :func:`one_step` finds it.

    :param like: the sequence of which one step was computed. Where it is no view, the result is none either.
    """
    if like is not None:
        is_taken(like)
    if isinstance(step, tuple):
        return tuple(_repeat(part, T, like) for part in step)
    return _repeat(step, T, like)


def _repeat(step: torch.Tensor, T: int, like: torch.Tensor | None) -> torch.Tensor:
    is_view = like is None or like.stride(0) == 0
    sequence = step.unsqueeze(0).expand(T, *step.shape) if is_view else _copies(step, T)
    if isinstance(sequence, torch.Tensor) and not torch.compiler.is_compiling() and not sequence.is_inference():
        _known[sequence] = _Known(step, sequence._version, sequence.grad_fn)
    return sequence


def one_step(x_seq: torch.Tensor, module: nn.Module | None = None, shows_output: bool = True) -> torch.Tensor | None:
    """The step that ``x_seq`` ``[T, *]`` repeats, or None if it doesn't, or if nothing would be gained.

    :param module: who takes a step for copies of it, too
    :param shows_output: whether the module puts out equal time steps
    """
    if torch.compiler.is_compiling() or not isinstance(x_seq, torch.Tensor) or x_seq.dim() == 0:
        return None
    is_view = x_seq.shape[0] > 1 and x_seq.stride(0) == 0
    if is_view and not x_seq.requires_grad:
        return x_seq[0]
    known = _known.get(x_seq) if _known and (is_view or module is not None) else None
    if known is None or not _is_as_it_was(x_seq, known):
        # The gradient of a step that is taken out of a sequence would be a sequence again, full of zeros.
        return None
    if is_view or (not is_watched(module, shows_output) and _is_copied(known.step, x_seq)):
        return known.step
    return None


def is_taken(x_seq: torch.Tensor) -> None:
    """A module has computed with :func:`one_step`: gradients of the time steps of ``x_seq`` are known as a sum only."""
    known = _known.get(x_seq) if x_seq.requires_grad and torch.is_grad_enabled() else None
    if known is not None:
        _refuse_late_hooks(x_seq, known.step)


def is_watched(module: Any, shows_output: bool = True) -> bool:
    """Whether hooks may keep equal time steps that the module takes or puts out, to ask for their gradients."""
    every: Any = of_all_modules
    hooks = [module._forward_pre_hooks, every._global_forward_pre_hooks]
    if shows_output:
        hooks += [module._forward_hooks, every._global_forward_hooks]
    backward = [module._backward_hooks, module._backward_pre_hooks]
    return any((*hooks, *backward, every._global_backward_hooks, every._global_backward_pre_hooks))


def _copies(step: torch.Tensor, T: int) -> torch.Tensor:
    """``step`` T times in memory of their own, in which each lies as ``step`` does."""
    strides = torch.empty_like(step, device="meta").stride()
    shape, strides = (T, *step.shape), (step.numel(), *strides)
    sequence = _layer_kernels.empty_in_kept_memory(shape, strides, step.dtype, step.device)
    return sequence.copy_(step.expand(shape))


def _is_as_it_was(x_seq: torch.Tensor, known: _Known) -> bool:
    """Whether nobody has written to it, put it into another graph, or asked for its gradient."""
    now = x_seq._version, x_seq.grad_fn, x_seq.requires_grad
    return now == (known.version, known.node, known.step.requires_grad) and not (
        x_seq._backward_hooks or x_seq.retains_grad
    )


def _is_copied(step: torch.Tensor, x_seq: torch.Tensor) -> bool:
    """Whether a sample is what it was: writing through ``.data`` or NumPy leaves no trace in the version."""
    if not _layer_kernels.may_take_over():
        return False
    distance = max(1, step.numel() // _SAMPLE) | 1  # odd, so that it does not stay in a column of an image
    number = -(-step.numel() // distance)
    with torch.no_grad():
        of_all = x_seq.as_strided((x_seq.shape[0], number), (x_seq.stride(0), distance))
        of_one = step.as_strided((number,), (distance,))
        return torch.equal(of_all, of_one.expand_as(of_all))


def _refuse_late_hooks(x_seq: torch.Tensor, step: torch.Tensor) -> None:
    x_seq.register_hook(_unchanged).remove()  # leaves a dictionary, into which later hooks are put
    hooks, shape, sequence = x_seq._backward_hooks, list(x_seq.shape), weakref.ref(x_seq)

    def look(grad: torch.Tensor) -> None:
        kept = sequence()
        if hooks or (kept is not None and kept.retains_grad):
            raise RuntimeError(
                f"the gradient of a sequence {shape} was asked for after a layer had taken it in. Its time steps are "
                "equal, so the layer has computed one for all, and has the sum of their gradients. Call retain_grad() "
                "or register_hook() before the next layer; or repeat the input as copies, x.repeat(T, 1, 1, 1, 1), "
                "and run the network in `with functional.skip_zeros(False):`."
            )

    step.register_hook(look)


def _unchanged(grad: torch.Tensor) -> None:
    """A hook that leaves the gradient as it is."""
