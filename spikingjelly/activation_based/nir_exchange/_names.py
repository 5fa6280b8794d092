"""Names of nodes and names of attributes."""

import re
from collections.abc import Collection, Iterable


def attribute_name(name: str) -> str:
    """``name`` with underscores for what can't be in a Python name: 'layer.0' becomes 'layer_0', '0' becomes '_0'."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII) or "_"
    return f"_{plain}" if plain[0].isdigit() else plain


def free_name(name: str, taken: Collection[str]) -> str:
    """``name``, with a number behind it where it is taken."""
    number, free = 1, name
    while free in taken:
        free = f"{name}_{number}"
        number += 1
    return free


def attribute_names(names: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """An attribute name of its own for each of ``names``, none of which is in ``taken``."""
    known = set(taken)
    result = {}
    for name in names:
        result[name] = free_name(attribute_name(name), known)
        known.add(result[name])
    return result
