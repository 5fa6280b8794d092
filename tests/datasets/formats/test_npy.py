"""Events in NumPy's own files: three layouts, and headers that lie."""

import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikingjelly.datasets import DatasetFormatError
from spikingjelly.datasets.formats import read_dvs_lip, read_es_imagenet, read_hardvs
from tests.datasets.formats import writers
from tests.datasets.formats.compare import Events, assert_same, assert_well_formed, events_of
from tests.datasets.formats.writers import Event, npy, npz

_LIP = "[('t', '<i4'), ('x', '|i1'), ('y', '|i1'), ('p', '|i1')]"


@given(events=events_of(128, 128, 2**31 - 1))
def test_round_trip_of_dvs_lip(events: list[Event]) -> None:
    assert_same(read_dvs_lip(writers.dvs_lip(events)), events)


@given(events=events_of(260, 346, 2**40), packed=st.booleans())
def test_round_trip_of_hardvs(events: list[Event], packed: bool) -> None:
    assert_same(read_hardvs(writers.hardvs(events, packed)), events)


@given(events=events_of(256, 256, 8, t_min=1), packed=st.booleans())
def test_round_trip_of_es_imagenet(events: list[Event], packed: bool) -> None:
    """Within a step ON events come first; otherwise the order of the file is kept."""
    expected = sorted(events, key=lambda event: (event.t, -event.p))
    assert_same(read_es_imagenet(writers.es_imagenet(events, packed)), expected)


def test_files_that_numpy_writes(tmp_path: Path) -> None:
    array = np.zeros(3, [("p", "i1"), ("x", "i1"), ("y", "i1"), ("t", "<i4")])
    array["t"], array["x"] = [9, 3, 9], [1, 2, 3]
    expected = [Event(3, 2, 0, 0), Event(9, 1, 0, 0), Event(9, 3, 0, 0)]
    np.save(tmp_path / "0.npy", array)
    assert_same(read_dvs_lip(tmp_path / "0.npy"), expected)
    np.savez_compressed(tmp_path / "0.npz", **{name: array[name] for name in "txyp"}, more=np.zeros(1))
    assert_same(read_hardvs(str(tmp_path / "0.npz")), expected)


def test_fortran_order_and_second_version() -> None:
    rows = [[20, 30, 1], [40, 50, 2]]
    columns = b"".join(bytes(column) for column in zip(*rows, strict=True))
    data = npz({"pos": npy("'|u1'", "(2, 3)", columns, fortran=True), "neg": npy("'|u1'", "(0, 3)", b"", version=2)})
    assert_same(read_es_imagenet(data), [Event(1, 30, 20, 1), Event(2, 50, 40, 1)])


def test_columns_of_other_numbers_are_taken_where_they_are_whole() -> None:
    def file(t: float, p: int) -> bytes:
        one = "(1,)"
        return npz(
            {
                "t": npy("'<f8'", one, struct.pack("<d", t)),
                "x": npy("'>i4'", one, struct.pack(">i", 345)),
                "y": npy("'<i2'", "(1, 1)", struct.pack("<h", 259)),
                "p": npy("'|b1'", one, bytes([p])),
            }
        )

    assert_same(read_hardvs(file(5.0, 1)), [Event(5, 345, 259, 1)])
    for t in (5.5, float("nan"), float("inf")):
        with pytest.raises(DatasetFormatError, match=rf"event 0 has t = {t}, expected an integer"):
            read_hardvs(file(t, 1))
    with pytest.raises(DatasetFormatError, match="event 0 has t = 1e\\+19, expected a number that int64 can hold"):
        read_hardvs(file(1e19, 1))


def test_real_layout_of_es_imagenet(shared_data: Path) -> None:
    path = shared_data / "es-imagenet-format" / "class0_1.npz"
    events = read_es_imagenet(path)
    assert_well_formed(events)
    with np.load(path) as arrays:
        rows = [(t, x, y, p) for p, name in ((1, "pos"), (0, "neg")) for y, x, t in arrays[name].tolist()]
    assert_same(events, [Event(*row) for row in sorted(rows, key=lambda row: row[0])])
    assert (len(events["t"]), int(events["p"].sum())) == (10914, 5492)


_GOOD = [Event(1, 2, 3, 1), Event(2, 3, 4, 0)]
_ROW = npy("'|u1'", "(1, 3)", bytes([3, 4, 5]))
_DAMAGED: dict[str, tuple[Callable[[bytes], Events], bytes, str]] = {
    "no npy": (read_dvs_lip, b"<html>", r"offset 0: starts with b'<html>', expected b'.*NUMPY'"),
    "later version": (read_dvs_lip, b"\x93NUMPY\x03\x00" + bytes(60), "starts with .*, expected .* and version 1 or 2"),
    "cut in the length": (read_dvs_lip, b"\x93NUMPY\x01\x00\x01", "offset 8: the header is cut off"),
    "cut in the header": (read_dvs_lip, writers.dvs_lip(_GOOD)[:99], r"offset 8: the header announces \d+ bytes"),
    "long header": (
        read_dvs_lip,
        b"\x93NUMPY\x02\x00\x11\x27\0\0" + bytes(20_000),
        "offset 8: the header announces 10001 bytes",
    ),
    "code in the header": (read_dvs_lip, npy("print(1)", "(0,)", b""), "offset 10: the header can't be understood"),
    "shape of words": (read_dvs_lip, npy(_LIP, "('1',)", b""), r"announces the shape \('1',\)"),
    "cut": (read_dvs_lip, writers.dvs_lip(_GOOD)[:-1], r"announces \(2,\) items of .*, 14 bytes, but 13 follow"),
    "long": (read_dvs_lip, writers.dvs_lip(_GOOD) + b"\0", "14 bytes, but 15 follow"),
    "huge": (read_dvs_lip, npy(_LIP, f"({10**15},)", b""), "7000000000000000 bytes, but 0 follow"),
    "negative": (read_dvs_lip, npy(_LIP, "(-1,)", b""), r"announces the shape \(-1,\)"),
    "items without bytes": (read_dvs_lip, npy("'|V0'", f"({10**15},)", b""), "0 bytes, but 0 follow"),
    "objects": (
        read_dvs_lip,
        npy("'|O'", "(1,)", b"cos\nsystem\n"),
        r"Python objects \(object\), which are not loaded",
    ),
    "plain numbers": (
        read_dvs_lip,
        npy("'|u1'", "(1,)", b"0"),
        "structured array with the fields t, x, y, p, found uint8",
    ),
    "no polarity": (
        read_dvs_lip,
        npy(_LIP.replace("'p'", "'q'"), "(0,)", b""),
        r"lacks p: found \['q', 't', 'x', 'y'\]",
    ),
    "outside": (read_dvs_lip, writers.dvs_lip([Event(1, 2, -3, 1)]), "event 0 has y = -3, expected 0 to 127"),
    "polarity": (read_dvs_lip, writers.dvs_lip([Event(1, 2, 3, -1)]), "event 0 has p = -1, expected 0 to 1"),
    "no npz": (read_hardvs, b"<html>", r"not a sound \.npz file"),
    "cut npz": (read_hardvs, writers.hardvs(_GOOD)[:-30], r"not a sound \.npz file"),
    "no columns": (read_hardvs, npz({"t": _ROW}), r"expected one array 'x', the archive holds \['t.npy'\]"),
    "lengths": (
        read_hardvs,
        npz({name: npy("'|u1'", f"({n},)", bytes(n)) for name, n in {"t": 1, "x": 2, "y": 1, "p": 1}.items()}),
        "different lengths: {'t': 1, 'x': 2, 'y': 1, 'p': 1}",
    ),
    "text": (
        read_hardvs,
        npz({**{name: npy("'|u1'", "(1,)", b"\0") for name in "txp"}, "y": npy("'|S1'", "(1,)", b"1")}),
        r"y holds \|S1, expected integers",
    ),
    "table": (
        read_hardvs,
        npz({**{name: npy("'|u1'", "(4,)", bytes(4)) for name in "txp"}, "y": npy("'|u1'", "(2, 2)", bytes(4))}),
        r"y has the shape \(2, 2\), expected one column",
    ),
    "step 0": (
        read_es_imagenet,
        npz({"pos": _ROW, "neg": npy("'|u1'", "(1, 3)", bytes(3))}),
        "row 0 of 'neg' has the step 0",
    ),
    "step 9": (
        read_es_imagenet,
        npz({"pos": npy("'|u1'", "(1, 3)", bytes([0, 0, 9])), "neg": _ROW}),
        "row 0 of 'pos' has the step 9",
    ),
    "four columns": (
        read_es_imagenet,
        npz({"pos": _ROW, "neg": npy("'|u1'", "(1, 4)", bytes(4))}),
        r"uint8 of shape \(1, 4\)",
    ),
    "wide": (read_es_imagenet, npz({"pos": npy("'<u2'", "(1, 3)", bytes(6)), "neg": _ROW}), "'pos' is uint16"),
    "inner cut": (
        read_es_imagenet,
        npz({"pos": _ROW[:-1], "neg": _ROW}),
        r"<bytes>: pos.npy, offset \d+: .* but 2 follow",
    ),
}


@pytest.mark.parametrize("damage", _DAMAGED)
def test_damage(damage: str) -> None:
    reader, data, message = _DAMAGED[damage]
    with pytest.raises(DatasetFormatError, match=message) as caught:
        reader(data)
    assert str(caught.value).startswith("<bytes>")


def test_sensor_of_es_imagenet_and_hardvs() -> None:
    for reader, writer in ((read_es_imagenet, writers.es_imagenet), (read_hardvs, writers.hardvs)):
        data = writer([Event(1, 20, 10, 1)])
        with pytest.raises(DatasetFormatError, match="x = 20, expected 0 to 19"):
            reader(data, H=11, W=20)
        with pytest.raises(DatasetFormatError, match="y = 10, expected 0 to 9"):
            reader(data, H=10, W=21)
        assert_same(reader(data, H=11, W=21), [Event(1, 20, 10, 1)])


def test_member_that_announces_too_much_or_is_packed_oddly_is_not_unpacked() -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("pos.npy", _ROW)
    with pytest.raises(DatasetFormatError, match="'pos' is packed by method 14"):
        read_es_imagenet(file.getvalue())
    data = bytearray(npz({"pos": _ROW, "neg": _ROW}))
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 2**32 - 2)
    with pytest.raises(DatasetFormatError, match="'pos' announces 4294967294 bytes, at most 2147483648"):
        read_es_imagenet(bytes(data))


def test_headers_that_announce_much_take_no_memory() -> None:
    huge = npy("'|u1'", f"({10**12}, 3)", b"")
    tracemalloc.start()
    for reader, data in ((read_es_imagenet, npz({"pos": huge, "neg": huge})), (read_dvs_lip, _DAMAGED["huge"][1])):
        with pytest.raises(DatasetFormatError, match="0 follow"):
            reader(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20
