"""The way into the engine under `torch.compile`: the plan is made while the graph is, and is a constant in it.

What the plan was made from is compared with its value then, in code that the compiler sees: a change of it, and nothing
else, compiles anew. Another batch or number of time steps does not.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch.utils._python_dispatch import _disable_current_modes

from spikingjelly._torch_version import is_older_than, needs
from spikingjelly.activation_based.neuron._lift import (
    OtherStates,
    places_of,
    plain_attributes_of,
    plain_memories_of,
    states_of,
    step_of,
)
from spikingjelly.fusion import dispatch

# A function whose result is a constant of the graph takes a module as its argument only since then.
_TAKES_MODULES: bool = not is_older_than("2.12")

_Plan = tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, Any], ...], str, tuple[float, ...], str]
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _constant(function: _Function) -> _Function:
    """`torch.compiler.assume_constant_result` without importing the compiler, which takes a second."""
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


def run_sequence(module: Any, x_seq: torch.Tensor, keep: str | None) -> torch.Tensor | None:
    """As in eager mode; the size of the work does not matter, as the compiler would unroll the loop."""
    if not _TAKES_MODULES:
        _say_that_the_loop_runs()
        return None
    _compare(module, _plain_attributes(module))
    plan = _plan(module, x_seq.dtype, x_seq.device, x_seq.dim() - 1)
    if plan is None:
        return None
    names, paths, constants, program, numbers, target = plan
    _compare(module, constants)
    states = [_state(getattr(module, name), x_seq) for name in names]
    tensors = [_attribute_at(module, path) for path in paths]
    kept = [] if keep is None else [names.index(keep)]
    output, *after = torch.ops.spikingjelly.fused(
        x_seq, states, tensors, program, list(numbers), kept, x_seq.shape[0], target
    )
    for name, value in zip(names, after[: len(names)], strict=True):
        setattr(module, name, value)
    if keep is not None:
        module.v_seq = after[-1]
    return output


def _compare(module: Any, constants: tuple[tuple[str, Any], ...]) -> None:
    """Look at what the plan was made from, so that the compiler guards it."""
    for path, value in constants:
        if _attribute_at(module, path) != value:
            raise RuntimeError(
                f"{type(module).__name__}: {path} was changed by another thread while the graph was made. Compile "
                "again, and leave the module alone until its first call has returned."
            )


def _attribute_at(module: Any, path: str) -> Any:
    for name in path.split("."):
        module = getattr(module, name)
    return module


def _state(value: Any, x_seq: torch.Tensor) -> torch.Tensor:
    return value if isinstance(value, torch.Tensor) else x_seq.new_full((), value).expand(x_seq.shape[1:])


@_constant
def _say_that_the_loop_runs() -> bool:
    dispatch.say_once(f"{needs('torch.compile with the kernels of neurons', '2.12')}. It unrolls the loop over time.")
    return True


@_constant
def _plain_attributes(module: Any) -> tuple[tuple[str, Any], ...]:
    return plain_attributes_of(module)


@_constant
def _plan(module: Any, dtype: torch.dtype, device: torch.device, dims: int) -> _Plan | None:
    """Names of states, paths of tensors, constant memories, program, numbers, target; None: the loop has to run."""
    refusal = dispatch.Refusal("")
    for shape in _shapes(module, dims):
        with _disable_current_modes():
            plan = _plan_for(module, torch.empty(shape, dtype=dtype, device="meta"), device)
        if not isinstance(plan, dispatch.Refusal):
            return plan
        refusal = plan
    dispatch.announce(module.backend, refusal)
    return None


def _plan_for(module: Any, x: torch.Tensor, device: torch.device) -> _Plan | dispatch.Refusal:
    numbers: list[str] = []
    while True:
        names = states_of(module) + numbers
        try:
            step = step_of(module, names)
            plan = dispatch.planned(module.backend, step, x, len(names), device)
        except OtherStates as other:
            numbers += other.numbers
            continue
        if isinstance(plan, dispatch.Refusal):
            return plan
        constants = plain_memories_of(module, names)
        return tuple(names), tuple(path for path, _ in places_of(module, names)), constants, *plan


def _shapes(module: Any, dims: int) -> list[tuple[int, ...]]:
    """Shapes of a time step that the module may be built for: its tensors broadcast from the right, or by channel.

    A size that is not the module's own is unknown here and plays no part in the plan.
    """
    tensors = [tensor for _, tensor in places_of(module, states_of(module))]
    unknown = next(size for size in range(2, 100) if all(size not in tensor.shape for tensor in tensors))
    right, channels = [unknown] * dims, [unknown] * dims
    for tensor in tensors:
        for offset, size in enumerate(reversed(tensor.shape)):
            if size > 1 and offset < dims:
                right[-1 - offset] = size
        if tensor.dim() == 1 and dims > 1:
            channels[1] = tensor.shape[0]
    return [tuple(right), tuple(channels)] if right != channels else [tuple(right)]
