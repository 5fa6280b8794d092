"""MATLAB files (version 5) with the columns ``ts``, ``x``, ``y`` and ``pol``, as ASL-DVS has them."""

import io
from typing import Any

from spikingjelly.datasets._errors import DatasetFormatError
from spikingjelly.datasets._events import Events, checked
from spikingjelly.datasets.formats._extra import needs
from spikingjelly.datasets.formats._source import FETCH_AGAIN, File, Source, read_source

_NAMES = {"ts": "t", "x": "x", "y": "y", "pol": "p"}
_NUMBERS = {"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "single", "double", "logical"}
# What deflate packs into one byte at best: no honest variable has more items than that.
_DEFLATE_LIMIT = 1032


def read_mat(file: File, H: int = 180, W: int = 240, flip_x: bool = True, flip_y: bool = True) -> Events:
    """The events of an ASL-DVS recording, ordered by time.

    SciPy reads the file. It is made for files that can be trusted: check where it comes from, and its sum.

    :param file: a path, or the content as bytes
    :param H: number of rows of the sensor
    :param W: number of columns of the sensor
    :param flip_x: mirror left and right, as the published results of SpikingJelly do; Tonic does not
    :param flip_y: count the rows from the top, as all loaders do
    :return: the events, ``t`` in microseconds
    :raises ImportError: if SciPy is not installed
    :raises DatasetFormatError: (a ValueError) that names the file and what is damaged or outside
    """
    source = read_source(file)
    columns = _load(source)
    events = checked({ours: columns[theirs] for theirs, ours in _NAMES.items()}, H, W, source.name)
    if flip_x:
        events["x"] = W - 1 - events["x"]
    if flip_y:
        events["y"] = H - 1 - events["y"]
    return events


def _load(source: Source) -> dict[str, Any]:
    scipy_io = needs("scipy.io", "MATLAB files", "scipy")
    try:
        found = scipy_io.whosmat(io.BytesIO(source.data))
    except Exception as error:  # damaged files end in any exception
        raise _damaged(source, error) from error
    for name in _NAMES:
        variables = [(shape, kind) for other, shape, kind in found if other == name]
        if len(variables) != 1:
            names = sorted(other for other, _, _ in found)
            raise source.error(0, f"expected one variable {name!r}, found the variables {names}.")
        shape, kind = variables[0]
        # Checked before loading: SciPy reserves memory for what a header says.
        if kind not in _NUMBERS or len(shape) != 2 or (1 not in shape and 0 not in shape):
            raise source.error(0, f"the variable {name!r} is {kind} of shape {shape}, expected one column of numbers.")
        if min(shape) < 0 or max(shape) > _DEFLATE_LIMIT * len(source.data):
            raise source.error(0, f"the variable {name!r} announces the shape {shape}, more than the file can hold.")
    try:
        return scipy_io.loadmat(io.BytesIO(source.data), variable_names=list(_NAMES))
    except Exception as error:
        raise _damaged(source, error) from error


def _damaged(source: Source, error: Exception) -> DatasetFormatError:
    return DatasetFormatError(f"{source.name}: not a sound MATLAB file of version 5 ({error}). {FETCH_AGAIN}")
