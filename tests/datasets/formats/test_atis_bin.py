"""The 5-byte events of N-MNIST and N-Caltech101."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from spikingjelly.datasets import DatasetFormatError, load_ATIS_bin
from spikingjelly.datasets.formats import read_atis_bin
from tests.datasets.formats.compare import Events, assert_same, assert_well_formed, events_of
from tests.datasets.formats.writers import Event, atis_bin

_FIRST_OF_TRAIN_5_00001 = bytes.fromhex("12 10 80 03 7d 14 11 80 04 24 11 09 00 09 8b")
_ITS_EVENTS = [Event(893, 18, 16, 1), Event(1060, 20, 17, 1), Event(2443, 17, 9, 0)]


def test_events_of_a_real_recording(tmp_path: Path) -> None:
    path = tmp_path / "00001.bin"
    path.write_bytes(_FIRST_OF_TRAIN_5_00001)
    for events in (read_atis_bin(_FIRST_OF_TRAIN_5_00001), read_atis_bin(path, 34, 34), load_ATIS_bin(str(path))):
        assert_same(events, _ITS_EVENTS)


@given(events=events_of(240, 256, 2**23 - 1))
def test_round_trip(events: list[Event]) -> None:
    assert_same(read_atis_bin(atis_bin(events)), events)


def test_overflow_moves_its_own_and_all_later_times_and_is_no_event() -> None:
    marker = Event(8000, 7, 240, 1)
    data = atis_bin([Event(1, 1, 1, 1), marker, Event(2, 2, 2, 0), marker, marker, Event(3, 3, 3, 1)])
    assert_same(read_atis_bin(data), [Event(1, 1, 1, 1), Event(8194, 2, 2, 0), Event(3 * 8192 + 3, 3, 3, 1)])
    assert_same(read_atis_bin(atis_bin([marker])), [])


def test_events_out_of_order_are_sorted() -> None:
    events = [Event(5, 1, 0, 0), Event(9, 2, 0, 0), Event(5, 3, 0, 1)]
    assert_same(read_atis_bin(atis_bin(events)), [events[0], events[2], events[1]])


@pytest.mark.parametrize(
    ("data", "sensor", "message"),
    [
        (_FIRST_OF_TRAIN_5_00001[:-1], (34, 34), "offset 10: only 4 bytes are left of an event of 5 bytes"),
        (_FIRST_OF_TRAIN_5_00001, (34, 18), "event 0 at offset 0 has x = 18, expected 0 to 17"),
        (_FIRST_OF_TRAIN_5_00001, (17, 34), "event 1 at offset 5 has y = 17, expected 0 to 16"),
        (atis_bin([Event(0, 0, 240, 0), Event(0, 0, 241, 0)]), (240, None), "event 0 at offset 5 has y = 241"),
    ],
)
def test_damage(data: bytes, sensor: tuple[int, int | None], message: str) -> None:
    with pytest.raises(DatasetFormatError, match=message):
        read_atis_bin(data, *sensor)


def _stabilised(event: Event, H: int, W: int) -> Event | None:
    """The published program, an event at a time."""
    t, x, y, p = event
    if t <= 105e3:
        new_x, new_y = x - 3.5 * t / 105e3, y - 7 * t / 105e3
    elif t <= 210e3:
        new_x, new_y = x - (3.5 + 3.5 * (t - 105e3) / 105e3), y - (7 - 7 * (t - 105e3) / 105e3)
    else:
        new_x, new_y = x - (7 - 7 * (t - 210e3) / 105e3), float(y)
    rounded = [int(abs(value) + 0.5) * (1 if value > 0 else -1) for value in (new_x, new_y)]
    return Event(t, *rounded, p) if 0 <= rounded[0] < W and 0 <= rounded[1] < H else None


@given(events=events_of(34, 34, 330_000))
def test_stabilisation_is_the_published_one(events: list[Event]) -> None:
    events.append(Event(330_001, 33, 0, 1))  # moves to 34 and leaves the sensor
    moved = [new for event in events if (new := _stabilised(event, 34, 34)) is not None]
    assert_same(read_atis_bin(atis_bin(events), 34, 34, stabilise=True), moved)
    assert Event(330_001, 34, 0, 1) in [_stabilised(events[-1], 34, 35)]


def test_stabilisation_rounds_halves_away_from_zero() -> None:
    data = atis_bin([Event(15_000, 0, 30, 1), Event(15_000, 1, 30, 1), Event(7_500, 9, 0, 1), Event(7_500, 9, 1, 0)])
    assert_same(read_atis_bin(data, 34, 34, stabilise=True), [Event(7_500, 9, 1, 0), Event(15_000, 1, 29, 1)])


def _loop(data: bytes) -> Events:
    rows = [(low & 0x7FFFFF, x, y, low >> 23) for x, y, low in _words(data)]
    return dict(zip("txyp", np.array(rows).T, strict=True))


def _words(data: bytes) -> list[tuple[int, int, int]]:
    return [(x, y, high << 16 | low) for x, y, high, low in struct.iter_unpack(">BBBH", data)]


def test_real_recordings(shared_data: Path) -> None:
    """100 of the 1000 real recordings equal a loop over their events, and are what the data set says of itself."""
    paths = sorted((shared_data / "n-mnist").glob("Train/*/*.bin"))
    assert len(paths) == 1000
    for path in paths[::10]:
        events = read_atis_bin(path, 34, 34)
        assert_well_formed(events)
        expected = _loop(path.read_bytes())
        assert all(np.array_equal(events[name], expected[name]) for name in "txyp")
        assert 1000 < len(events["t"]) < 8000
        assert 290_000 < events["t"][-1] < 340_000
