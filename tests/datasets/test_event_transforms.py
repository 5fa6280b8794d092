"""Transforms of events: what all of them promise, and each against its definition as a loop."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset

from spikingjelly.datasets import event_transforms as et
from tests.datasets.recordings import H, Recording, W, at_times, read_n_mnist, recording, recordings, structured

Row = tuple[int, int, int, int]

# Each once, with every parameter away from its default.
_RANDOM: dict[str, Callable[..., et.EventTransform]] = {
    "RandomCrop": lambda **rng: et.RandomCrop(H, W, 3, 4, **rng),
    "RandomFlipLR": lambda **rng: et.RandomFlipLR(W, 0.6, **rng),
    "RandomFlipUD": lambda **rng: et.RandomFlipUD(H, 0.6, **rng),
    "RandomFlipPolarity": lambda **rng: et.RandomFlipPolarity(0.6, **rng),
    "JitterSpace": lambda **rng: et.JitterSpace(H, W, 1.5, **rng),
    "RandomCropTime": lambda **rng: et.RandomCropTime(20, **rng),
    "JitterTime": lambda **rng: et.JitterTime(7.0, **rng),
    "RandomTimeReversal": lambda **rng: et.RandomTimeReversal(0.6, **rng),
    "UniformNoise": lambda **rng: et.UniformNoise(H, W, 9, **rng),
    "DropEvents": lambda **rng: et.DropEvents(0.4, **rng),
    "DropTime": lambda **rng: et.DropTime((0.1, 0.6), **rng),
    "DropArea": lambda **rng: et.DropArea(H, W, (0.1, 0.6), **rng),
}
_FIXED: dict[str, et.EventTransform] = {
    "Crop": et.Crop(1, 2, 3, 4),
    "CenterCrop": et.CenterCrop(H, W, 3, 4),
    "Downsample": et.Downsample(2, 3),
    "CropTime": et.CropTime(5, 30, relative=True),
    "RefractoryPeriod": et.RefractoryPeriod(6),
    "Denoise": et.Denoise(9),
}
_ALL = {**_FIXED, **{name: make(rng=0) for name, make in _RANDOM.items()}}


def rows(events: Recording) -> list[Row]:
    return [
        (int(t), int(x), int(y), int(p))
        for t, x, y, p in zip(events["t"], events["x"], events["y"], events["p"], strict=True)
    ]


def test_all_are_tested() -> None:
    assert set(_ALL) == set(et.__all__) - {"Compose", "EventTransform"}


@pytest.mark.parametrize("transform", _ALL.values(), ids=_ALL)
@settings(max_examples=40)
@given(events=recordings(), dtype=st.sampled_from([np.uint8, np.int16, np.int64, np.float32]))
def test_kind_names_and_dtypes_stay_and_what_was_given_does_too(
    transform: et.EventTransform, events: Recording, dtype: type
) -> None:
    """A dict and a structured array with fields in any order give the same events, each in its own kind."""
    events = {**events, "t": events["t"] - events["t"][:1].sum(), "x": events["x"].astype(dtype)}
    events["p"] = events["p"].astype(bool)
    before = {name: values.copy() for name, values in events.items()}
    array = structured(events, "ptyx")
    by_name = _fresh(transform)(events)
    by_field = _fresh(transform)(array)
    assert type(by_name) is dict
    assert isinstance(by_field, np.ndarray)
    assert by_field.dtype == array.dtype
    assert list(by_name) == list(events)
    for name, values in by_name.items():
        assert values.dtype == events[name].dtype
        np.testing.assert_array_equal(by_field[name], values, strict=True)
        np.testing.assert_array_equal(events[name], before[name], strict=True)
    assert (np.diff(by_name["t"]) >= 0).all(), "sorted events stay sorted"
    assert by_name["x"].size == 0 or (by_name["x"].min() >= 0 and by_name["x"].max() < W)


def _fresh(transform: et.EventTransform) -> et.EventTransform:
    """The same transform, at the start of its random numbers."""
    name = type(transform).__name__
    return _RANDOM[name](rng=0) if name in _RANDOM else transform


_BUSY = recording(*(np.random.default_rng(0).integers(0, (90, W, H, 2), (80, 4)).T.tolist()))
_BUSY = {name: values[np.argsort(_BUSY["t"], kind="stable")] for name, values in _BUSY.items()}


@pytest.mark.parametrize("make", _RANDOM.values(), ids=_RANDOM)
def test_random_numbers_repeat(make: Callable[..., et.EventTransform]) -> None:
    """By a seed or a generator of its own, else by PyTorch's; and they change from call to call."""

    def several(transform: et.EventTransform) -> list[list[Row]]:
        return [rows(transform(_BUSY)) for _ in range(12)]

    own = several(make(rng=5))
    assert own == several(make(rng=5)) == several(make(rng=np.random.default_rng(5)))
    torch.manual_seed(5)
    shared = several(make())
    assert several(make()) != shared
    torch.manual_seed(5)
    assert several(make()) == shared
    for results in (own, shared):
        assert any(result != results[0] for result in results)


class _OneRecording(Dataset):
    def __init__(self, transform: et.EventTransform) -> None:
        self.transform = transform

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> list[Row]:
        return rows(self.transform(_BUSY))


def test_workers_of_a_loader_differ() -> None:
    loader = DataLoader(_OneRecording(et.DropEvents(0.5)), batch_size=None, num_workers=2)
    first, second = list(loader)
    assert first != second
    assert list(loader) != [first, second], "and so do epochs"


@given(recordings())
def test_crops_by_hand(events: Recording) -> None:
    expected = [(t, x - 2, y - 1, p) for t, x, y, p in rows(events) if 2 <= x < 6 and 1 <= y < 4]
    assert rows(et.Crop(1, 2, 3, 4)(events)) == expected
    expected = [(t, x - 1, y - 1, p) for t, x, y, p in rows(events) if 1 <= x < 5 and 1 <= y < 4]
    assert rows(et.CenterCrop(H, W, 3, 4)(events)) == expected


def test_crops_beyond_what_a_narrow_type_holds() -> None:
    events = {"x": np.array([0, 127], np.int8), "y": np.array([0, 5], np.int8)}
    assert len(et.Crop(0, 200, 50, 50)(events)["x"]) == 0
    padded = et.Crop(-1, 0, 50, 200)(events)
    assert (padded["x"].tolist(), padded["y"].tolist()) == ([0, 127], [1, 6])
    with pytest.raises(ValueError, match="x would be 200 to 327, which its dtype int8 can't hold"):
        et.Crop(0, -200, 50, 400)(events)


class Faster(et.EventTransform):
    """Somebody's own transform."""

    needs = "t"

    def change(self, table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {**table, "t": table["t"] * 0.375}


def test_own_transforms_are_rounded_to_the_dtype() -> None:
    assert Faster()(at_times([0, 1, 3, 5]))["t"].tolist() == [0, 0, 1, 2]
    np.testing.assert_array_equal(Faster()({"t": np.array([1.0])})["t"], [0.375], strict=True)


def test_random_crops_are_everywhere() -> None:
    everywhere = [rows(et.Crop(top, left, 3, 4)(_BUSY)) for top in range(3) for left in range(4)]
    crop = et.RandomCrop(H, W, 3, 4, rng=0)
    seen = [rows(crop(_BUSY)) for _ in range(150)]
    assert all(result in everywhere for result in seen)
    assert all(result in seen for result in everywhere)


@given(recordings())
def test_flips_by_hand(events: Recording) -> None:
    assert rows(et.RandomFlipLR(W, 1.0)(events)) == [(t, W - 1 - x, y, p) for t, x, y, p in rows(events)]
    assert rows(et.RandomFlipUD(H, 1.0)(events)) == [(t, x, H - 1 - y, p) for t, x, y, p in rows(events)]
    assert rows(et.RandomFlipPolarity(1.0)(events)) == [(t, x, y, 1 - p) for t, x, y, p in rows(events)]
    for flip in (et.RandomFlipLR(W, 0.0), et.RandomFlipUD(H, 0.0), et.RandomFlipPolarity(0.0)):
        assert rows(flip(events)) == rows(events)


@pytest.mark.parametrize(
    "flip",
    [
        et.RandomFlipLR(W, rng=1),
        et.RandomFlipUD(H, rng=1),
        et.RandomFlipPolarity(rng=1),
        et.RandomTimeReversal(rng=1),
    ],
    ids=lambda flip: type(flip).__name__,
)
def test_flips_are_for_every_other_recording(flip: et.EventTransform) -> None:
    assert 70 < sum(rows(flip(_BUSY)) != rows(_BUSY) for _ in range(200)) < 130


@given(recordings())
def test_time_by_hand(events: Recording) -> None:
    start = events["t"][:1].sum()
    inside = [row for row in rows(events) if 5 <= row[0] - start < 30]
    assert rows(et.CropTime(5, 30, relative=True)(events)) == inside
    assert rows(et.CropTime(start + 5, start + 30)(events)) == inside
    assert rows(et.CropTime()(events)) == rows(events)
    end = events["t"][-1:].sum()
    backwards = [(start + end - t, x, y, 1 - p) for t, x, y, p in reversed(rows(events))]
    assert rows(et.RandomTimeReversal(1.0)(events)) == backwards
    coarse = [(t // 3, x // 2, y // 2, p) for t, x, y, p in rows(events)]
    assert rows(et.Downsample(2, 3)(events)) == coarse


def test_random_stretch_of_time() -> None:
    crop = et.RandomCropTime(30, rng=0)
    firsts = set()
    for _ in range(100):
        kept = crop(_BUSY)["t"]
        assert kept[-1] - kept[0] <= 30
        window = (_BUSY["t"] >= kept[0]) & (_BUSY["t"] <= kept[-1])
        assert window.sum() == len(kept), "no event between is missing"
        firsts.add(int(kept[0]))
    assert min(firsts) < 10
    assert max(firsts) > 50
    assert rows(et.RandomCropTime(1000)(_BUSY)) == rows(_BUSY)


def test_jitter_in_time_is_normal_and_keeps_whole_numbers_whole() -> None:
    events = at_times([10_000 * i for i in range(3000)])
    moved = et.JitterTime(200.0, rng=0)(events)["t"] - events["t"]
    assert abs(moved.mean()) < 20
    assert 190 < moved.std() < 210
    mixed = et.JitterTime(50.0, rng=0)(at_times(list(range(100))))
    assert sorted(row[1:] for row in rows(mixed)) == sorted(row[1:] for row in rows(at_times(list(range(100)))))
    assert (np.diff(mixed["t"]) >= 0).all()
    for dtype in (np.uint16, np.uint64):
        unsigned = et.JitterTime(50.0, rng=0)({"t": np.zeros(100, dtype)})["t"]
        assert unsigned.min() == 0
        assert 50 < unsigned.max() < 300
    seconds = et.JitterTime(0.1, rng=0)({"t": np.arange(100.0)})["t"]
    assert (seconds != np.rint(seconds)).all(), "whole seconds of floating type get fractions"


def test_jitter_in_space_is_normal_and_stays_on_the_sensor() -> None:
    N = 3000
    events = recording(list(range(N)), [50] * N, [60] * N, [1] * N)
    moved = et.JitterSpace(120, 100, 4.0, rng=0)(events)
    for name, centre in (("x", 50), ("y", 60)):
        assert abs(moved[name].mean() - centre) < 0.3
        assert 3.8 < moved[name].std() < 4.2
    assert abs(np.corrcoef(moved["x"], moved["y"])[0, 1]) < 0.1
    at_edge = et.JitterSpace(120, 51, 4.0, rng=0)(events)
    assert at_edge["x"].max() == 50
    assert 0.4 * N < len(at_edge["x"]) < 0.65 * N, "what leaves the sensor is dropped"


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_events_left_out(fraction: float) -> None:
    kept = rows(et.DropEvents(fraction, rng=0)(_BUSY))
    assert len(kept) == 80 - round(80 * fraction)
    order = iter(rows(_BUSY))
    assert all(row in order for row in kept), "the rest is in its order"


def test_fraction_between_two_is_drawn_anew() -> None:
    drop = et.DropEvents((0.2, 0.5), rng=0)
    lengths = {len(drop(_BUSY)["t"]) for _ in range(200)}
    assert (min(lengths), max(lengths)) == (40, 64)
    assert len(lengths) > 15


def test_stretch_of_time_left_out() -> None:
    events = at_times(list(range(1001)))
    for seed in range(20):
        left_out = np.setdiff1d(events["t"], et.DropTime(0.3, rng=seed)(events)["t"])
        assert abs(len(left_out) - 300) <= 1
        assert (np.diff(left_out) == 1).all()


def test_area_left_out() -> None:
    y, x = (grid.ravel() for grid in np.mgrid[:40, :60])
    full = {"t": np.zeros(2400, int), "x": x, "y": y, "p": np.zeros(2400, int)}
    corners = set()
    for seed in range(30):
        kept = et.DropArea(40, 60, 0.25, rng=seed)(full)
        hole = np.ones((40, 60), bool)
        hole[kept["y"], kept["x"]] = False
        rows_of_hole, columns_of_hole = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        assert hole.sum() == 20 * 30 == len(rows_of_hole) * len(columns_of_hole)
        corners.add((rows_of_hole[0], columns_of_hole[0]))
    assert len(corners) > 20
    assert len(et.DropArea(40, 60, 1.0)(full)["t"]) == 0


@given(recordings(), st.integers(0, 30))
def test_noise_is_added_to_what_is_there(events: Recording, n: int) -> None:
    noisy = rows(et.UniformNoise(H, W, n)(events))
    signal = rows(events)
    if not signal:
        assert noisy == []
        return
    for row in signal:
        noisy.remove(row)
    assert len(noisy) == n
    for t, x, y, p in noisy:
        assert signal[0][0] <= t <= signal[-1][0]
        assert x in range(W)
        assert y in range(H)
        assert p in (0, 1)


def test_noise_is_uniform() -> None:
    noise = et.UniformNoise(H, W, 35_000, rng=0)(at_times([0, 9]))
    assert np.bincount(noise["y"] * W + noise["x"]).min() > 800
    assert np.bincount(noise["t"], minlength=10).min() > 3000
    assert 0.48 < noise["p"].mean() < 0.52
    with pytest.raises(ValueError, match="can't make up values for the columns speaker"):
        et.UniformNoise(H, W, 3)({**at_times([1]), "speaker": np.zeros(1)})


def refractory_by_hand(events: Recording, delay: float) -> list[Row]:
    last: dict[tuple[int, int], int] = {}
    kept = []
    for row in rows(events):
        t, x, y, _ = row
        if (x, y) not in last or t - last[x, y] >= delay:
            last[x, y] = t
            kept.append(row)
    return kept


def denoised_by_hand(events: Recording, duration: float) -> list[Row]:
    last: dict[tuple[int, int], int] = {}
    kept = []
    for row in rows(events):
        t, x, y, _ = row
        around = [(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (dx, dy) != (0, 0)]
        if any(t - last[pixel] <= duration for pixel in around if pixel in last):
            kept.append(row)
        last[x, y] = t
    return kept


@given(recordings(), st.sampled_from([1, 6, 6.5, 100]))
def test_filters_by_hand(events: Recording, duration: float) -> None:
    crowded = {**events, "x": events["x"] // 3, "y": events["y"] // 3}
    for some in (events, crowded, {**crowded, "t": crowded["t"].astype(np.float64) / 4}):
        scale = 4 if some["t"].dtype.kind == "f" else 1
        if scale == 1:
            assert rows(et.RefractoryPeriod(duration)(some)) == refractory_by_hand(some, duration)
            assert rows(et.Denoise(duration)(some)) == denoised_by_hand(some, duration)
        else:
            # Times in quarters: the same events as with whole ones.
            for filter_of in (et.RefractoryPeriod, et.Denoise):
                whole = filter_of(duration)(crowded)
                quarters = filter_of(duration / scale)(some)
                np.testing.assert_array_equal(quarters["t"] * scale, whole["t"])
                np.testing.assert_array_equal(quarters["x"], whole["x"])


def test_filters_on_a_real_digit(shared_data) -> None:
    events = read_n_mnist(sorted((shared_data / "n-mnist" / "Train").glob("*/*.bin"))[0])
    assert rows(et.RefractoryPeriod(3000)(events)) == refractory_by_hand(events, 3000)
    clean = et.Denoise(2000)(events)
    assert rows(clean) == denoised_by_hand(events, 2000)
    assert 0.5 * len(events["t"]) < len(clean["t"]) < len(events["t"])


def test_compose() -> None:
    both = et.Compose([et.CropTime(1, 3), et.RandomFlipLR(W, 1.0)])
    assert rows(both(at_times([0, 1, 2, 3]))) == [(1, W - 2, 0, 1), (2, W - 3, 0, 0)]
    assert repr(et.Compose([et.Denoise(5), et.RandomFlipLR(7, rng=1)])) == (
        "Compose([Denoise(duration=5), RandomFlipLR(W=7, probability=0.5)])"
    )
    with pytest.raises(TypeError, match="Compose: 3 can't be called"):
        et.Compose([3])


def test_recordings_without_rows_or_polarity() -> None:
    """Spoken digits have times and channels alone; columns that a transform does not know go along."""
    spikes = {"t": np.array([0.1, 0.2, 0.4]), "x": np.array([3, 5, 1]), "id": np.array([7, 8, 9])}
    assert et.CropTime(0.15)(spikes)["id"].tolist() == [8, 9]
    assert et.RandomFlipLR(700, 1.0)(spikes)["x"].tolist() == [696, 694, 698]
    np.testing.assert_allclose(et.RandomTimeReversal(1.0)(spikes)["t"], [0.1, 0.3, 0.4])
    with pytest.raises(ValueError, match=r"there is no y in \['t', 'x', 'id'\]"):
        et.Crop(0, 0, 1, 1)(spikes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: et.Crop(0, 0, 0, 1), "Crop: height must be an int above 0"),
        (lambda: et.CenterCrop(5, 7, 6, 1), "CenterCrop: 6 x 1 can't be cut out of a sensor of 5 x 7"),
        (lambda: et.RandomCrop(5, 7, 1, 8), "RandomCrop: 1 x 8 can't be cut out"),
        (lambda: et.RandomFlipLR(7, 1.5), "RandomFlipLR: probability must be in 0 to 1, but 1.5 was given"),
        (lambda: et.DropEvents((0.5, 0.2)), r"DropEvents: fraction must be in 0 to 1, or two such numbers"),
        (lambda: et.DropArea(5, 7, -0.1), "DropArea: fraction must be in 0 to 1"),
        (lambda: et.JitterSpace(5, 0, 1.0), "W must be an int above 0, but 0"),
        (lambda: et.JitterTime(0), "JitterTime: std must be above 0, but 0 was given"),
        (lambda: et.Downsample(space=1.5), "Downsample: space must be an int above 0"),
        (lambda: et.UniformNoise(5, 7, -1), "n must be an int from 0 on"),
        (lambda: et.RandomFlipLR(2, 1.0)(at_times([1, 2, 3])), r"first x\[2\] = 2 with W = 2"),
        (lambda: et.RefractoryPeriod(1)(at_times([2, 1])), "must be sorted by time"),
        (lambda: et.Denoise(1)(at_times([2, 1])), "must be sorted by time"),
    ],
)
def test_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
