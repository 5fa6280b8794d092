"""Checks of arguments: each failure says what was given, what is expected and what to do."""

import numbers
from typing import Any

import numpy as np
import torch


class ArgumentTypeError(TypeError, AssertionError):
    """An argument of a wrong type.

    Published code catches the ``AssertionError`` that neurons have always raised; everybody else expects ``TypeError``.
    """


class ArgumentValueError(ValueError, AssertionError):
    """An argument of the right type with a value that has no meaning; see :class:`ArgumentTypeError`."""


def name_of(owner: Any) -> str:
    """The class name of ``owner``, or ``owner`` itself where it is a name already."""
    return owner if isinstance(owner, str) else type(owner).__name__


def describe(value: Any) -> str:
    """A short text for a value in an error message: tensors by dtype and shape, the rest by ``repr`` and type."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of dtype {value.dtype} and shape {list(value.shape)}"
    text = repr(value)
    if len(text) > 60:
        text = text[:57] + "..."
    return f"{text} ({type(value).__name__})"


def is_real(value: Any) -> bool:
    """Whether ``value`` is a float in Python's or NumPy's sense. Integers are not: ``v_reset=0`` is refused."""
    return isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral)


def check_float(owner: Any, name: str, value: Any, *, optional: bool = False, tensor: bool = False) -> None:
    """``value`` must be a float but NaN (or None if ``optional``, or a floating-point tensor if ``tensor``)."""
    if is_real(value):
        _check_not_nan(owner, name, value)
        return
    if optional and value is None:
        return
    if tensor and isinstance(value, torch.Tensor) and value.is_floating_point():
        return
    expected = ["a float"] + ["a floating-point tensor"] * tensor + ["None"] * optional
    hint = f" Write {name}={float(value)}." if type(value) is int else ""
    raise ArgumentTypeError(
        f"{name_of(owner)}: {name} must be {' or '.join(expected)}, but {describe(value)} was given.{hint}"
    )


def check_bool(owner: Any, name: str, value: Any) -> None:
    """``value`` must be True or False."""
    if not isinstance(value, bool):
        hint = f" Write {name}={bool(value)}." if isinstance(value, numbers.Number) else ""
        raise ArgumentTypeError(f"{name_of(owner)}: {name} must be a bool, but {describe(value)} was given.{hint}")


def check_switch(owner: Any, name: str, value: Any) -> None:
    """``value`` must be True or False, or the 1 or 0 that published programs pass for them."""
    if not isinstance(value, numbers.Integral | np.bool_) or value not in (0, 1):
        raise ArgumentTypeError(f"{name_of(owner)}: {name} must be True or False, but {describe(value)} was given.")


def check_callable(owner: Any, name: str, value: Any, such_as: str) -> None:
    """``value`` must be a function, or what can be called as one."""
    if isinstance(value, type) or not callable(value):
        raise ArgumentTypeError(
            f"{name_of(owner)}: {name} must be callable, as {such_as} is, but {describe(value)} was given."
        )


def check_int(owner: Any, name: str, value: Any, at_least: int) -> None:
    """``value`` must be an int that is not less than ``at_least``."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ArgumentTypeError(f"{name_of(owner)}: {name} must be an int, but {describe(value)} was given.")
    if value < at_least:
        raise ArgumentValueError(f"{name_of(owner)}: {name} must be at least {at_least}, but {value} was given.")


def check_positive_int(owner: Any, name: str, value: Any) -> None:
    """``value`` must be an int of at least 1."""
    check_int(owner, name, value, at_least=1)


def check_above(owner: Any, name: str, value: Any, bound: float) -> None:
    """``value`` must be a float greater than ``bound``."""
    check_float(owner, name, value)
    if not value > bound:
        raise ArgumentValueError(f"{name_of(owner)}: {name} must be greater than {bound}, but {value} was given.")


def check_number(owner: Any, name: str, value: Any) -> float:
    """``value`` must be a real number, float or int, but NaN. Returned as a float."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ArgumentTypeError(f"{name_of(owner)}: {name} must be a number, but {describe(value)} was given.")
    _check_not_nan(owner, name, value)
    return float(value)


def _check_not_nan(owner: Any, name: str, value: Any) -> None:
    if value != value:
        raise ArgumentValueError(
            f"{name_of(owner)}: {name} must be a number, but nan was given, which is what a failed computation leaves. "
            "Look at where it comes from."
        )


def check_probability(owner: Any, value: Any, *, below_one: bool, name: str = "p") -> float:
    """``value`` must be a probability of dropping; 1 would drop everything. Returned as a float."""
    number = check_number(owner, name, value)
    if not 0.0 <= number <= 1.0 or (below_one and number == 1.0):
        bounds = f"0 <= {name} < 1" if below_one else f"0 <= {name} <= 1"
        raise ArgumentValueError(f"{name_of(owner)}: {name} must be a probability, {bounds}, but {value} was given.")
    return number


def check_tensor(owner: Any, name: str, value: Any) -> None:
    """``value`` must be a tensor, of any dtype."""
    if not isinstance(value, torch.Tensor):
        raise TypeError(
            f"{name_of(owner)}: {name} must be a torch.Tensor, but {describe(value)} was given. "
            "Convert it first, for example with torch.as_tensor(x, dtype=torch.float32)."
        )
    if value.layout is not torch.strided:
        raise TypeError(
            f"{name_of(owner)}: {name} must be a dense tensor, but one of the layout {value.layout} was given. "
            "Convert it first, for example with x.to_dense()."
        )


def check_floating_tensor(owner: Any, name: str, value: Any) -> None:
    """``value`` must be a tensor of a floating-point dtype: images are scaled by the user, never silently."""
    check_tensor(owner, name, value)
    if not value.is_floating_point():
        raise TypeError(
            f"{name_of(owner)}: {name} must have a floating-point dtype, but {describe(value)} was given. "
            "Convert it first: x.float(), and x.float() / 255 for 8-bit images."
        )
