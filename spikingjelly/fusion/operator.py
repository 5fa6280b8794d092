"""Programs as PyTorch operators.

``spikingjelly::fused_forward`` and ``fused_backward`` compute; ``spikingjelly::fused`` is the first with its gradient,
for `torch.compile` and `torch.export`. Eager calls take the same autograd function without the way through the
dispatcher, which costs more than a small kernel.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from spikingjelly.fusion import call, second
from spikingjelly.fusion.origin import Origin, origin_of
from spikingjelly.fusion.program import loads
from spikingjelly.fusion.second import Again
from spikingjelly.fusion.step import Tensors
from spikingjelly.fusion.task import TARGETS, Task, backward, forward

_library = torch.library.Library("spikingjelly", "DEF")
_ARGUMENTS = "Tensor[] states, Tensor[] tensors, str program, float[] numbers, int[] keep, SymInt steps, str target"
_library.define(f"fused(Tensor x_seq, {_ARGUMENTS}) -> Tensor[]")
_library.define(f"fused_forward(Tensor x_seq, {_ARGUMENTS}) -> Tensor[]")
_library.define(f"fused_backward(Tensor?[] grads, Tensor x_seq, {_ARGUMENTS}, bool[] needed) -> Tensor[]")


def run(
    x_seq: torch.Tensor,
    states: Sequence[torch.Tensor],
    tensors: Sequence[torch.Tensor],
    program: str,
    numbers: Sequence[float],
    keep: Sequence[int],
    steps: int,
    target: str,
    again: Again | None = None,
) -> list[torch.Tensor]:
    """The output ``[T, *]``, the states after the last step, and the states ``keep`` after each step ``[T, *]``.

    :param x_seq: ``[T, *]``, or ``[1, *]`` for an input that is the same in all time steps
    :param steps: T; 0 for a single time step, where ``x_seq`` and the output are ``[*]``
    :param again: one step in plain operations, for second derivatives
    """
    if not _is_plain():
        return torch.ops.spikingjelly.fused(x_seq, states, tensors, program, numbers, keep, steps, target)
    task = Task(program, numbers, keep, steps, target)
    if torch.is_grad_enabled() and any(t.requires_grad for t in (x_seq, *states, *tensors)):
        return _with_gradient(x_seq, states, tensors, task, again)
    return _without_gradient(x_seq, states, tensors, task)


def _cut_unless_reached(tensors: Sequence[torch.Tensor], program: str) -> list[torch.Tensor]:
    """``tensors``, of which those without a gradient don't bind the call to their own graph, which may be gone."""
    if not tensors:
        return []
    reached = loads(program).parameter_gradients
    return [
        t if name is not None or not t.requires_grad else t.detach() for t, name in zip(tensors, reached, strict=True)
    ]


class _Fused(torch.autograd.Function):
    """The forward pass keeps its input, or the origin of it, and the initial states, and nothing else."""

    @staticmethod
    def forward(
        ctx: Any,
        origin: Origin | None,
        K: int,
        task: Task,
        again: Again | None,
        x_seq: torch.Tensor,
        *tensors: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        ctx.K, ctx.task = K, task
        ctx.again, ctx.rounds_once = again, None if origin is None else origin.rounds_once
        ctx.save_for_backward(*((x_seq,) if origin is None else origin[:4]), *tensors)
        ctx.set_materialize_grads(False)
        results = _without_gradient(x_seq, tensors[:K], tensors[K:], task)
        smooth = loads(task.program).smooth
        if not all(smooth):
            smooth = (*smooth, *[smooth[1 + k] for k in task.keep])
            ctx.mark_non_differentiable(*[result for result, has in zip(results, smooth, strict=True) if not has])
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor | None) -> tuple[Any, ...]:
        x_seq, origin, tensors = _kept(ctx)
        task, is_step = ctx.task, ctx.task.steps == 0
        if is_step:
            task = _one_step_of(task)
            of_y, *of_states = grads
            grads = (None if of_y is None else of_y.unsqueeze(0), *of_states)
        K = ctx.K
        arguments = (grads, x_seq, tensors[:K], tensors[K:], task, ctx.needs_input_grad[4:], origin)
        if torch.is_grad_enabled():
            of_graph = x_seq if origin is None else origin.tie
            gradients = _Once.apply(arguments, ctx.again, *[t for t in (*grads, of_graph, *tensors) if t is not None])
        else:
            gradients = _backward_of(arguments)
        if is_step and gradients[0] is not None:
            gradients = gradients[0].squeeze(0), *gradients[1:]
        return *[None] * 4, *gradients


_CHANGED_IN_PLACE = (
    "The input of a neuron, its initial state or a tensor that it reads was changed in place (as by x += y or "
    "x.relu_()) between the forward and the backward pass, for which the kernel of the neuron keeps it. Write "
    "x = x + y, or set backend='torch' for that neuron."
)


def _kept(ctx: Any) -> tuple[torch.Tensor, Origin | None, list[torch.Tensor]]:
    """The input ``[T, *]``, or the origin and its tensor in place of the input; states and parameters."""
    try:
        saved = ctx.saved_tensors
    except RuntimeError as error:
        if "modified by an inplace operation" in str(error):
            raise RuntimeError(f"{_CHANGED_IN_PLACE} {error}") from error
        raise
    if ctx.rounds_once is None:
        x_seq, *tensors = saved
        return x_seq if ctx.task.steps else x_seq.unsqueeze(0), None, tensors
    x_seq, scale, shift, tie, *tensors = saved
    origin = Origin(x_seq, scale, shift, tie, ctx.rounds_once)
    return (x_seq, origin, tensors) if _is_plain() else (origin.input(), None, tensors)


class _Once(torch.autograd.Function):
    """The backward pass where it is recorded itself: its own derivative comes from plain operations."""

    @staticmethod
    def forward(
        ctx: Any, arguments: tuple, again: Again | None, *tensors: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        grads, _, states, _, task, _, ctx.origin = arguments
        ctx.again, ctx.options = again, ([grad is not None for grad in grads], len(states), task.keep, task.steps)
        ctx.save_for_backward(*tensors)
        ctx.set_materialize_grads(False)
        return tuple(_backward_of(arguments))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor | None) -> tuple[Any, ...]:
        if ctx.again is None:
            raise RuntimeError(
                "a compiled call of a fused neuron has no second derivative. Use backend='torch' for the neurons "
                "through which you differentiate twice."
            )
        given, states, keep, steps = ctx.options
        inputs = list(ctx.saved_tensors)
        if ctx.origin is not None:
            inputs[sum(given)] = ctx.origin.input()
        return None, None, *second.derivative(ctx.again, inputs, given, states, keep, steps, grads)


def _is_plain() -> bool:
    return not torch.compiler.is_compiling() and not torch._C._len_torch_dispatch_stack()


def _backward_of(arguments: tuple) -> Sequence[torch.Tensor | None]:
    if _is_plain():
        return backward(*arguments)
    grads, x_seq, states, tensors, task, needed, _ = arguments
    gradients = torch.ops.spikingjelly.fused_backward(list(grads), x_seq, states, tensors, *task, list(needed))
    reached = _reached(task.program, len(states))
    return [g if n and r else None for g, n, r in zip(gradients, needed, reached, strict=True)]


def _reached(program: str, states: int) -> list[bool]:
    """Which of the input, the states and the tensors have a gradient at all."""
    return [True] * (1 + states) + [name is not None for name in loads(program).parameter_gradients]


def _with_gradient(
    x_seq: torch.Tensor, states: Tensors, tensors: Tensors, task: Task, again: Again | None = None
) -> list[torch.Tensor]:
    tensors = _cut_unless_reached(tensors, task.program)
    known = _is_plain() and torch.is_grad_enabled() and getattr(TARGETS[task.target], "TAKES_ORIGINS", False)
    origin = origin_of(x_seq if task.steps else x_seq.unsqueeze(0)) if known else None
    return list(_Fused.apply(origin, len(states), task, again, x_seq, *states, *tensors))


def _without_gradient(x_seq: torch.Tensor, states: Tensors, tensors: Tensors, task: Task) -> list[torch.Tensor]:
    if task.steps:
        return _forward_of(x_seq, states, tensors, task)
    results = _forward_of(x_seq.unsqueeze(0), states, tensors, _one_step_of(task))
    results[0].squeeze_(0)  # in place, for a view as an output could not be written to later
    return results


def _one_step_of(task: Task) -> Task:
    return Task(task.program, task.numbers, task.keep, 1, task.target)


def _forward_of(x_seq: torch.Tensor, states: Tensors, tensors: Tensors, task: Task) -> list[torch.Tensor]:
    if _is_plain():
        return forward(x_seq, states, tensors, task)
    return torch.ops.spikingjelly.fused_forward(x_seq, states, tensors, *task)


def _fake_forward(x_seq: torch.Tensor, states: Tensors, tensors: Tensors, task: Task) -> list[torch.Tensor]:
    layout = call.layout_of(x_seq)
    kept = [layout.empty_sequence(task.steps, x_seq) for _ in task.keep]
    return [layout.empty_sequence(task.steps, x_seq), *[layout.empty(x_seq) for _ in states], *kept]


def _fake_backward(
    grads: Sequence[torch.Tensor | None],
    x_seq: torch.Tensor,
    states: Tensors,
    tensors: Tensors,
    task: Task,
    needed: Sequence[bool],
) -> list[torch.Tensor]:
    layout, none = call.layout_of(x_seq), x_seq.new_empty(0)
    grad_x = layout.empty_sequence(x_seq.shape[0], x_seq) if needed[0] else none
    of_states = [layout.empty(x_seq) if n else none for n in needed[1 : 1 + len(states)]]
    names = loads(task.program).parameter_gradients
    wanted = [n and name is not None for n, name in zip(needed[1 + len(states) :], names, strict=True)]
    return [grad_x, *of_states, *[torch.empty_like(t) if w else none for t, w in zip(tensors, wanted, strict=True)]]


def _backward_without_none(grads: Sequence[torch.Tensor | None], x_seq: torch.Tensor, *rest: Any) -> list[torch.Tensor]:
    """An operator has no way to give None."""
    return [x_seq.new_empty(0) if g is None else g for g in backward(grads, x_seq, *rest)]


def _flat(function: Callable[..., list[torch.Tensor]], tensors: int) -> Callable[..., list[torch.Tensor]]:
    """``function`` with the fields of its task one by one, behind so many arguments of tensors."""
    behind = tensors + len(Task._fields)

    def flat(*arguments: Any) -> list[torch.Tensor]:
        return function(*arguments[:tensors], Task(*arguments[tensors:behind]), *arguments[behind:])

    return flat


for _name, _function, _fake, _tensors in (
    ("fused_forward", forward, _fake_forward, 3),
    ("fused_backward", _backward_without_none, _fake_backward, 4),
):
    _library.impl(_name, _flat(_function, _tensors), "CompositeExplicitAutograd")
    torch.library.register_fake(f"spikingjelly::{_name}", _flat(_fake, _tensors), lib=_library)
_library.impl("fused", _flat(_with_gradient, 3), "CompositeImplicitAutograd")
