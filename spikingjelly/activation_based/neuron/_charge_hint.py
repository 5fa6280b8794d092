"""A hint for a neuron of the user's own whose ``neuronal_charge`` returns the potential in place of keeping it."""

import dis
import functools
from typing import Any

import torch

from spikingjelly.fusion import dispatch


def look_at(node: Any) -> None:
    """Say once for a class that what its ``neuronal_charge`` returns is not read, unless it sets a state as well."""
    if not torch.compiler.is_compiling() and _sets_nothing(node.__class__):
        dispatch.say_once(
            f"{type(node).__name__}: neuronal_charge(x) returns a value, which nobody reads, and sets no state: "
            "the potential never changes. Assign it, as in self.v = self.v + x."
        )


@functools.cache
def _sets_nothing(cls: Any) -> bool:
    """Whether the method assigns no attribute, changes nothing in place, and calls nothing of the class that might."""
    code = getattr(cls.neuronal_charge, "__code__", None)
    if code is None:
        return False
    writes = any(instruction.opname in ("STORE_ATTR", "STORE_SUBSCR") for instruction in dis.get_instructions(code))
    return not writes and not any(_may_write(cls, name) for name in code.co_names)


def _may_write(cls: Any, name: str) -> bool:
    return name in ("setattr", "super") or name.endswith("_") or callable(getattr(cls, name, None))
