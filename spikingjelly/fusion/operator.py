"""Programs as PyTorch operators.

``spikingjelly::fused_forward`` and ``fused_backward`` compute; ``spikingjelly::fused`` is the first with its gradient,
for `torch.compile` and `torch.export`. Eager calls take the same autograd function without the way through the
dispatcher, which costs more than a small kernel.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import torch

from spikingjelly.fusion import call, eager, second
from spikingjelly.fusion.origin import Origin, origin_of
from spikingjelly.fusion.program import Program, loads
from spikingjelly.fusion.second import Again
from spikingjelly.fusion.targets import cpp, cupy, triton

TARGETS: dict[str, ModuleType] = {"cpp": cpp, "triton": triton, "cupy": cupy}

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
    if torch.is_grad_enabled() and any(t.requires_grad for t in (x_seq, *states, *tensors)):
        return _with_gradient(x_seq, states, tensors, program, numbers, keep, steps, target, again)
    return _without_gradient(x_seq, states, tensors, program, numbers, keep, steps, target)


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
        program: str,
        numbers: Sequence[float],
        keep: Sequence[int],
        steps: int,
        target: str,
        again: Again | None,
        x_seq: torch.Tensor,
        *tensors: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        ctx.K, ctx.is_step, ctx.options = K, steps == 0, (program, numbers, keep, steps or 1, target)
        ctx.again, ctx.rounds_once = again, None if origin is None else origin.rounds_once
        ctx.save_for_backward(*((x_seq,) if origin is None else origin[:4]), *tensors)
        ctx.set_materialize_grads(False)
        results = _without_gradient(x_seq, tensors[:K], tensors[K:], program, numbers, keep, steps, target)
        smooth = loads(program).smooth
        if not all(smooth):
            smooth = (*smooth, *[smooth[1 + k] for k in keep])
            ctx.mark_non_differentiable(*[result for result, has in zip(results, smooth, strict=True) if not has])
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor | None) -> tuple[Any, ...]:
        x_seq, origin, tensors = _kept(ctx)
        if ctx.is_step:
            of_y, *of_states = grads
            grads = (None if of_y is None else of_y.unsqueeze(0), *of_states)
        K = ctx.K
        arguments = (grads, x_seq, tensors[:K], tensors[K:], *ctx.options, ctx.needs_input_grad[8:], origin)
        if torch.is_grad_enabled():
            of_graph = x_seq if origin is None else origin.tie
            gradients = _Once.apply(arguments, ctx.again, *[t for t in (*grads, of_graph, *tensors) if t is not None])
        else:
            gradients = _backward_of(arguments)
        if ctx.is_step and gradients[0] is not None:
            gradients = gradients[0].squeeze(0), *gradients[1:]
        return *[None] * 8, *gradients


def _kept(ctx: Any) -> tuple[torch.Tensor, Origin | None, list[torch.Tensor]]:
    """The input ``[T, *]``, or the origin and its tensor in place of the input; states and parameters."""
    if ctx.rounds_once is None:
        x_seq, *tensors = ctx.saved_tensors
        return x_seq.unsqueeze(0) if ctx.is_step else x_seq, None, tensors
    x_seq, scale, shift, tie, *tensors = ctx.saved_tensors
    origin = Origin(x_seq, scale, shift, tie, ctx.rounds_once)
    return (x_seq, origin, tensors) if _is_plain() else (origin.input(), None, tensors)


class _Once(torch.autograd.Function):
    """The backward pass where it is recorded itself: its own derivative comes from plain operations."""

    @staticmethod
    def forward(
        ctx: Any, arguments: tuple, again: Again | None, *tensors: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        grads, _, states, _, _, _, keep, steps, _, _, ctx.origin = arguments
        ctx.again, ctx.options = again, ([grad is not None for grad in grads], len(states), keep, steps)
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
        return _backward(*arguments)
    grads, x_seq, states, tensors, program, *options, needed, _ = arguments
    gradients = torch.ops.spikingjelly.fused_backward(
        list(grads), x_seq, states, tensors, program, *options, list(needed)
    )
    reached = _reached(program, len(states))
    return [g if n and r else None for g, n, r in zip(gradients, needed, reached, strict=True)]


def _reached(program: str, states: int) -> list[bool]:
    """Which of the input, the states and the tensors have a gradient at all."""
    return [True] * (1 + states) + [name is not None for name in loads(program).parameter_gradients]


def _with_gradient(
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
    tensors = _cut_unless_reached(tensors, program)
    known = _is_plain() and torch.is_grad_enabled() and getattr(TARGETS[target], "TAKES_ORIGINS", False)
    origin = origin_of(x_seq if steps else x_seq.unsqueeze(0)) if known else None
    options = (len(states), program, numbers, keep, steps, target, again)
    return list(_Fused.apply(origin, *options, x_seq, *states, *tensors))


def _without_gradient(
    x_seq: torch.Tensor,
    states: Sequence[torch.Tensor],
    tensors: Sequence[torch.Tensor],
    program: str,
    numbers: Sequence[float],
    keep: Sequence[int],
    steps: int,
    target: str,
) -> list[torch.Tensor]:
    function = _forward if _is_plain() else torch.ops.spikingjelly.fused_forward
    if steps:
        return function(x_seq, states, tensors, program, numbers, keep, steps, target)
    results = function(x_seq.unsqueeze(0), states, tensors, program, numbers, keep, 1, target)
    results[0].squeeze_(0)  # in place, for a view as an output could not be written to later
    return results


def _forward(
    x_seq: torch.Tensor,
    states: Sequence[torch.Tensor],
    tensors: Sequence[torch.Tensor],
    program: str,
    numbers: Sequence[float],
    keep: Sequence[int],
    steps: int,
    target: str,
) -> list[torch.Tensor]:
    layout, T, dtype = call.known_layout_of(x_seq), steps, x_seq.dtype
    y = layout.empty_sequence(T, x_seq)
    finals = [layout.empty(x_seq) for _ in states]
    trajectories = {k: layout.empty_sequence(T, x_seq) for k in keep}
    if layout.N:
        uniforms, _ = call.uniforms(loads(program), tensors, layout, call.registers(dtype), x_seq.device)
        TARGETS[target].forward(
            program,
            numbers,
            call.sequence(x_seq, layout),
            [call.state(state, layout, dtype) for state in states],
            uniforms,
            y,
            finals,
            [trajectories.get(k) for k in range(len(states))],
        )
    return [y, *finals, *trajectories.values()]


def _backward(
    grads: Sequence[torch.Tensor | None],
    x_seq: torch.Tensor,
    states: Sequence[torch.Tensor],
    tensors: Sequence[torch.Tensor],
    program: str,
    numbers: Sequence[float],
    keep: Sequence[int],
    steps: int,
    target: str,
    needed: Sequence[bool],
    origin: Origin | None = None,
) -> list[torch.Tensor | None]:
    """Gradients at the input, the states and the tensors; None where there is none or it is not needed."""
    layout, parsed, K = call.known_layout_of(x_seq), loads(program), len(states)
    T, dtype = steps, x_seq.dtype
    registers = call.registers(dtype)
    # Of an input that is the same in all time steps the gradient is the sum over them, which not every target takes.
    repeated = x_seq.shape[0] != T and not getattr(TARGETS[target], "SUMS_OVER_TIME", False)
    grad_x = layout.empty_sequence(T if repeated else x_seq.shape[0], x_seq) if needed[0] else None
    grad_states = [layout.empty(x_seq) if n else None for n in needed[1 : 1 + K]]
    sums = [layout.empty(x_seq, registers) for _ in parsed.sums]
    uniforms, values = call.uniforms(parsed, tensors, layout, registers, x_seq.device)
    if layout.N:
        kept = {k: call.sequence(g, layout) for k, g in zip(keep, grads[1 + K :], strict=True) if g is not None}
        TARGETS[target].backward(
            program,
            numbers,
            call.sequence(x_seq, layout),
            [call.state(state, layout, dtype) for state in states],
            uniforms,
            _or_zeros(grads[0], x_seq, layout),
            [None if g is None else call.dense(g, layout) for g in grads[1 : 1 + K]],
            [kept.get(k) for k in range(K)],
            T,
            layout.N,
            grad_x,
            grad_states,
            sums,
            **_scaling(origin, layout),
        )
    if grad_x is not None and repeated:
        grad_x = grad_x.sum(0, keepdim=True)
    shaped = [None if g is None else _reduced(g, s) for g, s in zip(grad_states, states, strict=True)]
    values.update({f"a{number}": total for number, total in enumerate(sums)})
    return [grad_x, *shaped, *_parameter_gradients(parsed, tensors, values, needed[1 + K :], x_seq.device)]


def _scaling(origin: Origin | None, layout: call.Layout) -> dict[str, Any]:
    if origin is None:
        return {}
    scale, shift = call.uniform(origin.scale, layout), origin.shift
    alike = scale.tensor.numel() == shift.numel()
    other = call.UniformView(shift, scale.count, scale.inner) if alike else call.uniform(shift, layout)
    return {"scaling": (scale, other, origin.rounds_once)}


def _parameter_gradients(
    program: Program,
    tensors: Sequence[torch.Tensor],
    values: dict[str, torch.Tensor],
    needed: Sequence[bool],
    device: torch.device,
) -> list[torch.Tensor | None]:
    if not tensors:
        return []
    names = [n if wanted else None for n, wanted in zip(program.parameter_gradients, needed, strict=True)]
    eager.run(program.eager, names, values, device)
    return [
        None if name is None else values[name].to(tensor.dtype) for name, tensor in zip(names, tensors, strict=True)
    ]


def _or_zeros(grad: torch.Tensor | None, x_seq: torch.Tensor, layout: call.Layout) -> call.SequenceView:
    if grad is None:
        return call.SequenceView(layout.empty(x_seq).zero_(), 0)
    return call.sequence(grad, layout)


def _reduced(grad: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    """The gradient at a state that was broadcast to all neurons."""
    return grad.sum_to_size(state.shape) if grad.shape != state.shape else grad


def _fake_forward(
    x_seq: torch.Tensor,
    states: Sequence[torch.Tensor],
    tensors: Sequence[torch.Tensor],
    program: str,
    numbers: Sequence[float],
    keep: Sequence[int],
    steps: int,
    target: str,
) -> list[torch.Tensor]:
    layout, T = call.layout_of(x_seq), steps
    kept = [layout.empty_sequence(T, x_seq) for _ in keep]
    return [layout.empty_sequence(T, x_seq), *[layout.empty(x_seq) for _ in states], *kept]


def _fake_backward(
    grads: Sequence[torch.Tensor | None],
    x_seq: torch.Tensor,
    states: Sequence[torch.Tensor],
    tensors: Sequence[torch.Tensor],
    program: str,
    numbers: Sequence[float],
    keep: Sequence[int],
    steps: int,
    target: str,
    needed: Sequence[bool],
) -> list[torch.Tensor]:
    layout, none = call.layout_of(x_seq), x_seq.new_empty(0)
    grad_x = layout.empty_sequence(x_seq.shape[0], x_seq) if needed[0] else none
    of_states = [layout.empty(x_seq) if n else none for n in needed[1 : 1 + len(states)]]
    names = loads(program).parameter_gradients
    wanted = [n and name is not None for n, name in zip(needed[1 + len(states) :], names, strict=True)]
    return [grad_x, *of_states, *[torch.empty_like(t) if w else none for t, w in zip(tensors, wanted, strict=True)]]


def _backward_without_none(
    grads: Sequence[torch.Tensor | None], x_seq: torch.Tensor, *others: Any
) -> list[torch.Tensor]:
    """An operator has no way to give None."""
    return [x_seq.new_empty(0) if g is None else g for g in _backward(grads, x_seq, *others)]


for _name, _function, _fake in (
    ("fused_forward", _forward, _fake_forward),
    ("fused_backward", _backward_without_none, _fake_backward),
):
    _library.impl(_name, _function, "CompositeExplicitAutograd")
    torch.library.register_fake(f"spikingjelly::{_name}", _fake, lib=_library)
_library.impl("fused", _with_gradient, "CompositeImplicitAutograd")
