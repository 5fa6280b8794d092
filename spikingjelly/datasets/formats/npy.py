"""Events in NumPy's files: structured .npy (DVS-Lip), .npz of columns (HARDVS) or of ON and OFF (ES-ImageNet)."""

import numpy as np
from numpy.typing import NDArray

from spikingjelly.datasets._events import Events, checked, from_structured
from spikingjelly.datasets.formats._npy import read_array, read_members
from spikingjelly.datasets.formats._source import File, Source, read_source


def read_dvs_lip(file: File, H: int | None = 128, W: int | None = 128) -> Events:
    """The events of a DVS-Lip recording: a structured array with the fields ``t, x, y, p``.

    :param file: a path, or the content as bytes
    :param H: number of rows of the sensor; None leaves it open
    :param W: number of columns of the sensor; None leaves it open
    :return: the events, ``t`` in microseconds
    :raises DatasetFormatError: (a ValueError) that names the file and what is damaged or outside
    """
    source = read_source(file)
    return from_structured(read_array(source), H, W, source.name)


def read_hardvs(file: File, H: int | None = 260, W: int | None = 346) -> Events:
    """The events of a HARDVS recording: the arrays ``t, x, y, p`` of an archive.

    :param file: a path, or the content as bytes
    :param H: number of rows of the sensor; None leaves it open
    :param W: number of columns of the sensor; None leaves it open
    :return: the events
    :raises DatasetFormatError: (a ValueError) that names the file and what is damaged or outside
    """
    source = read_source(file)
    return checked(read_members(source, ("t", "x", "y", "p")), H, W, source.name)


def read_es_imagenet(file: File, H: int | None = 256, W: int | None = 256) -> Events:
    """The events of an ES-ImageNet image: two arrays ``pos`` and ``neg`` with the columns row, column and step.

    :param file: a path, or the content as bytes
    :param H: number of rows of the sensor; None leaves it open
    :param W: number of columns of the sensor; None leaves it open
    :return: the events, ``t`` in steps (1 to 8); within a step, ON events come first
    :raises DatasetFormatError: (a ValueError) that names the file and what is damaged or outside
    """
    source = read_source(file)
    arrays = read_members(source, ("pos", "neg"))
    on, off = (_rows(arrays[name], name, source) for name in ("pos", "neg"))
    y, x, t = np.concatenate([on, off]).T
    p = np.repeat([1, 0], [len(on), len(off)])
    return checked({"t": t, "x": x, "y": y, "p": p}, H, W, source.name)


def _rows(array: NDArray, name: str, source: Source) -> NDArray:
    if array.dtype != np.uint8 or array.ndim != 2 or array.shape[1] != 3:
        raise source.error(0, f"{name!r} is {array.dtype} of shape {array.shape}, expected uint8 of shape (N, 3).")
    is_bad = (array[:, 2] < 1) | (array[:, 2] > 8)
    if is_bad.any():
        row = int(np.argmax(is_bad))
        raise source.error(0, f"row {row} of {name!r} has the step {array[row, 2]}, expected 1 to 8.")
    return array
