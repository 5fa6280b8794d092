"""npz files: small on the disk, as NumPy reads them, quick to read, and never trusted when damaged."""

import random
import time
from pathlib import Path

import numpy as np
import pytest

from spikingjelly.datasets import DatasetFormatError
from spikingjelly.datasets._preparation import npz
from tests.datasets.preparation import toy


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 255], "uint8"),
        ([0, 256], "uint16"),
        ([65_536], "uint32"),
        ([2**32], "uint64"),
        ([-1, 127], "int8"),
        ([-1, 128], "int16"),
        ([-(2**31)], "int32"),
        ([-(2**31) - 1], "int64"),
        ([0.0, 3.0, 256.0], "uint16"),
        ([0.5, 1.0], "float32"),
        ([np.inf], "float32"),
        ([True, False], "uint8"),
        ([], "uint8"),
    ],
)
def test_smallest_type_that_holds_the_values(values: list, kind: str) -> None:
    array = np.array(values)
    small = npz.smallest(array)
    assert small.dtype == kind
    assert np.array_equal(small.astype(array.dtype), array)


def test_events_wide_in_memory_and_small_on_the_disk(tmp_path: Path) -> None:
    events = {"t": [0, 2**40], "x": [0, 300], "y": [5, 6], "p": [False, True]}
    npz.write_events(tmp_path / "e.npz", {key: np.array(value) for key, value in events.items()})
    with np.load(tmp_path / "e.npz") as file:
        assert [file[key].dtype.name for key in "txyp"] == ["uint64", "uint16", "uint8", "uint8"]
    read = npz.read_events(tmp_path / "e.npz")
    assert [read[key].dtype.name for key in "txyp"] == ["int64", "int32", "int32", "int8"]
    assert {key: read[key].tolist() for key in "txyp"} == {**events, "p": [0, 1]}
    read["t"][0] = 1  # one's own


def test_no_events_at_all(tmp_path: Path) -> None:
    npz.write_events(tmp_path / "e.npz", {key: np.array([]) for key in "txyp"})
    assert {key: len(value) for key, value in npz.read_events(tmp_path / "e.npz").items()} == dict.fromkeys("txyp", 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p": None}, r"holds \['t', 'x', 'y'\], expected events with 't', 'x', 'y' and 'p'"),
        ({"x": np.arange(2)}, "must be lists of one length, but their shapes are"),
        ({key: np.zeros((3, 1)) for key in "txyp"}, "must be lists of one length"),
        ({"t": np.array([0.5, 1, 2])}, "t of the events must be whole numbers"),
    ],
)
def test_what_is_no_events_is_not_written(tmp_path: Path, change: dict, message: str) -> None:
    events = {key: np.arange(3) for key in "txyp"} | change
    with pytest.raises(DatasetFormatError, match=message):
        npz.write_events(tmp_path / "e.npz", {key: value for key, value in events.items() if value is not None})
    assert not (tmp_path / "e.npz").exists()


@pytest.mark.parametrize("frames", [np.arange(24).reshape(2, 3, 4), np.full((2, 2), 0.25), np.full((2, 2), -3)])
def test_frames(tmp_path: Path, frames: np.ndarray) -> None:
    npz.write_frames(tmp_path / "f.npz", frames)
    read = npz.read_frames(tmp_path / "f.npz")
    assert read.dtype == np.float32
    assert np.array_equal(read, frames)


def test_frames_must_be_numbers_and_bear_their_name(tmp_path: Path) -> None:
    with pytest.raises(DatasetFormatError, match="must be numbers, but an array of object"):
        npz.write_frames(tmp_path / "f.npz", np.array([None]))
    np.savez(tmp_path / "g.npz", frame=np.zeros(3))
    with pytest.raises(DatasetFormatError, match=r"g\.npz holds \['frame'\], expected 'frames'"):
        npz.read_frames(tmp_path / "g.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_reads_what_numpy_writes(tmp_path: Path, save: object) -> None:
    arrays = {
        "a": np.arange(100_000, dtype=">i4"),
        "b": np.asfortranarray(np.random.default_rng(0).normal(size=(3, 4, 5))),
        "scalar": np.array(3.5),
        "text": np.array(["x", "yz"]),
        "pairs": np.zeros(2, dtype=[("x", "<i2"), ("t", "<i8")]),
        "empty": np.zeros((0, 3)),
    }
    save(tmp_path / "x.npz", **arrays)
    read = npz.read_npz(tmp_path / "x.npz")
    assert list(read) == list(arrays)
    for key, array in arrays.items():
        assert read[key].dtype == array.dtype
        assert np.array_equal(read[key], array)


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple:
            return (exit, ())

    np.savez(tmp_path / "x.npz", frames=np.array([Harm()], dtype=object))
    with pytest.raises(
        DatasetFormatError, match=r"x\.npz is damaged or no npz file: .*Python objects .* are not loaded"
    ):
        npz.read_npz(tmp_path / "x.npz")


@pytest.mark.parametrize("compress", [False, True])
def test_damage_is_noticed(tmp_path: Path, compress: bool) -> None:
    """Cut off anywhere: refused, and known to be incomplete. A bit flipped: refused, or the values are right."""
    path = tmp_path / "f.npz"
    frames = np.random.default_rng(0).integers(0, 9, (4, 2, 8, 8))
    (np.savez_compressed if compress else np.savez)(path, frames=frames)
    content = path.read_bytes()
    assert npz.is_whole(path)
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        assert not npz.is_whole(path)
        with pytest.raises(DatasetFormatError, match=r"f\.npz is damaged"):
            npz.read_frames(path)
    generator = random.Random(0)
    refused = 0
    for _ in range(300):
        changed = bytearray(content)
        changed[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        path.write_bytes(changed)
        try:
            assert np.array_equal(npz.read_frames(path), frames)
        except DatasetFormatError:
            refused += 1
    assert refused > 200


def test_reading_frames_takes_less_than_a_millisecond(tmp_path: Path) -> None:
    """In the size of N-MNIST; it takes about a tenth of one."""
    events = {key: np.random.default_rng(0).integers(0, high, 4000) for key, high in {"x": 34, "y": 34, "p": 2}.items()}
    frames = toy.by_number({**events, "t": np.arange(4000)}, "number", 10, 34, 34)
    for index in range(20):
        npz.write_frames(tmp_path / f"{index}.npz", frames)
    times = []
    for index in range(100):
        begun = time.perf_counter()
        npz.read_frames(tmp_path / f"{index % 20}.npz")
        times.append(time.perf_counter() - begun)
    assert np.median(times) < 1e-3
