"""Events as columns: what every function on events asks of them before it computes."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

Events: TypeAlias = Mapping[str, np.ndarray]
"""Arrays of equal length by name: ``t`` and ``x``, ``y``, ``p``. Structured arrays are taken in the same way."""


def columns(events: Any, names: Sequence[str]) -> list[np.ndarray]:
    """The columns ``names`` of ``events`` (a mapping or a structured array), one-dimensional and equally long.

    :raises TypeError: if ``events`` has no columns at all
    :raises ValueError: if a column is missing, not one-dimensional, not made of numbers, or of another length
    """
    present = names_of(events)
    missing = [name for name in names if name not in present]
    if missing:
        raise ValueError(f"Events need {', '.join(names)}, but there is no {', '.join(missing)} in {list(present)}.")
    found = {name: np.asarray(events[name]) for name in names}
    for name, values in found.items():
        if values.ndim != 1:
            raise ValueError(f"Events: {name} must be one-dimensional, but has shape {list(values.shape)}.")
        if values.dtype.kind not in "biuf":
            raise ValueError(f"Events: {name} must hold numbers, but its dtype is {values.dtype}.")
    lengths = {name: len(values) for name, values in found.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"Events: all columns must have the same length, but their lengths are {lengths}.")
    return list(found.values())


def names_of(events: Any) -> list[str]:
    """The names of the columns."""
    if isinstance(events, np.ndarray) and events.dtype.names is not None:
        return list(events.dtype.names)
    if isinstance(events, Mapping):
        return list(events)
    raise TypeError(
        "Events must be a dict of arrays (t, x, y, p) or a structured array with such fields, "
        f"but {type(events).__name__} was given."
    )


def wide_times(t: np.ndarray) -> np.ndarray:
    """Times as int64 where they are whole numbers, else as float64: narrow types overflow, and float16 can't add.

    :raises ValueError: if a time is not a finite number or beyond int64
    """
    if t.dtype.kind in "biu":
        if t.dtype == np.uint64 and t.size and t.max() > np.iinfo(np.int64).max:
            raise ValueError(f"Events: t goes up to {t.max()}, which is beyond int64. Are these times?")
        return t.astype(np.int64, copy=False)
    wide = t.astype(np.float64, copy=False)
    if not np.isfinite(wide).all():
        raise ValueError("Events: t must be finite, but holds inf or nan (were float16 seconds multiplied by 1e6?).")
    is_whole = (np.floor(wide) == wide).all() and (np.abs(wide) < 2.0**53).all()
    return wide.astype(np.int64) if is_whole else wide


def check_sorted(t: np.ndarray, what_to_do: str) -> None:
    """:raises ValueError: that says where ``t`` goes back, and what to do"""
    back = np.flatnonzero(t[1:] < t[:-1])
    if back.size:
        i = int(back[0])
        raise ValueError(
            f"Events must be sorted by time, but t goes back at {back.size} of {len(t)} events, first from t[{i}] = "
            f"{t[i]} to t[{i + 1}] = {t[i + 1]}. {what_to_do}"
        )


def checked_coordinate(values: np.ndarray, size: int, name: str, size_name: str) -> np.ndarray:
    """A coordinate as int64, every value of which lies in 0 to ``size - 1``.

    :raises ValueError: that names the first value outside, or the first that is not a whole number
    """
    if values.dtype.kind == "f":
        is_whole = np.isfinite(values) & (np.floor(values) == values)
        if not is_whole.all():
            wrong = values[~is_whole][0]
            raise ValueError(f"Events: {name} must be whole numbers, but {wrong} was found. Round or drop such events.")
    whole = values.astype(np.int64, copy=False)
    if whole.size and (whole.min() < 0 or whole.max() >= size):
        outside = np.flatnonzero((whole < 0) | (whole >= size))
        raise ValueError(
            f"Events: {outside.size} of {whole.size} lie outside the sensor, first {name}[{outside[0]}] = "
            f"{values[outside[0]]} with {size_name} = {size} (expected 0 to {size - 1}). Is {size_name} right, or are "
            "x and y swapped?"
        )
    return whole


def is_on(p: np.ndarray) -> np.ndarray:
    """The polarity as bool: False for 0, True for what is above.

    :raises ValueError: if a value is negative, as where OFF is written as -1, or nan
    """
    if p.dtype.kind in "if" and not (p >= 0).all():
        wrong = p[~(p >= 0)][0]
        raise ValueError(f"Events: p must be 0 (OFF) or 1 (ON), but {wrong} was found. Convert it first, as by p > 0.")
    return p != 0


def is_positive_int(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value > 0)


def positive_int(value: Any, name: str) -> int:
    """:raises ValueError: if ``value`` is not a whole number above 0"""
    if not is_positive_int(value):
        raise ValueError(f"{name} must be an int above 0, but {value!r} was given.")
    return int(value)


def sensor_size(H: Any, W: Any) -> tuple[int, int]:
    """Height and width, checked."""
    return positive_int(H, "H"), positive_int(W, "W")
