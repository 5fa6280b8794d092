"""SHD and SSC: times widened before anything else, one recording at a time, and handles that stay in their process."""

import os
import pickle
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikingjelly.datasets import DatasetFormatError
from spikingjelly.datasets.formats import ShdFile, read_shd
from tests.datasets.formats.compare import assert_well_formed

h5py: Any = pytest.importorskip("h5py")

_TIMES = [[0.25, 0.5, 1.25], [], [0.000244140625, 1.3994140625]]
_UNITS = [[3, 699, 0], [], [7, 7]]
_LABELS = [4, 19, 0]


def _write(
    path: Path, times: list[list[float]] = _TIMES, units: list[list[int]] = _UNITS, labels: Any = _LABELS
) -> Path:
    with h5py.File(path, "w") as file:
        for name, rows, dtype in (("times", times, np.float16), ("units", units, np.uint16)):
            column = file.create_dataset(f"spikes/{name}", (len(rows),), h5py.vlen_dtype(dtype))
            for i, row in enumerate(rows):
                column[i] = np.array(row, dtype)
        file["labels"] = np.array(labels)
        file["extra/speaker"] = np.arange(len(times))
        file["extra/keys"] = np.array([b"zero", b"eins"])
    return path


def test_events_and_labels(tmp_path: Path) -> None:
    path = _write(tmp_path / "shd_train.h5")
    with ShdFile(path) as recordings:
        assert len(recordings) == 3
        assert recordings.labels.tolist() == _LABELS
        assert recordings.class_names == ["zero", "eins"]
        assert recordings.speakers is not None
        assert recordings.speakers.tolist() == [0, 1, 2]
        for i, t in enumerate([[250_000, 500_000, 1_250_000], [], [244, 1_399_414]]):
            events = recordings[i]
            assert_well_formed(events)
            assert (events["t"].tolist(), events["x"].tolist()) == (t, _UNITS[i])
            assert (set(events["y"].tolist()), set(events["p"].tolist())) <= ({0}, {1})
            seconds, units = recordings.spikes(i)
            assert (seconds.dtype, units.dtype, seconds.tolist()) == (np.float64, np.int32, _TIMES[i])
        assert recordings[-1]["t"].tolist() == recordings[np.int64(2)]["t"].tolist()
    events, label = read_shd(path.read_bytes(), 2)
    assert (events["x"].tolist(), label) == ([7, 7], 0)


def test_spikes_out_of_order_are_sorted_with_their_channels(tmp_path: Path) -> None:
    events, _ = read_shd(_write(tmp_path / "a.h5", [[0.5, 0.25, 0.5]], [[1, 2, 3]], [0]), 0)
    assert (events["t"].tolist(), events["x"].tolist()) == ([250_000, 500_000, 500_000], [2, 1, 3])


@given(st.lists(st.floats(0, 2, width=16), max_size=20))
def test_times_are_rounded_to_the_nearest_microsecond(times: list[float]) -> None:
    file = BytesIO()
    _write(file, [times], [[0] * len(times)], [0])  # type: ignore[arg-type]
    events, _ = read_shd(file.getvalue(), 0)
    assert np.abs(events["t"] - np.sort(times) * 1e6).max(initial=0) <= 0.5


def test_object_goes_to_other_processes_without_its_handle(tmp_path: Path) -> None:
    recordings = ShdFile(_write(tmp_path / "a.h5"))
    expected = recordings[0]["t"].tolist()
    copy = pickle.loads(pickle.dumps(recordings))
    assert copy._opened is None
    assert copy[0]["t"].tolist() == expected
    handle = recordings._open_file()
    recordings._opened = (os.getpid() + 1, handle)  # as in a fork
    assert recordings[0]["t"].tolist() == expected
    assert recordings._open_file() is not handle
    recordings.close()
    assert recordings[0]["t"].tolist() == expected
    for each in (copy, recordings):
        each.close()
    handle.close()


def test_one_recording_is_read_without_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = ShdFile(_write(tmp_path / "a.h5"))
    keys: list[Any] = []
    original = h5py.Dataset.__getitem__
    monkeypatch.setattr(h5py.Dataset, "__getitem__", lambda self, key: (keys.append(key), original(self, key))[1])
    _ = recordings[1]
    recordings.close()
    assert keys == [1, 1]


@pytest.mark.parametrize(
    ("times", "units", "labels", "message"),
    [
        ([[0.5]], [[700]], [0], "recording 0 has channels 700 to 700, not 0 to 699"),
        ([[0.5, 1]], [[1]], [0], r"recording 0 has times of shape \(2,\), but channels of \(1,\)"),
        ([[-0.5]], [[1]], [0], "recording 0 has spikes outside of 0 to a million seconds"),
        ([[float("nan")]], [[1]], [0], "recording 0 has spikes outside"),
        ([[float("inf")]], [[1]], [0], "recording 0 has spikes outside"),
        ([[0.5]], [[1]], [0, 1], r"spikes/times has the shape \(1,\), but there are 2 labels"),
        ([[0.5]], [[1]], [-1], "the labels are int64"),
        ([[0.5]], [[1]], [0.5], "the labels are float64"),
        ([[0.5]], [[1]], [[1]], r"the labels are int64 of shape \(1, 1\)"),
    ],
)
def test_damage(tmp_path: Path, times: Any, units: Any, labels: Any, message: str) -> None:
    path = _write(tmp_path / "some.h5", times, units, labels)
    with pytest.raises(DatasetFormatError, match=rf"some\.h5: {message}"):
        read_shd(path, 0)


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / "some.h5"
    with pytest.raises(FileNotFoundError, match=r"some\.h5"):
        read_shd(path, 0)
    path.write_bytes(b"<html>" * 1000)
    with pytest.raises(DatasetFormatError, match=r"some\.h5: not a sound HDF5 file"):
        read_shd(path, 0)
    with h5py.File(path, "w") as file:
        file.create_group("labels")
    with pytest.raises(DatasetFormatError, match=r"some\.h5: there is no array 'labels'"):
        read_shd(path, 0)
    whole = _write(path).read_bytes()
    for end in range(0, len(whole), 101):
        path.write_bytes(whole[:end])
        with pytest.raises(DatasetFormatError, match=r"some\.h5: not a sound HDF5 file"):
            read_shd(path, 0)


def test_index(tmp_path: Path) -> None:
    with ShdFile(_write(tmp_path / "a.h5"), units=800) as recordings:
        for index in (3, -4):
            with pytest.raises(IndexError, match=f"holds 3 recordings, but number {index} was asked for"):
                _ = recordings[index]
    with (
        pytest.raises(DatasetFormatError, match="channels 0 to 699, not 0 to 698"),
        ShdFile(tmp_path / "a.h5", units=699) as recordings,
    ):
        _ = recordings[0]


def test_real_spoken_digit(shared_data: Path) -> None:
    """Every spike of the converter is there, at its time rounded to float16."""
    events, label = read_shd(shared_data / "shd" / "shd_layout_one_sample.h5", 0)
    assert_well_formed(events)
    with np.load(shared_data / "shd" / "lauscher_spoken_digit_700ch.npz") as arrays:
        seconds, units = arrays["arr_0"]
    assert label == 0
    np.testing.assert_array_equal(events["x"], units)
    assert np.abs(events["t"] - seconds * 1e6).max() < 245


def test_without_h5py_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r'HDF5 files needs h5py, .*pip install "spikingjelly\[datasets\]"'):
        read_shd(b"", 0)
