"""Readers of single files, under the names that published code imports, against bytes written from the description."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikingjelly.datasets import DatasetFormatError
from spikingjelly.datasets.asl_dvs import ASLDVS
from spikingjelly.datasets.bullying10k import Bullying10kClassification
from spikingjelly.datasets.cifar10_dvs import (
    CIFAR10DVS,
    load_events,
    load_raw_events,
    parse_raw_address,
    read_bits,
    skip_header,
)
from spikingjelly.datasets.dvs128_gesture import DVS128Gesture
from spikingjelly.datasets.dvs_lip import DVSLip
from spikingjelly.datasets.es_imagenet import ESImageNet
from spikingjelly.datasets.es_imagenet import load_events as load_es_imagenet
from spikingjelly.datasets.hardvs import HARDVS
from spikingjelly.datasets.n_caltech101 import NCaltech101
from spikingjelly.datasets.n_mnist import NMNIST
from spikingjelly.datasets.nav_gesture import NAVGestureSit, NAVGestureWalk, peek, readATIS_tddat
from tests.datasets.classes import pickles
from tests.datasets.classes.archives import made_up
from tests.datasets.formats import writers
from tests.datasets.formats.writers import Event

WRITERS: list[tuple[type[Any], Any]] = [
    (ASLDVS, writers.asl_dvs),
    (Bullying10kClassification, pickles.bullying10k),
    (CIFAR10DVS, writers.aedat2),
    (DVS128Gesture, writers.aedat3),
    (DVSLip, writers.dvs_lip),
    (HARDVS, writers.hardvs),
    (NCaltech101, writers.atis_bin),
    (NMNIST, writers.atis_bin),
]
DVS128 = {
    "x_mask": 0xFE, "x_shift": 1, "y_mask": 0x7F00, "y_shift": 8, "polarity_mask": 1, "polarity_shift": None,
}  # fmt: skip


@pytest.mark.parametrize(("cls", "write"), WRITERS, ids=lambda value: getattr(value, "__name__", ""))
def test_load_origin_data(cls: type[Any], write: Any, tmp_path: Path) -> None:
    H, W = cls.get_H_W()
    events = made_up(cls.__name__, H, W)
    path = tmp_path / "recording"
    path.write_bytes(write(events))
    found = cls.load_origin_data(str(path))
    assert {name: found[name].tolist() for name in "txyp"} == {
        name: [getattr(e, name) for e in events] for name in "txyp"
    }


@pytest.mark.parametrize("cls", [NMNIST, NCaltech101])
def test_load_origin_data_knows_the_sensor(cls: type[Any], tmp_path: Path) -> None:
    H, W = cls.get_H_W()
    for outside in (Event(5, 0, H, 1), Event(5, W, 0, 1)):
        path = tmp_path / "recording"
        path.write_bytes(writers.atis_bin([outside]))
        with pytest.raises(DatasetFormatError, match="expected 0 to"):
            cls.load_origin_data(path)


@pytest.mark.parametrize("cls", [NAVGestureSit, NAVGestureWalk])
def test_recordings_of_gestures_start_at_zero(cls: type[Any], tmp_path: Path) -> None:
    events = made_up("gesture", 240, 304, first=7000)
    path = tmp_path / "recording"
    path.write_bytes(writers.dat1(events))
    assert cls.load_origin_data(path)["t"].tolist() == [event.t - events[0].t for event in events]


def test_events_of_es_imagenet(tmp_path: Path) -> None:
    path = tmp_path / "image.npz"
    np.savez(path, pos=np.array([[3, 4, 1]], np.uint8), neg=np.array([[5, 6, 8]], np.uint8))
    expected = {"t": [1, 8], "x": [4, 6], "y": [3, 5], "p": [1, 0]}
    for load in (load_es_imagenet, ESImageNet.load_events_np):
        assert {name: column.tolist() for name, column in load(str(path)).items()} == expected


def test_addresses_of_a_dvs128() -> None:
    """With the published masks, mirrored as the published class does, they are what the class reads."""
    events = made_up("aedat2", 128, 128)
    content = writers.aedat2(events)
    t, x, y, p = load_events(io.BytesIO(content), **DVS128)
    assert t.tolist() == [event.t for event in events]
    assert (127 - y).tolist() == [event.x for event in events]
    assert (127 - x).tolist() == [event.y for event in events]
    assert (1 - p.astype(int)).tolist() == [event.p for event in events]
    assert p.dtype == bool


def test_steps_of_reading_addresses(tmp_path: Path) -> None:
    """Of a DAVIS: bit 31 pictures, bits 22 to 30 y, 12 to 21 x, 11 the polarity."""
    rows = [(120 << 22 | 345 << 12 | 1 << 11, 10), (1 << 31 | 7 << 22, 11), (179 << 22 | 0 << 12, 12)]
    path = tmp_path / "davis.aedat"
    path.write_bytes(writers.AEDAT2_TEXT + b"".join(struct.pack(">II", *row) for row in rows))
    with path.open("rb") as file:
        assert skip_header(file) == len(writers.AEDAT2_TEXT) == file.tell()
        t, address = load_raw_events(file)
        assert address.tolist() == [row[0] for row in rows]
        file.seek(len(writers.AEDAT2_TEXT))
        assert load_raw_events(file, bytes_skip=8, bytes_trim=8)[0].tolist() == [11]
        file.seek(len(writers.AEDAT2_TEXT))
        assert load_raw_events(file, filter_dvs=True)[0].tolist() == [10, 12]
        file.seek(len(writers.AEDAT2_TEXT))
        assert load_raw_events(file, times_first=True)[1].tolist() == [10, 11, 12]
        file.seek(0)
        assert [column.tolist() for column in load_events(file, True)] == [
            [10, 12],
            [345, 0],
            [120, 179],
            [True, False],
        ]
    assert t.tolist() == [10, 11, 12]
    assert [column.tolist() for column in parse_raw_address(address[:1], y_mask=None, y_shift=30)] == [
        [345],
        [0],
        [True],
    ]
    assert read_bits(np.array([0b1100]), 0b100).tolist() == [0b100]
    assert read_bits(np.array([0b1100]), shift=2).tolist() == [0b11]


def test_addresses_of_damaged_files_are_refused() -> None:
    with pytest.raises(DatasetFormatError, match=r"<bytes>, offset 0: starts with .*AEDAT 2\.0"):
        load_events(io.BytesIO(b"#!AER-DAT3.1\r\n"))
    with pytest.raises(DatasetFormatError, match="cut off"):
        load_events(io.BytesIO(writers.AEDAT2_TEXT + b"12345"))


def test_gestures_as_arrays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The time of the third event steps back."""
    events = [
        Event(100, 1, 2, 1),
        Event(130, 303, 239, 0),
        Event(120, 5, 6, 1),
        Event(130, 7, 8, 0),
        Event(190, 9, 10, 1),
    ]
    path = tmp_path / "user09_do_11.dat"
    path.write_bytes(writers.dat1(events))
    t, places, p, removed = readATIS_tddat(str(path))
    assert t.tolist() == [0, 30, 30, 90]
    assert places.tolist() == [[1, 2], [303, 239], [7, 8], [9, 10]]
    assert p.tolist() == [1, 0, 0, 1]
    assert removed == 1
    assert f"{path}: 5 events, 1 of them step back in time, 4 are given back." in capsys.readouterr().out
    t, places, p, removed = readATIS_tddat(path, False, False, False, [120, 130])
    assert t.tolist() == [130, 120, 130]
    assert places.tolist() == [[303, 239], [5, 6], [7, 8]]
    assert removed == 0
    assert capsys.readouterr().out == ""
    path.write_bytes(b"")
    assert [len(column) for column in readATIS_tddat(path, verbose=False)[:3]] == [0, 0, 0]


def test_peek() -> None:
    file = io.BytesIO(b"abcdef")
    assert (peek(file), peek(file, 3), file.read(2), peek(file)) == (b"a", b"abc", b"ab", b"c")
