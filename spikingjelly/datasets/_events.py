"""Events as a plain dictionary of NumPy arrays, the one form that all decoders give and everything else takes.

``t`` (int64, microseconds unless the data set says otherwise), ``x`` (int32, column), ``y`` (int32, row, counted from
the top) and ``p`` (int8, 1 = ON, 0 = OFF) are one-dimensional, of equal length and ordered by ``t``.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikingjelly.datasets._errors import DatasetFormatError

Events: TypeAlias = dict[str, NDArray[Any]]

DTYPES: dict[str, np.dtype[Any]] = {
    "t": np.dtype(np.int64),
    "x": np.dtype(np.int32),
    "y": np.dtype(np.int32),
    "p": np.dtype(np.int8),
}
STRUCTURED = np.dtype(list(DTYPES.items()))


def checked(
    events: Mapping[str, ArrayLike], H: int | None = None, W: int | None = None, source: str = "events"
) -> Events:
    """Events in the form that this module describes, from columns of any shape ``[N]``, ``[N, 1]`` and numeric dtype.

    Events out of order are sorted by ``t``; those of one instant keep their order. Arrays that are right already are
    passed on without a copy.

    :param events: the four columns ``t, x, y, p``; others are left out
    :param H: number of rows of the sensor; None leaves it open
    :param W: number of columns of the sensor; None leaves it open
    :param source: what an error names, for instance the file
    :raises DatasetFormatError: (a ValueError) if a column is missing, differs in length, or holds what can't be there
    """
    missing = [name for name in DTYPES if name not in events]
    if missing:
        raise DatasetFormatError(f"{source} lacks {', '.join(missing)}: found {sorted(events)}, expected t, x, y, p.")
    columns = {name: _column(events[name], name, source) for name in DTYPES}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DatasetFormatError(f"{source}: the columns have different lengths: {lengths}.")
    _check_range(columns["p"], "p", 2, source)
    check_inside(columns["x"], columns["y"], H, W, source)
    return in_order({name: column.astype(DTYPES[name], copy=False) for name, column in columns.items()})


def in_order(events: Events) -> Events:
    """The events sorted by ``t``, stable; the same object where they are sorted already."""
    t = events["t"]
    if (t[1:] >= t[:-1]).all():
        return events
    order = np.argsort(t, kind="stable")
    return {name: column[order] for name, column in events.items()}


def check_inside(
    x: NDArray,
    y: NDArray,
    H: int | None,
    W: int | None,
    source: str,
    offset_of: Callable[[int], int] | None = None,
) -> None:
    """Refuse events outside of ``H`` rows and ``W`` columns; ``offset_of`` tells where in the file an event stands."""
    _check_range(x, "x", W, source, offset_of)
    _check_range(y, "y", H, source, offset_of)


def from_structured(array: NDArray, H: int | None = None, W: int | None = None, source: str = "events") -> Events:
    """Events from a structured array ``[N]`` with the fields ``t, x, y, p`` in any order, as Tonic gives them."""
    names = array.dtype.names
    if names is None:
        raise DatasetFormatError(
            f"{source}: expected a structured array with the fields t, x, y, p, found {array.dtype}."
        )
    return checked({name: array[name] for name in names}, H, W, source)


def to_structured(events: Mapping[str, ArrayLike]) -> NDArray:
    """A structured array ``[N]`` with the fields ``t, x, y, p``, which transforms of other libraries take."""
    columns = checked(events)
    array = np.empty(len(columns["t"]), STRUCTURED)
    for name, column in columns.items():
        array[name] = column
    return array


def _column(values: ArrayLike, name: str, source: str) -> NDArray:
    """The values as a one-dimensional array of integers that fit the dtype of the column."""
    array = np.asarray(values)
    if array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    if array.ndim != 1:
        raise DatasetFormatError(f"{source}: {name} has the shape {array.shape}, expected one column.")
    if array.dtype.kind == "f":
        _refuse_first(~np.isfinite(array) | (array != np.trunc(array)), array, name, "an integer", source)
    elif array.dtype.kind not in "iub":
        raise DatasetFormatError(f"{source}: {name} holds {array.dtype}, expected integers.")
    limits = np.iinfo(DTYPES[name].name)
    if array.size and not np.can_cast(array.dtype, limits.dtype):
        # 2.0**63 is what float64 makes of the largest int64, hence the open upper end.
        is_outside = (array < float(limits.min)) | (array >= float(limits.max) + 1)
        _refuse_first(is_outside, array, name, f"a number that {limits.dtype} can hold", source)
    return array


def _check_range(
    array: NDArray, name: str, end: int | None, source: str, offset_of: Callable[[int], int] | None = None
) -> None:
    """Refuse what is negative or not below ``end``."""
    is_natural = array.dtype.kind == "u" or array.size == 0 or array.min() >= 0
    if is_natural and (array.size == 0 or end is None or array.max() < end):
        return
    is_outside = array < 0 if end is None else (array < 0) | (array >= end)
    _refuse_first(is_outside, array, name, "at least 0" if end is None else f"0 to {end - 1}", source, offset_of)


def _refuse_first(
    is_bad: NDArray,
    array: NDArray,
    name: str,
    expected: str,
    source: str,
    offset_of: Callable[[int], int] | None = None,
) -> None:
    if not is_bad.any():
        return
    event = int(np.argmax(is_bad))
    place = "" if offset_of is None else f" at offset {offset_of(event)}"
    raise DatasetFormatError(f"{source}: event {event}{place} has {name} = {array[event]}, expected {expected}.")
