"""AEDAT 3.1: what is read, what is left out, and where a lie is told."""

import struct
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikingjelly.datasets import DatasetFormatError, load_aedat_v3
from spikingjelly.datasets.formats import read_aedat3
from tests.datasets.formats.compare import assert_same, events_of
from tests.datasets.formats.writers import AEDAT3_TEXT, Event, aedat3, aedat3_event, aedat3_packet

_FIRST = Event(80048267, 49, 82, 1)
_SECOND = Event(80048277, 55, 92, 0)
_START = len(AEDAT3_TEXT)


def test_first_event_of_dvs128_gesture() -> None:
    assert aedat3_event(_FIRST) == bytes.fromhex("4b01 6200 8b70 c504")
    data = AEDAT3_TEXT + aedat3_packet([bytes.fromhex("4b01 6200 8b70 c504")])
    assert_same(read_aedat3(data), [_FIRST])


@pytest.mark.parametrize("few", [0, 32], ids=["packet by packet", "event by event"])
@given(events=events_of(128, 128, 2**40), per_packet=st.integers(1, 5))
def test_round_trip(few: int, events: list[Event], per_packet: int) -> None:
    """Times above 31 bits are put together from event and packet; both ways to collect the slots give the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spikingjelly.datasets.formats.aedat3._FEW", few)
        assert_same(read_aedat3(aedat3(events, per_packet)), events)


def test_text_may_end_its_lines_with_lf_only_and_the_first_packet_may_start_with_a_hash() -> None:
    packet = aedat3_packet([aedat3_event(_FIRST)])
    assert_same(read_aedat3(AEDAT3_TEXT.replace(b"\r\n", b"\n") + packet), [_FIRST])
    other = aedat3_packet([b"12345678"], kind=ord("#"))
    assert other.startswith(b"#")
    assert_same(read_aedat3(AEDAT3_TEXT + other + packet), [_FIRST])


@pytest.mark.parametrize("few", [0, 32], ids=["packet by packet", "event by event"])
def test_other_packets_spare_slots_and_invalid_events_are_left_out(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr("spikingjelly.datasets.formats.aedat3._FEW", few)
    outside = aedat3_event(Event(0, 2000, 2000, 1), valid=0)
    special = aedat3_packet([bytes(3)] * 5, kind=0, size=3, time_offset=1, overflow=-1, number=9)
    spare = aedat3_packet([aedat3_event(_FIRST), outside, bytes(8), bytes(8)], number=2, valid=1)
    late = aedat3_packet([outside, aedat3_event(_SECOND)], overflow=1, valid=1)
    empty = aedat3_packet([])
    assert_same(
        read_aedat3(AEDAT3_TEXT + special + spare + empty + special + late),
        [_FIRST, _SECOND._replace(t=_SECOND.t + 2**31)],
    )
    assert_same(read_aedat3(AEDAT3_TEXT + special), [])
    assert_same(read_aedat3(AEDAT3_TEXT), [])


def test_events_out_of_order_are_sorted_and_those_of_one_instant_keep_their_order() -> None:
    events = [Event(5, 1, 0, 0), Event(9, 2, 0, 0), Event(5, 3, 0, 0), Event(5, 4, 0, 0)]
    assert_same(read_aedat3(aedat3(events)), [events[0], events[2], events[3], events[1]])


def test_published_name_takes_a_path_and_sensors_of_any_size(tmp_path: Path) -> None:
    path = tmp_path / "large.aedat"
    events = [Event(1, 32767, 32767, 1), Event(2, 0, 0, 0)]
    path.write_bytes(aedat3(events))
    assert_same(load_aedat_v3(str(path)), events)
    with pytest.raises(
        DatasetFormatError, match=r"large\.aedat: event 0 at offset \d+ has x = 32767, expected 0 to 127"
    ):
        read_aedat3(path)
    assert_same(read_aedat3(path, H=32768, W=None), events)
    with pytest.raises(DatasetFormatError, match="y = 32767, expected 0 to 32766"):
        read_aedat3(path, H=32767, W=None)


def _packet(**lies: int) -> bytes:
    return aedat3_packet([aedat3_event(_FIRST), aedat3_event(_SECOND)], **lies)


_GOOD = _packet()
_OUTSIDE = _GOOD + aedat3_packet([aedat3_event(_FIRST, valid=0), aedat3_event(Event(1, 3, 128, 0))], valid=1)
_LIES = {
    "empty": (b"", 0, r"starts with b'', expected b'#!AER-DAT3\.1'"),
    "version 2": (b"#!AER-DAT2.0\r\n", 0, "AER-DAT2.0"),
    "no end of the text": (AEDAT3_TEXT[:-16], _START - 16, "no line '#!END-HEADER'"),
    "line without hash": (AEDAT3_TEXT.replace(b"#Source", b"Source"), 28, "does not start with '#'"),
    "packed": (AEDAT3_TEXT.replace(b"RAW", b"SerializedTS"), 14, "the format is b'SerializedTS', only b'RAW'"),
    "cut packet": (
        AEDAT3_TEXT + _GOOD + _GOOD[:-1],
        _START + 44,
        "announces 16 bytes, the file is cut off 1 too early",
    ),
    "cut header": (AEDAT3_TEXT + _GOOD + _GOOD[:27], _START + 44, "only 27 bytes are left of a packet's header"),
    "capacity too large": (AEDAT3_TEXT + _packet(capacity=2**31 - 1), _START, "announces 17179869176 bytes"),
    "negative capacity": (AEDAT3_TEXT + _packet(capacity=-1), _START, "announces -1 events of 8 bytes"),
    "negative size": (AEDAT3_TEXT + _packet(size=-8), _START, "announces 2 events of -8 bytes"),
    "no size": (AEDAT3_TEXT + _packet(size=0), _START, "announces 2 events of 0 bytes"),
    "other size": (AEDAT3_TEXT + _packet(size=16, capacity=1, number=1), _START, "size = 16, expected 8"),
    "other time": (AEDAT3_TEXT + _packet(time_offset=0), _START, "time_offset = 0, expected 4"),
    "negative overflow": (AEDAT3_TEXT + _packet(overflow=-1), _START, "overflow = -1, expected at least 0"),
    "number above capacity": (AEDAT3_TEXT + _GOOD + _packet(number=3), _START + 44, r"number = 3, .* \(capacity 2"),
    "negative number": (AEDAT3_TEXT + _packet(number=-1, valid=0), _START, "number = -1"),
    "valid above number": (AEDAT3_TEXT + _packet(number=1, valid=2), _START, "valid = 2"),
    "negative valid": (AEDAT3_TEXT + _packet(valid=-2), _START, "valid = -2"),
    "outside": (AEDAT3_TEXT + _OUTSIDE, _START + 44 + 36, "event 2 at offset .* y = 128, expected 0 to 127"),
    "negative time": (
        AEDAT3_TEXT + _GOOD + aedat3_packet([struct.pack("<Ii", 1, -5)]),
        _START + 44 + 28,
        "event 2 has a negative time",
    ),
}


@pytest.mark.parametrize("lie", _LIES)
def test_lie(lie: str) -> None:
    data, offset, message = _LIES[lie]
    with pytest.raises(DatasetFormatError, match=message) as caught:
        read_aedat3(data)
    assert f"offset {offset}" in str(caught.value)


def test_real_gestures(shared_data: Path) -> None:
    """Counts and sums of the first two gestures, as they were published with the sample."""
    folder = shared_data / "dvs128-gesture"
    events = read_aedat3(folder / "user01_fluorescent.aedat")
    assert len(events["t"]) == 1206710
    rows = np.loadtxt(folder / "user01_fluorescent_labels_cut.csv", np.int64, delimiter=",", skiprows=1)
    first, second = ((events["t"] >= start) & (events["t"] < end) for _, start, end in rows[:2])
    sums = {name: int(events[name][first].sum()) for name in "pxy"}
    assert (int(first.sum()), sums) == (63471, {"p": 31307, "x": 3955662, "y": 5423391})
    assert (int(second.sum()), int(events["p"][second].sum())) == (84260, 40788)
    assert [int(events[name][i]) for i in range(3) for name in "txyp"] == [
        *(80048267, 49, 82, 1),
        *(80048277, 55, 92, 0),
        *(80048278, 55, 92, 0),
    ]


def _loop(data: bytes) -> int:
    """What a loop over the events costs at least: take each apart and keep nothing."""
    total = 0
    for word, t in struct.iter_unpack("<II", data):
        x, y, p = word >> 17, word >> 2 & 0x1FFF, word >> 1 & 1
        total += x + y + p + t
    return total


@pytest.mark.parametrize(("per_packet", "times"), [(16, 3), (4096, 10)])
def test_much_faster_than_a_loop_over_the_events(per_packet: int, times: int) -> None:
    events = [Event(i, i % 128, i // 128 % 128, i % 2) for i in range(1 << 16)]
    data, payload = aedat3(events, per_packet), b"".join(map(aedat3_event, events))

    def seconds(function: object, argument: bytes) -> float:
        start = time.perf_counter()
        function(argument)  # type: ignore[operator]
        return time.perf_counter() - start

    read_aedat3(data)
    slow, fast = (min(seconds(f, d) for _ in range(5)) for f, d in ((_loop, payload), (read_aedat3, data)))
    assert fast * times < slow
