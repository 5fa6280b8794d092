"""Each instruction in the spelling of Triton, against PyTorch."""

from collections.abc import Iterator

import pytest
import torch

from spikingjelly.fusion import numbers, operator
from spikingjelly.fusion.body import ARITY, LOGIC, Body
from spikingjelly.fusion.printers import triton as printer
from spikingjelly.fusion.program import Operand, Program
from tests.fusion.triton_interpreter import interpreter

pytest.importorskip("triton", reason="Triton is not installed here")

# Missing, infinite, zeros, ties for rounding, and numbers at which functions lose digits or overflow.
VALUES = [float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1.0, 3.7, -1.2, 1e-9, 95.0]
IN_TORCH = {
    "min": torch.minimum, "max": torch.maximum, "and": torch.logical_and, "or": torch.logical_or,
    "xor": torch.logical_xor, "not": torch.logical_not, "real": torch.clone,
    "where": lambda condition, a, b: torch.where(condition.bool(), a, b),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _interpreter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with interpreter(monkeypatch):
        yield


def states_for(name: str, dtype: torch.dtype) -> list[torch.Tensor]:
    """All pairs of values as ``s0`` and ``s1``; ``s2`` is a condition, and where only that matters, all are."""
    pairs = torch.meshgrid(*[torch.tensor(VALUES, dtype=dtype)] * 2, indexing="ij")
    first, second = (pair.flatten() for pair in pairs)
    states = [first, second, (first > 0.2).to(dtype)]
    return [(state > 0.2).to(dtype) for state in states] if name in LOGIC | {"real"} else states


def arguments_for(name: str) -> list[list[Operand]]:
    """States as arguments, and with each of them replaced by a number or a truth value; then nothing but these."""
    if name == "where":
        return [["s2", "s0", "s1"], ["s2", 0.5, "s1"], ["s2", "s0", -2.0], ["s2", 0.5, -2.0]]
    literals: list[Operand] = [True, False] if name in LOGIC else [0.5, -2.0]
    if ARITY[name] == 1:
        return [["s0"], *[[literal] for literal in literals]]
    return [["s0", "s1"], *[pair for a in literals for pair in (["s0", a], [a, "s1"])], literals]


def as_program(name: str, arguments: list[Operand]) -> Program:
    """A time step that puts out the instruction."""
    body = Body()
    if name == "real" and arguments == ["s0"]:
        arguments = [body.emit("gt", "s0", 0.0)]
    result = body.emit("real", body.emit(name, *arguments))
    return with_three_states(body, result)


def with_three_states(body: Body, result: Operand) -> Program:
    return Program(
        states=3,
        uniforms=(),
        forward=tuple(body.instructions),
        outputs=(result, "s0", "s1", "s2"),
        smooth=(False,) * 4,
        backward=(),
        gradients=(0.0,) * 4,
        sums=(),
        eager=(),
        parameter_gradients=(),
    )


def test_every_instruction_has_a_row() -> None:
    assert set(printer.rows("tl.float32")) == set(printer.rows("tl.float64")) == set(ARITY)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", ARITY)
def test_every_row_computes_what_torch_computes(name: str, dtype: torch.dtype) -> None:
    states = states_for(name, dtype)
    for arguments in arguments_for(name):
        program, constants = numbers.extract(as_program(name, arguments))
        x = torch.zeros(1, len(states[0]), dtype=dtype)
        actual = operator.run(x, states, [], program.dumps(), constants, [], len(x), "triton")[0][0]
        values = [states[int(a[1])] if isinstance(a, str) else torch.full_like(x[0], a) for a in arguments]
        expected = (IN_TORCH[name] if name in IN_TORCH else getattr(torch, name))(*values).to(dtype)
        # PyTorch rounds differently in the vector and in the scalar version of a function.
        tolerance = 4 * torch.finfo(dtype).eps if "libdevice" in printer.rows("tl.float64")[name] else 0.0
        torch.testing.assert_close(actual, expected, rtol=tolerance, atol=0.0, equal_nan=True)
