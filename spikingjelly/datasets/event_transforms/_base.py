"""What all transforms share: columns in, the same kind of events out, and where random numbers come from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch

from spikingjelly.datasets._columns import columns, names_of

Table = dict[str, np.ndarray]
AnyEvents = TypeVar("AnyEvents")


class EventTransform:
    """A change of events. A subclass names the columns that it needs and writes :meth:`change`."""

    needs: ClassVar[str] = "t"

    def __call__(self, events: AnyEvents) -> AnyEvents:
        """The changed events, of the same kind.

        :raises TypeError: if ``events`` is neither a mapping nor a structured array
        :raises ValueError: if a column is missing, or the columns don't fit each other
        """
        names = names_of(events)
        wanted = [*names, *(name for name in self.needs if name not in names)]
        table = dict(zip(wanted, columns(events, wanted), strict=True))
        return _like(events, table, self.change(table))

    def change(self, table: Table) -> Table:
        """The columns, changed: new arrays of equal length, in any dtype that holds the values of the given ones."""
        raise NotImplementedError


def _like(events: Any, before: Table, after: Table) -> Any:
    fitted = {name: _fit(name, values, before[name].dtype) for name, values in after.items()}
    if not isinstance(events, np.ndarray):
        return fitted
    array: Any = np.empty(len(next(iter(fitted.values()))), events.dtype)
    for name, values in fitted.items():
        array[name] = values
    return array


def _fit(name: str, values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """``values`` as ``dtype``, rounded where it is of whole numbers.

    :raises ValueError: if it can't hold a value
    """
    if values.dtype == dtype or dtype.kind not in "iu":
        return values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    whole = np.rint(values) if values.dtype.kind == "f" else values
    if whole.size and (whole.min() < limits.min or whole.max() > limits.max):
        raise ValueError(
            f"Events: {name} would be {whole.min()} to {whole.max()}, which its dtype {dtype} can't hold. "
            "Convert the column to a wider one first."
        )
    return whole.astype(dtype)


def select(table: Table, chosen: np.ndarray) -> Table:
    """The rows of ``table`` that a mask or an index chooses."""
    return {name: values[chosen] for name, values in table.items()}


def sort_by_time(table: Table) -> Table:
    return select(table, np.argsort(table["t"], kind="stable"))


class Compose:
    """One transform after the other.

    :param transforms: functions of events, called in this order
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        for transform in transforms:
            if not callable(transform):
                raise TypeError(f"Compose: {transform!r} can't be called.")
        self.transforms = list(transforms)

    def __call__(self, events: Any) -> Any:
        for transform in self.transforms:
            events = transform(events)
        return events

    def __repr__(self) -> str:
        return f"Compose({self.transforms!r})"


@dataclass
class RandomTransform(EventTransform):
    """A transform that draws random numbers; see the package about ``rng``."""

    rng: int | np.random.Generator | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        self._own = None if self.rng is None else np.random.default_rng(self.rng)

    def generator(self) -> np.random.Generator:
        """The generator for one call."""
        if self._own is not None:
            return self._own
        return np.random.default_rng(int(torch.randint(2**63 - 1, ())))


class RandomChoice(RandomTransform):
    """A transform that with ``probability``, a field of the subclass, does what :meth:`flip` says, and else nothing."""

    probability: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.probability <= 1:
            raise ValueError(
                f"{type(self).__name__}: probability must be in 0 to 1, but {self.probability!r} was given."
            )

    def change(self, table: Table) -> Table:
        return self.flip(table) if self.generator().random() < self.probability else table

    def flip(self, table: Table) -> Table:
        """The columns, changed; see :meth:`EventTransform.change`."""
        raise NotImplementedError


Fraction = float | tuple[float, float]


def check_fraction(owner: object, name: str, value: Fraction) -> None:
    """:raises ValueError: if ``value`` is neither a number in [0, 1] nor two such numbers in order"""
    low, high = value if isinstance(value, tuple) else (value, value)
    if not 0 <= low <= high <= 1:
        raise ValueError(
            f"{type(owner).__name__}: {name} must be in 0 to 1, or two such numbers (least, most), "
            f"but {value!r} was given."
        )


def draw_fraction(value: Fraction, rng: np.random.Generator) -> float:
    return float(rng.uniform(*value)) if isinstance(value, tuple) else value


def check_positive(owner: object, name: str, value: float) -> None:
    """:raises ValueError: if ``value`` is not above 0"""
    if not value > 0:
        raise ValueError(f"{type(owner).__name__}: {name} must be above 0, but {value!r} was given.")
