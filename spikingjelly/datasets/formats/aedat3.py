"""AEDAT 3.1 with polarity events, as DVS128 Gesture has it.

Lines of text that start with ``#``, the last ``#!END-HEADER``; then packets: a header of 28 bytes and
``capacity * size`` bytes of events, little-endian. A polarity event is a uint32 (bit 0 valid, bit 1 polarity, bits
2 to 16 y, bits 17 to 31 x) and the lower 31 bits of its time; the header of the packet holds the upper ones.

Source: "AEDAT file formats", inivation.github.io/inivation-docs, and the readme of DVS128 Gesture.
"""

import os
import re
import struct

import numpy as np
from numpy.typing import NDArray

from spikingjelly.datasets._events import Events, check_inside, in_order
from spikingjelly.datasets.formats._source import File, Source, read_source

_MAGIC = b"#!AER-DAT3.1"
_END = re.compile(rb"^#!END-HEADER\r?\n", re.MULTILINE)
_FORMAT = re.compile(rb"^#Format: *([^\r\n]*)", re.MULTILINE)
_POLARITY = 1
_HEADER = np.dtype(
    [
        ("type", "<i2"),
        ("source", "<i2"),
        ("size", "<i4"),
        ("time_offset", "<i4"),
        ("overflow", "<i4"),
        ("capacity", "<i4"),
        ("number", "<i4"),
        ("valid", "<i4"),
    ]
)
_SIZE_AND_CAPACITY = struct.Struct("<4xi8xi").unpack_from
_EVENT_SIZE = 8
_FEW = 32


def read_aedat3(file: File, H: int | None = 128, W: int | None = 128) -> Events:
    """The polarity events of an AEDAT 3.1 file, ordered by time.

    Packets of other kinds, slots behind the announced number and events that are marked invalid are left out.

    :param file: a path, or the content as bytes
    :param H: number of rows of the sensor; None leaves it open
    :param W: number of columns of the sensor; None leaves it open
    :return: the events, ``t`` in microseconds
    :raises DatasetFormatError: (a ValueError) that names file and offset of what is damaged, cut off or outside
    """
    source = read_source(file)
    offsets, headers = _polarity_packets(source, _end_of_header(source))
    numbers = headers["number"].astype(np.int64)
    starts = offsets + _HEADER.itemsize
    slots = _slots(source.data, starts, numbers)
    words, t = slots[0::2].astype(np.uint32), slots[1::2].astype(np.int64)
    overflow = headers["overflow"].astype(np.int64)
    if overflow.any():
        # A wrong lower half is refused below, so bit 31 never meets the upper half.
        t |= np.repeat(overflow << 31, numbers)
    kept = _kept(words)
    if kept is not None:
        words, t = words[kept], t[kept]

    def offset_of(event: int) -> int:
        slot = event if kept is None else int(kept[event])
        packet = int(np.searchsorted(np.cumsum(numbers), slot, side="right"))
        return int(starts[packet]) + _EVENT_SIZE * (slot - int(numbers[:packet].sum()))

    low = slots[1::2] if kept is None else slots[1::2][kept]
    if low.size and low.max() >= 2**31:
        event = int(np.argmax(low >= 2**31))
        raise source.error(offset_of(event), f"event {event} has a negative time, expected 31 bits.")
    x = (words >> 17).view(np.int32)
    y = (words >> 2 & 0x7FFF).view(np.int32)
    check_inside(x, y, H, W, source.name, offset_of)
    return in_order({"t": t, "x": x, "y": y, "p": (words >> 1 & 1).astype(np.int8)})


def load_aedat_v3(file_name: str | os.PathLike[str]) -> Events:
    """:func:`read_aedat3` for a sensor of any size, under the name that published code calls.

    :param file_name: path of the AEDAT 3.1 file
    :return: a dictionary with the arrays ``t, x, y, p``
    """
    return read_aedat3(file_name, H=None, W=None)


def _end_of_header(source: Source) -> int:
    data = source.data
    if not data.startswith(_MAGIC):
        raise source.error(0, f"starts with {data[:14]!r}, expected {_MAGIC!r} (AEDAT 3.1).")
    end = _END.search(data)
    if end is None:
        raise source.error(len(data), "the text at the beginning has no line '#!END-HEADER'.")
    for line in re.finditer(rb"^[^#]", data[: end.end()], re.MULTILINE):
        raise source.error(line.start(), "a line of the text at the beginning does not start with '#'.")
    kind = _FORMAT.search(data, 0, end.start())
    if kind is not None and kind[1].strip() != b"RAW":
        raise source.error(kind.start(), f"the format is {kind[1]!r}, only b'RAW' can be read.", advice="")
    return end.end()


def _polarity_packets(source: Source, start: int) -> tuple[NDArray, NDArray]:
    """Offsets and headers of the packets that hold polarity events."""
    offsets = np.array(_walk(source, start), np.int64)
    if offsets.size == 0:
        return offsets, np.empty(0, _HEADER)
    windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(source.data, np.uint8), _HEADER.itemsize)
    headers = windows[offsets].view(_HEADER)[:, 0]
    is_polarity = headers["type"] == _POLARITY
    offsets, headers = offsets[is_polarity], headers[is_polarity]
    number, capacity = headers["number"], headers["capacity"]
    for is_bad, name, expected in [
        (headers["size"] != _EVENT_SIZE, "size", f"{_EVENT_SIZE}"),
        (headers["time_offset"] != 4, "time_offset", "4"),
        (headers["overflow"] < 0, "overflow", "at least 0"),
        ((number < 0) | (number > capacity), "number", "0 to the capacity"),
        ((headers["valid"] < 0) | (headers["valid"] > number), "valid", "0 to the number"),
    ]:
        if is_bad.any():
            packet = int(np.argmax(is_bad))
            raise source.error(
                int(offsets[packet]),
                f"the packet announces {name} = {headers[name][packet]}, expected {expected} "
                f"(capacity {capacity[packet]}, number {number[packet]}).",
            )
    return offsets, headers


def _walk(source: Source, start: int) -> list[int]:
    """Where the packets begin. One step for each packet, so it does nothing but step."""
    data, end = source.data, len(source.data)
    offsets = []
    offset = start
    while offset + _HEADER.itemsize <= end:
        size, capacity = _SIZE_AND_CAPACITY(data, offset)
        if size < 1 or capacity < 0:
            raise source.error(offset, f"the packet announces {capacity} events of {size} bytes.")
        offsets.append(offset)
        offset += _HEADER.itemsize + size * capacity
    if offset > end:
        raise source.error(
            offsets[-1], f"the packet announces {size * capacity} bytes, the file is cut off {offset - end} too early."
        )
    if offset < end:
        raise source.error(offset, f"only {end - offset} bytes are left of a packet's header, the file is cut off.")
    return offsets


def _slots(data: bytes, starts: NDArray, numbers: NDArray) -> NDArray:
    """The used slots of all packets in one row, two numbers each."""
    count = int(numbers.sum())
    if count >= _FEW * len(numbers):
        view, ends = memoryview(data), starts + _EVENT_SIZE * numbers
        pieces = [view[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        return np.frombuffer(b"".join(pieces), "<u4")
    if count == 0:
        return np.empty(0, "<u4")
    # Cutting out each packet would take longer than looking up each event.
    first = np.repeat(starts - _EVENT_SIZE * (np.cumsum(numbers) - numbers), numbers)
    windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(data, np.uint8), _EVENT_SIZE)
    return windows[first + _EVENT_SIZE * np.arange(count)].view("<u4").reshape(-1)


def _kept(words: NDArray) -> NDArray | None:
    """Which events are marked valid; None stands for all of them."""
    is_valid = words & 1
    return None if is_valid.all() else np.flatnonzero(is_valid)
