"""Frames, voxel grids, binary frames and images against a count event by event."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikingjelly.datasets import bina_rep, integrate_events_by_fixed_duration, to_x_rep, voxel_grid
from tests.datasets.recordings import H, Recording, W, at_times, recordings, structured

REGULAR = at_times([1000 + 10 * i for i in range(101)])
WAYS = {
    "time_window": (to_x_rep.slice_events_by_time, 7),
    "event_count": (to_x_rep.slice_events_by_count, 5),
    "n_time_bins": (to_x_rep.slice_events_by_time_bins, 4),
    "n_event_bins": (to_x_rep.slice_events_by_event_bins, 3),
}


def counted(slices: list[Recording], P: int = 2) -> np.ndarray:
    frames = np.zeros((len(slices), P, H, W), np.int64)
    for number, piece in enumerate(slices):
        for x, y, p in zip(piece["x"], piece["y"], piece["p"], strict=True):
            frames[number, p if P == 2 else 0, y, x] += 1
    return frames


@pytest.mark.parametrize("way", WAYS)
@given(events=recordings(), P=st.sampled_from([1, 2]), overlaps=st.booleans(), whole=st.booleans())
def test_frames_count_the_events_of_slices(way: str, events: Recording, P: int, overlaps: bool, whole: bool) -> None:
    slicer, value = WAYS[way]
    options: dict[str, Any] = {}
    if overlaps:
        options["overlap"] = 0.25 if way.startswith("n_") else 2
    if whole and not way.startswith("n_"):
        options["include_incomplete"] = True
    before = {name: column.copy() for name, column in events.items()}
    frames = to_x_rep.ToFrame((W, H, P), **{way: value}, **options)(structured(events))
    assert frames.dtype == np.int32
    np.testing.assert_array_equal(frames, counted(slicer(events, value, **options), P))
    assert all(np.array_equal(events[name], before[name]) for name in before)


@given(events=recordings(min_size=1), duration=st.integers(1, 40))
def test_all_windows_of_a_recording_are_frames_of_fixed_duration(events: Recording, duration: int) -> None:
    frames = to_x_rep.to_frame_numpy(events, (W, H, 2), time_window=duration, include_incomplete=True)
    np.testing.assert_array_equal(frames, integrate_events_by_fixed_duration(events, duration, H, W))


def test_bins_leave_the_rest_out() -> None:
    assert to_x_rep.to_frame_numpy(REGULAR, (W, H, 2), n_time_bins=3).sum() == 100
    assert to_x_rep.to_frame_numpy(REGULAR, (W, H, 2), n_event_bins=3).sum() == 99


def test_more_events_than_int16_holds() -> None:
    events = {name: np.zeros(40_000, np.int64) for name in "txyp"}
    assert to_x_rep.ToImage((1, 1, 2))(events).tolist() == [[[40_000]], [[0]]]


def test_image_holds_all_events() -> None:
    image = to_x_rep.ToImage((W, H, 2))(structured(REGULAR))
    assert image.dtype == np.int32
    np.testing.assert_array_equal(image, counted([REGULAR])[0])


def test_voxel_grid_is_ours_with_an_axis_for_polarity() -> None:
    grid = to_x_rep.ToVoxelGrid((W, H, 2), n_time_bins=6)(structured(REGULAR))
    np.testing.assert_array_equal(grid[:, 0], voxel_grid(REGULAR, 6, H, W))
    assert grid.shape == (6, 1, H, W)
    assert to_x_rep.to_voxel_grid_numpy(REGULAR, (W, H, 2)).shape == (10, 1, H, W)
    assert grid.sum() == pytest.approx((2 * REGULAR["p"] - 1).sum(), abs=1e-4)


def test_binary_frames_in_a_chain() -> None:
    frames = to_x_rep.ToFrame((W, H, 2), n_event_bins=12)(REGULAR)
    chain = to_x_rep.Compose([to_x_rep.ToFrame((W, H, 2), n_event_bins=12), to_x_rep.ToBinaRep(n_frames=3, n_bits=4)])
    result = chain(REGULAR)
    assert result.shape == (3, 2, H, W)
    np.testing.assert_array_equal(result, bina_rep(frames, 4))
    weights = np.array([8, 4, 2, 1]) / 15
    np.testing.assert_allclose(result[1], np.tensordot(weights, frames[4:8] > 0, 1), rtol=1e-6)
    assert to_x_rep.to_bina_rep_numpy(frames[:8]).shape == (1, 2, H, W)


def test_columns_that_a_sensor_has_no_need_of() -> None:
    """The channels of a cochlea have neither rows nor polarities."""
    spikes = {"t": np.arange(6), "x": np.array([0, 1, 1, 2, 2, 2])}
    assert to_x_rep.to_frame_numpy(spikes, (4, 1, 1), event_count=3).tolist() == [[[[1, 2, 0, 0]]], [[[0, 0, 3, 0]]]]
    with pytest.raises(ValueError, match="there is no y, p"):
        to_x_rep.to_frame_numpy(spikes, (4, 2, 2), event_count=3)
    with pytest.raises(ValueError, match="there is no p"):
        to_x_rep.to_frame_numpy(spikes, (4, 1, 2), event_count=3)


def test_size_of_the_sensor_from_the_events() -> None:
    events = at_times([0, 1, 2, 3, 4, 5, 6, 7, 8])  # 7 in the first row, 2 in the second
    assert to_x_rep.ToFrame(None, event_count=9)(events).shape == (1, 2, 2, 7)
    assert to_x_rep.ToFrame(None, event_count=1)({"t": np.arange(3), "x": np.arange(3)}).shape == (3, 1, 1, 3)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: to_x_rep.ToFrame((W, H, 2))(REGULAR), "Give one of time_window, .*, but none was given"),
        (lambda: to_x_rep.ToFrame((W, H, 2), 10, 5)(REGULAR), "but time_window and event_count was given"),
        (
            lambda: to_x_rep.ToFrame((W, H, 2), n_time_bins=5, include_incomplete=True)(REGULAR),
            "include_incomplete has no meaning with n_time_bins",
        ),
        (lambda: to_x_rep.ToImage((W, H))(REGULAR), r"sensor_size must be \(W, H, P\)"),  # type: ignore[arg-type]
        (lambda: to_x_rep.ToImage((W, H, 3))(REGULAR), "with 1 or 2 polarities P, but"),
        (lambda: to_x_rep.ToImage((W, 0, 1))(REGULAR), "H must be an int above 0, but 0"),
        (lambda: to_x_rep.ToImage((3, H, 2))(REGULAR), "lie outside the sensor"),
        (lambda: to_x_rep.ToBinaRep(2, 4)(np.zeros((9, 2, H, W))), r"n_frames \* n_bits = 8 frames, but the shape is \[9"),
        (lambda: to_x_rep.ToBinaRep(0, 4)(np.zeros((9, 2, H, W))), "n_frames must be an int above 0"),
        (lambda: to_x_rep.ToVoxelGrid((W, H, 2), 0)(REGULAR), "bins must be an int above 0"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(call: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        call()
