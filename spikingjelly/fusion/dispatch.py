"""The door of the engine: who runs a module over time, or why its own loop has to."""

from collections.abc import Callable, Hashable, Sequence

import torch

from spikingjelly._transforms import is_transformed
from spikingjelly.fusion import call, numbers, operator, trace
from spikingjelly.fusion.choice import announce, prepare, say_once, target_for
from spikingjelly.fusion.memory import nothing_kept
from spikingjelly.fusion.origin import may_be_asked, may_have_origin
from spikingjelly.fusion.program import Program
from spikingjelly.fusion.step import Refusal, Step, Unfusable
from spikingjelly.fusion.task import TARGETS

__all__ = [
    "Refusal",
    "Step",
    "Unfusable",
    "announce",
    "find_runner",
    "may_be_asked",
    "may_have_origin",
    "nothing_kept",
    "say_once",
    "source",
    "too_small",
]

_plans: dict[Hashable, tuple[str, tuple[float, ...]] | Refusal] = {}

Runner = Callable[[torch.Tensor, Sequence[torch.Tensor], Sequence[int], int], list[torch.Tensor]]

# Elements of a call from which 'auto' uses a kernel, by the number of time steps: a kernel is one call of Python, the
# loop several for each step. `python -m benchmarks neuron` prints the table.
SMALLEST = {1: 1 << 14, 2: 1 << 10}
_TRANSFORMS = Refusal(
    "the transforms of torch.func (grad, vmap, jacrev, ...) and derivatives in forward mode take plain operations, not "
    "a kernel"
)
_CLASSES = frozenset({torch.Tensor, torch.nn.Parameter})
_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def too_small(backend: str, T: int, elements: int) -> bool:
    """Whether 'auto' leaves a call of so few ``elements`` in ``T`` time steps to the loop, which needs no compiler."""
    return backend == "auto" and elements < SMALLEST.get(T, 1)


def find_runner(backend: str, lift: Callable[[], Step], x: torch.Tensor, states: int) -> Runner | Refusal:
    """Who runs a step over sequences of inputs like ``x`` ``[*]``.

    A runner takes ``(x_seq, initial_states, keep, T)`` and gives the output ``[T, *]``, the states after the last time
    step ``[*]``, and the states with the numbers ``keep`` after each time step ``[T, *]``. Its ``x_seq`` may be
    ``[1, *]`` for an input that is the same in all time steps. With T = 0 it takes the input of one time step ``[*]``,
    and gives its output ``[*]``.
    """
    step = lift()
    plan = planned(backend, step, x, states, x.device)
    if isinstance(plan, Refusal):
        return plan
    program, constants, target = plan

    def run(x_seq: torch.Tensor, initial: Sequence[torch.Tensor], keep: Sequence[int], T: int) -> list[torch.Tensor]:
        return operator.run(x_seq, initial, step.tensors, program, constants, keep, T, target, step.again)

    return run


def planned(
    backend: str, step: Step, x: torch.Tensor, states: int, device: torch.device
) -> tuple[str, tuple[float, ...], str] | Refusal:
    """Program, numbers and target for inputs like ``x`` ``[*]`` on ``device``; the kernels are built."""
    if is_transformed():
        return _TRANSFORMS
    other = next((type(t) for t in (x, *step.tensors) if type(t) not in _CLASSES), None)
    if other is not None and not torch._C._len_torch_dispatch_stack():  # modes make tensors of their own
        return Refusal(f"tensors of the class {other.__name__} take plain operations, not a kernel")
    if x.dtype not in _DTYPES:
        return Refusal(f"kernels compute float64, float32, float16 and bfloat16, not {x.dtype}")
    target = target_for(backend, device)
    if isinstance(target, Refusal):
        return target
    plan = plan_of(step, x, states, device.type)
    if isinstance(plan, Refusal):
        return plan
    return prepare(target, plan[0], x.dtype) or (*plan, target)


def source(backend: str, lift: Callable[[], Step], x: torch.Tensor, states: int) -> str | Refusal:
    """The source text that runs a step on inputs like ``x`` ``[*]``."""
    step = lift()
    target = backend if backend in TARGETS else target_for(backend, x.device)
    if isinstance(target, Refusal):
        return target
    plan = plan_of(step, x, states, "cpu" if target == "cpp" else "cuda")
    if isinstance(plan, Refusal):
        return plan
    numbers_of_it = ", ".join(f"c{number} = {value!r}" for number, value in enumerate(plan[1]))
    title = f"{step.name}{' with ' if numbers_of_it else ''}{numbers_of_it}"
    return TARGETS[target].source(plan[0], x.dtype, title)


def plan_of(
    step: Step, x: torch.Tensor, states: int, device_type: str = "cpu"
) -> tuple[str, tuple[float, ...]] | Refusal:
    """The program of ``step`` as text and its numbers; kept for later inputs ``x`` ``[*]`` of this shape and dtype."""
    shape, dtype = x.shape, call.registers(x.dtype)
    key = (step.key, shape, dtype, states, device_type)
    plan = _plans.get(key)
    if plan is None:
        if len(_plans) > 10_000:
            _plans.clear()
        program = trace.trace(step, shape, dtype, states, device_type)
        plan = _plans[key] = program if isinstance(program, Refusal) else _written(program)
    return plan


def _written(program: Program) -> tuple[str, tuple[float, ...]]:
    program, constants = numbers.extract(program)
    return program.dumps(), constants
