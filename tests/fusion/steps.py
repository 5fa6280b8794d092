"""Steps that are plain functions, through the engine and in a loop of PyTorch."""

import itertools
from collections.abc import Callable, Sequence

import torch

from spikingjelly.fusion import dispatch, operator
from spikingjelly.fusion.step import Step

Run = Callable[[torch.Tensor, Sequence[torch.Tensor], Sequence[torch.Tensor]], tuple[torch.Tensor, ...]]
_numbers = itertools.count()


def step_of(run: Run, tensors: Sequence[torch.Tensor] = ()) -> Step:
    """A step that shares its plan with no other."""
    return Step(run, tuple(tensors), ("a step of the tests", next(_numbers)), "Test")


def plan_of(step: Step, x_seq: torch.Tensor, states: int) -> tuple[str, tuple[float, ...]]:
    plan = dispatch.plan_of(step, x_seq[0], states)
    assert not isinstance(plan, dispatch.Refusal), plan.reason
    return plan


def reason_of(run: Run, x_seq: torch.Tensor, states: int = 1, tensors: Sequence[torch.Tensor] = ()) -> str:
    """Why there is no kernel for ``run``."""
    plan = dispatch.plan_of(step_of(run, tensors), x_seq[0], states)
    assert isinstance(plan, dispatch.Refusal), "it should be refused"
    return plan.reason


def in_loop(
    run: Run, x_seq: torch.Tensor, states: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor] = ()
) -> list[torch.Tensor]:
    """Outputs over time, states after the last step, states over time."""
    outputs, over_time, now = [], [], list(states)
    for x in x_seq:
        y, *now = run(x, now, tensors)
        outputs.append(y)
        over_time.append(now)
    return [torch.stack(outputs), *now, *[torch.stack(values) for values in zip(*over_time, strict=True)]]


def in_kernel(
    step: Step, x_seq: torch.Tensor, states: Sequence[torch.Tensor], target: str = "cpp"
) -> list[torch.Tensor]:
    """The same as :func:`in_loop` from a target."""
    plan = plan_of(step, x_seq, len(states))
    return operator.run(x_seq, states, step.tensors, *plan, list(range(len(states))), len(x_seq), target)
