"""A module's own loop against a target for GPUs: outputs, states and gradients side by side."""

import functools
from collections.abc import Callable, Sequence

import torch
from torch import nn

from spikingjelly.activation_based.neuron._lift import step_of
from spikingjelly.fusion import dispatch, operator

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-6}
# Of gradients at parameters: sums over all neurons and time steps, of which most may cancel.
TOLERANCE_OF_SUMS = {torch.float64: 1e-12, torch.float32: 1e-5}
Plan = tuple[str, tuple[float, ...]]
Run = Callable[[nn.Module, torch.Tensor, Sequence[torch.Tensor]], list[torch.Tensor]]


def state_names(node: nn.Module, x: torch.Tensor) -> list[str]:
    """The memories that are states of a time step, which ``x`` is; they become tensors with their reset values."""
    node.reset()
    numbers = {name: value for name, value in node.named_memories() if isinstance(value, float)}
    for name, value in numbers.items():
        setattr(node, name, torch.full_like(x, value))
    return list(numbers)


def plan_of(node: nn.Module, x_seq: torch.Tensor) -> Plan | dispatch.Refusal:
    names = state_names(node, x_seq[0])
    step = step_of(node, names)
    return step if isinstance(step, dispatch.Refusal) else dispatch.plan_of(step, x_seq[0], len(names))


def in_loop(node: nn.Module, x_seq: torch.Tensor, states: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Outputs over time, states after the last step, states over time."""
    names = state_names(node, x_seq[0])
    for name, value in zip(names, states, strict=True):
        setattr(node, name, value)
    outputs, over_time = [], []
    for x in x_seq:
        outputs.append(node.single_step_forward(x))
        over_time.append([getattr(node, name) for name in names])
    trajectories = [torch.stack(values) for values in zip(*over_time, strict=True)]
    return [torch.stack(outputs), *over_time[-1], *trajectories]


def on_target(target: str, node: nn.Module, x_seq: torch.Tensor, states: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The same as :func:`in_loop` from the kernels of ``target``."""
    plan = plan_of(node, x_seq)
    assert not isinstance(plan, dispatch.Refusal), plan.reason
    names = state_names(node, x_seq[0])
    step = step_of(node, names)
    return operator.run(x_seq, states, step.tensors, *plan, list(range(len(names))), len(x_seq), target)


on_device: Run = functools.partial(on_target, "cupy")


def initial(node: nn.Module, x: torch.Tensor, seed: int | None) -> list[torch.Tensor]:
    """Initial states for a step ``x``: one number for all neurons, or drawn with ``seed``."""
    names = state_names(node, x)
    if seed is None:
        return [getattr(node, name).flatten()[0].detach().clone().expand(x.shape) for name in names]
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(x.shape, generator=generator, dtype=torch.float64).to(x) - 0.3 for _ in names]


def gradients(
    outputs: Sequence[torch.Tensor], weights: Sequence[torch.Tensor | None], leaves: Sequence[torch.Tensor]
) -> list[torch.Tensor]:
    """Of the weighted sum of ``outputs`` at ``leaves``; an output without weight has no gradient."""
    total = sum((o * w).sum() for o, w in zip(outputs, weights, strict=True) if w is not None)
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    return [torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)]


def assert_close(actual: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    """Up to ``tolerance`` of the largest value."""
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    scale = expected.detach().abs().max().clamp(min=1.0)
    torch.testing.assert_close(actual / scale, expected / scale, rtol=0.0, atol=tolerance)


def assert_same(
    node: nn.Module,
    x_seq: torch.Tensor,
    *,
    seed: int | None = None,
    weighted: Sequence[int] | None = None,
    run: Run = on_device,
) -> None:
    """Equal spikes; states and gradients equal up to rounding.

    :param seed: for initial states; without, all neurons have the module's own
    :param weighted: numbers of the outputs that have a gradient (0 is ``y``, then final states, then states over time);
        all of them by default
    :param run: the way that is compared with the loop
    """
    expected, actual = (everything(way, node, x_seq, seed, weighted) for way in (in_loop, run))
    parameters = len(list(node.parameters()))
    if set(expected[0].unique().tolist()) <= {0.0, 1.0}:
        assert torch.equal(actual[0], expected[0])
    for number, (one, other) in enumerate(zip(actual, expected, strict=True)):
        is_sum = number >= len(expected) - parameters
        assert_close(one, other, (TOLERANCE_OF_SUMS if is_sum else TOLERANCE)[x_seq.dtype])


def everything(
    run: Run, node: nn.Module, x_seq: torch.Tensor, seed: int | None, weighted: Sequence[int] | None
) -> list[torch.Tensor]:
    """Outputs, then gradients at the input, the states if they were drawn, and the parameters."""
    states = initial(node, x_seq[0], seed)
    if seed is not None:
        states = [state.requires_grad_() for state in states]
    x = x_seq.detach().requires_grad_()
    outputs = run(node, x, states)
    generator = torch.Generator().manual_seed(7)
    weights = [torch.randn(o.shape, generator=generator, dtype=torch.float64).to(o) for o in outputs]
    chosen = [w if weighted is None or k in weighted else None for k, w in enumerate(weights)]
    leaves = [x, *[state for state in states if state.requires_grad], *node.parameters()]
    return [*[o.detach() for o in outputs], *gradients(outputs, chosen, leaves)]
