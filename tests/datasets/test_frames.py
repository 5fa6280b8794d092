"""Events to frames: against loops over single events, at every edge, and against recorded and real frames."""

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikingjelly import datasets
from tests.datasets.recordings import (
    H,
    Recording,
    W,
    at_times,
    read_dvs128,
    read_n_mnist,
    recording,
    recordings,
    structured,
)

_DATA = Path(__file__).resolve().parents[1] / "data"
_RECORDED = [c for c in json.loads((_DATA / "cases.json").read_text()) if c["kind"] == "integrate"]

by_number = datasets.integrate_events_by_fixed_frames_number
by_duration = datasets.integrate_events_by_fixed_duration


def count_by_hand(events: Recording, frame_of: list[int], frames_num: int) -> np.ndarray:
    frames = np.zeros((frames_num, 2, H, W))
    for i, x, y, p in zip(frame_of, events["x"], events["y"], events["p"], strict=True):
        frames[i, int(p), y, x] += 1
    return frames


def frames_by_number(t: list[int], T: int) -> list[int]:
    return [min(j // (len(t) // T), T - 1) if len(t) >= T else T - 1 for j in range(len(t))]


def frames_by_time(t: list[int], T: int) -> list[int]:
    step = (t[-1] - t[0]) // T
    windows = [range(t[0] + i * step, t[0] + (i + 1) * step) for i in range(T - 1)]
    return [next((i for i, window in enumerate(windows) if moment in window), T - 1) for moment in t]


@given(recordings(min_size=1), st.integers(1, 12))
def test_fixed_number_of_frames_by_hand(events: Recording, T: int) -> None:
    t = events["t"].tolist()
    np.testing.assert_array_equal(
        by_number(events, "number", T, H, W), count_by_hand(events, frames_by_number(t, T), T), strict=True
    )
    np.testing.assert_array_equal(
        by_number(events, "time", T, H, W), count_by_hand(events, frames_by_time(t, T), T), strict=True
    )


@given(recordings(min_size=1), st.integers(1, 80))
def test_fixed_duration_by_hand(events: Recording, duration: int) -> None:
    t = events["t"].tolist()
    T = next(T for T in itertools.count(1) if t[0] + T * duration >= t[-1])
    expected = count_by_hand(events, [min((moment - t[0]) // duration, T - 1) for moment in t], T)
    for same in (duration, float(duration)):
        np.testing.assert_array_equal(by_duration(events, same, H, W), expected, strict=True)


@given(recordings(), st.integers(1, 12), st.sampled_from([1, 7, 2.5, 1e3]))
def test_no_event_is_lost_or_counted_twice(events: Recording, T: int, duration: float) -> None:
    image = count_by_hand(events, [0] * len(events["t"]), 1)[0]
    for frames in (
        by_number(events, "number", T, H, W),
        by_number(events, "time", T, H, W),
        by_duration(events, duration, H, W),
    ):
        np.testing.assert_array_equal(frames.sum(0), image, strict=True)


@given(recordings(min_size=1), st.integers(1, 9), st.sampled_from(["number", "time"]))
def test_each_frame_is_one_segment(events: Recording, T: int, split_by: str) -> None:
    j_l, j_r = datasets.cal_fixed_frames_number_segment_index(events["t"], split_by, T)
    pixels = events["x"], events["y"], events["p"]
    frames = by_number(events, split_by, T, H, W)
    for i in range(T):
        segment = datasets.integrate_events_segment_to_frame(*pixels, H, W, int(j_l[i]), int(j_r[i]))
        np.testing.assert_array_equal(segment, frames[i], strict=True)


def test_published_counts() -> None:
    t = np.array([0, 1, 2, 3, 4, 10, 12, 15, 20, 29])
    for split_by, counts in (("number", [3, 3, 4]), ("time", [5, 3, 2])):
        j_l, j_r = datasets.cal_fixed_frames_number_segment_index(t, split_by, 3)
        assert (j_r - j_l).tolist() == counts
        assert (j_l[0], j_r[-1]) == (0, 10)
    assert by_duration(at_times(t.tolist()), 10, H, W).sum((1, 2, 3)).tolist() == [5, 3, 2]


def test_segment_is_to_the_end_by_default() -> None:
    events = at_times([1, 2, 3])
    pixels = events["x"], events["y"], events["p"]
    assert datasets.integrate_events_segment_to_frame(*pixels, H, W).sum() == 3
    assert datasets.integrate_events_segment_to_frame(*pixels, H, W, 1).sum() == 2
    assert datasets.integrate_events_segment_to_frame(*pixels, H, W, 0, -1).sum() == 2
    assert datasets.integrate_events_segment_to_frame(*pixels, H, W, 3).sum() == 0


@pytest.mark.parametrize("t", [[5], [5, 5, 5]], ids=["one event", "all at once"])
def test_recordings_without_duration(t: list[int]) -> None:
    """There is one frame by duration; by a fixed number all but the last frame may be empty."""
    events, N = at_times(t), len(t)
    assert by_duration(events, 1000, H, W).sum((1, 2, 3)).tolist() == [N]
    assert by_number(events, "time", 4, H, W).sum((1, 2, 3)).tolist() == [0, 0, 0, N]
    assert by_number(events, "number", 4, H, W).sum((1, 2, 3)).tolist() == [0, 0, 0, N]


def test_no_events() -> None:
    nothing = at_times([])
    for split_by in ("number", "time"):
        np.testing.assert_array_equal(by_number(nothing, split_by, 3, H, W), np.zeros((3, 2, H, W)), strict=True)
    assert by_duration(nothing, 1000, H, W).shape == (0, 2, H, W)


def test_stretches_without_events_are_frames_of_zeros() -> None:
    events = at_times([0, 1, 999, 1000])
    assert by_number(events, "time", 5, H, W).sum((1, 2, 3)).tolist() == [2, 0, 0, 0, 2]
    assert by_duration(events, 200, H, W).sum((1, 2, 3)).tolist() == [2, 0, 0, 0, 2]


def test_duration_in_the_wrong_unit() -> None:
    with pytest.raises(
        MemoryError, match=r"from t = 0 to 2\d{12} has 2\d{12} frames of duration 1, .* in the unit of t"
    ):
        by_duration(at_times([0, 5, 2_000_000_000_000]), 1, 128, 128)


def test_event_at_the_very_end_joins_the_last_frame() -> None:
    assert by_duration(at_times([0, 9, 10, 20]), 10, H, W).sum((1, 2, 3)).tolist() == [2, 2]
    assert by_duration(at_times([0, 9, 10, 21]), 10, H, W).sum((1, 2, 3)).tolist() == [2, 1, 1]


@pytest.mark.parametrize("dtypes", ["int8", "uint8", "int16", "uint16", "uint64", "float16", "float32"])
def test_narrow_types_do_not_overflow(dtypes: str) -> None:
    """x and y of 8 bits on a sensor of 120 x 100, and times up to the most that the type holds."""
    rng = np.random.default_rng(0)
    wide = {"t": np.sort(rng.integers(0, 127, 300)), "x": rng.integers(0, 100, 300), "y": rng.integers(0, 120, 300)}
    wide["p"] = rng.integers(0, 2, 300)
    narrow = {name: values.astype(dtypes) for name, values in wide.items()}
    for integrate in (
        lambda events: by_number(events, "number", 7, 120, 100),
        lambda events: by_number(events, "time", 11, 120, 100),
        lambda events: by_duration(events, 11, 120, 100),
    ):
        np.testing.assert_array_equal(integrate(narrow), integrate(wide), strict=True)


def test_times_in_seconds_are_not_rounded_down() -> None:
    """float16 seconds, as spoken digits have them: the grid is computed in float64, and no event is lost."""
    t = np.sort(np.random.default_rng(0).random(2000).astype(np.float16))
    events = {"t": t, "x": np.arange(2000) % W, "y": np.zeros(2000, int), "p": np.ones(2000, int)}
    wide = t.astype(np.float64)
    edges = wide[0] + (wide[-1] - wide[0]) / 10 * np.arange(10)
    expected = np.diff([int((wide < edge).sum()) for edge in edges] + [2000])
    assert by_number(events, "time", 10, H, W).sum((1, 2, 3)).tolist() == expected.tolist()
    assert min(expected) > 150
    assert by_duration(events, 0.25, H, W).sum((1, 2, 3)).tolist() == [
        int(((wide - wide[0]) // 0.25 == i).sum()) for i in range(4)
    ]


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    st.integers(1, 9),
    st.floats(0.5, 300),
    st.sampled_from([np.float16, np.float32, np.float64]),
)
def test_no_event_is_lost_at_times_with_fractions(t: list[float], T: int, duration: float, dtype: type) -> None:
    events = {**at_times([0] * len(t)), "t": np.sort(np.array(t, dtype))}
    first, last = (float(events["t"][i]) for i in (0, -1))
    by_time, grid = by_number(events, "time", T, H, W), by_duration(events, duration, H, W)
    assert len(grid) == max(1, math.ceil((last - first) / duration))
    for frames in (by_time, grid):
        np.testing.assert_array_equal(frames.sum(0), count_by_hand(events, [0] * len(t), 1)[0])


def test_counts_above_16_bits() -> None:
    N = 70_000
    zeros = [0] * N
    frames = by_number(recording(zeros, zeros, zeros, [1] * N), "number", 1, H, W)
    assert frames[0, 1, 0, 0] == frames.sum() == N


def test_structured_arrays_and_open_files(tmp_path: Path) -> None:
    events = at_times([0, 5, 9, 14])
    np.savez(tmp_path / "events.npz", **events)
    expected = by_duration(events, 5, H, W)
    np.testing.assert_array_equal(by_duration(structured(events), 5, H, W), expected)
    with np.load(tmp_path / "events.npz") as file:
        np.testing.assert_array_equal(by_duration(file, 5, H, W), expected)


@given(recordings(min_size=2), st.randoms())
def test_sorting_is_stable(events: Recording, random: object) -> None:
    order = list(range(len(events["t"])))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = {name: values[order] for name, values in events.items()}
    by_hand = sorted(order, key=lambda j: events["t"][j])  # Python's sort is stable
    expected = {name: values[by_hand] for name, values in events.items()}
    np.testing.assert_array_equal(
        by_number(shuffled, "number", 3, H, W, unsorted="sort"), by_number(expected, "number", 3, H, W)
    )
    np.testing.assert_array_equal(
        by_duration(shuffled, 9, H, W, unsorted="sort"), by_duration(expected, 9, H, W), strict=True
    )


_FOUR = at_times([1, 2, 3, 4])
_REFUSED: dict[str, tuple[Recording, str]] = {
    "unsorted": (
        at_times([1, 5, 3, 4]),
        r"sorted by time, but t goes back at 1 of 4 events, first from t\[1\] = 5 to t\[2\] = 3. Sort them first, or "
        r"pass unsorted='sort'",
    ),
    "x outside": (
        {**_FOUR, "x": np.array([0, 1, W, W])},
        r"2 of 4 lie outside the sensor, first x\[2\] = 7 with W = 7 \(expected 0 to 6\)",
    ),
    "y outside": ({**_FOUR, "y": np.array([0, 1, 0, -1])}, r"first y\[3\] = -1 with H = 5 \(expected 0 to 4\)"),
    "x fraction": ({**_FOUR, "x": np.array([0, 1, 0.5, 1])}, "x must be whole numbers, but 0.5 was found"),
    "y nan": ({**_FOUR, "y": np.array([0, 1, np.nan, 1])}, "y must be whole numbers, but nan was found"),
    "polarity": ({**_FOUR, "p": np.array([1, -1, 1, -1])}, r"p must be 0 \(OFF\) or 1 \(ON\), but -1 was found"),
    "polarity nan": ({**_FOUR, "p": np.array([1, 0, np.nan, 1])}, "but nan was found"),
    "time inf": ({**_FOUR, "t": np.array([1, 2, 3, np.inf])}, "t must be finite, but holds inf or nan"),
    "time beyond": ({**_FOUR, "t": np.array([1, 2, 3, 2**63], np.uint64)}, "which is beyond int64"),
    "lengths": ({**_FOUR, "p": np.array([1])}, "same length, but their lengths are {'t': 4, 'x': 4, 'y': 4, 'p': 1}"),
    "columns": ({**_FOUR, "x": np.zeros((4, 1))}, r"x must be one-dimensional, but has shape \[4, 1\]"),
    "missing": ({"t": _FOUR["t"], "x": _FOUR["x"]}, r"there is no y, p in \['t', 'x'\]"),
    "text": ({**_FOUR, "p": np.array(list("0101"))}, "p must hold numbers, but its dtype is <U1"),
}


@pytest.mark.parametrize(("events", "message"), _REFUSED.values(), ids=_REFUSED)
def test_refused_events(events: Recording, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        by_number(events, "number", 2, H, W)
    with pytest.raises(ValueError, match=message):
        by_duration(events, 2, H, W)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: by_number(_FOUR, "count", 2, H, W), "split_by must be one of 'number', 'time', but 'count' was given"),
        (lambda: by_number(_FOUR, "time", 0, H, W), "frames_num must be an int above 0, but 0 was given"),
        (lambda: by_number(_FOUR, "time", 2.0, H, W), "frames_num must be an int above 0, but 2.0 was given"),
        (lambda: by_number(_FOUR, "time", 2, 0, W), "H must be an int above 0"),
        (lambda: by_duration(_FOUR, 0, H, W), "duration must be above 0, but 0 was given"),
        (lambda: by_duration(_FOUR, float("nan"), H, W), "duration must be above 0, but nan was given"),
        (lambda: by_duration(_FOUR, 2, H, W, unsorted="drop"), "unsorted must be one of 'raise', 'sort'"),
        (lambda: datasets.cal_fixed_frames_number_segment_index([2, 1], "time", 1), "Sort the events first"),
    ],
)
def test_refused_arguments(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_not_events() -> None:
    with pytest.raises(TypeError, match="a dict of arrays .* or a structured array .*, but ndarray was given"):
        by_duration(np.zeros((4, 4)), 1, H, W)


@pytest.mark.parametrize("case", _RECORDED, ids=lambda case: case["id"])
def test_recorded_frames(case: dict) -> None:
    with np.load(_DATA / "cases.npz", allow_pickle=False) as file:
        names = ("t", "x", "y", "p")
        events = {name: file[f"{case['id']}/ev_{name}"] for name in names}
        expected = file[f"{case['id']}/frames"]
    np.testing.assert_array_equal(getattr(datasets, case["fn"])(events, **case["args"]), expected, strict=True)


def test_real_digits(shared_data: Path) -> None:
    """30 ms frames of three saccades of about 105 ms each; every event of every recording is counted."""
    paths = sorted((shared_data / "n-mnist" / "Train").glob("*/*.bin"))[::100]
    assert len(paths) >= 5
    for path in paths:
        events = read_n_mnist(path)
        N, span = len(events["t"]), int(events["t"][-1] - events["t"][0])
        frames = by_duration(events, 30_000, 34, 34)
        assert frames.shape == (-(-span // 30_000), 2, 34, 34)
        assert frames.sum() == N
        equal = by_number(events, "number", 20, 34, 34).sum((1, 2, 3))
        assert equal.tolist() == [N // 20] * 19 + [N // 20 + N % 20]
        np.testing.assert_array_equal(frames.sum(0), by_number(events, "time", 7, 34, 34).sum(0))


def test_real_gesture(shared_data: Path) -> None:
    """The first 1.45 s of the first gesture: 63,471 events, 31,307 of them ON, in any number of frames."""
    events = read_dvs128(shared_data / "dvs128-gesture" / "user01_fluorescent.aedat")
    assert [events[name][:3].tolist() for name in "txyp"] == [
        [80048267, 80048277, 80048278],
        [49, 55, 55],
        [82, 92, 92],
        [1, 0, 0],
    ]
    start, stop = np.searchsorted(events["t"], [80048239, 80048239 + 1_450_000])
    gesture = {name: values[start:stop] for name, values in events.items()}
    by_half_second = by_duration(gesture, 500_000, 128, 128)
    assert by_half_second.shape == (3, 2, 128, 128)
    for frames in (
        by_half_second,
        by_number(gesture, "number", 16, 128, 128),
        by_number(gesture, "time", 20, 128, 128),
    ):
        assert frames.sum((0, 2, 3)).tolist() == [63_471 - 31_307, 31_307]
        assert (frames.sum((0, 1, 2)) @ np.arange(128), frames.sum((0, 1, 3)) @ np.arange(128)) == (
            3_955_662,
            5_423_391,
        )
