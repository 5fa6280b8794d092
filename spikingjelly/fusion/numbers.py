"""Numbers leave the instructions and become arguments: another time constant needs no other kernel."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from spikingjelly.fusion.program import Instruction, Operand, Program

# These stay: they are the same in every neuron, and compilers make use of them.
_INLINE = (0.0, 1.0, -1.0, 0.5, 2.0)


def extract(program: Program) -> tuple[Program, tuple[float, ...]]:
    """``program`` with names ``c0, c1, ...`` for its numbers, and the numbers."""
    numbers: dict[float, str] = {}

    def named(operand: Operand) -> Operand:
        if isinstance(operand, str | bool) or operand in _INLINE:
            return operand
        return numbers.setdefault(operand, f"c{len(numbers)}")

    def in_all(operands: Iterable[Operand]) -> tuple[Any, ...]:
        return tuple(named(operand) for operand in operands)

    def in_body(body: Iterable[Instruction]) -> tuple[Instruction, ...]:
        return tuple(replace(instruction, arguments=in_all(instruction.arguments)) for instruction in body)

    changed = replace(
        program,
        forward=in_body(program.forward),
        backward=in_body(program.backward),
        outputs=in_all(program.outputs),
        gradients=in_all(program.gradients),
        sums=in_all(program.sums),
    )
    return changed, tuple(numbers)
