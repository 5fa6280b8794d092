r"""A target in plain PyTorch: the loop over time forward, all slopes at once backward.

An elementwise step has a diagonal Jacobian, so that the derivatives of all time steps come from one pass of autograd
over the whole sequence, with ones as cotangents. What is left of the loop backward in time is one multiplication and
one addition for each step and state:

.. math::
    \bar v_k[t-1] = \bar s[t] \frac{\partial s[t]}{\partial v_k[t-1]}
        + \sum_j \bar v_j[t] \frac{\partial v_j[t]}{\partial v_k[t-1]}

For small layers this saves most of the time, which goes into calling operations and not into arithmetic. For large ones
the loop is better, whose time steps stay in the cache.
"""

from collections.abc import Sequence
from typing import Any

import torch

from spikingjelly.fusion.step import Step

Slopes = list[torch.Tensor | None]


def run(step: Step, x_seq: torch.Tensor, states: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Outputs ``[T, *]`` and, for each state, its values after each time step ``[T, *]``."""
    return _Sequence.apply(step, len(states), x_seq, *states, *step.parameters)


class _Sequence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, step: Step, K: int, x_seq: torch.Tensor, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        states = tensors[:K]
        results = []
        for x in x_seq.unbind(0):
            result = step.run(x, states)
            states = result[1:]
            results.append(result)
        stacked = tuple(torch.stack(column) for column in zip(*results, strict=True))
        ctx.step, ctx.K = step, K
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x_seq, *tensors[:K], *stacked[1:])
        return stacked

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor | None, *grad_states: torch.Tensor | None) -> tuple:
        if torch.is_grad_enabled():
            raise RuntimeError("backend='auto' has no second derivative: use backend='torch' with create_graph=True")
        x_seq, *saved = ctx.saved_tensors
        initial, after = saved[: ctx.K], saved[ctx.K :]
        before = [torch.cat([i.unsqueeze(0), a[:-1]]) for i, a in zip(initial, after, strict=True)]
        with torch.enable_grad():
            inputs = [tensor.detach().requires_grad_() for tensor in (x_seq, *before)]
            results = ctx.step.run(inputs[0], inputs[1:])
        # slopes[i][0] is the derivative of result i at the input, slopes[i][1 + k] that at state k
        slopes = [_slopes(result, inputs) for result in results]
        totals, grad_initial = _backward_in_time(slopes, grad_output, grad_states, len(x_seq))
        cotangents = [grad_output, *totals]
        grad_x = _combine(cotangents, [slope[0] for slope in slopes]) if ctx.needs_input_grad[2] else None
        return None, None, grad_x, *grad_initial, *_grad_parameters(ctx.step, results, cotangents)


def _slopes(result: torch.Tensor, inputs: Sequence[torch.Tensor]) -> Slopes:
    if not result.requires_grad:
        return [None] * len(inputs)
    return list(torch.autograd.grad(result, inputs, torch.ones_like(result), retain_graph=True, allow_unused=True))


def _backward_in_time(
    slopes: list[Slopes], grad_output: torch.Tensor | None, grad_states: Sequence[torch.Tensor | None], T: int
) -> tuple[list[torch.Tensor | None], list[torch.Tensor | None]]:
    """The gradients at the states after each time step ``[T, *]``, and those at the initial states."""
    K = len(grad_states)
    given = [_steps(grad, T) for grad in grad_states]
    pulled = [_steps(_combine([grad_output], [slopes[0][1 + k]]), T) for k in range(K)]
    jacobian = [[_steps(slopes[1 + j][1 + k], T) for k in range(K)] for j in range(K)]
    arriving: list[torch.Tensor | None] = [None] * K
    totals: list[list[torch.Tensor | None]] = [[None] * T for _ in range(K)]
    for t in reversed(range(T)):
        for j in range(K):
            totals[j][t] = _add(arriving[j], given[j][t])
        arriving = [pulled[k][t] for k in range(K)]
        for j in range(K):
            for k in range(K):
                arriving[k] = _add_product(arriving[k], totals[j][t], jacobian[j][k][t])
    return [_stack(total) for total in totals], arriving


def _steps(sequence: torch.Tensor | None, T: int) -> Sequence[torch.Tensor | None]:
    return [None] * T if sequence is None else sequence.unbind(0)


def _add(a: torch.Tensor | None, b: torch.Tensor | None) -> torch.Tensor | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def _add_product(total: torch.Tensor | None, a: torch.Tensor | None, b: torch.Tensor | None) -> torch.Tensor | None:
    if a is None or b is None:
        return total
    return a * b if total is None else torch.addcmul(total, a, b)


def _combine(cotangents: Sequence[torch.Tensor | None], slopes: Sequence[torch.Tensor | None]) -> torch.Tensor | None:
    total: torch.Tensor | None = None
    for cotangent, slope in zip(cotangents, slopes, strict=True):
        total = _add_product(total, cotangent, slope)
    return total


def _stack(steps: Sequence[torch.Tensor | None]) -> torch.Tensor | None:
    present = [step for step in steps if step is not None]
    if not present:
        return None
    return torch.stack([torch.zeros_like(present[0]) if step is None else step for step in steps])


def _grad_parameters(
    step: Step, results: Sequence[torch.Tensor], cotangents: Sequence[torch.Tensor | None]
) -> Sequence[torch.Tensor | None]:
    pairs = [(r, c) for r, c in zip(results, cotangents, strict=True) if r.requires_grad and c is not None]
    if not step.parameters or not pairs:
        return [None] * len(step.parameters)
    outputs, grads = zip(*pairs, strict=True)
    return torch.autograd.grad(outputs, step.parameters, grads, allow_unused=True)
