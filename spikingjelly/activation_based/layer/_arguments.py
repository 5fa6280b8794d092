"""Checks of arguments that several layers share."""

import numbers
from typing import Any

from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, describe, name_of


def check_number(owner: Any, name: str, value: Any) -> float:
    """``value`` must be a real number, float or int. Returned as a float."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ArgumentTypeError(f"{name_of(owner)}: {name} must be a number, but {describe(value)} was given.")
    return float(value)


def check_number_above(owner: Any, name: str, value: Any, bound: float) -> float:
    """``value`` must be a number greater than ``bound``. Returned as a float."""
    number = check_number(owner, name, value)
    if not number > bound:
        raise ArgumentValueError(f"{name_of(owner)}: {name} must be greater than {bound}, but {value} was given.")
    return number


def check_probability(owner: Any, value: Any, *, below_one: bool) -> float:
    """``value`` must be a probability of dropping; 1 would drop everything. Returned as a float."""
    number = check_number(owner, "p", value)
    if not 0.0 <= number <= 1.0 or (below_one and number == 1.0):
        bounds = "0 <= p < 1" if below_one else "0 <= p <= 1"
        raise ArgumentValueError(f"{name_of(owner)}: p must be a probability, {bounds}, but {value} was given.")
    return number


def check_single_step_children(owner: nn.Module) -> None:
    """The modules in a container that does the time dimension for them must be in step mode 's'.

    :raises ValueError: (also an AssertionError) that names the first module that is not
    """
    for name, module in owner.named_modules():
        if module is not owner and isinstance(module, base.StepModule) and module.step_mode != "s":
            raise ArgumentValueError(
                f"{name_of(owner)}: its modules must be in step_mode='s', for the container does the time dimension "
                f"itself, but {name!r} ({type(module).__name__}) is in step_mode={module.step_mode!r}. "
                f"Set it back with functional.set_step_mode(module, 's')."
            )
