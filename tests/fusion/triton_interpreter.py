"""Runs modules through the Triton target in Triton's interpreter, and compares with their own loop."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from spikingjelly.activation_based.neuron._lift import step_of
from spikingjelly.fusion import dispatch, operator
from tests.fusion.cuda_compare import assert_close, gradients, in_loop, initial, state_names

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-6}
# Of gradients at parameters: sums over all neurons and time steps, of which most may cancel.
TOLERANCE_OF_SUMS = {torch.float64: 1e-12, torch.float32: 1e-5}


@contextmanager
def interpreter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Triton interprets what is generated from now on, and memory that no kernel has written is NaN."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TRITON_INTERPRET", "1")
            assert torch.empty(2).isnan().all()
            assert torch.empty_strided((2,), (1,)).isnan().all()
            yield
    finally:
        torch.use_deterministic_algorithms(before)


def in_triton(node: nn.Module, x_seq: torch.Tensor, states: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Outputs over time, states after the last step, states over time."""
    names = state_names(node, x_seq[0])
    step = step_of(node, names)
    assert isinstance(step, dispatch.Step), step.reason
    plan = dispatch.plan_of(step, x_seq[0], len(names))
    assert not isinstance(plan, dispatch.Refusal), plan.reason
    return operator.run(x_seq, states, step.tensors, *plan, list(range(len(names))), len(x_seq), "triton")


def assert_same(
    node: nn.Module, x_seq: torch.Tensor, *, seed: int | None = None, weighted: Sequence[int] | None = None
) -> None:
    """Equal spikes; states and gradients equal up to rounding.

    :param seed: for initial states; without, all neurons have the module's own
    :param weighted: numbers of the outputs that have a gradient (0 is ``y``, then final states, then states over time);
        all of them by default
    """
    found = []
    for run in (in_loop, in_triton):
        states = initial(node, x_seq[0], seed)
        leaves = [x_seq.detach().requires_grad_(), *[s.requires_grad_() for s in states if seed is not None]]
        outputs = run(node, leaves[0], states)
        generator = torch.Generator().manual_seed(7)
        weights = [torch.randn(o.shape, generator=generator, dtype=torch.float64).to(o) for o in outputs]
        chosen = [w if weighted is None or k in weighted else None for k, w in enumerate(weights)]
        leaves += node.parameters()
        found.append([*[o.detach() for o in outputs], *gradients(outputs, chosen, leaves)])
    expected, actual = found
    if set(expected[0].unique().tolist()) <= {0.0, 1.0}:
        assert torch.equal(actual[0], expected[0])
    first_sum = len(expected) - len(list(node.parameters()))
    for number, (one, other) in enumerate(zip(actual, expected, strict=True)):
        assert_close(one, other, (TOLERANCE_OF_SUMS if number >= first_sum else TOLERANCE)[x_seq.dtype])
