"""Settings that are dataclasses, and their flags on the command line."""

import argparse
import dataclasses
import math
from typing import Any, TypeVar

Settings = TypeVar("Settings")


def setting(default: Any, meaning: str, at_least: float = 0.0, at_most: float = math.inf) -> Any:
    """A field of a dataclass of settings.

    :param default: an int or a float
    :param meaning: the help of its flag
    :param at_least: the smallest value that is allowed
    :param at_most: the largest
    """
    metadata = {"meaning": meaning, "at_least": at_least, "at_most": at_most}
    return dataclasses.field(default=default, metadata=metadata)


def add_flags(parser: argparse.ArgumentParser, defaults: Any) -> None:
    """Give the parser a flag for each field: ``batch_size`` becomes ``-batch-size`` or ``--batch-size``."""
    for field in dataclasses.fields(defaults):
        default = getattr(defaults, field.name)
        flag = flag_of(field.name)
        parser.add_argument(
            flag, f"-{flag}", type=type(default), default=default, help=field.metadata["meaning"], metavar="X"
        )


def from_flags(parser: argparse.ArgumentParser, args: argparse.Namespace, defaults: Settings) -> Settings:
    """The settings that were given; the parser reports values out of range."""
    given = {}
    for field in dataclasses.fields(defaults):  # type: ignore[arg-type]
        value, low, high = getattr(args, field.name), field.metadata["at_least"], field.metadata["at_most"]
        if not low <= value <= high:
            bound = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
            parser.error(f"{flag_of(field.name)} must be {bound}, but {value} was given")
        given[field.name] = value
    return dataclasses.replace(defaults, **given)  # type: ignore[type-var]


def flag_of(name: str) -> str:
    """The flag of a field."""
    return "-" + name.replace("_", "-")
