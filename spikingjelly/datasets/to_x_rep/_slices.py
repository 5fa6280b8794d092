"""Where slices of a recording begin and end, and the slices themselves."""

from typing import Any, NamedTuple

import numpy as np

from spikingjelly.datasets._columns import check_sorted, columns, names_of, positive_int, wide_times


class Bounds(NamedTuple):
    """Slice ``i`` holds the events ``starts[i]`` to ``stops[i] - 1``; int64 ``[n]`` each."""

    starts: np.ndarray
    stops: np.ndarray


def bounds_by_time(events: Any, time_window: float, overlap: float = 0, include_incomplete: bool = False) -> Bounds:
    _check_window(time_window, overlap, "time_window")
    t = _times(events)
    if len(t) == 0:
        return Bounds(np.zeros(0, np.int64), np.zeros(0, np.int64))
    window, stride = _whole(time_window), _whole(time_window - overlap)
    starts = t[0] + stride * np.arange(_count_of(t[-1] - t[0], window, stride, include_incomplete))
    stops = np.searchsorted(t, starts + window, side="left")
    if t[-1] == starts[-1] + window and include_incomplete:
        stops[-1] = len(t)
    return Bounds(np.searchsorted(t, starts, side="left"), stops)


def bounds_by_count(events: Any, event_count: int, overlap: int = 0, include_incomplete: bool = False) -> Bounds:
    event_count = positive_int(event_count, "event_count")
    if not isinstance(overlap, (int, np.integer)):
        raise ValueError(f"overlap must be a whole number of events, but {overlap!r} was given.")
    _check_window(event_count, overlap, "event_count")
    N = len(_times(events))
    if N == 0:
        return Bounds(np.zeros(0, np.int64), np.zeros(0, np.int64))
    stride = event_count - int(overlap)
    starts = stride * np.arange(_count_of(N, event_count, stride, include_incomplete))
    return Bounds(starts, np.minimum(starts + event_count, N))


def bounds_by_time_bins(events: Any, bin_count: int, overlap: float = 0) -> Bounds:
    bin_count = positive_int(bin_count, "bin_count")
    _check_share(overlap)
    t = _times(events)
    if len(t) == 0:
        return Bounds(np.zeros(bin_count, np.int64), np.zeros(bin_count, np.int64))
    span = t[-1] - t[0]
    window = (span / bin_count if t.dtype.kind == "f" else span // bin_count) * (1 + overlap)
    starts = t[0] + window * (1 - overlap) * np.arange(bin_count)
    return Bounds(np.searchsorted(t, starts, side="left"), np.searchsorted(t, starts + window, side="left"))


def bounds_by_event_bins(events: Any, bin_count: int, overlap: float = 0) -> Bounds:
    bin_count = positive_int(bin_count, "bin_count")
    _check_share(overlap)
    N = len(_times(events))
    size = int(N // bin_count * (1 + overlap))
    starts = int(size * (1 - overlap)) * np.arange(bin_count)
    return Bounds(starts, np.minimum(starts + size, N))


def slice_events_by_time(
    events: Any, time_window: float, overlap: float = 0, include_incomplete: bool = False
) -> list[Any]:
    r"""Slices of equal duration.

    Slice :math:`i` holds :math:`t_0 + i (w - o) \le t < t_0 + i (w - o) + w` for the window :math:`w` and the overlap
    :math:`o`. Only windows that end within the recording count, but one slice holds all of a recording that is
    shorter. With ``include_incomplete`` there are as many as it takes for every event to be in one; an event exactly at
    the end of the last window then belongs to it.

    :param events: the columns t and others, in order of time
    :param time_window: the duration of a slice, in the unit of t
    :param overlap: what neighbours share, in the unit of t; below ``time_window``
    :param include_incomplete: whether there is a slice for the rest
    :return: the slices, of the same kind as ``events``; none of a recording without events
    :raises ValueError: that says what is wrong with events or arguments
    """
    return cut(events, bounds_by_time(events, time_window, overlap, include_incomplete))


def slice_events_by_count(
    events: Any, event_count: int, overlap: int = 0, include_incomplete: bool = False
) -> list[Any]:
    """Slices of ``event_count`` events, of which neighbours share ``overlap``.

    The rest that does not fill a slice is left out unless ``include_incomplete``; one slice holds all of a recording
    with fewer events. Arguments and errors are else those of :func:`slice_events_by_time`.
    """
    return cut(events, bounds_by_count(events, event_count, overlap, include_incomplete))


def slice_events_by_time_bins(events: Any, bin_count: int, overlap: float = 0) -> list[Any]:
    r"""``bin_count`` slices of equal duration.

    With :math:`D = \lfloor (t_{N-1} - t_0) / B \rfloor` and the overlap :math:`o` the windows are
    :math:`w = D (1 + o)` long and begin every :math:`w (1 - o)`. Events behind the last window, among them at least
    the last one where there is no overlap, are left out. (Of times with fractions, :math:`D` is not rounded down.)

    :param events: the columns t and others, in order of time
    :param bin_count: the number of slices :math:`B`
    :param overlap: the share of a window that neighbours have in common, 0 up to but not including 1
    :return: the slices, of the same kind as ``events``
    :raises ValueError: that says what is wrong with events or arguments
    """
    return cut(events, bounds_by_time_bins(events, bin_count, overlap))


def slice_events_by_event_bins(events: Any, bin_count: int, overlap: float = 0) -> list[Any]:
    r"""``bin_count`` slices of :math:`\lfloor N / B \rfloor (1 + o)` events, rounded down; the rest is left out.

    Arguments and errors are those of :func:`slice_events_by_time_bins`.
    """
    return cut(events, bounds_by_event_bins(events, bin_count, overlap))


def cut(events: Any, bounds: Bounds) -> list[Any]:
    """The slices, of the same kind as ``events``."""
    pairs = [(int(start), int(stop)) for start, stop in zip(*bounds, strict=True)]
    if isinstance(events, np.ndarray):
        return [events[start:stop] for start, stop in pairs]
    return [{name: np.asarray(events[name])[start:stop] for name in names_of(events)} for start, stop in pairs]


def _times(events: Any) -> np.ndarray:
    t = wide_times(columns(events, "t")[0])
    check_sorted(t, "Sort them first.")
    return t


def _count_of(span: Any, window: Any, stride: Any, include_incomplete: bool) -> int:
    rest = span - window
    return max(1, int(-(-rest // stride) if include_incomplete else rest // stride) + 1)


def _whole(value: float) -> float:
    return int(value) if value == int(value) else float(value)


def _check_window(window: float, overlap: float, name: str) -> None:
    if not (window > 0 and np.isfinite(window)):
        raise ValueError(f"{name} must be above 0, but {window!r} was given.")
    if not 0 <= overlap < window:
        raise ValueError(f"overlap must be from 0 to below {name} = {window!r}, but {overlap!r} was given.")


def _check_share(overlap: float) -> None:
    if not 0 <= overlap < 1:
        raise ValueError(f"overlap must be a share of the window, from 0 to below 1, but {overlap!r} was given.")
