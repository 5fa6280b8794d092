"""Events to frames ``[T, 2, H, W]``: how many events of each polarity (channel 0 OFF, 1 ON) each pixel had in each of T
stretches of the recording.

The stretches are contiguous and cover the whole recording: the frames of ``N`` events always sum to ``N``.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

import numpy as np

from spikingjelly.datasets._columns import (
    Events,
    check_sorted,
    checked_coordinate,
    columns,
    is_on,
    positive_int,
    sensor_size,
    wide_times,
)

SplitBy = Literal["number", "time"]
Unsorted = Literal["raise", "sort"]

_ADVICE = "Sort them first, or pass unsorted='sort'."


def cal_fixed_frames_number_segment_index(
    events_t: np.ndarray, split_by: SplitBy, frames_num: int
) -> tuple[np.ndarray, np.ndarray]:
    r"""Where each of ``frames_num`` frames begins and ends: frame ``i`` holds the events ``j_l[i]`` to ``j_r[i] - 1``.

    ``"number"``: each frame has :math:`\lfloor N / T \rfloor` events, and the last one the rest as well. Of fewer
    events than frames, all are in the last frame.

    ``"time"``: with :math:`\Delta = \lfloor (t_{N-1} - t_0) / T \rfloor`, frame :math:`i` has the events with
    :math:`t_0 + i \Delta \le t < t_0 + (i + 1) \Delta`, and the last one all the rest. :math:`\Delta` is rounded down
    unless there are times with fractions (as in seconds). A stretch without events is an empty frame, ``j_l == j_r``.

    :param events_t: the time of each event, in order; of ``"number"`` only its length matters
    :param split_by: ``"number"`` or ``"time"``
    :param frames_num: the number of frames, at least 1
    :return: ``j_l`` and ``j_r``, int64 ``[frames_num]``
    :raises ValueError: if ``split_by`` or ``frames_num`` can't be that, or with ``"time"`` the times are not in order
    """
    frames_num = positive_int(frames_num, "frames_num")
    _check_choice(split_by, ("number", "time"), "split_by")
    t = np.asarray(events_t)
    if split_by == "number":
        j_l = np.arange(frames_num) * (len(t) // frames_num)
    else:
        t = wide_times(t)
        check_sorted(t, "Sort the events first.")
        j_l = _first_index_by_time(t, frames_num)
    return j_l, np.append(j_l[1:], len(t))


def _first_index_by_time(t: np.ndarray, frames_num: int) -> np.ndarray:
    if len(t) == 0:
        return np.zeros(frames_num, np.int64)
    span = t[-1] - t[0]
    delta = span / frames_num if t.dtype.kind == "f" else span // frames_num
    return np.searchsorted(t, t[0] + delta * np.arange(frames_num), side="left")


_Function = TypeVar("_Function", bound=Callable[..., np.ndarray])


def _or_of_events(integrate: _Function) -> _Function:
    """``(events, H, W, ...)``, as until 0.0.0.0.10, for ``(x, y, p, H, W, ...)``."""

    @functools.wraps(integrate)
    def either(*args: Any, **kwargs: Any) -> np.ndarray:
        if args and isinstance(args[0], Mapping):
            kwargs["events"], *args = args  # type: ignore[assignment]
        if "events" in kwargs:
            events = kwargs.pop("events")
            args = (events["x"], events["y"], events["p"], *args)
        return integrate(*args, **kwargs)

    return either  # type: ignore[return-value]


@_or_of_events
def integrate_events_segment_to_frame(
    x: np.ndarray, y: np.ndarray, p: np.ndarray, H: int, W: int, j_l: int = 0, j_r: int | None = None
) -> np.ndarray:
    """One frame of the events ``j_l`` to ``j_r - 1``; ``events`` may stand for ``x, y, p``.

    :param x: columns, 0 to ``W - 1``
    :param y: rows, 0 to ``H - 1``
    :param p: polarities: 0 is counted in channel 0, what is above in channel 1
    :param H: height of the sensor
    :param W: width of the sensor
    :param j_l: the first event, default 0
    :param j_r: the event after the last one; default None: to the end. (Release 0.0.0.0.14 has the default -1, which
        loses the last event.)
    :return: float64 ``[2, H, W]``
    :raises ValueError: if an event lies outside the sensor or has a negative polarity
    """
    part = slice(j_l, j_r)
    segment = {"x": np.asarray(x)[part], "y": np.asarray(y)[part], "p": np.asarray(p)[part]}
    count = len(segment["x"])
    return count_events(segment, np.array([count]), H, W)[0]


def integrate_events_by_fixed_frames_number(
    events: Events, split_by: SplitBy, frames_num: int, H: int, W: int, *, unsorted: Unsorted = "raise"
) -> np.ndarray:
    """``frames_num`` frames, split as :func:`cal_fixed_frames_number_segment_index` does.

    A recording without events gives frames of zeros.

    :param events: the columns t, x, y, p: a dict, an open npz file or a structured array
    :param split_by: ``"number"`` or ``"time"``
    :param frames_num: the number of frames, at least 1
    :param H: height of the sensor
    :param W: width of the sensor
    :param unsorted: what to do where times are not in order: ``"raise"`` or ``"sort"`` (stably), default ``"raise"``
    :return: float64 ``[frames_num, 2, H, W]``
    :raises ValueError: that says what is wrong with events or arguments
    """
    t, pixels = _in_order(events, unsorted)
    j_l, j_r = cal_fixed_frames_number_segment_index(t, split_by, frames_num)
    return count_events(pixels, j_r - j_l, H, W)


def integrate_events_by_fixed_duration(
    events: Events, duration: float, H: int, W: int, *, unsorted: Unsorted = "raise"
) -> np.ndarray:
    r"""Frames on a fixed grid of ``duration``, as many as the recording is long.

    With :math:`D` the duration, event :math:`j` is in frame :math:`\lfloor (t_j - t_0) / D \rfloor`, and there are
    :math:`T = \max(1, \lceil (t_{N-1} - t_0) / D \rceil)` frames; events at the very end, :math:`t_j = t_0 + T D`, join
    the last one. (Release 0.0.0.0.14 starts each frame at the first event after the last frame instead, which gives
    other frames and other numbers of frames.)

    A recording without events gives no frames: ``[0, 2, H, W]``.

    :param events: the columns t, x, y, p: a dict, an open npz file or a structured array
    :param duration: the duration of a frame in the unit of t, above 0
    :param H: height of the sensor
    :param W: width of the sensor
    :param unsorted: what to do where times are not in order: ``"raise"`` or ``"sort"`` (stably), default ``"raise"``
    :return: float64 ``[T, 2, H, W]``
    :raises ValueError: that says what is wrong with events or arguments
    :raises MemoryError: if there would be too many frames
    """
    if not (duration > 0 and np.isfinite(duration)):
        raise ValueError(f"duration must be above 0, but {duration!r} was given.")
    t, pixels = _in_order(events, unsorted)
    if len(t) == 0:
        return count_events(pixels, np.zeros(0, np.int64), H, W)
    step = int(duration) if duration == int(duration) else float(duration)
    frames_num = max(1, int(-(-(t[-1] - t[0]) // step)))
    index = np.minimum((t - t[0]) // step, frames_num - 1).astype(np.int64)
    try:
        return count_events(pixels, np.bincount(index, minlength=frames_num), H, W)
    except MemoryError as error:
        raise MemoryError(
            f"A recording from t = {t[0]} to {t[-1]} has {frames_num} frames of duration {duration!r}, which is more "
            "than memory holds. Is the duration in the unit of t, and are there stray times at the ends?"
        ) from error


def _in_order(events: Events, unsorted: Unsorted) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The times, wide, and x, y, p in their order."""
    _check_choice(unsorted, ("raise", "sort"), "unsorted")
    t, x, y, p = columns(events, "txyp")
    t = wide_times(t)
    if unsorted == "raise":
        check_sorted(t, _ADVICE)
    elif (t[1:] < t[:-1]).any():
        order = np.argsort(t, kind="stable")
        t, x, y, p = t[order], x[order], y[order], p[order]
    return t, {"x": x, "y": y, "p": p}


def count_events(pixels: Events, counts: np.ndarray, H: int, W: int) -> np.ndarray:
    """Frames ``[T, 2, H, W]`` of contiguous stretches of ``counts`` events each, counted in one go."""
    H, W = sensor_size(H, W)
    x, y, p = columns(pixels, "xyp")
    column, row = checked_coordinate(x, W, "x", "W"), checked_coordinate(y, H, "y", "H")
    frame = np.repeat(np.arange(len(counts)), counts)
    index = ((frame * 2 + is_on(p)) * H + row) * W + column
    shape = (len(counts), 2, H, W)
    if len(counts) == 0:
        return np.zeros(shape)
    size = len(counts) * 2 * H * W
    return np.bincount(index, minlength=size).astype(np.float64).reshape(shape)


def _check_choice(value: Any, choices: tuple[str, ...], name: str) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, but {value!r} was given.")
