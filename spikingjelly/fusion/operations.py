"""The closed list of elementwise aten operations, each in terms of the instructions that every printer has.

One function an operation; its arguments are those of the aten operation, with values as operands.
"""

import math
from collections.abc import Callable
from typing import Any

from spikingjelly.fusion.body import ARITY, Body, Operand

Rule = Callable[..., Operand]
RULES: dict[str, Rule] = {}


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def register(function: Rule) -> Rule:
        for name in names:
            RULES[name] = function
        return function

    return register


def _plain(name: str) -> Rule:
    def rule(b: Body, *arguments: Operand) -> Operand:
        return b.emit(name, *arguments)

    return rule


_SAME_NAME = set(ARITY) - {"add", "sub", "div", "pow", "min", "max", "real", "and", "or", "xor", "not", "round"}
RULES.update({name: _plain(name) for name in _SAME_NAME})
RULES.update({"maximum": _plain("max"), "minimum": _plain("min"), "fmax": _plain("max"), "sgn": _plain("sign")})
for _prefix in ("bitwise", "logical"):
    RULES.update({f"{_prefix}_{name}": _plain(name) for name in ("and", "or", "xor", "not")})
del RULES["fmax"]  # ignores NaN, which max does not


@_rule("clone", "lift_fresh_copy")
def _identity(b: Body, x: Operand, memory_format: Any = None) -> Operand:
    return x


@_rule("add")
def _add(b: Body, x: Operand, y: Operand, alpha: float = 1.0) -> Operand:
    return b.emit("add", x, b.emit("mul", y, alpha))


@_rule("sub")
def _sub(b: Body, x: Operand, y: Operand, alpha: float = 1.0) -> Operand:
    if b.is_bool(x) or b.is_bool(y):
        raise NotImplementedError("PyTorch does not subtract truth values")
    return b.emit("sub", x, b.emit("mul", y, alpha))


@_rule("rsub")
def _rsub(b: Body, x: Operand, y: Operand, alpha: float = 1.0) -> Operand:
    return _sub(b, y, x, alpha)


@_rule("div")
def _div(b: Body, x: Operand, y: Operand, rounding_mode: str | None = None) -> Operand:
    if rounding_mode == "floor":
        raise NotImplementedError("PyTorch's quotient rounded down is not the rounded quotient")  # 1.0 // 0.1 is 9
    quotient = b.emit("div", x, y)
    return quotient if rounding_mode is None else b.emit(rounding_mode, quotient)


@_rule("reciprocal")
def _reciprocal(b: Body, x: Operand) -> Operand:
    return b.emit("div", 1.0, x)


@_rule("rsqrt")
def _rsqrt(b: Body, x: Operand) -> Operand:
    return b.emit("div", 1.0, b.emit("sqrt", x))


@_rule("pow")
def _pow(b: Body, x: Operand, exponent: Operand) -> Operand:
    if isinstance(exponent, str) or isinstance(x, float | int):
        return b.emit("pow", x, exponent)
    square = b.emit("mul", x, x)
    special: dict[float, Callable[[], Operand]] = {
        0.0: lambda: 1.0,
        1.0: lambda: x,
        2.0: lambda: square,
        3.0: lambda: b.emit("mul", square, x),
        0.5: lambda: b.emit("sqrt", x),
        -0.5: lambda: _rsqrt(b, x),
        -1.0: lambda: b.emit("div", 1.0, x),
        -2.0: lambda: b.emit("div", 1.0, square),
    }
    make = special.get(float(exponent))
    return make() if make is not None else b.emit("pow", x, float(exponent))


@_rule("addcmul")
def _addcmul(b: Body, x: Operand, y: Operand, z: Operand, value: float = 1.0) -> Operand:
    return b.emit("add", x, b.emit("mul", b.emit("mul", y, value), z))


@_rule("addcdiv")
def _addcdiv(b: Body, x: Operand, y: Operand, z: Operand, value: float = 1.0) -> Operand:
    return b.emit("add", x, b.emit("div", b.emit("mul", y, value), z))


@_rule("lerp")
def _lerp(b: Body, start: Operand, end: Operand, weight: Operand) -> Operand:
    distance = b.emit("sub", end, start)
    near_start = b.emit("add", start, b.emit("mul", weight, distance))
    near_end = b.emit("sub", end, b.emit("mul", distance, b.emit("sub", 1.0, weight)))
    return b.emit("where", b.emit("lt", b.emit("abs", weight), 0.5), near_start, near_end)


@_rule("heaviside")
def _heaviside(b: Body, x: Operand, value_at_zero: Operand) -> Operand:
    if value_at_zero == 1.0:
        return b.emit("real", b.emit("ge", x, 0.0))
    return b.emit("where", b.emit("eq", x, 0.0), value_at_zero, b.emit("gt", x, 0.0))


@_rule("round")
def _round(b: Body, x: Operand, decimals: int = 0) -> Operand:
    if decimals == 0:
        return b.emit("round", x)
    scale = 10.0**decimals
    return b.emit("div", b.emit("round", b.emit("mul", x, scale)), scale)


@_rule("frac")
def _frac(b: Body, x: Operand) -> Operand:
    return b.emit("sub", x, b.emit("trunc", x))


@_rule("isnan")
def _isnan(b: Body, x: Operand) -> Operand:
    return b.emit("ne", x, x)


@_rule("log2")
def _log2(b: Body, x: Operand) -> Operand:
    return b.emit("mul", b.emit("log", x), 1.0 / math.log(2.0))


@_rule("log10")
def _log10(b: Body, x: Operand) -> Operand:
    return b.emit("mul", b.emit("log", x), 1.0 / math.log(10.0))


@_rule("exp2")
def _exp2(b: Body, x: Operand) -> Operand:
    return b.emit("pow", 2.0, x)


@_rule("masked_fill")
def _masked_fill(b: Body, x: Operand, mask: Operand, value: Operand) -> Operand:
    return b.emit("where", mask, value, x)


@_rule("fill")
def _fill(b: Body, x: Operand, value: Operand) -> Operand:
    return value


@_rule("empty_like")
def _empty_like(b: Body, x: Operand) -> Operand:
    return math.nan  # PyTorch fills it before it reads it: `1.0 - weight` in a backward pass


@_rule("copy")
def _copy(b: Body, x: Operand, source: Operand, non_blocking: bool = False) -> Operand:
    return source


@_rule("zero")
def _zero(b: Body, x: Operand) -> Operand:
    return 0.0


@_rule("clamp", "hardtanh")
def _clamp(b: Body, x: Operand, min: Operand | None = None, max: Operand | None = None) -> Operand:
    y = x if min is None else b.emit("max", x, min)
    return y if max is None else b.emit("min", y, max)


@_rule("clamp_min")
def _clamp_min(b: Body, x: Operand, bound: Operand) -> Operand:
    return b.emit("max", x, bound)


@_rule("clamp_max")
def _clamp_max(b: Body, x: Operand, bound: Operand) -> Operand:
    return b.emit("min", x, bound)


@_rule("hardtanh_backward")
def _hardtanh_backward(b: Body, grad: Operand, x: Operand, low: float, high: float) -> Operand:
    return b.emit("where", b.emit("or", b.emit("le", x, low), b.emit("ge", x, high)), 0.0, grad)


@_rule("relu")
def _relu(b: Body, x: Operand) -> Operand:
    return b.emit("max", x, 0.0)


@_rule("threshold_backward")
def _threshold_backward(b: Body, grad: Operand, x: Operand, threshold: float) -> Operand:
    return b.emit("where", b.emit("le", x, threshold), 0.0, grad)


@_rule("leaky_relu")
def _leaky_relu(b: Body, x: Operand, slope: float = 0.01) -> Operand:
    return b.emit("where", b.emit("gt", x, 0.0), x, b.emit("mul", x, slope))


@_rule("leaky_relu_backward")
def _leaky_relu_backward(b: Body, grad: Operand, x: Operand, slope: float, from_result: bool) -> Operand:
    return b.emit("where", b.emit("gt", x, 0.0), grad, b.emit("mul", grad, slope))


@_rule("sigmoid_backward")
def _sigmoid_backward(b: Body, grad: Operand, y: Operand) -> Operand:
    return b.emit("mul", b.emit("mul", grad, b.emit("sub", 1.0, y)), y)


@_rule("tanh_backward")
def _tanh_backward(b: Body, grad: Operand, y: Operand) -> Operand:
    return b.emit("mul", grad, b.emit("sub", 1.0, b.emit("mul", y, y)))


@_rule("softplus")
def _softplus(b: Body, x: Operand, beta: float = 1.0, threshold: float = 20.0) -> Operand:
    scaled = b.emit("mul", x, beta)
    smooth = b.emit("div", b.emit("log1p", b.emit("exp", scaled)), beta)
    return b.emit("where", b.emit("gt", scaled, threshold), x, smooth)


@_rule("softplus_backward")
def _softplus_backward(b: Body, grad: Operand, x: Operand, beta: float, threshold: float) -> Operand:
    scaled = b.emit("mul", x, beta)
    z = b.emit("exp", scaled)
    smooth = b.emit("div", b.emit("mul", grad, z), b.emit("add", z, 1.0))
    return b.emit("where", b.emit("gt", scaled, threshold), grad, smooth)


@_rule("silu")
def _silu(b: Body, x: Operand) -> Operand:
    return b.emit("mul", x, b.emit("sigmoid", x))


@_rule("silu_backward")
def _silu_backward(b: Body, grad: Operand, x: Operand) -> Operand:
    s = b.emit("sigmoid", x)
    slope = b.emit("mul", s, b.emit("add", 1.0, b.emit("mul", x, b.emit("sub", 1.0, s))))
    return b.emit("mul", grad, slope)


@_rule("elu")
def _elu(b: Body, x: Operand, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Operand:
    below = b.emit("mul", b.emit("expm1", b.emit("mul", x, input_scale)), alpha * scale)
    return b.emit("where", b.emit("gt", x, 0.0), b.emit("mul", x, scale), below)


@_rule("elu_backward")
def _elu_backward(
    b: Body, grad: Operand, alpha: float, scale: float, input_scale: float, from_result: bool, x: Operand
) -> Operand:
    if from_result:
        below = b.emit("mul", b.emit("add", x, alpha * scale), input_scale)
    else:
        below = b.emit("mul", b.emit("exp", b.emit("mul", x, input_scale)), input_scale * alpha * scale)
    above = b.emit("mul", grad, scale)
    return b.emit("where", b.emit("gt", x, 0.0), above, b.emit("mul", grad, below))
