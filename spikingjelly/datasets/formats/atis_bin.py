"""The 5-byte events of an ATIS camera, as N-MNIST and N-Caltech101 have them.

No header. An event is a big-endian word of 40 bits: 8 bits x, 8 bits y, 1 bit polarity (1 = ON), 23 bits time in
microseconds. An event with y = 240 is none of a pixel: it adds 8192 microseconds to its own and all later times.

Source: the readme of N-MNIST, garrickorchard.com/datasets/n-mnist; the overflow rule is that of Event-Python.
"""

import os

import numpy as np

from spikingjelly.datasets._events import Events, check_inside, in_order
from spikingjelly.datasets.formats._source import File, check_whole, read_source

_SIZE = 5
_OVERFLOW_Y = 240
_OVERFLOW_T = 2**13
_SACCADE = 105e3


def read_atis_bin(file: File, H: int | None = 240, W: int | None = None, stabilise: bool = False) -> Events:
    """The events of an N-MNIST or N-Caltech101 recording, ordered by time.

    :param file: a path, or the content as bytes
    :param H: number of rows of the sensor (N-MNIST: 34); None leaves it open
    :param W: number of columns of the sensor (N-MNIST: 34); None leaves it open
    :param stabilise: take out the three saccades of the camera, as the authors' ``stabilize.m`` does; events that leave
        the sensor by that are dropped
    :return: the events, ``t`` in microseconds
    :raises DatasetFormatError: (a ValueError) that names file and offset of what is cut off or outside
    """
    source = read_source(file)
    check_whole(source, 0, _SIZE)
    rows = np.frombuffer(source.data, np.uint8).reshape(-1, _SIZE)
    x = rows[:, 0].astype(np.uint32)
    word = rows[:, 1:].view(">u4")[:, 0].astype(np.uint32)  # the other four bytes in one go
    y, p, t = word >> 24, word >> 23 & 1, (word & 0x7FFFFF).astype(np.int64)
    kept = None
    if y.size and y.max() >= _OVERFLOW_Y:
        is_overflow = y == _OVERFLOW_Y
        t += _OVERFLOW_T * np.cumsum(is_overflow)
        kept = np.flatnonzero(~is_overflow)
        x, y, p, t = x[kept], y[kept], p[kept], t[kept]
    check_inside(x, y, H, W, source.name, lambda event: _SIZE * (event if kept is None else int(kept[event])))
    events = in_order({"t": t, "x": x.view(np.int32), "y": y.view(np.int32), "p": p.astype(np.int8)})
    return _stabilised(events, H, W) if stabilise else events


def load_ATIS_bin(file_name: str | os.PathLike[str]) -> Events:
    """:func:`read_atis_bin` under the name that published code calls.

    :param file_name: path of the .bin file
    :return: a dictionary with the arrays ``t, x, y, p``
    """
    return read_atis_bin(file_name)


def _stabilised(events: Events, H: int | None, W: int | None) -> Events:
    """Shift the pixels back along the triangle of the camera: 3.5 right and 7 down, 3.5 right and 7 up, back."""
    t = events["t"]
    first, second = t <= _SACCADE, t <= 2 * _SACCADE
    back = 7 * (t - _SACCADE) / _SACCADE
    shift_x = np.where(
        first, 3.5 * t / _SACCADE, np.where(second, 3.5 + back / 2, 7 - 7 * (t - 2 * _SACCADE) / _SACCADE)
    )
    shift_y = np.where(first, 7 * t / _SACCADE, np.where(second, 7 - back, 0.0))
    x, y = events["x"] - shift_x, events["y"] - shift_y
    # Halves are rounded away from zero, as MATLAB does: -0.5 becomes -1 and is dropped.
    kept = (x > -0.5) & (y > -0.5)
    columns = {
        "t": t,
        "x": np.floor(x + 0.5).astype(np.int32),
        "y": np.floor(y + 0.5).astype(np.int32),
        "p": events["p"],
    }
    for name, end in (("x", W), ("y", H)):
        if end is not None:
            kept &= columns[name] < end
    return {name: column[kept] for name, column in columns.items()}
