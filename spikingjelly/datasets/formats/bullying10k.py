"""The .npy files of Bullying10K: a pickled list of packets, each a list of tuples ``(t, x, y, p, ...)``."""

from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikingjelly.datasets._events import Events, checked
from spikingjelly.datasets.formats import _pickle
from spikingjelly.datasets.formats._npy import npy_header
from spikingjelly.datasets.formats._source import File, Source, read_source

_MAX_WIDTH = 64


def read_bullying10k(file: File, H: int | None = 260, W: int | None = 346) -> Events:
    """The events of a Bullying10K recording, ordered by time.

    The file is a pickle. It is read as a description of lists, tuples, integers and NumPy arrays; whatever asks for
    more is refused, and no code of the file is run.

    :param file: a path, or the content as bytes
    :param H: number of rows of the sensor; None leaves it open
    :param W: number of columns of the sensor; None leaves it open
    :return: the events, ``t`` in microseconds
    :raises DatasetFormatError: (a ValueError) that names the file and what is damaged, forbidden or outside
    """
    source = read_source(file)
    shape, _, dtype, start = npy_header(source)
    if dtype != np.dtype(object) or len(shape) > 1:
        raise source.error(0, f"the header announces {dtype} of shape {shape}, expected objects of shape (N,).")
    packets = _pickle.items_of(_pickle.load(source, start))
    if type(packets) is not list or (shape and len(packets) != shape[0]):
        raise source.error(
            start, f"expected a list of packets that fits the shape {shape}, found {type(packets).__name__}."
        )
    # An array without dimensions holds one object: the list itself.
    if not shape and len(packets) == 1 and type(packets[0]) is list:
        packets = packets[0]
    items = [_pickle.items_of(packet) for packet in packets]
    # A pickle may name one packet many times; as many events as the file has bytes are enough.
    if sum(len(packet) for packet in items if hasattr(packet, "__len__")) > len(source.data):
        raise source.error(start, "the packets hold more events than the file has bytes.")
    parts = [_columns(source, start, index, packet) for index, packet in enumerate(items)]
    t, x, y, p = np.concatenate([np.empty((4, 0), np.int64), *parts], axis=1)
    return checked({"t": t, "x": x, "y": y, "p": p}, H, W, source.name)


def _columns(source: Source, start: int, index: int, packet: Any) -> NDArray:
    """The four columns of a packet, ``[4, N]``."""
    if isinstance(packet, np.ndarray):
        fields = packet.dtype.names
        if fields is not None and len(fields) >= 4 and packet.ndim == 1:
            return np.stack([packet[name].astype(np.int64) for name in fields[:4]])
        if packet.ndim == 2 and packet.shape[1] >= 4:
            return packet[:, :4].T.astype(np.int64)
    elif type(packet) is list and set(map(type, packet)) <= {tuple, list}:
        lengths = set(map(len, packet)) or {4}
        width = lengths.pop()
        values = list(chain.from_iterable(packet))
        if not lengths and 4 <= width <= _MAX_WIDTH and set(map(type, values)) <= {int, bool}:
            try:
                return np.array(values, np.int64).reshape(-1, width)[:, :4].T
            except OverflowError:
                pass
    raise source.error(start, f"packet {index} is no list of tuples of at least four integers.")
