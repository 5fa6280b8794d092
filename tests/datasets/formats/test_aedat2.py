"""AEDAT 2.0 of a DVS128: three readings of the address, and what is refused."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikingjelly.datasets import DatasetFormatError
from spikingjelly.datasets.formats import read_aedat2
from tests.datasets.formats.compare import assert_same, events_of
from tests.datasets.formats.writers import AEDAT2_TEXT, Event, aedat2

_START = len(AEDAT2_TEXT)
_REAL = bytes.fromhex("0000 7683 0276 49ee")  # a = 65, b = 118, bit = 1


@pytest.mark.parametrize(
    ("convention", "event"),
    [
        ("spikingjelly", Event(41306606, 127 - 118, 127 - 65, 0)),
        ("events-tfds", Event(41306606, 127 - 65, 118, 0)),
        ("tonic", Event(41306606, 118, 65, 1)),
    ],
)
def test_event_of_a_real_file_in_the_three_conventions(convention: str, event: Event) -> None:
    assert_same(read_aedat2(AEDAT2_TEXT + _REAL, convention), [event])  # type: ignore[arg-type]


def test_first_convention_is_the_default_and_another_name_is_refused() -> None:
    assert_same(read_aedat2(AEDAT2_TEXT + _REAL), [Event(41306606, 9, 62, 0)])
    with pytest.raises(ValueError, match="'spikingjelly', 'events-tfds' or 'tonic', but 'jaer' was given"):
        read_aedat2(AEDAT2_TEXT + _REAL, "jaer")  # type: ignore[arg-type]


@given(events=events_of(128, 128, 2**32 - 1), line_end=st.sampled_from([b"\n", b"\r\n"]))
def test_round_trip(events: list[Event], line_end: bytes) -> None:
    assert_same(read_aedat2(aedat2(events, AEDAT2_TEXT.replace(b"\r\n", line_end))), events)


def test_path_and_text_of_one_line(tmp_path: Path) -> None:
    path = tmp_path / "cifar10_airplane_0.aedat"
    path.write_bytes(aedat2([Event(3, 4, 5, 1)], b"#!AER-DAT2.0\n"))
    assert_same(read_aedat2(path), [Event(3, 4, 5, 1)])


def test_time_that_wraps_goes_on_and_one_that_steps_back_is_sorted() -> None:
    events = [
        Event(2**32 - 2, 1, 1, 1),
        Event(2**32 + 5, 2, 2, 0),
        Event(2**32 + 3, 3, 3, 1),
        Event(2**33 + 1, 4, 4, 0),
    ]
    between = Event(2**32 + 2**31 + 9, 5, 5, 1)
    assert_same(
        read_aedat2(aedat2([*events[:3], between, events[3]])), [events[0], events[2], events[1], between, events[3]]
    )


def test_half_of_the_range_is_the_furthest_step_back() -> None:
    late, early = Event(2**31 + 2**30, 1, 1, 1), Event(2**30, 2, 2, 0)
    assert_same(read_aedat2(aedat2([late, early])), [early, late])
    assert_same(read_aedat2(aedat2([late, early._replace(t=2**30 - 1)])), [late, early._replace(t=2**32 + 2**30 - 1)])


def test_events_that_are_none_of_a_pixel_are_left_out() -> None:
    special = struct.pack(">II", 0x8000 | 77, 6)
    data = aedat2([Event(5, 1, 2, 1)]) + special + aedat2([Event(7, 127, 127, 0)], b"")
    assert_same(read_aedat2(data), [Event(5, 1, 2, 1), Event(7, 127, 127, 0)])


@pytest.mark.parametrize(
    ("data", "offset", "message"),
    [
        (b"", 0, r"starts with b'', expected b'#!AER-DAT2\.0'"),
        (b"#!AER-DAT3.1\r\n", 0, "AER-DAT3.1"),
        (AEDAT2_TEXT[:-1], _START - 7, "does not end"),
        (AEDAT2_TEXT + _REAL + _REAL[:7], _START + 8, "only 7 bytes are left of an event of 8 bytes"),
        (AEDAT2_TEXT + _REAL + b"\0\1" + _REAL[2:], _START + 8, "the address 0x00017683 is not one of a DVS128"),
    ],
    ids=["empty", "version 3", "cut text", "cut event", "other camera"],
)
def test_damage(data: bytes, offset: int, message: str) -> None:
    with pytest.raises(DatasetFormatError, match=f"offset {offset}: .*{message}"):
        read_aedat2(data)
