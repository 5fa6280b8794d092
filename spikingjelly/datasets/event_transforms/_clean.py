"""Filters that clean a recording. The events must be in order of time."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikingjelly.datasets._columns import check_sorted, wide_times
from spikingjelly.datasets.event_transforms._base import EventTransform, Table, check_positive, select

_NEIGHBOURS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]


def _times_in_order(table: Table) -> np.ndarray:
    t = wide_times(table["t"])
    check_sorted(t, "Sort them first.")
    return t


def _framed(table: Table) -> tuple[np.ndarray, int]:
    """A number for the pixel of each event, and the width of a row: with an empty column, so that rows don't touch."""
    x, y = (table[name].astype(np.int64) for name in "xy")
    x, y = x - x.min() + 1, y - y.min() + 1
    width = int(x.max()) + 1
    return y * width + x, width


@dataclass
class RefractoryPeriod(EventTransform):
    """Drop an event if less than ``delay`` has passed since the last event that was kept at its pixel.

    Both polarities count.
    """

    delay: float
    needs: ClassVar[str] = "txy"

    def __post_init__(self) -> None:
        check_positive(self, "delay", self.delay)

    def change(self, table: Table) -> Table:
        t = _times_in_order(table)
        N = len(t)
        if N == 0:
            return table
        pixel, _ = _framed(table)
        order = np.argsort(pixel, kind="stable")
        pixel, since = pixel[order], (t - t[0])[order]
        # All on one axis, pixel after pixel.
        axis = pixel * (since.max() + 1) + since
        following = np.maximum(np.searchsorted(axis, axis + self.delay), np.arange(1, N + 1))
        kept = np.zeros(N, bool)
        current = np.flatnonzero(np.diff(pixel, prepend=-1))
        while current.size:  # as often as the busiest pixel has events that are kept
            kept[order[current]] = True
            after = following[current]
            goes_on = (after < N) & (pixel[np.minimum(after, N - 1)] == pixel[current])
            current = after[goes_on]
        return select(table, kept)


@dataclass
class Denoise(EventTransform):
    """Keep an event only if one of the eight pixels around it had an event at most ``duration`` before it.

    Of events at the same time those that come earlier count as before. Source: T. Delbruck, "Frame-free dynamic digital
    vision", 2008 (background activity filter).
    """

    duration: float
    needs: ClassVar[str] = "txy"

    def __post_init__(self) -> None:
        check_positive(self, "duration", self.duration)

    def change(self, table: Table) -> Table:
        t = _times_in_order(table)
        N = len(t)
        if N == 0:
            return table
        pixel, width = _framed(table)
        # One sorted list of pixel and place in the recording: the last event before another is found by bisection.
        keys = np.sort(pixel * N + np.arange(N))
        place = keys % N
        time = t[place]
        supported = np.zeros(N, bool)
        for dy, dx in _NEIGHBOURS:
            wanted = keys + (dy * width + dx) * N
            found = np.maximum(np.searchsorted(keys, wanted) - 1, 0)
            is_neighbour = (keys[found] < wanted) & (keys[found] // N == wanted // N)
            supported |= is_neighbour & (time - time[found] <= self.duration)
        kept = np.zeros(N, bool)
        kept[place] = supported
        return select(table, kept)
