"""A list of instructions in the making: constants are folded, and nothing is computed twice."""

import math
from collections.abc import Callable

import numpy as np

from spikingjelly.fusion.program import Instruction, Operand

# How many arguments each instruction has, whether it takes truth values, and whether it gives one. The closed list:
# every printer has one row for each of these names.
ARITY = {
    "add": 2, "sub": 2, "mul": 2, "div": 2, "pow": 2, "min": 2, "max": 2,
    "neg": 1, "abs": 1, "sign": 1, "sqrt": 1, "exp": 1, "expm1": 1, "log": 1, "log1p": 1, "sin": 1, "cos": 1, "tan": 1,
    "sinh": 1, "cosh": 1, "tanh": 1, "asin": 1, "acos": 1, "atan": 1, "erf": 1, "erfc": 1, "sigmoid": 1, "floor": 1,
    "ceil": 1, "round": 1, "trunc": 1,
    "eq": 2, "ne": 2, "lt": 2, "le": 2, "gt": 2, "ge": 2,
    "and": 2, "or": 2, "xor": 2, "not": 1, "real": 1, "where": 3,
}  # fmt: skip
COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge"}
LOGIC = {"and", "or", "xor", "not"}
_COMMUTATIVE = {"add", "mul", "eq", "ne", "and", "or", "xor"}
_FOLDED: dict[str, Callable[..., Operand]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
    "real": float,
}


class Body:
    """Collects instructions; an operand is the name of a value, a number or a truth value.

    :param quotients_are_products: whether a quotient by a number is a product with its reciprocal, as PyTorch computes
        it on CUDA
    :param registers: the type of its numbers
    """

    def __init__(self, quotients_are_products: bool = False, registers: type[np.floating] = np.float64) -> None:
        self._quotients_are_products = quotients_are_products
        self._registers = registers
        self.instructions: list[Instruction] = []
        self._known: dict[tuple, str] = {}
        self._bools: set[str] = set()

    def is_bool(self, operand: Operand) -> bool:
        return isinstance(operand, bool) or operand in self._bools

    def emit(self, name: str, *arguments: Operand) -> Operand:
        """The value of ``name(*arguments)``; numbers and truth values are converted where the other is expected."""
        assert len(arguments) == ARITY[name], f"{name} takes {ARITY[name]} arguments"
        operands = self._converted(name, arguments)
        simple = self._simplified(name, operands)
        if simple is not None:
            return simple
        # As text, for Python holds True and 1.0, 0.0 and -0.0 for equal.
        texts = [repr(a) for a in operands]
        key = (name, *(sorted(texts) if name in _COMMUTATIVE else texts))
        if key not in self._known:
            self._known[key] = self._append(name, operands)
        return self._known[key]

    def _append(self, name: str, operands: tuple[Operand, ...]) -> str:
        result = f"t{len(self.instructions)}"
        gives_bool = name in COMPARISONS | LOGIC or (name == "where" and self.is_bool(operands[1]))
        self.instructions.append(Instruction(result, name, operands, gives_bool))
        if gives_bool:
            self._bools.add(result)
        return result

    def _converted(self, name: str, arguments: tuple[Operand, ...]) -> tuple[Operand, ...]:
        if name == "real":
            return arguments
        if name == "where":
            condition, *choices = arguments
            if not all(self.is_bool(choice) for choice in choices):
                choices = [self._real(choice) for choice in choices]
            return (self._bool(condition), *choices)
        convert = self._bool if name in LOGIC else self._real
        return tuple(convert(argument) for argument in arguments)

    def _real(self, operand: Operand) -> Operand:
        if isinstance(operand, int | float):  # bool is an int
            return float(operand)
        return self.emit("real", operand) if operand in self._bools else operand

    def _bool(self, operand: Operand) -> Operand:
        if isinstance(operand, int | float):
            return bool(operand)
        return operand if operand in self._bools else self.emit("ne", operand, 0.0)

    def _simplified(self, name: str, operands: tuple[Operand, ...]) -> Operand | None:
        """An operand that equals the result for all numbers that are not NaN, if there is one."""
        if name in _FOLDED and all(isinstance(a, float | bool) for a in operands):
            return _FOLDED[name](*operands)
        if name == "sub" and operands[0] == operands[1]:
            return 0.0  # H(x) + (g(x) - g(x).detach()): the value is H(x) also where g overflows
        if name == "add" and 0.0 in operands:
            return operands[1] if operands[0] == 0.0 else operands[0]
        if name == "sub" and operands[1] == 0.0:
            return operands[0]
        if name == "mul" and 1.0 in operands:
            return operands[1] if operands[0] == 1.0 else operands[0]
        if name == "div" and isinstance(operands[1], float):
            return self._divided(operands[0], operands[1])
        if name == "where" and (repr(operands[1]) == repr(operands[2]) or isinstance(operands[0], bool)):
            return operands[2] if operands[0] is False else operands[1]
        if name == "not" and isinstance(operands[0], bool):
            return not operands[0]
        return None

    def _divided(self, a: Operand, b: float) -> Operand | None:
        """A product, which is faster, where the reciprocal of ``b`` is exact: powers of two."""
        if b == 1.0:
            return a
        if self._quotients_are_products and b != 0.0:
            with np.errstate(all="ignore"):  # of a number that is 0 in float32 it is infinite, as PyTorch's
                return self.emit("mul", a, float(self._registers(1.0) / self._registers(b)))
        if math.isfinite(b) and b != 0.0 and abs(math.frexp(b)[0]) == 0.5 and 2.0**-100 < abs(b) < 2.0**100:
            return self.emit("mul", a, 1.0 / b)
        return None
