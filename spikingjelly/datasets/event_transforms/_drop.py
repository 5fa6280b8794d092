"""Transforms that leave events out: at random, of a stretch of time, of an area.

Source: F. Gu, W. Sng, X. Hu and F. Yu, "EventDrop: data augmentation for event-based learning", IJCAI 2021.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikingjelly.datasets._columns import sensor_size, wide_times
from spikingjelly.datasets.event_transforms._base import (
    Fraction,
    RandomTransform,
    Table,
    check_fraction,
    draw_fraction,
    select,
)


@dataclass
class DropEvents(RandomTransform):
    """Leave out events that are chosen at random.

    :param fraction: the share of the events, 0 to 1; (least, most) draws it anew for each call
    """

    fraction: Fraction
    needs: ClassVar[str] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fraction(self, "fraction", self.fraction)

    def change(self, table: Table) -> Table:
        rng = self.generator()
        N = len(next(iter(table.values()), ()))
        left_out = rng.choice(N, round(N * draw_fraction(self.fraction, rng)), replace=False)
        kept = np.ones(N, bool)
        kept[left_out] = False
        return select(table, kept)


@dataclass
class DropTime(RandomTransform):
    """Leave out the events of one stretch of time.

    :param fraction: its share of the recording's duration, 0 to 1; (least, most) draws it anew for each call
    """

    fraction: Fraction

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fraction(self, "fraction", self.fraction)

    def change(self, table: Table) -> Table:
        t = wide_times(table["t"])
        if len(t) == 0:
            return table
        rng = self.generator()
        span = float(t.max() - t.min())
        duration = span * draw_fraction(self.fraction, rng)
        start = rng.uniform(0, span - duration)
        since = t - t.min()
        return select(table, (since < start) | (since >= start + duration))


@dataclass
class DropArea(RandomTransform):
    """Leave out the events of one rectangle.

    The rectangle has the proportions of the sensor, its sides rounded to whole pixels, and lies inside.

    :param fraction: its share of the sensor of ``H`` x ``W`` pixels, 0 to 1; (least, most) draws it anew for each call
    """

    H: int
    W: int
    fraction: Fraction
    needs: ClassVar[str] = "xy"

    def __post_init__(self) -> None:
        super().__post_init__()
        sensor_size(self.H, self.W)
        check_fraction(self, "fraction", self.fraction)

    def change(self, table: Table) -> Table:
        rng = self.generator()
        side = math.sqrt(draw_fraction(self.fraction, rng))
        height, width = round(self.H * side), round(self.W * side)
        top, left = rng.integers(self.H - height + 1), rng.integers(self.W - width + 1)
        x, y = table["x"], table["y"]
        inside = (x >= left) & (x < left + width) & (y >= top) & (y < top + height)
        return select(table, ~inside)
