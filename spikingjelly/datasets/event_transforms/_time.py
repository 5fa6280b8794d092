"""Transforms of time, and noise over all of it."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikingjelly.datasets._columns import is_on, sensor_size, wide_times
from spikingjelly.datasets.event_transforms._base import (
    EventTransform,
    RandomChoice,
    RandomTransform,
    Table,
    check_positive,
    select,
    sort_by_time,
)

_LARGEST = np.iinfo(np.int64).max


@dataclass
class CropTime(EventTransform):
    """Keep the events with ``start <= t < stop``.

    :param start: the first time that is kept; None for no bound
    :param stop: the first time that is not; None for no bound
    :param relative: whether both count from the first event
    """

    start: float | None = None
    stop: float | None = None
    relative: bool = False

    def change(self, table: Table) -> Table:
        t = wide_times(table["t"])
        if self.relative and len(t):
            t = t - t.min()
        kept = np.ones(len(t), bool)
        if self.start is not None:
            kept &= t >= self.start
        if self.stop is not None:
            kept &= t < self.stop
        return select(table, kept)


@dataclass
class RandomCropTime(RandomTransform):
    """Keep the events of a stretch of time, drawn uniformly; of a recording that is shorter, all.

    :param duration: of the stretch, above 0
    """

    duration: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "duration", self.duration)

    def change(self, table: Table) -> Table:
        t = wide_times(table["t"])
        if len(t) == 0 or t.max() - t.min() < self.duration:
            return table
        start = self.generator().uniform(t.min(), t.max() - self.duration)
        return select(table, (t >= start) & (t <= start + self.duration))


@dataclass
class JitterTime(RandomTransform):
    """Move each event by a normal random time (``std`` in the unit of t); the events are then sorted again.

    Whole numbers stay whole and within what their dtype can hold: unsigned ones don't go below 0.
    """

    std: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "std", self.std)

    def change(self, table: Table) -> Table:
        t = wide_times(table["t"])
        shift = self.generator().normal(0, self.std, len(t))
        if table["t"].dtype.kind in "iu":
            # Clipped in int64, in which the times are; beyond it older NumPy would go on in floating point.
            limits = np.iinfo(table["t"].dtype)
            moved = np.clip(t + np.rint(shift).astype(np.int64), limits.min, min(limits.max, _LARGEST))
        else:
            moved = t + shift
        return sort_by_time({**table, "t": moved})


@dataclass
class RandomTimeReversal(RandomChoice):
    """With ``probability`` run a recording backwards, between the same two times; ON and OFF swap, if there is p.

    (What darkens when time runs forwards brightens when it runs backwards.)
    """

    probability: float = 0.5

    def flip(self, table: Table) -> Table:
        if len(table["t"]) == 0:
            return table
        t = wide_times(table["t"])
        backwards = {**table, "t": t.min() + (t.max() - t)}
        if "p" in table:
            backwards["p"] = ~is_on(table["p"])
        return select(backwards, np.arange(len(t))[::-1])


@dataclass
class UniformNoise(RandomTransform):
    """Add ``n`` events of random place and polarity at random times between the first and the last event.

    Recordings without events stay so.

    :param n: how many events are added, 0 or more

    :raises ValueError: on a call, for events with other columns than t, x, y and p
    """

    H: int
    W: int
    n: int
    needs: ClassVar[str] = "txyp"

    def __post_init__(self) -> None:
        super().__post_init__()
        sensor_size(self.H, self.W)
        if not (isinstance(self.n, (int, np.integer)) and self.n >= 0):
            raise ValueError(f"UniformNoise: n must be an int from 0 on, but {self.n!r} was given.")

    def change(self, table: Table) -> Table:
        unknown = [name for name in table if name not in self.needs]
        if unknown:
            raise ValueError(f"UniformNoise can't make up values for the columns {', '.join(unknown)}.")
        t = wide_times(table["t"])
        if len(t) == 0:
            return table
        rng = self.generator()
        first, last = t.min(), t.max()
        noise = {
            "t": rng.integers(first, last, self.n, endpoint=True)
            if table["t"].dtype.kind in "iu"
            else rng.uniform(first, last, self.n),
            "x": rng.integers(self.W, size=self.n),
            "y": rng.integers(self.H, size=self.n),
            "p": rng.integers(2, size=self.n),
        }
        signal = {**table, "t": t}
        return sort_by_time({name: np.concatenate([values, noise[name]]) for name, values in signal.items()})
