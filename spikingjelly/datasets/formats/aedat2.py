"""AEDAT 2.0 from a DVS128 camera, as CIFAR10-DVS has it.

Lines of text that start with ``#``, then pairs of a big-endian uint32 address and a uint32 time in microseconds.
Bit 0 of the address is the polarity, bits 1 to 7 are ``a``, bits 8 to 14 are ``b``, bit 15 marks what is no event of a
pixel.

Source: "AEDAT file formats", inivation.github.io/inivation-docs.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spikingjelly.datasets._events import Events, in_order
from spikingjelly.datasets.formats._source import File, Source, check_whole, read_source

_MAGIC = b"#!AER-DAT2.0"
_SIZE = 8

Convention = Literal["spikingjelly", "events-tfds", "tonic"]


def read_aedat2(file: File, convention: Convention = "spikingjelly") -> Events:
    """The pixel events of an AEDAT 2.0 file from a DVS128, ordered by time; a time that wraps after 71 minutes goes on.

    Three readings of the address are in use. Which of them shows the images of CIFAR10-DVS upright has not been checked
    on the real data; the default is the one behind the published results of SpikingJelly.

    =================  ===========  ===========  =======
    ``convention``     ``x``        ``y``        ``p``
    =================  ===========  ===========  =======
    ``spikingjelly``   127 - b      127 - a      1 - bit
    ``events-tfds``    127 - a      b            1 - bit
    ``tonic``          b            a            bit
    =================  ===========  ===========  =======

    :param file: a path, or the content as bytes
    :param convention: how the address is read
    :return: the events, ``t`` in microseconds
    :raises DatasetFormatError: (a ValueError) that names file and offset of what is damaged, cut off or outside
    """
    if convention not in ("spikingjelly", "events-tfds", "tonic"):
        raise ValueError(f"convention must be 'spikingjelly', 'events-tfds' or 'tonic', but {convention!r} was given.")
    source = read_source(file)
    start = end_of_header(source)
    address, t = addresses(source, start)
    if address.size and address.max() > 0xFFFF:
        event = int(np.argmax(address > 0xFFFF))
        raise source.error(
            start + _SIZE * event,
            f"the address {int(address[event]):#010x} is not one of a DVS128, expected at most 0x0000ffff.",
        )
    is_pixel = address < 0x8000
    if not is_pixel.all():
        address, t = address[is_pixel], t[is_pixel]
    a = (address >> 1 & 0x7F).view(np.int32)
    b = (address >> 8).view(np.int32)
    bit = (address & 1).astype(np.int8)
    if convention == "spikingjelly":
        x, y, p = 127 - b, 127 - a, 1 - bit
    elif convention == "events-tfds":
        x, y, p = 127 - a, b, 1 - bit
    else:
        x, y, p = b, a, bit
    return in_order({"t": t, "x": x, "y": y, "p": p})


def addresses(source: Source, start: int, times_first: bool = False) -> tuple[NDArray, NDArray]:
    """Addresses (uint32) and times (int64) of the events from the offset ``start`` on."""
    check_whole(source, start, _SIZE)
    pairs = np.frombuffer(source.data, ">u4", offset=start).reshape(-1, 2)
    if times_first:
        pairs = pairs[:, ::-1]
    return pairs[:, 0].astype(np.uint32), _unwrapped(pairs[:, 1].astype(np.int64))


def end_of_header(source: Source) -> int:
    """Where the text at the beginning ends."""
    data = source.data
    if not data.startswith(_MAGIC):
        raise source.error(0, f"starts with {data[:14]!r}, expected {_MAGIC!r} (AEDAT 2.0).")
    start = 0
    # The first byte of an address is 0, so no event looks like a line.
    while data.startswith(b"#", start):
        end = data.find(b"\n", start)
        if end < 0:
            raise source.error(start, "a line of the text at the beginning does not end.")
        start = end + 1
    return start


def _unwrapped(t: np.ndarray) -> np.ndarray:
    """Times of 32 bits, continued where they fall by more than half of their range."""
    wraps = np.diff(t) < -(2**31)
    if wraps.any():
        t[1:] += np.cumsum(wraps) << 32
    return t
