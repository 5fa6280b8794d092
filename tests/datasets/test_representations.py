"""Voxel grid, time surface and frames of bits, against their formulas written as loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikingjelly.datasets import bina_rep, integrate_events_by_fixed_frames_number, time_surface, voxel_grid
from tests.datasets.recordings import H, Recording, W, at_times, read_n_mnist, recordings


@given(recordings(min_size=1), st.integers(1, 9))
def test_voxel_grid_by_hand(events: Recording, bins: int) -> None:
    t = events["t"].tolist()
    span = max(t[-1] - t[0], 1)
    expected = np.zeros((bins, H, W))
    for moment, x, y, p in zip(t, events["x"], events["y"], events["p"], strict=True):
        for b in range(bins):
            expected[b, y, x] += (2 * int(p) - 1) * max(0, 1 - abs(b - (bins - 1) * (moment - t[0]) / span))
    grid = voxel_grid(events, bins, H, W)
    assert grid.dtype == np.float32
    np.testing.assert_allclose(grid, expected, atol=1e-6)


@given(recordings(), st.integers(1, 9), st.sampled_from([np.int64, np.float64, np.uint32]))
def test_voxel_grid_sums_to_the_signed_number_of_events(events: Recording, bins: int, dtype: type) -> None:
    """However the times are stored, and in whatever order the events are."""
    signed = int((2 * events["p"].astype(int) - 1).sum())
    shifted = {**events, "t": (events["t"] + 50).astype(dtype)}
    grid = voxel_grid(shifted, bins, H, W)
    assert grid.astype(np.float64).sum() == pytest.approx(signed, abs=1e-4)
    backwards = {name: values[::-1] for name, values in events.items()}
    np.testing.assert_allclose(voxel_grid(backwards, bins, H, W), grid, atol=1e-6)


def test_voxel_grid_of_a_real_digit(shared_data) -> None:
    path = sorted((shared_data / "n-mnist" / "Train").glob("*/*.bin"))[0]
    events = read_n_mnist(path)
    grid = voxel_grid(events, 5, 34, 34).astype(np.float64)
    assert grid.sum() == pytest.approx((2 * events["p"].astype(int) - 1).sum(), abs=1e-2)
    assert np.abs(grid).sum((1, 2)).min() > 100, "all bins are used"


@given(recordings(), st.sampled_from([1.0, 20.0]), st.none() | st.integers(-60, 60))
def test_time_surface_by_hand(events: Recording, tau: float, offset: int | None) -> None:
    t_ref = None if offset is None else (events["t"][:1].sum() + offset)
    end = events["t"][-1:].sum() if t_ref is None else t_ref
    expected = np.zeros((2, H, W))
    for t, x, y, p in zip(events["t"], events["x"], events["y"], events["p"], strict=True):
        if t <= end:
            expected[p, y, x] = math.exp((t - end) / tau)
    surface = time_surface(events, tau, H, W, t_ref)
    assert surface.dtype == np.float32
    np.testing.assert_allclose(surface, expected, rtol=1e-6)


@given(recordings(), st.integers(1, 8), st.integers(0, 3))
def test_bina_rep_by_hand(events: Recording, bits: int, T: int) -> None:
    frames = integrate_events_by_fixed_frames_number(events, "number", max(T * bits, 1), H, W)[: T * bits]
    rep = bina_rep(frames, bits)
    assert rep.shape == (T, 2, H, W)
    assert rep.dtype == np.float32
    for k, p, y, x in np.ndindex(T, 2, H, W):
        digits = "".join("1" if frames[k * bits + i, p, y, x] else "0" for i in range(bits))
        assert rep[k, p, y, x] == np.float32(int(digits, 2) / (2**bits - 1))


def test_refused_arguments() -> None:
    events = at_times([3, 2])
    with pytest.raises(ValueError, match="must be sorted by time"):
        time_surface(events, 1.0, H, W)
    with pytest.raises(ValueError, match=r"tau must be above 0, but 0 was given"):
        time_surface(events, 0, H, W)
    with pytest.raises(ValueError, match="bins must be an int above 0"):
        voxel_grid(events, 0, H, W)
    with pytest.raises(ValueError, match=r"first x\[1\] = 1 with W = 1"):
        voxel_grid(events, 2, H, 1)
    with pytest.raises(ValueError, match=r"multiple of bits = 2, but it is \[3, 1\]"):
        bina_rep(np.zeros((3, 1)), 2)
    with pytest.raises(ValueError, match="bits must be at most 24"):
        bina_rep(np.zeros((25, 1)), 25)
