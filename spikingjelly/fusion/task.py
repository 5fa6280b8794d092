"""What the operators compute: memory for the results, tensors in the form of the targets, and a call of the kernel."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import torch

from spikingjelly.fusion import call, eager
from spikingjelly.fusion.origin import Origin
from spikingjelly.fusion.program import Program, loads
from spikingjelly.fusion.step import Tensors
from spikingjelly.fusion.targets import cpp, cupy, triton

TARGETS: dict[str, ModuleType] = {"cpp": cpp, "triton": triton, "cupy": cupy}


class Task(NamedTuple):
    """What a call computes, as the operators take it behind their tensors.

    :param program: as :meth:`Program.dumps` writes it
    :param numbers: of the program
    :param keep: states whose values after each time step are results
    :param steps: T; 0 for a single time step without the dimension of time
    :param target: a name in ``TARGETS``
    """

    program: str
    numbers: Sequence[float]
    keep: Sequence[int]
    steps: int
    target: str


def forward(x_seq: torch.Tensor, states: Tensors, tensors: Tensors, task: Task) -> list[torch.Tensor]:
    """Outputs, states after the last time step and the states that are kept, for a task with ``steps`` of 1 or more."""
    program, numbers, keep, T, target = task
    layout, dtype = call.known_layout_of(x_seq), x_seq.dtype
    y = layout.empty_sequence(T, x_seq)
    finals = [layout.empty(x_seq) for _ in states]
    trajectories = {k: layout.empty_sequence(T, x_seq) for k in keep}
    if layout.N:
        uniforms, _ = call.uniforms(loads(program), tensors, layout, call.registers(dtype), x_seq.device)
        TARGETS[target].forward(
            program,
            numbers,
            call.sequence(x_seq, layout),
            [call.state(state, layout, dtype, x_seq.device) for state in states],
            uniforms,
            y,
            finals,
            [trajectories.get(k) for k in range(len(states))],
        )
    return [y, *finals, *trajectories.values()]


def backward(
    grads: Sequence[torch.Tensor | None],
    x_seq: torch.Tensor,
    states: Tensors,
    tensors: Tensors,
    task: Task,
    needed: Sequence[bool],
    origin: Origin | None = None,
) -> list[torch.Tensor | None]:
    """Gradients at the input, the states and the tensors; None where there is none or it is not needed."""
    program, numbers, keep, T, target = task
    layout, parsed, K, dtype = call.known_layout_of(x_seq), loads(program), len(states), x_seq.dtype
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
            [call.state(state, layout, dtype, x_seq.device) for state in states],
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
