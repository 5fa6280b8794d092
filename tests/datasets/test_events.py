"""Events as a dictionary of columns: what is taken, what is refused, and the way to and from structured arrays."""

import numpy as np
import pytest
from hypothesis import given

from spikingjelly.datasets import DatasetFormatError
from spikingjelly.datasets._events import checked, from_structured, in_order, to_structured
from tests.datasets.formats.compare import assert_same, events_of
from tests.datasets.formats.writers import Event


def _columns(events: list[Event], dtype: str = "i8") -> dict[str, np.ndarray]:
    return {name: np.array([getattr(event, name) for event in events], dtype) for name in "txyp"}


@given(events=events_of(100, 100, 100))
def test_columns_of_any_form_become_the_one_form(events: list[Event]) -> None:
    """Sorted by time, stable: later events are put first before they are given."""
    shuffled = sorted(events, key=lambda event: event.x)
    expected = sorted(shuffled, key=lambda event: event.t)
    for dtype in ("i8", "u1", ">i4", "f4", "f8"):
        columns = _columns(shuffled, dtype)
        assert_same(checked(columns), expected)
        assert_same(checked({name: column[:, None] for name, column in columns.items()}, 100, 100), expected)
        assert_same(
            checked({name: column.tolist() for name, column in columns.items()} if events else columns), expected
        )


@given(events=events_of(2**31, 2**31, 2**62, t_min=-(2**62)))
def test_round_trip_through_a_structured_array(events: list[Event]) -> None:
    array = to_structured(_columns(events))
    assert array.dtype == np.dtype([("t", "i8"), ("x", "i4"), ("y", "i4"), ("p", "i1")])
    assert array.tolist() == [tuple(event) for event in events]
    assert_same(from_structured(array), events)
    assert_same(from_structured(array[["p", "y", "x", "t"]]), events)


def test_columns_that_are_right_are_passed_on_without_a_copy() -> None:
    events = checked(_columns([Event(1, 2, 3, 1), Event(2, 2, 3, 0)]))
    again = checked(events, 4, 3)
    assert all(again[name] is events[name] for name in "txyp")
    assert in_order(events) is events


def test_times_may_be_negative_and_close_to_the_limits() -> None:
    events = [Event(-(2**63), 0, 0, 0), Event(2**63 - 1, 0, 0, 0)]
    assert_same(checked(_columns(events)), events)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p": None}, r"some lacks p: found \['t', 'x', 'y'\], expected t, x, y, p"),
        ({"x": [1]}, "some: the columns have different lengths: {'t': 2, 'x': 1, 'y': 2, 'p': 2}"),
        ({"x": [1, -1]}, "some: event 1 has x = -1, expected 0 to 8"),
        ({"x": [1, 9]}, "some: event 1 has x = 9, expected 0 to 8"),
        ({"y": [7, 8]}, "some: event 0 has y = 7, expected 0 to 6"),
        ({"p": [0, 2]}, "some: event 1 has p = 2, expected 0 to 1"),
        ({"p": [0, 256]}, "some: event 1 has p = 256, expected a number that int8 can hold"),
        ({"x": [2**32 + 1, 0]}, "some: event 0 has x = 4294967297, expected a number that int32 can hold"),
        ({"t": np.array([0, 2**63], np.uint64)}, "some: event 1 has t = 9223372036854775808, .* int64 can hold"),
        ({"t": [0.5, 1]}, "some: event 0 has t = 0.5, expected an integer"),
        ({"t": [0, np.nan]}, "some: event 1 has t = nan, expected an integer"),
        ({"t": ["0", "1"]}, "some: t holds <U1, expected integers"),
        ({"t": [[0, 1], [2, 3]]}, r"some: t has the shape \(2, 2\), expected one column"),
        ({"t": 5}, r"some: t has the shape \(\), expected one column"),
    ],
)
def test_columns_that_are_refused(change: dict[str, object], message: str) -> None:
    columns: dict[str, object] = {"t": [0, 1], "x": [1, 2], "y": [3, 4], "p": [0, 1], **change}
    given_columns = {name: column for name, column in columns.items() if column is not None}
    with pytest.raises(DatasetFormatError, match=message):
        checked(given_columns, 7, 9, "some")  # type: ignore[arg-type]


def test_array_without_fields_is_refused() -> None:
    with pytest.raises(DatasetFormatError, match="some: expected a structured array .* found float64"):
        from_structured(np.zeros(3), source="some")
    with pytest.raises(DatasetFormatError, match="x = 3, expected 0 to 2"):
        from_structured(to_structured(_columns([Event(1, 3, 0, 0)])), H=1, W=3)
