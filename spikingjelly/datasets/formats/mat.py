"""MATLAB files (version 5) with the columns ``ts``, ``x``, ``y`` and ``pol``, as ASL-DVS has them.

128 bytes of header, then elements: a uint32 kind, a uint32 size, the content, padded to 8 bytes; up to 4 bytes of
content may stand in the place of the size, which then fills the upper half of the kind. An element of kind 15 holds
another one, packed by zlib. One of kind 14 is a variable, in elements of its own: flags, dimensions, name, numbers.

Only what a column of numbers needs is read, and read here: the reader of SciPy crashes on damaged files.

Source: "MAT-File Format", MathWorks, version 5.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikingjelly.datasets._events import Events, checked
from spikingjelly.datasets.formats._source import File, Source, read_source

_NAMES = {"ts": "t", "x": "x", "y": "y", "pol": "p"}
_HEADER_SIZE = 128
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_INT8, _INT32, _UINT32, _MATRIX, _PACKED = 1, 5, 6, 14, 15
_NUMERIC_CLASSES = range(6, 16)
_COMPLEX = 0x800
_MAX_BYTES = 2**30


class _Element(NamedTuple):
    offset: int
    kind: int
    content: bytes


def read_mat(file: File, H: int = 180, W: int = 240, flip_x: bool = True, flip_y: bool = True) -> Events:
    """The events of an ASL-DVS recording, ordered by time.

    :param file: a path, or the content as bytes
    :param H: number of rows of the sensor
    :param W: number of columns of the sensor
    :param flip_x: mirror left and right, as the published results of SpikingJelly do; Tonic does not
    :param flip_y: count the rows from the top, as all loaders do
    :return: the events, ``t`` in microseconds
    :raises DatasetFormatError: (a ValueError) that names file and offset of what is damaged, cut off or outside
    """
    source = read_source(file)
    found = list(_variables(source))
    columns = {}
    for theirs, ours in _NAMES.items():
        arrays = [array for name, array in found if name == theirs]
        if len(arrays) != 1:
            names = [name for name, _ in found]
            raise source.error(0, f"expected one variable {theirs!r} of numbers, found the variables {names}.")
        columns[ours] = arrays[0]
    events = checked(columns, H, W, source.name)
    if flip_x:
        events["x"] = W - 1 - events["x"]
    if flip_y:
        events["y"] = H - 1 - events["y"]
    return events


def _variables(source: Source) -> Iterator[tuple[str, NDArray]]:
    """Names and values of the variables that hold real numbers."""
    order = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}.get(source.data[_HEADER_SIZE - 4 : _HEADER_SIZE])
    if order is None:
        raise source.error(0, "not a MATLAB file of version 5.")
    for outer in _elements(source, source.data, _HEADER_SIZE, order):
        element = _unpacked(source, outer, order) if outer.kind == _PACKED else outer
        if element.kind == _MATRIX:
            variable = _variable(source, Source(source.name, element.content), outer.offset, order)
            if variable is not None:
                yield variable


def _elements(source: Source, data: bytes, start: int, order: str, base: int = 0) -> Iterator[_Element]:
    """The elements in ``data``; errors count from ``base``."""
    offset = start
    while offset < len(data):
        if offset + 8 > len(data):
            raise source.error(base + offset, "an element is cut off.")
        kind, size = struct.unpack_from(f"{order}II", data, offset)
        begin = offset + 8
        if kind >> 16:
            kind, size, begin = kind & 0xFFFF, kind >> 16, offset + 4
        end = begin + size
        if end > len(data) or (begin == offset + 4 and size > 4):
            raise source.error(base + offset, f"an element announces {size} bytes, more than there are.")
        yield _Element(base + offset, kind, data[begin:end])
        # Packed elements are the only ones that no padding follows.
        offset = end if kind == _PACKED else end + -(end - start) % 8


def _unpacked(source: Source, element: _Element, order: str) -> _Element:
    packed = zlib.decompressobj()
    try:
        data = packed.decompress(element.content, _MAX_BYTES)
    except zlib.error as error:
        raise source.error(element.offset, f"the packed data are damaged ({error}).") from error
    if not packed.eof:
        raise source.error(element.offset, f"the packed data are cut off, or more than {_MAX_BYTES} bytes.")
    inner = list(_elements(source, data, 0, order, element.offset))
    if len(inner) != 1:
        raise source.error(element.offset, f"expected one element in the packed data, found {len(inner)}.")
    return inner[0]


def _variable(source: Source, matrix: Source, offset: int, order: str) -> tuple[str, NDArray] | None:
    """Name and values of a variable; None if it holds other things than real numbers."""
    parts = []
    for part in _elements(source, matrix.data, 0, order, offset):
        parts.append(part)
        if len(parts) == 4:
            break
    if not parts or parts[0].kind != _UINT32 or len(parts[0].content) != 8:
        raise source.error(offset, "a variable has no flags.")
    (flags,) = struct.unpack_from(f"{order}I", parts[0].content)
    if flags & 0xFF not in _NUMERIC_CLASSES or flags & _COMPLEX:
        return None
    if [part.kind for part in parts[1:3]] != [_INT32, _INT8] or len(parts) != 4 or parts[3].kind not in _NUMBERS:
        raise source.error(offset, "a variable of numbers lacks its dimensions, its name or its numbers.")
    name = parts[2].content.decode("latin1")
    shape = np.frombuffer(parts[1].content[: len(parts[1].content) // 4 * 4], f"{order}i4").tolist()
    dtype = np.dtype(order + _NUMBERS[parts[3].kind])
    size = math.prod(shape) * dtype.itemsize
    if len(shape) < 2 or min(shape) < 0 or size != len(parts[3].content):
        raise source.error(
            offset,
            f"{name!r} announces the shape {shape} of {dtype}, but {len(parts[3].content)} bytes follow.",
        )
    # The order is MATLAB's only for one column or one row, and nothing else is accepted.
    return name, np.frombuffer(parts[3].content, dtype).reshape(shape)
