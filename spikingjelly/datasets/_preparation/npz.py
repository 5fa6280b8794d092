"""npz files of events and of frames: written small, read fast, never unpickled."""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from spikingjelly import configure
from spikingjelly.datasets._errors import DatasetFormatError
from spikingjelly.datasets._events import DTYPES, Events
from spikingjelly.datasets.formats._npy import view_array
from spikingjelly.datasets.formats._source import Source

_END = struct.Struct("<4s4H2LH")  # end of the central directory
_ENTRY = struct.Struct("<4s6H3L5H2L")  # of the central directory
_LOCAL = struct.Struct("<4s5H3L2H")  # header in front of the data
_LEVEL = 1  # NumPy's level 6 takes seven times as long for files of 0.7 times the size
_TYPES = (np.uint8, np.uint16, np.uint32, np.uint64)


class _Unusual(Exception):
    """A file that the fast reader leaves to NumPy."""


def write_events(path: Path | str, events: Mapping[str, np.ndarray]) -> None:
    """Events in the smallest integer types that hold them, uncompressed.

    :raises DatasetFormatError: if an array is missing, not one-dimensional, not as long as the others, or not of
        whole numbers
    """
    _check_events(path, events)
    small = {key: smallest(np.asarray(events[key])) for key in DTYPES}
    fractional = [key for key, array in small.items() if array.dtype.kind not in "iu"]
    if fractional:
        raise DatasetFormatError(f"{path}: {', '.join(fractional)} of the events must be whole numbers.")
    np.savez(path, **small)  # type: ignore[arg-type]


def read_events(path: Path | str) -> Events:
    """Events in the types that computations need: t int64, x and y int32, p int8.

    :raises DatasetFormatError: if the file is damaged or does not hold events
    """
    arrays = read_npz(path)
    _check_events(path, arrays)
    return {key: arrays[key].astype(kind) for key, kind in DTYPES.items()}


def write_frames(path: Path | str | IO[bytes], frames: np.ndarray) -> None:
    """Frames in the smallest unsigned type where they are counts, else float32; compressed, unless
    :mod:`spikingjelly.configure` says otherwise.

    :raises DatasetFormatError: if they are not an array of numbers
    """
    frames = np.asarray(frames)
    if frames.dtype.kind not in "buif":
        raise DatasetFormatError(f"frames must be numbers, but an array of {frames.dtype} was given.")
    method = zipfile.ZIP_DEFLATED if configure.save_datasets_compressed else zipfile.ZIP_STORED
    with (
        zipfile.ZipFile(path, "w", method, compresslevel=_LEVEL) as archive,
        archive.open("frames.npy", "w", force_zip64=True) as file,
    ):
        np.lib.format.write_array(file, smallest(frames), allow_pickle=False)


def read_frames(path: Path | str) -> np.ndarray:
    """Frames as float32.

    :raises DatasetFormatError: if the file is damaged or does not hold frames
    """
    arrays = read_npz(path)
    if "frames" not in arrays:
        raise DatasetFormatError(f"{path} holds {sorted(arrays)}, expected 'frames'.")
    return arrays["frames"].astype(np.float32)


def smallest(array: np.ndarray) -> np.ndarray:
    """``array`` in the smallest type that holds its values; integers that come as floats become integers."""
    if array.dtype.kind == "b" or array.size == 0:
        return array.astype(np.uint8)
    if array.dtype.kind == "f":
        if not (array.min() > -(2.0**53) and array.max() < 2.0**53):
            return array.astype(np.float32)
        integers = array.astype(np.int64)
        if not np.array_equal(integers, array):
            return array.astype(np.float32)
        array = integers
    low, high = int(array.min()), int(array.max())
    if low < 0:
        signed = (np.int8, np.int16, np.int32, np.int64)
        return array.astype(next(kind for kind in signed if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max))
    return array.astype(next(kind for kind in _TYPES if high <= np.iinfo(kind).max))


def is_whole(path: Path) -> bool:
    """Whether the writing of an npz file came to its end: the directory of a zip is written last."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - _END.size))
        end = file.read()
    if len(end) < _END.size or not end.startswith(b"PK\5\6"):
        return False
    *_, length, offset, _ = _END.unpack(end)
    return bool(length + offset + _END.size == size)


def read_npz(path: Path | str) -> dict[str, np.ndarray]:
    """All arrays of an npz file.

    Reading with one call and without ``zipfile`` takes a fraction of what ``numpy.load`` takes, which matters for
    files of a few kilobytes; files that are not as NumPy writes them are left to it.

    :raises DatasetFormatError: if the file is damaged
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        try:
            return _parse(data)
        except _Unusual:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                return dict(arrays)
    except Exception as error:  # of what was read already, so it is the content's fault, however it shows
        raise DatasetFormatError(f"{path} is damaged or no npz file: {error}") from error


def _parse(data: bytes) -> dict[str, np.ndarray]:
    number, offset = _directory(data)
    arrays = {}
    for _ in range(number):
        entry = _ENTRY.unpack_from(data, offset)
        method, checksum, packed, size, local = entry[4], entry[7], entry[8], entry[9], entry[16]
        start = offset + _ENTRY.size
        name = data[start : start + entry[10]].decode()
        offset = start + entry[10] + entry[11] + entry[12]
        if entry[3] & ~0x0800 or method not in (0, 8) or 0xFFFFFFFF in (packed, size, local):
            raise _Unusual
        header = _LOCAL.unpack_from(data, local)
        begin = local + _LOCAL.size + header[9] + header[10]
        content = data[begin : begin + packed]
        if method == 8:
            content = zlib.decompress(content, -15, size)
        if len(content) != size or zlib.crc32(content) != checksum:
            raise zipfile.BadZipFile(f"{name} has another checksum than it should have")
        arrays[name.removesuffix(".npy")] = view_array(Source(name, content))
    return arrays


def _directory(data: bytes) -> tuple[int, int]:
    """How many arrays there are, and where their directory lies."""
    end = data[-_END.size :]
    if len(end) < _END.size or not end.startswith(b"PK\5\6"):
        raise _Unusual
    _, disk, first_disk, here, number, length, offset, comment = _END.unpack(end)
    if disk or first_disk or here != number or comment or number == 0xFFFF or offset + length + _END.size != len(data):
        raise _Unusual
    return number, offset


def _check_events(path: Path | str, events: Mapping[str, np.ndarray]) -> None:
    lacking = [key for key in DTYPES if key not in events]
    if lacking:
        raise DatasetFormatError(f"{path} holds {sorted(events)}, expected events with 't', 'x', 'y' and 'p'.")
    shapes = {key: np.shape(events[key]) for key in DTYPES}
    if len(set(shapes.values())) > 1 or len(shapes["t"]) != 1:
        raise DatasetFormatError(f"{path}: t, x, y and p must be lists of one length, but their shapes are {shapes}.")
