"""The .dat files of ATIS cameras, versions 1 and 2."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikingjelly.datasets import DatasetFormatError
from spikingjelly.datasets.formats import read_dat
from tests.datasets.formats.compare import assert_same, events_of
from tests.datasets.formats.writers import Event, dat1, dat2

_TEXT_1 = b"% Data file\n% Version 1\n"


@given(events=events_of(240, 304, 2**32 - 1), text=st.sampled_from([_TEXT_1, b"% no version\n", b"%\n", b""]))
def test_round_trip_of_version_1(events: list[Event], text: bytes) -> None:
    """With text, with text that names no version, and without any; y is turned to count from the top."""
    assert_same(read_dat(dat1(events, text)), events)


@given(events=events_of(720, 1280, 2**32 - 1), kind=st.sampled_from([0, 12]))
def test_round_trip_of_version_2(events: list[Event], kind: int) -> None:
    assert_same(read_dat(dat2(events, kind=kind)), events)


def test_bits_of_version_1(tmp_path: Path) -> None:
    path = tmp_path / "user09_do_11.dat"
    word = 303 | 200 << 9 | 1 << 17
    path.write_bytes(b"% user\n\x00\x08" + struct.pack("<II", 77, word))
    assert_same(read_dat(path), [Event(77, 303, 239 - 200, 1)])


def test_file_without_text_whose_first_time_looks_like_text() -> None:
    events = [Event(0x0A25, 1, 2, 1), Event(0x20202025, 3, 4, 0)]
    assert dat1(events, b"").startswith(b"%\n")
    assert_same(read_dat(dat1(events, b"")), events)
    assert_same(read_dat(dat1(events[1:], b"")), events[1:])


def test_size_of_the_sensor_is_what_the_caller_says_else_what_the_file_says() -> None:
    small = b"% Version 2\n% Height 4\n% Width 5\n"
    event = Event(1, 4, 3, 1)
    assert_same(read_dat(dat2([event], small)), [event])
    for outside, message in (
        (Event(1, 5, 3, 1), "x = 5, expected 0 to 4"),
        (Event(1, 4, 4, 1), "y = 4, expected 0 to 3"),
    ):
        with pytest.raises(DatasetFormatError, match=f"event 0 at offset {len(small) + 2} has {message}"):
            read_dat(dat2([outside], small))
        assert_same(read_dat(dat2([outside], small), H=5, W=6), [outside])
    far = Event(1, 16383, 16383, 0)
    assert_same(read_dat(dat2([far], b"% Version 2\n")), [far])
    assert_same(read_dat(dat1([Event(1, 303, 239 - 9, 1)]), H=10), [Event(1, 303, 0, 1)])


def test_events_that_step_back_in_time_are_dropped_and_counted() -> None:
    events = [Event(t, 1, 2, 1) for t in (10, 20, 30, 5, 30, 40, 50)]
    with pytest.warns(UserWarning, match="<bytes>: 1 of 7 events step back in time and were dropped"):
        read = read_dat(dat1(events))
    assert_same(read, [*events[:3], *events[4:]])
    with pytest.raises(DatasetFormatError, match="6 of 7 events step back in time"):
        read_dat(dat1([events[-1], *events[:-1]]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_TEXT_1, "offset 24: the text at the beginning is not followed by the kind"),
        (_TEXT_1 + b"\x00\x07", "offset 24: the text at the beginning is not followed"),
        (b"% Version", "offset 0: the text at the beginning"),
        (b"%", "offset 0: the text at the beginning"),
        (dat1([Event(1, 1, 1, 1)])[:-1], "offset 26: only 7 bytes are left of an event"),
        (dat1([Event(1, 1, 1, 1)], b"") + b"\0\0", "offset 8: only 2 bytes are left of an event"),
        (dat1([Event(1, 304, 1, 1)]), "event 0 at offset 26 has x = 304, expected 0 to 303"),
        (struct.pack("<Q", 240 << 41), "event 0 at offset 0 has y = 240, expected 0 to 239"),
        (dat2([], b"% Version 3\n"), "offset 0: the version is b'3', only 1 and 2"),
        (dat2([], kind=14), "the events are of kind 0x0e, expected 0x00 .* or 0x0c"),
        (dat2([Event(1, 1, 1, 2)]), "event 0 has p = 2, expected 0 or 1"),
    ],
)
def test_damage(data: bytes, message: str) -> None:
    with pytest.raises(DatasetFormatError, match=message):
        read_dat(data)
