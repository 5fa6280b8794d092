"""Transforms of coordinates and polarity."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikingjelly.datasets._columns import checked_coordinate, is_on, positive_int, sensor_size
from spikingjelly.datasets.event_transforms._base import (
    EventTransform,
    RandomChoice,
    RandomTransform,
    Table,
    check_positive,
    select,
)


def _cut(table: Table, top: int, left: int, height: int, width: int) -> Table:
    """The events in a rectangle, with coordinates from its corner on."""
    x, y = table["x"], table["y"]
    inside = (x >= left) & (x < left + width) & (y >= top) & (y < top + height)
    kept = select(table, inside)
    # Narrow types may not hold the corner, so it is taken off in a wide one.
    return {**kept, "x": _widened(kept["x"]) - left, "y": _widened(kept["y"]) - top}


def _widened(values: np.ndarray) -> np.ndarray:
    return values if values.dtype.kind == "f" else values.astype(np.int64)


@dataclass
class Crop(EventTransform):
    """Keep the events in the rectangle of ``height`` x ``width`` pixels whose upper left corner is (``top``, ``left``).

    Coordinates then count from that corner.
    """

    top: int
    left: int
    height: int
    width: int
    needs: ClassVar[str] = "xy"

    def __post_init__(self) -> None:
        positive_int(self.height, "Crop: height")
        positive_int(self.width, "Crop: width")

    def change(self, table: Table) -> Table:
        return _cut(table, self.top, self.left, self.height, self.width)


def _check_crop(owner: object, H: int, W: int, height: int, width: int) -> None:
    for name, inner, outer in (("height", height, H), ("width", width, W)):
        if not 1 <= positive_int(inner, f"{type(owner).__name__}: {name}") <= outer:
            raise ValueError(
                f"{type(owner).__name__}: {height} x {width} can't be cut out of a sensor of {H} x {W} pixels."
            )


@dataclass
class CenterCrop(EventTransform):
    """:class:`Crop` of ``height`` x ``width`` pixels in the middle of a sensor of ``H`` x ``W``."""

    H: int
    W: int
    height: int
    width: int
    needs: ClassVar[str] = "xy"

    def __post_init__(self) -> None:
        _check_crop(self, self.H, self.W, self.height, self.width)

    def change(self, table: Table) -> Table:
        top, left = (self.H - self.height) // 2, (self.W - self.width) // 2
        return _cut(table, top, left, self.height, self.width)


@dataclass
class RandomCrop(RandomTransform):
    """:class:`Crop` of ``height`` x ``width`` pixels somewhere on a sensor of ``H`` x ``W``."""

    H: int
    W: int
    height: int
    width: int
    needs: ClassVar[str] = "xy"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_crop(self, self.H, self.W, self.height, self.width)

    def change(self, table: Table) -> Table:
        rng = self.generator()
        top, left = (int(rng.integers(free + 1)) for free in (self.H - self.height, self.W - self.width))
        return _cut(table, top, left, self.height, self.width)


@dataclass
class RandomFlipLR(RandomChoice):
    """With ``probability`` mirror a recording: left becomes right. ``W`` is the width of the sensor."""

    W: int
    probability: float = 0.5
    needs: ClassVar[str] = "x"

    def __post_init__(self) -> None:
        super().__post_init__()
        positive_int(self.W, "RandomFlipLR: W")

    def flip(self, table: Table) -> Table:
        return {**table, "x": self.W - 1 - checked_coordinate(table["x"], self.W, "x", "W")}


@dataclass
class RandomFlipUD(RandomChoice):
    """With ``probability`` turn a recording upside down. ``H`` is the height of the sensor."""

    H: int
    probability: float = 0.5
    needs: ClassVar[str] = "y"

    def __post_init__(self) -> None:
        super().__post_init__()
        positive_int(self.H, "RandomFlipUD: H")

    def flip(self, table: Table) -> Table:
        return {**table, "y": self.H - 1 - checked_coordinate(table["y"], self.H, "y", "H")}


@dataclass
class RandomFlipPolarity(RandomChoice):
    """With ``probability`` swap ON and OFF in a whole recording."""

    probability: float = 0.5
    needs: ClassVar[str] = "p"

    def flip(self, table: Table) -> Table:
        return {**table, "p": ~is_on(table["p"])}


@dataclass
class Downsample(EventTransform):
    """Coarser coordinates and times: x and y divided by ``space`` and t by ``time``, rounded down.

    No event is lost: several may fall on one pixel at one time.
    """

    space: int = 1
    time: int = 1
    needs: ClassVar[str] = "txy"

    def __post_init__(self) -> None:
        positive_int(self.space, "Downsample: space")
        positive_int(self.time, "Downsample: time")

    def change(self, table: Table) -> Table:
        divisors = {"t": self.time, "x": self.space, "y": self.space}
        coarse = {name: _widened(table[name]) // by for name, by in divisors.items() if by != 1}
        return {**table, **coarse}


@dataclass
class JitterSpace(RandomTransform):
    """Move each event by a normal random number of pixels (``std``) in x and in y.

    Events that leave the sensor of ``H`` x ``W`` pixels are dropped.
    """

    H: int
    W: int
    std: float
    needs: ClassVar[str] = "xy"

    def __post_init__(self) -> None:
        super().__post_init__()
        sensor_size(self.H, self.W)
        check_positive(self, "std", self.std)

    def change(self, table: Table) -> Table:
        rng = self.generator()
        x, y = (np.rint(table[name] + rng.normal(0, self.std, len(table[name]))) for name in "xy")
        inside = (x >= 0) & (x < self.W) & (y >= 0) & (y < self.H)
        return select({**table, "x": x, "y": y}, inside)
