"""The spelling that C++ and CUDA C share: ``R`` is the type of registers, ``M(exp)`` is expf or exp."""

from collections.abc import Sequence

from spikingjelly.fusion.program import Instruction, Operand

ROWS = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "pow": "M(pow)({0}, {1})",
    "min": "({0} < {1} || {0} != {0}) ? {0} : {1}",
    "max": "({0} > {1} || {0} != {0}) ? {0} : {1}",
    "neg": "-{0}",
    "sign": "R({0} > R(0)) - R({0} < R(0))",
    "abs": "M(fabs)({0})",
    "round": "M(rint)({0})",
    "sigmoid": "R(1) / (R(1) + M(exp)(-{0}))",
    "eq": "{0} == {1}",
    "ne": "{0} != {1}",
    "lt": "{0} < {1}",
    "le": "{0} <= {1}",
    "gt": "{0} > {1}",
    "ge": "{0} >= {1}",
    "and": "{0} & {1}",
    "or": "{0} | {1}",
    "xor": "{0} ^ {1}",
    "not": "!{0}",
    "real": "{0} ? R(1) : R(0)",
    "where": "{0} ? {1} : {2}",
    **{
        name: f"M({name})({{0}})"
        for name in (
            "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan",
            "erf", "erfc", "floor", "ceil", "trunc",
        )
    },
}  # fmt: skip


def literal(operand: Operand) -> str:
    """A name as it is, a number in the type of registers."""
    if isinstance(operand, bool):
        return str(operand).lower()
    return operand if isinstance(operand, str) else f"R({operand!r})"


def lines(instructions: Sequence[Instruction], indent: str = "    ") -> str:
    """One declaration for each instruction."""
    return "\n".join(
        f"{indent}const {'bool' if i.is_bool else 'R'} {i.result} = {ROWS[i.name].format(*map(literal, i.arguments))};"
        for i in instructions
    )
