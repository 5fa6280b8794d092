"""Checks of arguments that several layers share."""

from typing import Any

from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import ArgumentValueError, check_number, name_of


def check_number_above(owner: Any, name: str, value: Any, bound: float) -> float:
    """``value`` must be a number greater than ``bound``. Returned as a float."""
    number = check_number(owner, name, value)
    if not number > bound:
        raise ArgumentValueError(f"{name_of(owner)}: {name} must be greater than {bound}, but {value} was given.")
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
