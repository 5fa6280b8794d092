"""The IDX file format of MNIST and its relatives, read strictly.

A file is ``00 00``, one byte for the dtype, one for the number of dimensions, each dimension as a big-endian uint32,
then the items, row-major and big-endian. Files may be compressed with gzip; their first bytes tell, not their names.

Source: "The IDX file format", Yann LeCun's MNIST page (yann.lecun.com/exdb/mnist).
"""

import gzip
import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from spikingjelly.datasets._errors import DatasetFormatError

_CODES = {
    np.dtype(np.uint8): 0x08,
    np.dtype(np.int8): 0x09,
    np.dtype(np.int16): 0x0B,
    np.dtype(np.int32): 0x0C,
    np.dtype(np.float32): 0x0D,
    np.dtype(np.float64): 0x0E,
}
_DTYPES = {code: dtype for dtype, code in _CODES.items()}
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 2**20
_FETCH_AGAIN = "Delete the file and fetch it again."


def read_idx(
    path: str | PathLike[str], shape: Sequence[int | None], dtype: DTypeLike = np.uint8, max_bytes: int = 2**30
) -> NDArray:
    """The array in an IDX file, plain or gzip-compressed.

    No more memory is taken than the file has data, and never more than the header announces or ``max_bytes`` allows:
    neither a false header nor a gzip bomb can exhaust it.

    :param path: the file
    :param shape: the shape that the array must have; None leaves a dimension open
    :param dtype: the dtype that the items must have: uint8, int8, int16, int32, float32 or float64
    :param max_bytes: the most data to accept, default 1 GiB
    :return: a writable array of ``dtype`` in native byte order
    :raises OSError: if the file can't be opened or read
    :raises DatasetFormatError: (a ValueError) that names the file, what it holds and what was expected
    :raises ValueError: if IDX has no such ``dtype``
    """
    dtype = np.dtype(dtype)
    if dtype not in _CODES:
        raise ValueError(f"IDX files can't hold {dtype}, only {', '.join(map(str, _CODES))}.")
    with _opened(path) as file:
        _check_magic(path, file.read(4), len(shape), dtype)
        dimensions = _read_dimensions(path, file, shape)
        size = math.prod(dimensions) * dtype.itemsize
        announced = f"the header announces {_text(dimensions)} items of {dtype}, {size} bytes"
        if size > max_bytes:
            raise DatasetFormatError(f"{path}: {announced}, but at most {max_bytes} bytes are accepted (max_bytes).")
        data = _read_at_most(file, size + 1)
    if len(data) < size:
        raise DatasetFormatError(
            f"{path} is truncated: {announced}, but only {len(data)} bytes of data follow. {_FETCH_AGAIN}"
        )
    if len(data) > size:
        raise DatasetFormatError(f"{path} is too long: {announced}, but more bytes of data follow. {_FETCH_AGAIN}")
    items = np.frombuffer(data, dtype.newbyteorder(">")).reshape(dimensions)
    return items.astype(dtype, copy=False)


@contextmanager
def _opened(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """The file, uncompressed while it is read."""
    with open(path, "rb") as raw:
        is_compressed = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        raw.seek(0)
        if not is_compressed:
            yield raw
            return
        try:
            with gzip.GzipFile(fileobj=raw) as file:
                yield cast(BinaryIO, file)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DatasetFormatError(
                f"{path}: the gzip data are damaged or cut off ({error}). {_FETCH_AGAIN}"
            ) from error


def _check_magic(path: str | PathLike[str], found: bytes, ndim: int, dtype: np.dtype) -> None:
    expected = bytes([0, 0, _CODES[dtype], ndim])
    if found == expected:
        return
    meaning = "not an IDX file"
    if len(found) == 4 and found[:2] == b"\0\0" and found[2] in _DTYPES:
        meaning = f"IDX of {found[3]}-dimensional {_DTYPES[found[2]]}"
    raise DatasetFormatError(
        f"{path} starts with {_hex(found)} ({meaning}), expected {_hex(expected)} (IDX of {ndim}-dimensional {dtype})."
    )


def _read_dimensions(path: str | PathLike[str], file: BinaryIO, shape: Sequence[int | None]) -> tuple[int, ...]:
    """The dimensions in the header, which must fit ``shape``."""
    header = file.read(4 * len(shape))
    if len(header) < 4 * len(shape):
        raise DatasetFormatError(
            f"{path} is truncated: the header must name {len(shape)} dimensions in {4 * len(shape)} bytes, "
            f"but only {len(header)} bytes follow the magic number."
        )
    dimensions = tuple(int(length) for length in np.frombuffer(header, ">u4"))
    if any(expected not in (None, found) for expected, found in zip(shape, dimensions, strict=True)):
        raise DatasetFormatError(f"{path} holds {_text(dimensions)} items, expected {_text(shape)}.")
    return dimensions


def _read_at_most(file: BinaryIO, size: int) -> bytearray:
    """Up to ``size`` bytes, in chunks: ``read(size)`` would reserve ``size`` bytes at once, data or no data."""
    data = bytearray()
    while len(data) < size and (chunk := file.read(min(_CHUNK, size - len(data)))):
        data += chunk
    return data


def _text(shape: Sequence[int | None]) -> str:
    return " x ".join("N" if length is None else str(length) for length in shape)


def _hex(data: bytes) -> str:
    return data.hex(" ") if data else "nothing"
