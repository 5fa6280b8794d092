"""Slices against the definition, event by event."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikingjelly.datasets import to_x_rep
from tests.datasets.recordings import Recording, at_times, recordings, structured

# 101 events, 10 apart
REGULAR = at_times([1000 + 10 * i for i in range(101)])


def times(slices: list[Any]) -> list[list[int]]:
    return [piece["t"].tolist() for piece in slices]


@given(events=recordings(min_size=1), window=st.integers(1, 40), share=st.floats(0, 0.9), whole=st.booleans())
def test_by_time(events: Recording, window: int, share: float, whole: bool) -> None:
    overlap = int(window * share)
    t, stride = events["t"].tolist(), window - overlap
    number = 1
    while t[0] + number * stride + window <= t[-1] or (whole and t[0] + (number - 1) * stride + window < t[-1]):
        number += 1
    expected = [
        [moment for moment in t if t[0] + i * stride <= moment < t[0] + i * stride + window] for i in range(number)
    ]
    if whole:
        expected[-1] = [moment for moment in t if moment >= t[0] + (number - 1) * stride]
        assert {moment for piece in expected for moment in piece} == set(t)
    found = to_x_rep.slice_events_by_time(structured(events), window, overlap, include_incomplete=whole)
    assert times(found) == expected


@given(events=recordings(min_size=1), count=st.integers(1, 12), share=st.floats(0, 0.9), whole=st.booleans())
def test_by_count(events: Recording, count: int, share: float, whole: bool) -> None:
    overlap = int(count * share)
    t, stride = events["t"].tolist(), count - overlap
    expected = [t[:count]]
    while len(expected[-1]) == count and (
        len(expected) * stride + count <= len(t) or (whole and sum_of(expected, overlap) < len(t))
    ):
        expected.append(t[len(expected) * stride :][:count])
    assert times(to_x_rep.slice_events_by_count(events, count, overlap, whole)) == expected


def sum_of(slices: list[list[int]], overlap: int) -> int:
    """How many events they hold, each counted once."""
    return sum(map(len, slices)) - overlap * (len(slices) - 1)


@given(events=recordings(min_size=1), bins=st.integers(1, 9), overlap=st.sampled_from([0, 0.25, 0.5]))
def test_by_bins(events: Recording, bins: int, overlap: float) -> None:
    """Steps of quarters are exact, so no rounding is in the way."""
    t = events["t"].tolist()
    window = (t[-1] - t[0]) // bins * (1 + overlap)
    stride = window * (1 - overlap)
    expected = [[m for m in t if t[0] + i * stride <= m < t[0] + i * stride + window] for i in range(bins)]
    assert times(to_x_rep.slice_events_by_time_bins(events, bins, overlap)) == expected
    size = int(len(t) // bins * (1 + overlap))
    step = int(size * (1 - overlap))
    expected = [t[i * step : i * step + size] for i in range(bins)]
    assert times(to_x_rep.slice_events_by_event_bins(events, bins, overlap)) == expected


def test_times_with_fractions() -> None:
    events = {"t": np.array([0.0, 0.4, 0.5, 0.9, 1.25])}
    assert times(to_x_rep.slice_events_by_time(events, 0.5)) == [[0.0, 0.4], [0.5, 0.9]]
    assert times(to_x_rep.slice_events_by_time(events, 0.5, 0.25, True)) == [
        [0.0, 0.4],
        [0.4, 0.5],
        [0.5, 0.9],
        [0.9, 1.25],
    ]
    assert times(to_x_rep.slice_events_by_time_bins(events, 5)) == [[0.0], [0.4], [0.5], [0.9], []]


def test_kind_of_the_events_is_kept() -> None:
    """Structured arrays give structured arrays, with all fields; dicts give dicts."""
    array = structured(REGULAR, "ypxt")
    for piece in to_x_rep.slice_events_by_count(array, 50):
        assert piece.dtype == array.dtype
        assert len(piece) == 50
    for piece in to_x_rep.slice_events_by_count(REGULAR | {"device": np.arange(101)}, 50):
        assert list(piece) == ["t", "x", "y", "p", "device"]
        assert {len(column) for column in piece.values()} == {50}


def test_recordings_without_events() -> None:
    nothing = at_times([])
    assert to_x_rep.slice_events_by_time(nothing, 10) == []
    assert to_x_rep.slice_events_by_count(nothing, 10, include_incomplete=True) == []
    assert times(to_x_rep.slice_events_by_time_bins(nothing, 3)) == [[], [], []]
    assert times(to_x_rep.slice_events_by_event_bins(nothing, 2)) == [[], []]


@pytest.mark.parametrize(
    ("slicer", "bounds"),
    [
        (to_x_rep.SliceByTime(300, 100.0), [(0, 30), (20, 50), (40, 70), (60, 90)]),
        (to_x_rep.SliceByTime(300, include_incomplete=True), [(0, 30), (30, 60), (60, 90), (90, 101)]),
        (to_x_rep.SliceByEventCount(30, 10), [(0, 30), (20, 50), (40, 70), (60, 90)]),
        (to_x_rep.SliceByEventCount(40, include_incomplete=True), [(0, 40), (40, 80), (80, 101)]),
        (to_x_rep.SliceByTimeBins(4, 0.25), [(0, 32), (24, 55), (47, 79), (71, 101)]),
        (to_x_rep.SliceByEventBins(3, overlap=0.5), [(0, 49), (24, 73), (48, 97)]),
    ],
    ids=str,
)
def test_slicers(slicer: Any, bounds: list[tuple[int, int]]) -> None:
    """The same in three ways: the slices, where they are, and the slices from where they are."""
    slices, target = slicer.slice(REGULAR, 7)
    assert target == 7
    assert slicer.get_slice_metadata(REGULAR) == bounds
    assert times(slices) == [REGULAR["t"][start:stop].tolist() for start, stop in bounds]
    again, target = slicer.slice_with_metadata(REGULAR, "target", bounds[1:])
    assert target == "target"
    assert times(again) == times(slices)[1:]


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda e: to_x_rep.slice_events_by_time(e, 0), "time_window must be above 0, but 0 was given"),
        (lambda e: to_x_rep.slice_events_by_time(e, float("inf")), "time_window must be above 0, but inf"),
        (lambda e: to_x_rep.slice_events_by_time(e, 10, 10), "overlap must be from 0 to below time_window = 10, but 10"),
        (lambda e: to_x_rep.slice_events_by_time(e, 10, -1), "overlap must be from 0 to below time_window = 10, but -1"),
        (lambda e: to_x_rep.slice_events_by_count(e, 2.5), "event_count must be an int above 0, but 2.5"),
        (lambda e: to_x_rep.slice_events_by_count(e, 5, 0.5), "overlap must be a whole number of events, but 0.5"),
        (lambda e: to_x_rep.slice_events_by_count(e, 5, 6), "overlap must be from 0 to below event_count = 5, but 6"),
        (lambda e: to_x_rep.slice_events_by_time_bins(e, 0), "bin_count must be an int above 0, but 0"),
        (lambda e: to_x_rep.slice_events_by_time_bins(e, 3, 1), "share of the window, from 0 to below 1, but 1 "),
        (lambda e: to_x_rep.slice_events_by_event_bins(e, 3, -0.1), "share of the window, from 0 to below 1, but -0.1"),
        (lambda e: to_x_rep.slice_events_by_time({"t": e["t"][::-1]}, 10), "Events must be sorted by time"),
        (lambda e: to_x_rep.slice_events_by_count({"x": e["x"]}, 10), "there is no t"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(call: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        call(REGULAR)
