"""Ways of slicing as objects, which data sets and transforms keep."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikingjelly.datasets.to_x_rep import _slices
from spikingjelly.datasets.to_x_rep._slices import Bounds


class _Slicer:
    def slice(self, data: Any, targets: Any = None) -> tuple[list[Any], Any]:
        """The slices of the events ``data``, and ``targets`` as they are."""
        return _slices.cut(data, self._bounds(data)), targets

    def get_slice_metadata(self, data: Any, targets: Any = None) -> list[tuple[int, int]]:
        """The first event of each slice and the one after its last: what can be kept in place of the slices."""
        return [(int(start), int(stop)) for start, stop in zip(*self._bounds(data), strict=True)]

    @staticmethod
    def slice_with_metadata(data: Any, targets: Any, metadata: Sequence[tuple[int, int]]) -> tuple[list[Any], Any]:
        """The slices that ``metadata`` of :meth:`get_slice_metadata` tells, and ``targets`` as they are."""
        starts, stops = np.array(metadata, np.int64).reshape(-1, 2).T
        return _slices.cut(data, Bounds(starts, stops)), targets

    def _bounds(self, events: Any) -> Bounds:
        raise NotImplementedError


@dataclass(frozen=True)
class SliceByTime(_Slicer):
    """See :func:`slice_events_by_time`."""

    time_window: float
    overlap: float = 0.0
    include_incomplete: bool = False

    def _bounds(self, events: Any) -> Bounds:
        return _slices.bounds_by_time(events, self.time_window, self.overlap, self.include_incomplete)


@dataclass(frozen=True)
class SliceByEventCount(_Slicer):
    """See :func:`slice_events_by_count`."""

    event_count: int
    overlap: int = 0
    include_incomplete: bool = False

    def _bounds(self, events: Any) -> Bounds:
        return _slices.bounds_by_count(events, self.event_count, self.overlap, self.include_incomplete)


@dataclass(frozen=True)
class SliceByTimeBins(_Slicer):
    """See :func:`slice_events_by_time_bins`."""

    bin_count: int
    overlap: float = 0

    def _bounds(self, events: Any) -> Bounds:
        return _slices.bounds_by_time_bins(events, self.bin_count, self.overlap)


@dataclass(frozen=True)
class SliceByEventBins(_Slicer):
    """See :func:`slice_events_by_event_bins`."""

    bin_count: int
    overlap: float = 0

    def _bounds(self, events: Any) -> Bounds:
        return _slices.bounds_by_event_bins(events, self.bin_count, self.overlap)
