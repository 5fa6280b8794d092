"""The .dat files of ATIS cameras: kAER's, as NavGesture has them (version 1), and Prophesee's (version 2).

Lines of text that start with ``%``, then one byte for the kind and one for the size (8) of an event; files without the
text begin with the first event. An event is a little-endian uint32 time in microseconds and a uint32 of x, y and the
polarity: 9, 8 and 1 bits in version 1, 14, 14 and 4 in version 2. In version 1 y counts from the bottom.

Source: "DAT file format", docs.prophesee.ai; the layout of version 1 is that of kAER.
"""

import re
import string
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikingjelly.datasets._events import Events, check_inside
from spikingjelly.datasets.formats._source import File, Source, check_whole, read_source

_LINES = re.compile(rb"(?:%[\t\r -~]*\n)+")
_VERSION = re.compile(rb"^% *Version +(\S+)", re.IGNORECASE | re.MULTILINE)
_SIDE = {
    name: re.compile(rb"^% *" + name + rb" +(\d{1,5})\s*$", re.IGNORECASE | re.MULTILINE)
    for name in (b"Height", b"Width")
}
_PRINTABLE = frozenset(string.printable.encode())
_SIZE = 8
_KINDS_2 = {0x00: "2D", 0x0C: "CD"}


class _Layout(NamedTuple):
    version: int
    start: int
    H: int | None
    W: int | None


def read_dat(file: File, H: int | None = None, W: int | None = None) -> Events:
    """The events of a .dat file, version 1 (with or without text at the beginning) or 2.

    Events whose time steps back behind the latest one so far are dropped, with a warning that counts them.

    :param file: a path, or the content as bytes
    :param H: number of rows of the sensor, default what the file says, else 240 for version 1 and open for version 2
    :param W: number of columns of the sensor, default what the file says, else 304 for version 1 and open for version 2
    :return: the events, ``t`` in microseconds as the file has it
    :raises DatasetFormatError: (a ValueError) that names file and offset of what is damaged, cut off or outside
    """
    source = read_source(file)
    events = _decoded(source, H, W)
    kept = goes_forward(events["t"])
    dropped = len(kept) - int(np.count_nonzero(kept))
    if dropped == 0:
        return events
    if 2 * dropped > len(kept):
        raise source.error(0, f"{dropped} of {len(kept)} events step back in time.")
    warnings.warn(
        f"{source.name}: {dropped} of {len(kept)} events step back in time and were dropped.", UserWarning, stacklevel=2
    )
    return {name: column[kept] for name, column in events.items()}


def read_dat_as_it_is(file: File, H: int, W: int) -> Events:
    """As :func:`read_dat`, with the events whose time steps back."""
    return _decoded(read_source(file), H, W)


def goes_forward(t: NDArray) -> NDArray:
    """Whether the time of each event is not behind the latest one so far."""
    latest: NDArray = np.maximum.accumulate(t)
    return t >= latest


def _decoded(source: Source, H: int | None, W: int | None) -> Events:
    layout = _layout(source)
    H = layout.H if H is None else H
    W = layout.W if W is None else W
    check_whole(source, layout.start, _SIZE)
    pairs = np.frombuffer(source.data, "<u4", offset=layout.start).reshape(-1, 2)
    word = pairs[:, 1].astype(np.uint32)
    if layout.version == 1:
        x, y, p = word & 0x1FF, word >> 9 & 0xFF, word >> 17 & 1
    else:
        x, y, p = word & 0x3FFF, word >> 14 & 0x3FFF, word >> 28
        if p.size and p.max() > 1:
            event = int(np.argmax(p > 1))
            raise source.error(layout.start + _SIZE * event, f"event {event} has p = {p[event]}, expected 0 or 1.")
    columns = {"x": x.view(np.int32), "y": y.view(np.int32)}
    check_inside(columns["x"], columns["y"], H, W, source.name, lambda event: layout.start + _SIZE * event)
    if layout.version == 1:
        assert H is not None
        columns["y"] = H - 1 - columns["y"]
    return {"t": pairs[:, 0].astype(np.int64), **columns, "p": p.astype(np.int8)}


def _layout(source: Source) -> _Layout:
    data = source.data
    lines = _LINES.match(data)
    if lines is not None and _fits(data, lines.end()):
        return _announced(source, lines[0])
    if lines is None and not (data.startswith(b"%") and _PRINTABLE.issuperset(data[:_SIZE])):
        return _Layout(1, 0, 240, 304)
    if lines is not None and len(data) % _SIZE == 0 and not _PRINTABLE.issuperset(data[:_SIZE]):
        # An event without text whose time happens to look like the beginning of a line.
        return _Layout(1, 0, 240, 304)
    raise source.error(
        0 if lines is None else lines.end(),
        f"the text at the beginning is not followed by the kind and the size ({_SIZE}) of the events and whole events.",
    )


def _fits(data: bytes, end: int) -> bool:
    """Whether kind and size of the events follow the text that ends at ``end``."""
    return len(data) >= end + 2 and data[end + 1] == _SIZE


def _announced(source: Source, text: bytes) -> _Layout:
    found = _VERSION.search(text)
    version = b"1" if found is None else found[1]
    if version not in (b"1", b"2"):
        raise source.error(0, f"the version is {version!r}, only 1 and 2 can be read.", advice="")
    kind = source.data[len(text)]
    if version == b"2" and kind not in _KINDS_2:
        raise source.error(
            len(text), f"the events are of kind {kind:#04x}, expected 0x00 (2D) or 0x0c (CD).", advice=""
        )
    start = len(text) + 2
    if version == b"1":
        return _Layout(1, start, 240, 304)
    H, W = (None if side is None else int(side[1]) for side in (pattern.search(text) for pattern in _SIDE.values()))
    return _Layout(2, start, H, W)
