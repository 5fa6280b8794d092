"""Triton: instructions on blocks of neurons. The types of registers are ``tl.float32`` and ``tl.float64``."""

from collections.abc import Sequence

from spikingjelly.fusion.program import Instruction, Operand

# Triton's own exp, log, sin and so on are approximations; libdevice has the functions that PyTorch uses on a GPU.
ROWS = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "min": "tl.where(({0} < {1}) | ({0} != {0}), {0}, {1})",
    "max": "tl.where(({0} > {1}) | ({0} != {0}), {0}, {1})",
    "neg": "-{0}",
    "sign": "({0} > 0.0).to({register}) - ({0} < 0.0).to({register})",
    "abs": "tl.abs({0})",
    "floor": "tl.floor({0})",
    "ceil": "tl.ceil({0})",
    "round": "libdevice.rint({0})",
    "eq": "{0} == {1}",
    "ne": "{0} != {1}",
    "lt": "{0} < {1}",
    "le": "{0} <= {1}",
    "gt": "{0} > {1}",
    "ge": "{0} >= {1}",
    "and": "{0} & {1}",
    "or": "{0} | {1}",
    "xor": "{0} ^ {1}",
    "not": "~{0}",
    "real": "{0}.to({register})",
    "where": "tl.where({0}, {1}, {2})",
    "pow": "libdevice.pow({0}, {1})",
    **{
        name: f"libdevice.{name}({{0}})"
        for name in (
            "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "erf",
            "erfc", "trunc",
        )
    },
}  # fmt: skip

# Rounded correctly: `/` of float32 is an approximation, and the functions with _rn take no float64.
_ROUNDED = {
    "tl.float32": {
        "div": "tl.div_rn({0}, {1})",
        "sqrt": "tl.sqrt_rn({0})",
        "sigmoid": "tl.div_rn(1.0, 1.0 + libdevice.exp(-{0}))",
    },
    "tl.float64": {"div": "{0} / {1}", "sqrt": "tl.sqrt({0})", "sigmoid": "1.0 / (1.0 + libdevice.exp(-{0}))"},
}


def rows(register: str) -> dict[str, str]:
    """One row for each instruction, for registers of the type ``register``."""
    return {**ROWS, **_ROUNDED[register]}


def block(operand: Operand, register: str) -> str:
    """A name as it is, a number or a truth value as a block like the input ``x``."""
    if isinstance(operand, str):
        return operand
    return f"tl.full(x.shape, {operand!r}, {'tl.int1' if isinstance(operand, bool) else register})"


def lines(instructions: Sequence[Instruction], register: str) -> list[str]:
    """One assignment for each instruction."""
    return [f"{i.result} = {_expression(i, register)}" for i in instructions]


def _expression(instruction: Instruction, register: str) -> str:
    """A number next to a block takes its type, but not as an argument of libdevice."""
    row = rows(register)[instruction.name]
    of_one_type = instruction.arguments[1:] if instruction.name == "where" else instruction.arguments
    if "libdevice" in row or not any(isinstance(operand, str) for operand in of_one_type):
        operands = [block(operand, register) for operand in instruction.arguments]
    else:
        operands = [operand if isinstance(operand, str) else repr(operand) for operand in instruction.arguments]
    return row.format(*operands, register=register)
