"""The closed list of operations: each gives what PyTorch gives, forward and backward, at ordinary and special values;
and what is not in the list is refused."""

import functools
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from spikingjelly.fusion.body import ARITY, Body
from spikingjelly.fusion.operations import RULES
from spikingjelly.fusion.printers import c_family, triton
from tests.fusion.steps import Run, in_kernel, plan_of, reason_of, step_of

Operation = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
INF, NAN = float("inf"), float("nan")
ORDINARY = (0.3, -0.7, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 3.25, -19.0, 20.5)
SPECIAL = (0.0, -0.0, INF, -INF, NAN, 1e-30, 1e30, -1e30)
DENORMAL = {torch.float64: 3e-310, torch.float32: 3e-42}
# Of the vector functions of the C library, which are correct to four units in the last place; chains of a few of them.
TOLERANCE = {torch.float64: 4e-15, torch.float32: 2e-6}


def _of_mask(function: Callable[..., torch.Tensor]) -> Operation:
    return lambda a, b: function(a > 0.0, b > 0.5).to(a)


# Rule -> operations of two arguments that run it, in the forward pass or in the backward pass.
CASES: dict[str, list[Operation]] = {
    **{
        name: [lambda a, b, name=name: getattr(torch, name)(a)]
        for name in (
            "abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "erf", "erfc", "exp", "exp2", "expm1", "floor", "frac",
            "log", "log10", "log1p", "log2", "neg", "reciprocal", "rsqrt", "sgn", "sign", "sin", "sinh",
            "sqrt", "tan", "trunc",
        )
    },
    **{
        name: [lambda a, b, name=name: getattr(torch, name)(a, b)]
        for name in ("mul", "maximum", "minimum")
    },
    **{
        name: [
            lambda a, b, name=name: getattr(torch, name)(a, b).to(a),
            lambda a, b, name=name: getattr(torch, name)(a, 0.5).to(a),
        ]
        for name in ("eq", "ne", "lt", "le", "gt", "ge")
    },
    **{
        f"logical_{name}": [lambda a, b, name=name: getattr(torch, f"logical_{name}")(a, b).to(a)]
        for name in ("and", "or", "xor")
    },
    **{
        f"bitwise_{name}": [_of_mask(getattr(torch, f"bitwise_{name}"))]
        for name in ("and", "or", "xor")
    },
    "logical_not": [lambda a, b: torch.logical_not(a).to(a), lambda a, b: torch.logical_not(a > b).to(a)],
    "bitwise_not": [lambda a, b: (~(a > b)).to(a)],
    "isnan": [lambda a, b: torch.isnan(a).to(a)],
    "add": [lambda a, b: a + b, lambda a, b: ((a > 0) + (b > 0)).to(a), lambda a, b: torch.add(a, b, alpha=0.3), lambda a, b: a + 2.5, lambda a, b: (a > 0) + b],
    "sub": [lambda a, b: a - b, lambda a, b: torch.sub(a, b, alpha=-1.7), lambda a, b: a - 2.5],
    "rsub": [lambda a, b: 1.5 - a, lambda a, b: torch.rsub(a, b, alpha=1.7)],
    "div": [
        lambda a, b: a / b,
        lambda a, b: a / 3.0,
        lambda a, b: a / 0.25,
        lambda a, b: a / 0.0,
        lambda a, b: 3.0 / a,
        lambda a, b: torch.div(a, b, rounding_mode="trunc"),
    ],
    # PyTorch has no derivative of it.
    "heaviside": [
        lambda a, b: torch.heaviside(a.detach(), b.detach()),
        lambda a, b: torch.heaviside(a.detach(), torch.tensor(1.0, dtype=a.dtype)),
        lambda a, b: torch.heaviside(a.detach(), torch.tensor(0.3, dtype=a.dtype)),
    ],
    "pow": [
        lambda a, b: a**b,
        lambda a, b: 2.5**a,
        lambda a, b: 0.0**a,
        *[
            lambda a, b, exponent=exponent: a**exponent
            for exponent in (0.0, 1.0, 2.0, 3.0, 0.5, -0.5, -1.0, -2.0, 4.0, 2, -3, 1.7, -2.5)
        ],
    ],
    "addcmul": [lambda a, b: torch.addcmul(a, a, b, value=0.7)],
    "addcdiv": [lambda a, b: torch.addcdiv(a, a, b, value=0.7)],
    "lerp": [lambda a, b: torch.lerp(a, b, 0.3), lambda a, b: torch.lerp(a, b, 0.8), lambda a, b: torch.lerp(a, b, a)],
    "round": [lambda a, b: torch.round(a), lambda a, b: torch.round(a, decimals=1)],
    "masked_fill": [lambda a, b: a.masked_fill(b > 0.4, 0.3), lambda a, b: a.masked_fill(b > 0.4, -INF)],
    "fill": [lambda a, b: (a * 2.0).fill_(0.3) * b, lambda a, b: (a > 0).fill_(0.5).to(a)],
    "copy": [lambda a, b: (a * 2.0).copy_(b), lambda a, b: (a > 0).copy_(b).to(a)],
    "zero": [lambda a, b: (a * 2.0).zero_() * b],
    "clamp": [
        lambda a, b: a.clamp(-0.6, 1.5),
        lambda a, b: a.clamp(max=1.5),
        lambda a, b: a.clamp(1.0, -1.0),
        lambda a, b: torch.clamp(a, min=b, max=b + 1.0),
    ],
    "clamp_min": [lambda a, b: a.clamp_min(0.5), lambda a, b: torch.clamp_min(a, b)],
    "clamp_max": [lambda a, b: a.clamp_max(0.5), lambda a, b: torch.clamp_max(a, b)],
    "hardtanh hardtanh_backward": [lambda a, b: F.hardtanh(a, -0.7, 1.5)],
    "relu threshold_backward": [lambda a, b: torch.relu(a)],
    "leaky_relu leaky_relu_backward": [lambda a, b: F.leaky_relu(a, 0.3)],
    "sigmoid sigmoid_backward": [lambda a, b: a.sigmoid()],
    "tanh tanh_backward": [lambda a, b: a.tanh()],
    "softplus softplus_backward": [lambda a, b: F.softplus(a), lambda a, b: F.softplus(a, 2.5, 5.0)],
    "silu silu_backward": [lambda a, b: F.silu(a)],
    "elu elu_backward": [lambda a, b: F.elu(a, 0.7), lambda a, b: F.selu(a), lambda a, b: F.elu_(a * 1.0, 0.7)],
    "where": [lambda a, b: torch.where(a > b, a, b), lambda a, b: torch.where(a > 0.2, 0.7, b)],
    "clone": [lambda a, b: a.clone()],
    "lift_fresh_copy": [lambda a, b: torch.ops.aten.lift_fresh_copy(a)],
    "empty_like": [lambda a, b: torch.empty_like(a).fill_(0.3) * b],
    # Not rules, but values that an operation passes on as they are.
    "(alias)": [lambda a, b: torch.ops.aten.alias(a), lambda a, b: a.detach() * b],
    "(number)": [lambda a, b: b * torch.ones_like(b).mul(0.3), lambda a, b: torch.tensor(0.5, dtype=a.dtype) * b, lambda a, b: torch.full_like(a, 0.3) * b],
}  # fmt: skip

RULE_OF = [(name, operation) for name, operations in CASES.items() for operation in operations]
# Slopes as 1 - tanh^2, and sums of products, which PyTorch's vectors contract.
CANCELLING = {"expm1", "tanh tanh_backward", "elu elu_backward", "add", "sub", "rsub"}
# PyTorch's own gradient there is 0 in vectors and 1 in what is left of them.
UNDEFINED_FOR_NAN = {"hardtanh hardtanh_backward"}
GROUP = 8  # operations in one kernel; each has two states of its own


def values(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Every pair of the values."""
    single = torch.tensor([*ORDINARY, *SPECIAL, DENORMAL[dtype], -DENORMAL[dtype]], dtype=dtype)
    a, b = torch.meshgrid(single, single, indexing="ij")
    return a.flatten(), b.flatten()


def in_pairs(operations: list[Operation]) -> Run:
    """A time step whose states ``2 k`` and ``2 k + 1`` are the arguments of ``operations[k]``, and the first its result."""

    def run(x, states, tensors):
        pairs = zip(states[::2], states[1::2], strict=True)
        results = [(operation(a, b), b) for operation, (a, b) in zip(operations, pairs, strict=True)]
        return x, *itertools.chain.from_iterable(results)

    return run


@functools.cache
def computed(group: int, dtype: torch.dtype) -> list[tuple[torch.Tensor, ...]]:
    """For each operation of the group its result and the gradients at its two arguments, from one kernel."""
    operations = [operation for _, operation in RULE_OF[group * GROUP : (group + 1) * GROUP]]
    states = [v.clone().requires_grad_() for _ in operations for v in values(dtype)]
    x_seq = torch.zeros(1, len(states[0]), dtype=dtype, requires_grad=True)
    finals = in_kernel(step_of(in_pairs(operations)), x_seq, states)[1:]
    total = sum(((f * cotangent(dtype)).sum() for f in finals[: len(states) : 2] if f.requires_grad), start=x_seq.sum())
    grads = torch.autograd.grad(total, states, allow_unused=True, materialize_grads=True)
    return list(zip(finals[: len(states) : 2], grads[::2], grads[1::2], strict=True))


def cotangent(dtype: torch.dtype) -> torch.Tensor:
    a, _ = values(dtype)
    return torch.linspace(-1.3, 1.7, len(a), dtype=dtype)


def in_pytorch(operation: Operation, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    leaves = [v.clone().requires_grad_() for v in values(dtype)]
    result = operation(*leaves)
    if not result.requires_grad:
        return result, *[torch.zeros_like(leaf) for leaf in leaves]
    grads = torch.autograd.grad(result, leaves, cotangent(dtype), allow_unused=True)
    return result, *[torch.zeros_like(v) if g is None else g for v, g in zip(leaves, grads, strict=True)]


def numbers_and_dtypes() -> list:
    """Every operation in one dtype; in the other one it is slow, for the compiler's sake."""
    return [
        pytest.param(
            number,
            dtype,
            id=f"{number}-{name}-{dtype}",
            marks=() if (number // GROUP + (dtype == torch.float32)) % 2 else pytest.mark.slow,
        )
        for dtype in (torch.float64, torch.float32)
        for number, (name, _) in enumerate(RULE_OF)
    ]


@pytest.mark.parametrize(("number", "dtype"), numbers_and_dtypes())
def test_an_operation_is_that_of_pytorch(number: int, dtype: torch.dtype) -> None:
    """Results and both gradients, relative to each value; relative to one only where large numbers may cancel."""
    name, operation = RULE_OF[number]
    actual = computed(number // GROUP, dtype)[number % GROUP]
    atol = TOLERANCE[dtype] if name in CANCELLING else torch.finfo(dtype).tiny
    defined = ~values(dtype)[0].isnan() if name in UNDEFINED_FOR_NAN else slice(None)
    parts = ("result", "gradient at a", "gradient at b")
    for part, one, other in zip(parts, actual, in_pytorch(operation, dtype), strict=True):
        torch.testing.assert_close(
            one[defined], other[defined], rtol=TOLERANCE[dtype], atol=atol, equal_nan=True,
            msg=lambda text, part=part: f"{part}: {text}",
        )  # fmt: skip


def test_every_rule_has_a_case_that_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    called: set[str] = set()

    def counting(name: str, rule):
        return lambda *arguments, **options: (called.add(name), rule(*arguments, **options))[1]

    for name, rule in list(RULES.items()):
        monkeypatch.setitem(RULES, name, counting(name, rule))
    expected = {name for names in CASES for name in names.split() if not name.startswith("(")}
    assert set(RULES) == expected
    for names, operations in CASES.items():
        called.clear()
        for operation in operations:
            plan_of(step_of(in_pairs([operation])), torch.zeros(1, 3, dtype=torch.float64), 2)
        assert set(names.split()) & expected <= called, f"the cases of {names} run {called}"


def test_every_instruction_is_printed_by_every_target() -> None:
    for rows in (c_family.ROWS, triton.rows("tl.float32"), triton.rows("tl.float64")):
        assert set(rows) == set(ARITY)
        for name, row in rows.items():
            operands = [f"<{number}>" for number in range(ARITY[name])]
            text = row.format(*operands, register="R")
            assert all(operand in text for operand in operands), f"{name} forgets an argument: {text}"


def set_to_zero(x: torch.Tensor) -> torch.Tensor:
    y = x * 1.0
    y[0] = 0.0
    return y


VALUE = torch.ones(3, 4)
NOT_IN_THE_LIST = {
    name: (run, f"{name} is not in the list of operations that treat each neuron by itself")
    for name, run in {
        "cumsum": lambda x, t: x.cumsum(-1),
        "sort": lambda x, t: x.sort(-1).values,
        "sum": lambda x, t: x / x.sum(),
        "softmax": lambda x, t: x.softmax(-1),
        "mm": lambda x, t: x @ t["square"],
        "flip": lambda x, t: x.flip(0),
        "slice": lambda x, t: x[:, :1] * x,
        "view": lambda x, t: x.view(-1).view(3, 4),
        "select": lambda x, t: set_to_zero(x),
        "floor_divide": lambda x, t: x // 0.1,
        "remainder": lambda x, t: x % 0.3,
        "arange": lambda x, t: x * torch.arange(4),
    }.items()
}
BRANCH = "a branch or a Python number depends on the values of a tensor"
REFUSED = {
    **NOT_IN_THE_LIST,
    "rand": (lambda x, t: x * torch.rand(3, 4), "rand draws random numbers"),
    "dropout": (lambda x, t: F.dropout(x, 0.5), "draws random numbers"),
    "branch": (lambda x, t: x if x.sum() > 0 else -x, "sum is not in the list"),
    "branch on a parameter": (lambda x, t: x if t["vector"].sum() > 0 else -x, BRANCH),
    "item": (lambda x, t: x * t["scalar"].item(), BRANCH),
    "numpy": (lambda x, t: x * x.detach().numpy().mean(), "TypeError: can't convert meta device type tensor to numpy"),
    "data": (lambda x, t: x * torch.tensor([1.0, 2.0, 3.0, 4.0]), "makes a tensor from data"),
    "foreign tensor": (lambda x, t: x * VALUE, "reads a tensor [3, 4] that is no parameter"),
    "larger": (lambda x, t: x * torch.ones(2, 3, 4), "mul works on [2, 3, 4]"),
    "double": (lambda x, t: x.double(), "converts to torch.float64"),
    "integer": (lambda x, t: x.long(), "converts to torch.int64"),
    "wider parameter": (lambda x, t: x * t["double"], "mul works on [3, 4] and torch.float64"),
    "compared with a wider parameter": (lambda x, t: x > t["double"], "gt works on [3, 4] and torch.float64"),
    "sum of truth values and an integer": (lambda x, t: (x > 0) + 1, "add works on [3, 4] and torch.int64"),
    "difference of truth values": (lambda x, t: (x > 0) - (x > 1), "PyTorch does not subtract truth values"),
    "a truth value less a number": (lambda x, t: True - x, "PyTorch does not subtract truth values"),
    "a number less a truth value": (lambda x, t: x - (x > 0), "PyTorch does not subtract truth values"),
    "buffer in place": (lambda x, t: t["full"].add_(x) * 1.0, "add_ changes a parameter or a constant in place"),
    "buffer by itself in place": (lambda x, t: t["full"].mul_(2.0) * x, "mul_ changes a parameter or a constant"),
    "quotient rounded down": (lambda x, t: torch.div(x, 0.1, rounding_mode="floor"), "rounded down"),
}  # fmt: skip
TENSORS = {
    "square": torch.eye(4),
    "vector": torch.ones(4),
    "scalar": torch.tensor(1.0),
    "double": torch.ones(4, dtype=torch.float64),
    "full": torch.zeros(3, 4),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_in_the_list_is_refused_with_its_place_and_reason(name: str) -> None:
    function, why = REFUSED[name]

    def run(x, states, tensors):
        return function(x, dict(zip(TENSORS, tensors, strict=True))), *states

    reason = reason_of(run, torch.zeros(2, 3, 4), 1, list(TENSORS.values()))
    assert reason.startswith("Test has no fused kernel: ")
    assert why in reason
    file, line = reason.removeprefix("Test has no fused kernel: ").split(":")[:2]
    assert file == __file__
    text = Path(__file__).read_text().splitlines()[int(line) - 1]
    assert "lambda x, t" in text or "y[0] = 0.0" in text


@pytest.mark.parametrize(
    ("result", "found"),
    [
        (lambda x: x > 0.0, "shape [3, 4] and torch.bool"),
        (lambda x: torch.zeros(3, 4, dtype=torch.float64), "shape [3, 4] and torch.float64"),
        (lambda x: torch.zeros(4), "shape [4] and torch.float32"),
    ],
    ids=["truth values", "wider", "smaller"],
)
def test_what_a_step_gives_has_the_shape_and_dtype_of_its_input(result: Operation, found: str) -> None:
    for run in (lambda x, s, t: (result(x), *s), lambda x, s, t: (x, result(x))):
        expected = f"an output or a state after a time step has {found}, expected [3, 4] and torch.float32"
        assert expected in reason_of(run, torch.zeros(2, 3, 4))


def test_what_is_no_tensor_is_refused() -> None:
    assert "a time step gives float where a tensor is expected" in reason_of(
        lambda x, s, t: (0.5, *s), torch.zeros(2, 3)
    )


class ChangesItsBuffer(torch.autograd.Function):
    """A slope that counts its calls."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, calls: torch.Tensor) -> torch.Tensor:
        ctx.calls = calls
        return x.clone()

    @staticmethod
    def backward(ctx, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        ctx.calls.view(1).add_(1.0)
        return grad, None


def test_a_backward_pass_that_changes_a_buffer_is_refused() -> None:
    calls = torch.zeros(())
    reason = reason_of(lambda x, s, t: (ChangesItsBuffer.apply(x, t[0]), *s), torch.zeros(2, 3), 1, [calls])
    assert "add_ changes a parameter or a constant in place" in reason


def test_zeros_of_both_signs_are_told_apart() -> None:
    body = Body()
    x = body.emit("abs", "x")
    assert body.emit("div", x, 0.0) != body.emit("div", x, -0.0)
    assert body.emit("div", x, 0.0) == body.emit("div", x, 0.0)
