"""Files of frames: what is written comes back as float32, small, complete or not at all."""

from pathlib import Path

import numpy as np
import pytest

from spikingjelly import datasets
from tests.datasets.recordings import H, W, at_times


def _stored(path: Path) -> np.ndarray:
    with np.load(path, allow_pickle=False) as file:
        assert file.files == ["frames"]
        return file["frames"]


@pytest.mark.parametrize(
    ("largest", "dtype"), [(0, "uint8"), (255, "uint8"), (256, "uint16"), (65_536, "uint32"), (2.0**32, "uint64")]
)
def test_counts_are_stored_as_the_smallest_integers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], largest: float, dtype: str
) -> None:
    frames = np.array([0.0, 1.0, largest]).reshape(1, 1, 1, 3)
    path = tmp_path / "a.npz"
    datasets.save_frames_to_npz_and_print(path, frames)
    assert capsys.readouterr().out == f"Frames [{path}] saved.\n"
    assert _stored(path).dtype == dtype
    np.testing.assert_array_equal(datasets.load_npz_frames(path), frames.astype(np.float32), strict=True)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("frames", "dtype"),
    [
        (np.array([0.5, 1.0]), "float32"),
        (np.array([np.nan]), "float32"),
        (np.array([np.inf]), "float32"),
        (np.array([-1, 3]), "int8"),
        (np.zeros((0, 2, 3, 3)), "uint8"),
    ],
)
def test_what_is_not_a_count(tmp_path: Path, frames: np.ndarray, dtype: str) -> None:
    datasets.save_frames_to_npz_and_print(tmp_path / "a", frames)
    assert _stored(tmp_path / "a.npz").dtype == dtype
    np.testing.assert_array_equal(
        datasets.load_npz_frames(str(tmp_path / "a.npz")), frames.astype(np.float32), strict=True
    )


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_files_of_other_programs(tmp_path: Path, save) -> None:
    frames = np.random.default_rng(0).poisson(2, (4, 2, H, W)).astype(np.float64)
    save(tmp_path / "old.npz", frames=frames)
    np.testing.assert_array_equal(
        datasets.load_npz_frames(tmp_path / "old.npz"), frames.astype(np.float32), strict=True
    )


def test_files_without_frames_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "events.npz", **at_times([1, 2]))
    with pytest.raises(
        datasets.DatasetFormatError, match=r"events.npz holds \['p', 't', 'x', 'y'\], expected 'frames'"
    ):
        datasets.load_npz_frames(tmp_path / "events.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(datasets.DatasetFormatError, match=r"one\.npy is damaged or no npz file"):
        datasets.load_npz_frames(tmp_path / "one.npy")


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    datasets.save_frames_to_npz_and_print(path, np.random.default_rng(0).integers(0, 200, (4, 2, 16, 16)))
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    for data in (whole[: len(whole) // 2], bytes(flipped), b"PK\x03\x04", b""):
        path.write_bytes(data)
        with pytest.raises(datasets.DatasetFormatError, match=r"a\.npz is damaged"):
            datasets.load_npz_frames(path)


def test_pickles_are_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="Python objects .* are not loaded"):
        datasets.load_npz_frames(tmp_path / "a.npz")


def test_interrupted_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file, *arguments, **options) -> None:
        file.write(b"PK")
        raise OSError("disk full")

    monkeypatch.setattr(np.lib.format, "write_array", fail)
    with pytest.raises(OSError, match="disk full"):
        datasets.save_frames_to_npz_and_print(tmp_path / "a.npz", np.zeros(3))
    assert not list(tmp_path.iterdir())


def test_events_files_to_frames_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is called like the events', by duration with the number of frames; nothing is printed unasked."""
    events = at_times([0, 5, 9, 14, 30])
    source, out = tmp_path / "user_0.npz", tmp_path / "out"
    out.mkdir()
    np.savez(source, **events)
    datasets.integrate_events_file_to_frames_file_by_fixed_frames_number(
        np.load, str(source), str(out), "time", 3, H, W
    )
    datasets.integrate_events_file_to_frames_file_by_fixed_duration(np.load, str(source), str(out), 5, H, W)
    assert capsys.readouterr().out == ""
    assert sorted(path.name for path in out.iterdir()) == ["user_0.npz", "user_0_6.npz"]
    expected = datasets.integrate_events_by_fixed_frames_number(events, "time", 3, H, W)
    np.testing.assert_array_equal(datasets.load_npz_frames(out / "user_0.npz"), expected)
    expected = datasets.integrate_events_by_fixed_duration(events, 5, H, W)
    np.testing.assert_array_equal(datasets.load_npz_frames(out / "user_0_6.npz"), expected)
    datasets.integrate_events_file_to_frames_file_by_fixed_frames_number(
        np.load, str(source), str(out), "number", 2, H, W, print_save=True
    )
    assert capsys.readouterr().out == f"Frames [{out / 'user_0.npz'}] saved.\n"
    datasets.integrate_events_file_to_frames_file_by_fixed_duration(np.load, str(source), str(out), 9, H, W, True)
    assert capsys.readouterr().out == f"Frames [{out / 'user_0_4.npz'}] saved.\n"


def test_files_of_events_are_closed(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **at_times([1, 2]))
    opened = []

    def loader(path: str) -> np.lib.npyio.NpzFile:
        opened.append(np.load(path))
        return opened[-1]

    datasets.integrate_events_file_to_frames_file_by_fixed_duration(
        loader, str(tmp_path / "a.npz"), str(tmp_path), 5, H, W
    )
    assert opened[0].zip is None


def test_errors_name_the_file_of_events(tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", **at_times([2, 1]))
    with pytest.raises(ValueError, match=r"bad.npz: Events must be sorted by time"):
        datasets.integrate_events_file_to_frames_file_by_fixed_duration(
            np.load, str(tmp_path / "bad.npz"), str(tmp_path), 5, H, W
        )
    assert [path.name for path in tmp_path.iterdir()] == ["bad.npz"]
