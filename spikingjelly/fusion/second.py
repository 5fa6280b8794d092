"""The derivative of a backward pass: the steps once more as plain operations, differentiated twice by autograd."""

from collections.abc import Callable, Sequence

import torch

from spikingjelly.fusion.step import Tensors

Again = Callable[[torch.Tensor, Tensors, Tensors], tuple[torch.Tensor, ...]]


def derivative(
    again: Again,
    inputs: Sequence[torch.Tensor],
    given: Sequence[bool],
    states: int,
    keep: Sequence[int],
    steps: int,
    grad_grads: Sequence[torch.Tensor | None],
) -> tuple[torch.Tensor | None, ...]:
    """The gradients of ``inputs`` from those of the first gradients.

    :param again: one time step, as :attr:`Step.run`
    :param inputs: the gradients of the results that had one, the sequence, the states, the tensors of the step
    :param given: for each result whether it had a gradient
    :param states: number of states
    :param keep: states whose values after each step were results
    :param grad_grads: of the gradients of the sequence, of the states and of the tensors
    """
    with torch.enable_grad():
        fresh = [t.detach().requires_grad_(t.is_floating_point()) for t in inputs]
        grads, (x_seq, *rest) = fresh[: sum(given)], fresh[sum(given) :]
        results = _results(again, x_seq, rest[:states], rest[states:], keep, steps)
        reached = [
            (r, g) for r, g in zip((r for r, has in zip(results, given, strict=True) if has), grads, strict=True)
        ]
        reached = [(result, grad) for result, grad in reached if result.requires_grad]
        wanted = [t for t in (x_seq, *rest) if t.requires_grad]
        first = iter(_gradients([r for r, _ in reached], wanted, [g for _, g in reached], create_graph=True))
        firsts = [next(first) if t.requires_grad else None for t in (x_seq, *rest)]
        pairs = [(f, gg) for f, gg in zip(firsts, grad_grads, strict=True) if f is not None and gg is not None]
        pairs = [(f, gg) for f, gg in pairs if f.requires_grad]
        leaves = [t for t in fresh if t.requires_grad]
        second = iter(_gradients([f for f, _ in pairs], leaves, [gg for _, gg in pairs]))
    return tuple(next(second) if t.requires_grad else None for t in fresh)


def _gradients(
    outputs: Sequence[torch.Tensor],
    inputs: Sequence[torch.Tensor],
    grads: Sequence[torch.Tensor],
    create_graph: bool = False,
) -> Sequence[torch.Tensor | None]:
    if not outputs:
        return [None] * len(inputs)
    return torch.autograd.grad(outputs, inputs, grads, create_graph=create_graph, allow_unused=True)


def _results(
    again: Again, x_seq: torch.Tensor, states: Tensors, tensors: Tensors, keep: Sequence[int], steps: int
) -> list[torch.Tensor]:
    outputs, after = [], []
    for t in range(steps):
        output, *states = again(x_seq[t if x_seq.shape[0] == steps else 0], states, tensors)
        outputs.append(output)
        after.append(states)
    return [torch.stack(outputs), *states, *[torch.stack([values[k] for values in after]) for k in keep]]
