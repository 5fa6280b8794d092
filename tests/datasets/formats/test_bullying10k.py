"""Pickled packets of events: what is read, and that nothing of a pickle is ever run."""

import io
import pickle
import pickletools
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikingjelly.datasets import DatasetFormatError
from spikingjelly.datasets.formats import read_bullying10k
from tests.datasets.formats.compare import assert_same, events_of
from tests.datasets.formats.writers import Event, npy

_FIELDS = np.dtype([("timestamp", "<i8"), ("x", "<i2"), ("y", "<i2"), ("polarity", "u1"), ("_p1", "u1")])


def _objects(packets: list[Any]) -> np.ndarray:
    array = np.empty(len(packets), object)
    for i, packet in enumerate(packets):
        array[i] = packet
    return array


def _file(content: Any, protocol: int, shape: str | None = None) -> bytes:
    return npy("'|O'", f"({len(content)},)" if shape is None else shape, pickle.dumps(content, protocol))


def _structured(events: list[Event]) -> np.ndarray:
    return np.array([(*event, 0) for event in events], _FIELDS)


_FORMS: dict[str, Callable[[list[Event]], Any]] = {
    "tuples": lambda events: [tuple(event) for event in events],
    "longer tuples": lambda events: [(*event, 0, 0) for event in events],
    "lists": lambda events: [list(event) for event in events],
    "structured array": _structured,
    "records": lambda events: list(_structured(events)),
    "table": lambda events: np.array(events, np.int64).reshape(-1, 4),
    "table in Fortran order": lambda events: np.asfortranarray(np.array(events, ">i4").reshape(-1, 4)),
    "objects": lambda events: _objects([tuple(event) for event in events]),
}


@pytest.mark.parametrize("form", _FORMS)
@pytest.mark.parametrize("protocol", [2, 3, 4])
@given(events=events_of(260, 346, 2**31 - 1), cut=st.integers(0, 30))
def test_round_trip(form: str, protocol: int, events: list[Event], cut: int) -> None:
    packets = [_FORMS[form](part) for part in (events[:cut], [], events[cut:])]
    assert_same(read_bullying10k(_file(_objects(packets), protocol)), events)
    assert_same(read_bullying10k(_file(packets, protocol, "()")), events)


def test_file_that_numpy_writes(tmp_path: Path) -> None:
    events = [Event(5, 345, 259, 1), Event(6, 0, 0, 0)]
    np.save(tmp_path / "walking_0.npy", _objects([[tuple(events[0])], [tuple(events[1])] * 2]))
    assert_same(read_bullying10k(tmp_path / "walking_0.npy"), [events[0], events[1], events[1]])


def test_sensor() -> None:
    data = _file([[(1, 20, 10, 1)]], 4)
    assert_same(read_bullying10k(data, H=11, W=21), [Event(1, 20, 10, 1)])
    for sensor, message in (((11, 20), "x = 20, expected 0 to 19"), ((10, 21), "y = 10, expected 0 to 9")):
        with pytest.raises(DatasetFormatError, match=message):
            read_bullying10k(data, *sensor)


class _Calls:
    """Pickles as a call of ``function``."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_code_of_the_file_is_not_run(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "trace"
    for call in (
        _Calls(Path.touch, trace),
        _Calls(exec, f"open({str(trace)!r}, 'w')"),
        _Calls(open, str(trace), "w"),
        _Calls(np.fromfile, str(trace)),
        _Calls(getattr, 1, "real"),
    ):
        for content in ([call], [[(1, 2, 3, call)]]):
            with pytest.raises(DatasetFormatError, match="describes no plain data"):
                read_bullying10k(_file(content, protocol))
    assert not trace.exists()


def _name(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


@pytest.mark.parametrize(
    ("instructions", "message"),
    [
        (b"\x80\x04(ios\nsystem\n.", "the instruction b'i'"),
        (b"\x80\x04P1\n.", "the instruction b'P'"),
        (b"\x80\x04\x82\x01.", "the instruction b'\\\\x82'"),
        (b"\x80\x04K\x01Q.", "the instruction b'Q'"),
        (b"\x80\x04)\x81.", "the instruction b'\\\\x81'"),
        (b"\x80\x04G" + bytes(8) + b".", "the instruction b'G'"),
        (b"\x80\x04" + _name("numpy", "load") + b".", "it asks for numpy.load"),
        (b"\x80\x04" + _name("numpy._core.multiarray", "ndarray") + b".", "it asks for numpy._core.multiarray.ndarray"),
        (b"\x80\x04" + _name("numpy", "ndarray.tofile") + b".", "describes no plain data"),
        (b"\x80\x04\x8c\x05numpy\x8c\x0ector.__class__\x93.", "damaged pickle"),
        (b"\x80\x04]", "the pickle does not end"),
        (b"\x80\x04X\xff\xff\xff\xff.", "the pickle does not end"),
        (b"", "the pickle does not end"),
    ],
)
def test_instruction_that_describes_no_plain_data(instructions: bytes, message: str) -> None:
    with pytest.raises(DatasetFormatError, match=message):
        read_bullying10k(npy("'|O'", "(1,)", instructions))


_DTYPE = _name("numpy", "dtype")


def _array(shape: bytes, dtype: bytes, data: bytes, rest: bytes = b"") -> bytes:
    """A packet that is an array of the given state."""
    head = _name("numpy.core.multiarray", "_reconstruct") + _name("numpy", "ndarray") + b"K\0\x85C\x01b\x87R"
    state = b"(K\x01" + shape + _DTYPE + b"X" + bytes([len(dtype), 0, 0, 0]) + dtype + b"\x85R" + rest
    return b"\x80\x04](" + head + state + b"\x89" + data + b"tbe."


@pytest.mark.parametrize(
    ("instructions", "message"),
    [
        (_array(b"J\xff\xff\xff\x7f\x85", b"u1", b"C\0"), r"array of shape \(2147483647,\) with 0 items"),
        (_array(b"J\xff\xff\xff\xff\x85", b"u1", b"C\0"), r"array of shape \(-1,\)"),
        (_array(b"K\x01\x85", b"O8", b"C\x08" + bytes(8)), "with other objects than these"),
        (_array(b"J\xff\xff\xff\x7f\x85", b"O", b"]"), "with other objects than these"),
        (_array(b"K\x01\x85", b"V8", b"C\x08" + bytes(8)), "it holds arrays of .V8."),
        (_array(b"K\x01\x85", b"f8", b"C\x08" + bytes(8)), "it holds arrays of 'f8'"),
        (_array(b"K\x01\x85", b"M8[us]", b"C\x08" + bytes(8)), "it holds arrays of .M8"),
        (_array(b"K\x01\x85", b"u1", b"C\x01\x01"), "packet 0 is no list of tuples"),
    ],
)
def test_array_with_a_forged_state(instructions: bytes, message: str) -> None:
    with pytest.raises(DatasetFormatError, match=message):
        read_bullying10k(npy("'|O'", "(1,)", instructions))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([[(1, 2, 3)]], "packet 0 is no list of tuples of at least four integers"),
        ([[], [(1, 2, 3, 1), (1, 2, 3, 1, 0)]], "packet 1 is no list"),
        ([[(1, 2, 3, "1")]], "packet 0 is no list"),
        ([[(1, 2, 3, None)]], "packet 0 is no list"),
        ([[(1, 2, 3, [1])]], "packet 0 is no list"),
        ([[(2**70, 2, 3, 1)]], "packet 0 is no list"),
        ([[1, 2, 3, 1]], "packet 0 is no list"),
        ([(1, 2, 3, 1)], "packet 0 is no list"),
        ([1], "packet 0 is no list"),
        ([[tuple(range(65))]], "packet 0 is no list"),
        ([[(1, 2, 3, 2)]], "event 0 has p = 2, expected 0 to 1"),
    ],
)
def test_content_of_another_form(content: Any, message: str) -> None:
    with pytest.raises(DatasetFormatError, match=message):
        read_bullying10k(_file(content, 4))


def test_header_of_another_form() -> None:
    with pytest.raises(DatasetFormatError, match=r"a list of packets that fits the shape \(2,\), found list"):
        read_bullying10k(_file([[(1, 2, 3, 1)]], 4, "(2,)"))
    with pytest.raises(DatasetFormatError, match=r"announces int32 of shape \(1,\), expected objects"):
        read_bullying10k(npy("'<i4'", "(1,)", bytes(4)))
    with pytest.raises(DatasetFormatError, match=r"announces object of shape \(1, 1\)"):
        read_bullying10k(_file([[]], 4, "(1, 1)"))
    with pytest.raises(DatasetFormatError, match="found tuple"):
        read_bullying10k(_file((1,), 4))


def _memory_of(data: bytes) -> int:
    tracemalloc.start()
    with pytest.raises(DatasetFormatError):
        read_bullying10k(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_no_memory_is_taken_for_what_the_file_does_not_hold() -> None:
    """A memo of four billion places, strings and frames without end."""
    for bomb in (
        b"\x80\x04]r\xff\xff\xff\xff.",
        b"\x80\x04]r\xff\xff\xff\x00.",
        b"\x80\x04]p4294967295\n.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x00.",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x00].",
    ):
        assert _memory_of(npy("'|O'", "(1,)", bomb)) < 2**20


def test_one_packet_that_is_named_many_times() -> None:
    packet = b"](" + b"(K\1K\2K\3K\1t" * 250 + b"eq\0"
    data = npy("'|O'", "(1001,)", b"\x80\x04](" + packet + b"h\0" * 1000 + b"e.")
    with pytest.raises(DatasetFormatError, match="the packets hold more events than the file has bytes"):
        read_bullying10k(data)
    assert _memory_of(data) < 2**20


def test_memo_numbers_that_the_file_needs_are_let_through() -> None:
    """Protocol 3 numbers every tuple: more than 65535 need all bytes of the long form."""
    events = [Event(i, i % 346, i % 260, i % 2) for i in range(70_000)]
    data = _file([[tuple(event) for event in events]], 3)
    assert any(
        code.name == "LONG_BINPUT" and arg > 65535
        for code, arg, _ in pickletools.genops(io.BytesIO(data[data.index(b"\x80\x03") :]))
    )
    assert_same(read_bullying10k(data), events)
