"""Spoken digits and commands: every spike in exactly one frame, files read by the sample, parts that never mix."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from spikingjelly.datasets import DatasetFormatError, DatasetNotFoundError, pad_sequence_collate
from spikingjelly.datasets.shd import SpikingHeidelbergDigits, SpikingSpeechCommands
from tests.datasets.classes.archives import believe, zipped

h5py: Any = pytest.importorskip("h5py")

Recording = tuple[np.ndarray, np.ndarray]
REAL = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "shd"
PARTS: list[tuple[type[Any], Any, str]] = [
    (SpikingHeidelbergDigits, True, "shd_train.h5"),
    (SpikingHeidelbergDigits, False, "shd_test.h5"),
    (SpikingSpeechCommands, "train", "ssc_train.h5"),
    (SpikingSpeechCommands, "valid", "ssc_valid.h5"),
    (SpikingSpeechCommands, "test", "ssc_test.h5"),
]
FIRST = PARTS[0]
KEYS = [b"zero", b"one", b"null", b"eins"]


def spoken(seed: int, count: int) -> Recording:
    """Times as the files have them; in float16, so many of them fall together."""
    rng = np.random.default_rng([seed, count])
    return np.sort(rng.uniform(0.005, 1.3, count)).astype(np.float16), rng.integers(0, 700, count).astype(np.uint16)


def recordings_of(name: str) -> list[Recording]:
    return [spoken(sum(name.encode()), count) for count in (500, 313, 1, 60)]


def hdf5(recordings: list[Recording], labels: list[int]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for column, (name, dtype) in enumerate((("times", np.float16), ("units", np.uint16))):
            data = file.create_dataset(f"spikes/{name}", (len(recordings),), h5py.vlen_dtype(dtype))
            for index, recording in enumerate(recordings):
                data[index] = recording[column]
        file["labels"] = np.array(labels, np.uint16)
        file["extra/speaker"] = np.zeros(len(labels), np.uint16)
        file["extra/keys"] = np.array(KEYS)
    return buffer.getvalue()


@pytest.fixture(params=PARTS, ids=[name for _, _, name in PARTS])
def part(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[type[Any], Any, str]:
    """The archive of one part is in ``download``, those of the others are not."""
    put(request.param, tmp_path, monkeypatch)
    return request.param


def put(part: tuple[type[Any], Any, str], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cls, _, name = part
    archive = zipped({name: hdf5(recordings_of(name), [2, 0, 3, 0])})
    believe(monkeypatch, cls, {f"{name}.zip": archive})
    (root / "download").mkdir()
    (root / "download" / f"{name}.zip").write_bytes(archive)


def test_events_are_those_that_were_written(part: tuple[type[Any], Any, str], tmp_path: Path) -> None:
    """In microseconds; from the archive of this part alone, once and again."""
    cls, which, name = part
    for _ in range(2):
        dataset = cls(tmp_path, which, download=False)
        assert dataset.targets == [2, 0, 3, 0]
        assert dataset.classes == [key.decode() for key in KEYS]
        for (events, label), (times, units), expected in zip(dataset, recordings_of(name), [2, 0, 3, 0], strict=True):
            assert label == expected
            assert {key: column.dtype for key, column in events.items()} == {"t": np.int64, "x": np.int32}
            assert events["t"].tolist() == [round(float(second) * 1e6) for second in times]
            assert events["x"].tolist() == units.tolist()
        (tmp_path / "download" / f"{name}.zip").unlink(missing_ok=True)


@pytest.mark.parametrize("split_by", ["time", "number"])
@pytest.mark.parametrize("T", [1, 4, 20, 100])
def test_every_spike_is_in_one_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, T: int, split_by: Any) -> None:
    put(FIRST, tmp_path, monkeypatch)
    dataset = SpikingHeidelbergDigits(tmp_path, True, "frame", T, split_by)
    for (frames, _), (times, units) in zip(dataset, recordings_of(FIRST[2]), strict=True):
        assert frames.shape == (T, 700)
        assert frames.dtype == np.float32
        assert frames.sum(0).tolist() == np.bincount(units, minlength=700).tolist()
        t = [round(float(second) * 1e6) for second in times]
        window = (t[-1] - t[0]) // T
        index = [min((moment - t[0]) // window, T - 1) if window else T - 1 for moment in t]
        if split_by == "number":
            index = [min(k // (len(t) // T), T - 1) if len(t) >= T else T - 1 for k in range(len(t))]
        assert frames.sum(1).tolist() == np.bincount(index, minlength=T).tolist()


def test_durations_are_milliseconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of different number are filled up in a batch."""
    put(FIRST, tmp_path, monkeypatch)
    dataset = SpikingHeidelbergDigits(tmp_path, True, "frame", duration=50)
    expected = [max(1, -(-round(float(times[-1] - times[0]) * 1e6) // 50_000)) for times, _ in recordings_of(FIRST[2])]
    ((x, y, length),) = DataLoader(dataset, batch_size=4, collate_fn=pad_sequence_collate)
    assert x.shape == (4, max(expected), 700)
    assert abs(length - torch.tensor(expected)).max() == 0
    assert x.sum((1, 2)).tolist() == [500, 313, 1, 60]
    assert y.tolist() == [2, 0, 3, 0]


def test_workers_read_what_the_parent_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is open in the parent when they begin, and each opens it anew."""
    put(FIRST, tmp_path, monkeypatch)
    dataset = SpikingHeidelbergDigits(tmp_path, True, "frame", 5, "number")
    alone = torch.stack([torch.from_numpy(frames) for frames, _ in dataset])
    together = torch.cat([x for x, _ in DataLoader(dataset, batch_size=2, num_workers=2)])
    assert torch.equal(alone, together)


def test_transforms_and_a_function_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(FIRST, tmp_path, monkeypatch)

    def count(events: dict[str, np.ndarray], H: int, W: int) -> np.ndarray:
        assert (events["y"] == 0).all()
        assert (events["p"] == 1).all()
        return np.array([[len(events["t"]), H, W]])

    dataset = SpikingHeidelbergDigits(
        tmp_path, True, "frame", None, None, None, count, None, lambda frames: frames.tolist(), lambda y: y + 100
    )
    assert list(dataset) == [
        ([[500, 1, 700]], 102),
        ([[313, 1, 700]], 100),
        ([[1, 1, 700]], 103),
        ([[60, 1, 700]], 100),
    ]


@pytest.mark.parametrize("cls", [SpikingHeidelbergDigits, SpikingSpeechCommands])
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"data_type": "frames"}, "data_type"),
        ({"data_type": "frame"}, "one of frames_number"),
        ({"data_type": "frame", "frames_number": 4, "split_by": "time", "duration": 4}, "one of frames_number"),
        ({"data_type": "frame", "frames_number": 4}, "split_by"),
        ({"data_type": "frame", "frames_number": 0, "split_by": "time"}, "frames_number"),
        ({"data_type": "frame", "frames_number": 2.5, "split_by": "time"}, "frames_number"),
        ({"data_type": "frame", "duration": 0}, "duration"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_at_once(
    tmp_path: Path, cls: type[Any], arguments: dict[str, Any], complaint: str
) -> None:
    """Before anything is fetched, not at the first sample."""
    with pytest.raises(ValueError, match=complaint):
        cls(tmp_path, True if cls is SpikingHeidelbergDigits else "train", **arguments)
    assert not any(tmp_path.iterdir())


def test_frames_that_are_not_made_are_warned_of(part: tuple[type[Any], Any, str], tmp_path: Path) -> None:
    cls, which, _ = part
    with pytest.warns(UserWarning, match='data_type="event" .* leave frames_number out'):
        dataset = cls(tmp_path, which, frames_number=4, split_by="time")
    assert set(dataset[0][0]) == {"t", "x"}


def test_a_part_must_be_chosen(tmp_path: Path) -> None:
    """SHD's parts have different speakers: none of them is a default."""
    with pytest.raises(ValueError, match="train must be True or False, but None"):
        SpikingHeidelbergDigits(tmp_path)
    with pytest.raises(ValueError, match="split must be"):
        SpikingSpeechCommands(tmp_path, "val")  # type: ignore[arg-type]


def test_what_is_missing_is_named(part: tuple[type[Any], Any, str], tmp_path: Path) -> None:
    """The one archive that is needed, with checksum, source and place."""
    cls, which, name = part
    (tmp_path / "download" / f"{name}.zip").unlink()
    with pytest.raises(DatasetNotFoundError) as caught:
        cls(tmp_path, which, download=False)
    (md5,) = (md5 for entry, _, md5 in cls.resource_url_md5() if entry == f"{name}.zip")
    for needed in (f"https://zenkelab.org/datasets/{name}.zip", md5, str(tmp_path / "download"), cls.__name__):
        assert needed in str(caught.value)
    assert "1 file " in str(caught.value)


def test_an_archive_of_other_bytes_is_refused(part: tuple[type[Any], Any, str], tmp_path: Path) -> None:
    cls, which, name = part
    path = tmp_path / "download" / f"{name}.zip"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(DatasetFormatError, match="its md5 is"):
        cls(tmp_path, which)
    assert not (tmp_path / "extract").exists()


def test_the_published_archives_have_different_names_and_sums() -> None:
    """Speech commands are not looked for in the archives of the digits."""
    entries = SpikingHeidelbergDigits.resource_url_md5() + SpikingSpeechCommands.resource_url_md5()
    for column in zip(*entries, strict=True):
        assert len(set(column)) == 5
    assert [name for name, _, _ in entries] == [f"{name}.zip" for _, _, name in PARTS]


@pytest.mark.skipif(not REAL.is_dir(), reason="needs the real spoken digit")
@pytest.mark.parametrize("split_by", ["time", "number"])
def test_a_real_digit_keeps_all_its_spikes(tmp_path: Path, split_by: Any) -> None:
    """7215 of them. Frames cut in float16 hold 7209 to 7226, as windows overlap or leave gaps."""
    sample = (REAL / "shd_layout_one_sample.h5").read_bytes()
    (tmp_path / "extract").mkdir()
    (tmp_path / "extract" / "shd_train.h5").write_bytes(sample)
    for T in (1, 4, 10, 20, 50, 1000):
        frames, _ = SpikingHeidelbergDigits(tmp_path, True, "frame", T, split_by)[0]
        assert frames.shape == (T, 700)
        assert frames.sum() == 7215
    frames, _ = SpikingHeidelbergDigits(tmp_path, True, "frame", duration=10)[0]
    assert frames.shape == (79, 700)
    assert frames.sum() == 7215
    events, label = SpikingHeidelbergDigits(tmp_path, True)[0]
    assert label == 0
    with np.load(REAL / "lauscher_spoken_digit_700ch.npz") as exact:
        seconds, channels = exact["arr_0"]
    assert np.abs(events["t"] / 1e6 - seconds).max() < 0.00025
    assert np.array_equal(events["x"], channels)
