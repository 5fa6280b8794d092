"""Slices of events to arrays ``[T, P, H, W]``, as functions and as transforms."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from spikingjelly.datasets._columns import columns, names_of, positive_int
from spikingjelly.datasets._columns import sensor_size as checked_size
from spikingjelly.datasets._frames import count_events
from spikingjelly.datasets._representations import bina_rep, voxel_grid
from spikingjelly.datasets.to_x_rep import _slices
from spikingjelly.datasets.to_x_rep._slices import Bounds

SensorSize: TypeAlias = tuple[int, int, int]


def to_frame_numpy(
    events: Any,
    sensor_size: SensorSize | None,
    time_window: float | None = None,
    event_count: int | None = None,
    n_time_bins: int | None = None,
    n_event_bins: int | None = None,
    overlap: float = 0,
    include_incomplete: bool = False,
) -> np.ndarray:
    """How many events each pixel has in each slice of a recording.

    Exactly one of the four ways to slice is given.

    :param events: the columns t, x, y, p in order of time; see :mod:`spikingjelly.datasets.to_x_rep`
    :param sensor_size: ``(W, H, P)``; None: as large as the events need, with both polarities if there is p
    :param time_window: see :func:`slice_events_by_time`
    :param event_count: see :func:`slice_events_by_count`
    :param n_time_bins: see :func:`slice_events_by_time_bins`
    :param n_event_bins: see :func:`slice_events_by_event_bins`
    :param overlap: of neighbouring slices: a time, a number of events, or for bins a share of the window
    :param include_incomplete: whether the rest is a slice too; for ``time_window`` and ``event_count`` only
    :return: int32 ``[T, P, H, W]``, channel 0 OFF and 1 ON. (Tonic gives int16, which ends at 32,767 events.)
    :raises ValueError: that says what is wrong with events or arguments
    """
    ways: dict[str, tuple[Any, Callable[..., Bounds]]] = {
        "time_window": (time_window, _slices.bounds_by_time),
        "event_count": (event_count, _slices.bounds_by_count),
        "n_time_bins": (n_time_bins, _slices.bounds_by_time_bins),
        "n_event_bins": (n_event_bins, _slices.bounds_by_event_bins),
    }
    given = [name for name, (value, _) in ways.items() if value is not None]
    if len(given) != 1:
        raise ValueError(f"Give one of {', '.join(ways)}, but {' and '.join(given) or 'none'} was given.")
    value, bounds_by = ways[given[0]]
    if given[0].startswith("n_"):
        if include_incomplete:
            raise ValueError(f"include_incomplete has no meaning with {given[0]}: bins are all of one size.")
        return _frames(events, sensor_size, bounds_by(events, value, overlap))
    return _frames(events, sensor_size, bounds_by(events, value, overlap, include_incomplete))


def to_voxel_grid_numpy(events: Any, sensor_size: SensorSize, n_time_bins: int = 10) -> np.ndarray:
    """:func:`spikingjelly.datasets.voxel_grid` with an axis for the polarity, which ON and OFF share as +1 and -1.

    The grid sums to the number of ON less that of OFF events; Tonic's loses the last event.

    :param events: the columns t, x, y, p
    :param sensor_size: ``(W, H, P)``; both polarities go into one channel whatever ``P`` is
    :param n_time_bins: the number of bins
    :return: float32 ``[n_time_bins, 1, H, W]``
    :raises ValueError: that says what is wrong with events or arguments
    """
    W, H, _ = _checked(sensor_size)
    return voxel_grid(events, n_time_bins, H, W)[:, None]


def to_bina_rep_numpy(event_frames: np.ndarray, n_frames: int = 1, n_bits: int = 8) -> np.ndarray:
    """:func:`spikingjelly.datasets.bina_rep` of a known number of frames.

    :param event_frames: ``[n_frames * n_bits, P, H, W]``
    :param n_frames: how many frames come out
    :param n_bits: how many frames become one
    :return: float32 ``[n_frames, P, H, W]``, values 0 to 1
    :raises ValueError: if there are more or fewer frames than that, or ``n_bits`` is above 24
    """
    n_frames, n_bits = positive_int(n_frames, "n_frames"), positive_int(n_bits, "n_bits")
    frames = np.asarray(event_frames)
    if frames.ndim == 0 or len(frames) != n_frames * n_bits:
        raise ValueError(
            f"There must be n_frames * n_bits = {n_frames * n_bits} frames, but the shape is {list(frames.shape)}."
        )
    return bina_rep(frames, n_bits)


def bina_rep_of_all(frames: np.ndarray) -> np.ndarray:
    """:func:`spikingjelly.datasets.bina_rep` of all ``frames`` ``[N, *]`` to one, float32 ``[*]``; N is at most 24."""
    return to_bina_rep_numpy(frames, 1, len(frames))[0]


def _checked(size: Any) -> SensorSize:
    if not isinstance(size, (tuple, list)) or len(size) != 3 or size[2] not in (1, 2):
        raise ValueError(f"sensor_size must be (W, H, P) with 1 or 2 polarities P, but {size!r} was given.")
    H, W = checked_size(size[1], size[0])
    return W, H, int(size[2])


def _smallest_sensor(events: Any) -> SensorSize:
    names = names_of(events)
    x, y = (columns(events, name)[0] if name in names else np.zeros(0, np.int64) for name in "xy")
    return int(x.max(initial=0)) + 1, int(y.max(initial=0)) + 1, 2 if "p" in names else 1


def _frames(events: Any, size: SensorSize | None, bounds: Bounds) -> np.ndarray:
    W, H, P = _smallest_sensor(events) if size is None else _checked(size)
    names = names_of(events)
    missing = [name for name, may_miss in (("y", H == 1), ("p", P == 1)) if name not in names and may_miss]
    present = [name for name in "xyp" if name not in missing]
    table = dict(zip(present, columns(events, present), strict=True))
    table |= {name: np.zeros(len(table["x"]), np.int8) for name in missing}
    if P == 1:
        table["p"] = np.zeros_like(table["p"])
    counts = bounds.stops - bounds.starts
    # The events of all slices one after the other; those in an overlap more than once.
    behind = np.cumsum(counts)
    chosen = np.arange(counts.sum()) + np.repeat(bounds.starts - (behind - counts), counts)
    frames = count_events({name: column[chosen] for name, column in table.items()}, counts, H, W)
    return frames[:, :P].astype(np.int32)


@dataclass(frozen=True)
class ToFrame:
    """:func:`to_frame_numpy` as a transform."""

    sensor_size: SensorSize | None
    time_window: float | None = None
    event_count: int | None = None
    n_time_bins: int | None = None
    n_event_bins: int | None = None
    overlap: float = 0
    include_incomplete: bool = False

    def __call__(self, events: Any) -> np.ndarray:
        return to_frame_numpy(
            events, self.sensor_size, self.time_window, self.event_count, self.n_time_bins, self.n_event_bins,
            self.overlap, self.include_incomplete,
        )  # fmt: skip


@dataclass(frozen=True)
class ToImage:
    """All events of a recording in one frame, int32 ``[P, H, W]``."""

    sensor_size: SensorSize

    def __call__(self, events: Any) -> np.ndarray:
        count = len(columns(events, "t")[0])
        return _frames(events, self.sensor_size, Bounds(np.array([0]), np.array([count])))[0]


@dataclass(frozen=True)
class ToVoxelGrid:
    """:func:`to_voxel_grid_numpy` as a transform."""

    sensor_size: SensorSize
    n_time_bins: int

    def __call__(self, events: Any) -> np.ndarray:
        return to_voxel_grid_numpy(events, self.sensor_size, self.n_time_bins)


@dataclass(frozen=True)
class ToBinaRep:
    """:func:`to_bina_rep_numpy` as a transform of what :class:`ToFrame` gives."""

    n_frames: int = 1
    n_bits: int = 8

    def __call__(self, event_frames: np.ndarray) -> np.ndarray:
        return to_bina_rep_numpy(event_frames, self.n_frames, self.n_bits)
