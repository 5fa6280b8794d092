"""Frames of spikes on channels, under the names that published code calls."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikingjelly.datasets import load_npz_frames, shd
from tests.datasets.classes.test_shd import hdf5, recordings_of

h5py: Any = pytest.importorskip("h5py")

SPIKES = {"t": np.array([0, 1, 2, 4, 4, 5, 9, 9, 9, 10]), "x": np.array([0, 3, 3, 1, 1, 1, 2, 0, 2, 3])}


@pytest.fixture
def file(tmp_path: Path) -> Any:
    path = tmp_path / "shd_train.h5"
    path.write_bytes(hdf5(recordings_of("shd_train.h5"), [2, 0, 3, 0]))
    with h5py.File(path, "r") as opened:
        yield opened


def test_segments() -> None:
    j_l, j_r = shd.cal_fixed_frames_number_segment_index_shd(SPIKES["t"], "number", 3)
    assert (j_l.tolist(), j_r.tolist()) == ([0, 3, 6], [3, 6, 10])
    j_l, j_r = shd.cal_fixed_frames_number_segment_index_shd(SPIKES["t"], "time", 3)
    assert (j_l.tolist(), j_r.tolist()) == ([0, 3, 6], [3, 6, 10])


def test_frames_of_segments() -> None:
    frame = shd.integrate_events_segment_to_frame_shd(SPIKES["x"], 4)
    assert frame.tolist() == [2, 3, 2, 3]
    assert shd.integrate_events_segment_to_frame_shd(SPIKES["x"], 5, 3, 7).tolist() == [0, 3, 1, 0, 0]


def test_frames_of_recordings() -> None:
    frames = shd.integrate_events_by_fixed_frames_number_shd(SPIKES, "number", 3, 4)
    assert frames.tolist() == [[1, 0, 0, 2], [0, 3, 0, 0], [1, 0, 2, 1]]
    frames = shd.integrate_events_by_fixed_frames_number_shd(SPIKES, "time", 2, 4)
    assert frames.tolist() == [[1, 2, 0, 2], [1, 1, 2, 1]]
    frames = shd.integrate_events_by_fixed_duration_shd(SPIKES, 4, 4)
    assert frames.tolist() == [[1, 0, 0, 2], [0, 3, 0, 0], [1, 0, 2, 1]]


@pytest.mark.parametrize("print_save", [False, True])
def test_files_of_frames(file: Any, tmp_path: Path, print_save: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as the data set gives; the file stays open."""
    (tmp_path / "extract").mkdir()
    (tmp_path / "extract" / "shd_train.h5").write_bytes(Path(file.filename).read_bytes())
    shd.integrate_events_file_to_frames_file_by_fixed_frames_number_shd(
        file, 1, str(tmp_path), "time", 6, 700, print_save=print_save
    )
    assert ("1.npz] saved" in capsys.readouterr().out) is print_save
    expected, _ = shd.SpikingHeidelbergDigits(tmp_path, True, "frame", 6, "time")[1]
    labels = file["labels"][()]
    np.testing.assert_array_equal(load_npz_frames(tmp_path / str(labels[1]) / "1.npz"), expected)
    count = shd.integrate_events_file_to_frames_file_by_fixed_duration_shd(file, 3, str(tmp_path), 0.1, 700, print_save)
    expected, _ = shd.SpikingHeidelbergDigits(tmp_path, True, "frame", duration=100)[3]
    np.testing.assert_array_equal(load_npz_frames(tmp_path / str(labels[3]) / "3.npz"), expected)
    assert count == len(expected) > 1
    assert len(file["labels"]) == 4


def test_example_of_a_function_of_ones_own(file: Any, tmp_path: Path) -> None:
    np.random.seed(0)
    for i, (_, units) in enumerate(recordings_of("shd_train.h5")):
        shd.custom_integrate_function_example(file, i, str(tmp_path), 700)
        frames = load_npz_frames(tmp_path / str(file["labels"][i]) / f"{i}.npz")
        assert frames.shape == (2, 700)
        np.testing.assert_array_equal(frames.sum(0), np.bincount(units, minlength=700))


def test_channels_outside_are_refused(file: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not 0 to 9"):
        shd.integrate_events_file_to_frames_file_by_fixed_frames_number_shd(file, 0, str(tmp_path), "time", 6, 10)
