"""Pickles of nested lists, tuples, integers and NumPy arrays, and of nothing else.

A pickle is a program. Two fences make this one harmless. Before it runs, every instruction is looked at: only those
that build such data are let through, and none may reserve memory that the file does not hold. While it runs, the few
names that NumPy's arrays need stand for the harmless classes here, so that no code of NumPy meets a forged state.
"""

import io
import math
import pickle
import re
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from spikingjelly.datasets._errors import DatasetFormatError
from spikingjelly.datasets.formats._source import FETCH_AGAIN, Source

# Instructions by the length of what follows them.
_FIXED = {
    0: b"(0NatlbdseuR)]}\x85\x86\x87\x88\x89\x93\x94",
    1: b"Khq\x80",
    2: b"M",
    4: b"Jj",
    8: b"\x95",
}
# Instructions that are followed by a length and so many bytes: strings, bytes and long integers.
_COUNTED = {b"U": 1, b"T": 4, b"C": 1, b"B": 4, b"\x8e": 8, b"X": 4, b"\x8c": 1, b"\x8d": 8, b"\x8a": 1}
_LONG_BINPUT = b"r"
_GLOBAL = re.compile(rb"c([\w.]{1,64})\n(\w{1,64})\n")
_STOP = b"."
_NUMBERS = re.compile(r"[<>|=]?(?:[iu][1248]|b1)")


def load(source: Source, start: int) -> Any:
    """What the pickle at ``start`` describes, with NumPy's arrays as arrays.

    :raises DatasetFormatError: (a ValueError) if the pickle is damaged or would do more than describe such data
    """
    end = _check_instructions(source, start)
    try:
        return _Unpickler(io.BytesIO(source.data[start:end]), encoding="latin1").load()
    except Exception as error:  # a forged pickle ends in any exception
        raise DatasetFormatError(f"{source.name}, offset {start}: damaged pickle ({error}). {FETCH_AGAIN}") from error


def _harmless(size: int) -> re.Pattern[bytes]:
    """Up to a thousand instructions of fixed length; memo numbers stay below the number of bytes, roughly."""
    branches = [b"[" + re.escape(codes) + b"]" + b"." * length for length, codes in _FIXED.items()]
    top = next(i for i in (3, 2, 1, 0) if i == 0 or size >> (8 * i))
    bounded = b"r" + b"." * top + b"[\\x00-\\x%02x]" % min(size >> (8 * top), 255) + b"\\x00" * (3 - top)
    return re.compile(b"(?s:" + b"|".join([*branches, bounded]) + b"){1,1000}")


def _check_instructions(source: Source, start: int) -> int:
    """Look at every instruction and give the place behind the last one."""
    data = source.data
    harmless = _harmless(len(data))
    place = start
    while place < len(data):
        run = harmless.match(data, place)
        if run is not None:
            place = run.end()
            continue
        code = data[place : place + 1]
        if code == _STOP:
            return place + 1
        if code in _COUNTED:
            width = _COUNTED[code]
            place += 1 + width + int.from_bytes(data[place + 1 : place + 1 + width], "little")
        elif (name := _GLOBAL.match(data, place)) is not None:
            place = name.end()
        else:
            raise source.error(place, f"the pickle holds the instruction {code!r}, which describes no plain data.")
    raise source.error(len(data), "the pickle does not end.")


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name in _STAND_INS and module in _STAND_INS[name][0]:
            return _STAND_INS[name][1]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which describes no plain data")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("it refers to something outside of it")


class _NdarrayName:
    """Stands for the class ``numpy.ndarray``, which a pickle names but never calls itself."""


class _Dtype:
    """What a pickle says of a dtype: ``dtype(code, align, copy)``, then a state that holds the fields."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code = code
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    @property
    def holds_objects(self) -> bool:
        return self.code in ("O", "O8", "|O")

    @cached_property
    def resolved(self) -> np.dtype[Any]:
        """The dtype, of numbers or of a flat structure of numbers."""
        order = self.state[1] if len(self.state) > 1 and self.state[1] in ("<", ">") else "|"
        if _NUMBERS.fullmatch(self.code):
            return np.dtype(order.replace("|", "") + self.code.lstrip("<>|="))
        if not re.fullmatch(r"\|?V\d{1,4}", self.code) or len(self.state) < 5:
            raise pickle.UnpicklingError(f"it holds arrays of {self.code!r}")
        names, fields = self.state[3:5]
        parts = [(fields[name][0].resolved, int(fields[name][1])) for name in names]
        itemsize = int(self.code.lstrip("|V"))
        if not parts or any(dtype.names or offset < 0 or offset + dtype.itemsize > itemsize for dtype, offset in parts):
            raise pickle.UnpicklingError("it holds arrays of nested or overlong structures")
        formats, offsets = zip(*parts, strict=True)
        return np.dtype({"names": list(names), "formats": formats, "offsets": offsets, "itemsize": itemsize})


class _Array:
    """What a pickle says of an array: first ``_reconstruct(ndarray, (0,), b'b')``, then its state."""

    def __init__(self, *_: Any) -> None:
        self.items: Any = []

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, is_fortran, data = state
        count = math.prod(shape)
        if any(length < 0 for length in shape):
            raise pickle.UnpicklingError(f"it holds an array of shape {shape}")
        if dtype.holds_objects:
            if type(data) is not list or len(data) != count or len(shape) != 1:
                raise pickle.UnpicklingError(f"it holds an array of shape {shape} with other objects than these")
            self.items = data
            return
        raw = data.encode("latin1") if isinstance(data, str) else data
        array = np.frombuffer(raw, dtype.resolved) if len(raw) else np.empty(0, dtype.resolved)
        if array.size != count:
            raise pickle.UnpicklingError(f"it holds an array of shape {shape} with {array.size} items")
        self.items = array.reshape(shape[::-1]).T if is_fortran else array.reshape(shape)


def _scalar(dtype: _Dtype, raw: bytes | str) -> Any:
    data = raw.encode("latin1") if isinstance(raw, str) else raw
    (item,) = np.frombuffer(data, dtype.resolved)
    return item.item()


def _encode(text: str, encoding: str) -> bytes:
    """How protocol 2 writes bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it encodes as {encoding!r}")
    return text.encode(encoding)


def _empty() -> bytes:
    """How protocol 2 writes no bytes."""
    return b""


_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_STAND_INS: dict[str, tuple[tuple[str, ...], Any]] = {
    "_reconstruct": (_MULTIARRAY, _Array),
    "scalar": (_MULTIARRAY, _scalar),
    "ndarray": (("numpy",), _NdarrayName),
    "dtype": (("numpy",), _Dtype),
    "encode": (("_codecs",), _encode),
    "bytes": (("__builtin__",), _empty),
}


def items_of(value: Any) -> Any:
    """The items of a list or of an array; anything else as it is."""
    return value.items if isinstance(value, _Array) else value
