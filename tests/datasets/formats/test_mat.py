"""MATLAB files of ASL-DVS, packed and not."""

import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from spikingjelly.datasets import DatasetFormatError
from spikingjelly.datasets.formats import read_mat
from tests.datasets.formats.compare import assert_same, events_of
from tests.datasets.formats.writers import Event, asl_dvs, mat_file, mat_variable


@given(events=events_of(180, 240, 2**40))
def test_round_trip(events: list[Event]) -> None:
    assert_same(read_mat(asl_dvs(events)), events)


def test_flips_path_and_rows_instead_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "a_0001.mat"
    shape = (1, 2)
    variables = {"ts": [5, 3], "x": [0, 10], "y": [0, 20], "pol": [1, 0], "more": [0, 0]}
    path.write_bytes(mat_file(*(mat_variable(name, values, "<i", shape) for name, values in variables.items())))
    assert_same(read_mat(path), [Event(3, 229, 159, 0), Event(5, 239, 179, 1)])
    assert_same(read_mat(path, flip_x=False), [Event(3, 10, 159, 0), Event(5, 0, 179, 1)])
    assert_same(read_mat(path, flip_y=False), [Event(3, 229, 20, 0), Event(5, 239, 0, 1)])
    assert_same(read_mat(path, H=21, W=11), [Event(3, 0, 0, 0), Event(5, 10, 20, 1)])


def _packed(variable: bytes, cut: int = 0) -> bytes:
    data = zlib.compress(variable)
    data = data[: len(data) - cut]
    return struct.pack("<II", 15, len(data)) + data


def test_big_endian_and_short_elements() -> None:
    """Up to four bytes of content may stand in the tag."""

    def short(kind: int, data: bytes) -> bytes:
        return struct.pack(">I", len(data) << 16 | kind) + data.ljust(4, b"\0")

    def variable(name: bytes, data: bytes) -> bytes:
        flags = struct.pack(">IIII", 6, 8, 9, 0)
        parts = flags + struct.pack(">IIii", 5, 8, 2, 1) + short(1, name) + short(4, data)
        return struct.pack(">II", 14, len(parts)) + parts

    head = bytes(124) + b"\x01\x00MI"
    data = head + variable(b"ts", b"\1\0\2\0") + variable(b"x", b"\0\1\0\2") + variable(b"y", bytes(4))
    events = [Event(256, 238, 179, 1), Event(512, 237, 179, 0)]
    assert_same(read_mat(data + variable(b"pol", b"\0\1\0\0")), events)


def test_packed_variables() -> None:
    names = {"ts": [7], "x": [1], "y": [2], "pol": [1]}
    data = mat_file(*(_packed(mat_variable(name, values, "<H")) for name, values in names.items()))
    assert_same(read_mat(data), [Event(7, 238, 177, 1)])


def _with(**changed: bytes) -> bytes:
    variables = {name: mat_variable(name, [1], "<B") for name in ("ts", "x", "y", "pol")}
    return mat_file(*{**variables, **changed}.values())


def _flags(variable: bytes, array_class: int, more: int = 0) -> bytes:
    return variable[:16] + bytes([array_class, more]) + variable[18:]


_ONE = mat_variable("x", [1], "<H")
_OFFSET = 128 + 72  # of the variable x, behind ts
_DAMAGED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "offset 0: not a MATLAB file of version 5"),
    "text": (b"<html>" * 50, "offset 0: not a MATLAB file of version 5"),
    "version 7.3": (_with().replace(b"\x00\x01IM", b"\x00\x02IM"), "not a MATLAB file of version 5"),
    "cut": (_with()[:-1], r"offset \d+: an element announces 64 bytes, more than there are"),
    "cut tag": (_with() + bytes(7), r"offset \d+: an element is cut off"),
    "missing": (_with(pol=b""), r"one variable 'pol' of numbers, found the variables \['ts', 'x', 'y'\]"),
    "twice": (_with(more=_ONE), "one variable 'x'"),
    "cell": (_with(x=_flags(_ONE, 1)), "one variable 'x'"),
    "complex": (_with(x=_flags(_ONE, 11, 8)), "one variable 'x'"),
    "half": (_with(ts=mat_variable("ts", [0.5])), "event 0 has t = 0.5, expected an integer"),  # type: ignore[list-item]
    "outside x": (_with(x=mat_variable("x", [240], "<H")), "event 0 has x = 240, expected 0 to 239"),
    "outside y": (_with(y=mat_variable("y", [180], "<H")), "event 0 has y = 180, expected 0 to 179"),
    "polarity": (_with(pol=mat_variable("pol", [2], "<H")), "event 0 has p = 2"),
    "lengths": (_with(x=mat_variable("x", [1, 2], "<H")), "different lengths"),
    "table": (_with(x=mat_variable("x", [1] * 4, "<H", (2, 2))), r"x has the shape \(2, 2\), expected one column"),
    "too much": (
        _with(x=mat_variable("x", [1], "<H", (2**31 - 1, 2**31 - 1))),
        rf"offset {_OFFSET}: 'x' announces the shape \[2147483647, 2147483647\] of uint16, but 2 bytes",
    ),
    "negative": (
        _with(x=mat_variable("x", [1], "<H", (-1, -1))),
        rf"offset {_OFFSET}: 'x' announces the shape \[-1, -1\]",
    ),
    "no flags": (_with(x=struct.pack("<II", 14, 0)), f"offset {_OFFSET}: a variable has no flags"),
    "no numbers": (_with(x=struct.pack("<II", 14, 48) + _ONE[8:56]), f"offset {_OFFSET}: a variable of numbers lacks"),
    "packed badly": (_with(x=struct.pack("<II", 15, 8) + bytes(8)), f"offset {_OFFSET}: the packed data are damaged"),
    "packed half": (_with(x=_packed(_ONE, cut=3)), f"offset {_OFFSET}: the packed data are cut off"),
    "packed twice": (
        _with(x=_packed(_ONE + _ONE)),
        f"offset {_OFFSET}: expected one element in the packed data, found 2",
    ),
}


@pytest.mark.parametrize("damage", _DAMAGED)
def test_damage(damage: str) -> None:
    data, message = _DAMAGED[damage]
    with pytest.raises(DatasetFormatError, match=f"<bytes>.*{message}"):
        read_mat(data)


def test_packed_data_that_grow_without_end_are_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikingjelly.datasets.formats.mat._MAX_BYTES", 2**16)
    bomb = _packed(mat_variable("more", [0] * 2**20, "<B"))
    tracemalloc.start()
    with pytest.raises(DatasetFormatError, match="the packed data are cut off, or more than 65536 bytes"):
        read_mat(_with(more=bomb))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize("packed", [False, True])
def test_files_that_scipy_writes(tmp_path: Path, packed: bool) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    rng = np.random.default_rng(0)
    t = np.sort(rng.integers(0, 10**6, 500))
    x, y, p = rng.integers(0, 240, 500), rng.integers(0, 180, 500), rng.integers(0, 2, 500)
    for dtype in (np.float64, np.int32, np.uint32, np.int64):
        columns = {
            "ts": t.astype(dtype),
            "x": x.astype(np.uint8),
            "y": y.astype(np.float32),
            "pol": p == 1,
            "note": "a",
        }
        scipy_io.savemat(tmp_path / "a.mat", columns, do_compression=packed, oned_as="column")
        expected = [
            Event(*row) for row in zip(t.tolist(), (239 - x).tolist(), (179 - y).tolist(), p.tolist(), strict=True)
        ]
        assert_same(read_mat(tmp_path / "a.mat"), expected)
