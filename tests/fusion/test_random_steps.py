"""Neurons that nobody wrote: random expressions of input, states and parameters, in a kernel and in the loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikingjelly.activation_based import surrogate
from tests.fusion.steps import Run, in_kernel, in_loop, step_of

F64 = torch.float64
Expression = tuple[Any, ...]
Values = dict[str, torch.Tensor]

# Bounded, so that nothing grows from step to step and no rounding is amplified by more than a little.
UNARY: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh": torch.tanh,
    "sin": torch.sin,
    "sigmoid": torch.sigmoid,
    "atan": torch.atan,
    "erf": torch.erf,
    "exp(-x^2)": lambda a: (-a * a).exp(),
    "1/(1+x^2)": lambda a: 1.0 / (1.0 + a * a),
    "sqrt(1+x^2)": lambda a: (1.0 + a**2).sqrt().log(),
    "softplus": lambda a: torch.nn.functional.softplus(a.clamp(-3.0, 3.0), 2.0),
    "leaky": lambda a: torch.nn.functional.leaky_relu(a, 0.2).clamp(-2.0, 2.0),
    "abs": lambda a: a.abs().clamp_max(2.0),
    "spike": lambda a: surrogate.ATan(alpha=2.0)(a - 0.4),
    "sharp spike": lambda a: surrogate.PiecewiseQuadratic(alpha=1.5)(a - 0.2),
    "detached": lambda a: a.detach().tanh(),
    "in place": lambda a: (a * 0.5).add_(0.1).tanh_(),
}
BINARY: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "mean": lambda a, b: 0.5 * (a + b),
    "difference": lambda a, b: (a - b) * 0.7,
    "product": lambda a, b: a * b.tanh(),
    "reset": lambda a, b: a * (1.0 - surrogate.Sigmoid(alpha=3.0)(b - 0.5)),
    "quotient": lambda a, b: a / (1.5 + b * b),
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "where": lambda a, b: torch.where(a > b * 0.5, a, -b),
    "masked": lambda a, b: a.masked_fill(b < 0.1, 0.25),
    "lerp": lambda a, b: torch.lerp(a, b, 0.3),
    "power": lambda a, b: (0.2 + a.sigmoid()) ** b.tanh(),
}
# What becomes of a parameter before it meets a neuron is computed once, by PyTorch.
OF_PARAMETERS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "p + x": lambda p, x: p + 0.3 * x,
    "p - x": lambda p, x: p - x,
    "x / p": lambda p, x: x / (1.5 + p * p),
    "sigmoid": lambda p, x: x * p.sigmoid(),
    "exp": lambda p, x: x * (-p * p).exp(),
    "tanh": lambda p, x: p.tanh() * 0.3 + x,
    "clamp": lambda p, x: p.clamp(0.0, 1.0) * x,
    "maximum": lambda p, x: torch.maximum(p, 0.3 - p) * x,
    "lerp": lambda p, x: torch.lerp(p, p.tanh(), p.sigmoid()) + x,
    "softplus": lambda p, x: torch.nn.functional.softplus(p, 2.0) * x * 0.5,
    "silu": lambda p, x: torch.nn.functional.silu(p) + x,
    "elu": lambda p, x: torch.nn.functional.elu(p, 0.7) + x,
    "leaky": lambda p, x: torch.nn.functional.leaky_relu(p, 0.2) * x,
    "hardtanh": lambda p, x: torch.nn.functional.hardtanh(p, -0.3, 0.9) * x,
    "threshold": lambda p, x: surrogate.ATan(alpha=2.0)(x - p),
    "not learned": lambda p, x: p.detach() * x,
}
# Where the loop over time is chaotic, rounding grows with T; a contraction in each state keeps it small.
DAMPING = 0.6


@dataclass(frozen=True)
class Neuron:
    """``output`` and the next states as expressions of ``x``, ``s0, ...`` and the parameters ``p0, ...``."""

    output: Expression
    states: tuple[Expression, ...]
    parameters: tuple[tuple[int, ...], ...]  # their shapes

    def run(self) -> Run:
        def run(x: torch.Tensor, states: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor]):
            values = {
                "x": x,
                **{f"s{k}": s for k, s in enumerate(states)},
                **{f"p{k}": p for k, p in enumerate(tensors)},
            }
            damped = [DAMPING * evaluated(e, values) + 0.1 * x for e in self.states]
            return evaluated(self.output, values) + 0.2 * x, *damped

        return run


def evaluated(expression: Expression, values: Values) -> torch.Tensor:
    kind, *rest = expression
    if kind == "value":
        return values[rest[0]]
    if kind == "parameter":
        return OF_PARAMETERS[rest[1]](values[rest[0]], values["x"])
    if kind == "number":
        return values["x"] * 0.1 + rest[0]
    if len(rest) == 1:
        return UNARY[kind](evaluated(rest[0], values))
    return BINARY[kind](evaluated(rest[0], values), evaluated(rest[1], values))


@st.composite
def neurons(draw: st.DrawFn, shape: tuple[int, ...]) -> Neuron:
    states = draw(st.integers(0, 3))
    broadcasting = [(), (1,), *[(shape[d], *[1] * (len(shape) - d - 1)) for d in range(len(shape))], shape]
    parameters = draw(st.lists(st.sampled_from(broadcasting), max_size=2))
    names = ["x", *[f"s{k}" for k in range(states)]]
    learned = [f"p{k}" for k in range(len(parameters))]
    of_learned = st.tuples(
        st.just("parameter"), st.sampled_from(learned or ["x"]), st.sampled_from(sorted(OF_PARAMETERS))
    )
    leaves = st.one_of(
        *([of_learned] * 2 if learned else []),
        st.tuples(st.just("value"), st.sampled_from(names)),
        st.tuples(st.just("number"), st.floats(-1.5, 1.5, width=16)),
    )
    expressions = st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(sorted(UNARY)), inner), st.tuples(st.sampled_from(sorted(BINARY)), inner, inner)
        ),
        max_leaves=6,
    )
    return Neuron(draw(expressions), tuple(draw(expressions) for _ in range(states)), tuple(parameters))


SHAPES = [(1,), (63,), (1100,), (2, 3), (5, 1, 4), (2, 3, 4, 5)]
LENGTHS = (1, 2, 9, 20)


@dataclass
class Drawn:
    """A neuron with input, initial states, parameters, and a weight or None for each output."""

    neuron: Neuron
    leaves: list[torch.Tensor]
    weights: list[float | None]
    repeated: bool

    def results(self, run: Callable[..., list[torch.Tensor]]) -> list[torch.Tensor]:
        leaves = [leaf.clone().requires_grad_() for leaf in self.leaves]
        K = len(self.neuron.states)
        x, states, tensors = leaves[0], leaves[1 : 1 + K], leaves[1 + K :]
        outputs = run(x[:1].expand(x.shape) if self.repeated else x, states, tensors)
        generator = torch.Generator().manual_seed(3)
        cotangents = [torch.randn(o.shape, generator=generator, dtype=F64) for o in outputs]
        chosen = [
            (o * c * w).sum()
            for o, c, w in zip(outputs, cotangents, self.weights, strict=True)
            if w is not None and o.requires_grad
        ]
        if not chosen:
            return [o.detach() for o in outputs]
        grads = torch.autograd.grad(sum(chosen), leaves, allow_unused=True, materialize_grads=True)
        return [*[o.detach() for o in outputs], *grads]


@st.composite
def cases(draw: st.DrawFn) -> list[Drawn]:
    """One neuron in several lengths and with several choices of the outputs that have gradients."""
    shape = draw(st.sampled_from(SHAPES))
    neuron = draw(neurons(shape))
    outputs = 1 + 2 * len(neuron.states)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 9999)))
    found = []
    for T in draw(st.permutations(LENGTHS))[:3]:
        shapes = [(T, *shape), *[shape for _ in neuron.states], *neuron.parameters]
        leaves = [torch.rand(s, generator=generator, dtype=F64) * 2.4 - 0.8 for s in shapes]
        weights = draw(st.lists(st.sampled_from([None, 1.0]), min_size=outputs, max_size=outputs))
        found.append(Drawn(neuron, leaves, weights, draw(st.booleans())))
    return found


def check(drawn: list[Drawn]) -> None:
    run = drawn[0].neuron.run()
    for case in drawn:
        expected = case.results(lambda x, states, tensors: in_loop(run, x, states, tensors))
        step_and_run = lambda x, states, tensors: in_kernel(step_of(run, tensors), x, states)  # noqa: E731
        for number, (one, other) in enumerate(zip(case.results(step_and_run), expected, strict=True)):
            scale = other.abs().max().clamp(min=1.0)
            torch.testing.assert_close(
                one / scale, other / scale, rtol=0.0, atol=1e-11,
                msg=lambda text, number=number: f"result {number}: {text}",
            )  # fmt: skip


@settings(max_examples=15)
@given(drawn=cases())
def test_a_kernel_is_the_loop(drawn: list[Drawn]) -> None:
    """Outputs, last states, states over time, and the gradients at input, initial states and parameters."""
    check(drawn)


@pytest.mark.slow
@settings(max_examples=200)
@given(drawn=cases())
def test_many_kernels_are_the_loop(drawn: list[Drawn]) -> None:
    check(drawn)
