"""NumPy's own files, read without trust: nothing is unpickled, no memory is taken for what isn't there."""

import ast
import io
import math
import struct
import zipfile
import zlib
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.format import descr_to_dtype
from numpy.typing import NDArray

from spikingjelly.datasets._errors import DatasetFormatError
from spikingjelly.datasets.formats._source import FETCH_AGAIN, Source

_MAGIC = b"\x93NUMPY"
_LENGTHS = {b"\1\0": "<H", b"\2\0": "<I"}
_MAX_HEADER = 10_000
_MAX_BYTES = 2**31


def npy_header(source: Source) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether in Fortran order, dtype, and where the data begin."""
    data = source.data
    version = data[6:8]
    if not data.startswith(_MAGIC) or version not in _LENGTHS:
        raise source.error(0, f"starts with {data[:8]!r}, expected {_MAGIC!r} and version 1 or 2 (NumPy's .npy).")
    start = 8 + struct.calcsize(_LENGTHS[version])
    if len(data) < start:
        raise source.error(8, "the header is cut off.")
    (length,) = struct.unpack_from(_LENGTHS[version], data, 8)
    end = start + length
    if length > _MAX_HEADER or end > len(data):
        raise source.error(8, f"the header announces {length} bytes, at most {_MAX_HEADER} and what is there are read.")
    try:
        shape, is_fortran, dtype = _understood(data[start:end])
    except Exception as error:  # damaged text ends in any exception
        raise source.error(start, f"the header can't be understood ({error}).") from error
    if type(shape) is not tuple or not all(type(length) is int and length >= 0 for length in shape):
        raise source.error(start, f"the header announces the shape {shape}.")
    return shape, bool(is_fortran), dtype, end


@lru_cache(maxsize=4096)  # the files of a data set have a few headers in common
def _understood(header: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    facts = ast.literal_eval(header.decode("latin1"))
    return facts["shape"], facts["fortran_order"], descr_to_dtype(facts["descr"])


def read_array(source: Source) -> NDArray:
    """The array in a .npy file of numbers or structures of numbers."""
    return view_array(source).copy("K")  # writable


def view_array(source: Source) -> NDArray:
    """The same without a copy: it can't be written to."""
    shape, fortran, dtype, start = npy_header(source)
    if dtype.hasobject:
        raise source.error(0, f"the header announces Python objects ({dtype}), which are not loaded.")
    size = math.prod(shape) * dtype.itemsize
    if dtype.itemsize == 0 or size != len(source.data) - start:
        raise source.error(
            start,
            f"the header announces {shape} items of {dtype}, {size} bytes, but {len(source.data) - start} follow.",
        )
    items = np.frombuffer(source.data, dtype, offset=start)
    return items.reshape(shape[::-1]).T if fortran else items.reshape(shape)


def read_members(source: Source, names: tuple[str, ...]) -> dict[str, NDArray]:
    """The arrays ``names`` of a .npz file."""
    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
            found = sorted(info.filename for info in archive.infolist())
            for name in names:
                if found.count(f"{name}.npy") != 1:
                    raise source.error(0, f"expected one array {name!r}, the archive holds {found}.")
                arrays[name] = read_array(Source(f"{source.name}: {name}.npy", _unpacked(source, archive, name)))
    # zipfile lets through what its parts raise on damaged archives.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        if isinstance(error, DatasetFormatError):
            raise
        raise DatasetFormatError(f"{source.name}: not a sound .npz file ({error}). {FETCH_AGAIN}") from error
    return arrays


def _unpacked(source: Source, archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise source.error(info.header_offset, f"the array {name!r} is packed by method {info.compress_type}.")
    if info.file_size > _MAX_BYTES:
        raise source.error(
            info.header_offset,
            f"the array {name!r} announces {info.file_size} bytes, at most {_MAX_BYTES} are accepted.",
        )
    return archive.read(info)
