"""The HDF5 files of the Spiking Heidelberg Digits and the Spiking Speech Commands.

``spikes/times`` (seconds, float16 in the published files) and ``spikes/units`` (channel, 0 to 699) hold one array of
variable length for each recording, ``labels`` one number; ``extra`` tells of speakers and the names of the classes.

Source: zenkelab.org/datasets, and Cramer et al., "The Heidelberg spiking data sets", arXiv:1910.07407.
"""

import io
import operator
import os
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikingjelly._extras import imported
from spikingjelly.datasets._errors import DatasetFormatError
from spikingjelly.datasets._events import Events, in_order
from spikingjelly.datasets.formats._source import FETCH_AGAIN, File

UNITS = 700


class ShdFile:
    """One file of recordings, of which only those are read that are asked for.

    The file is opened at the first access, once in each process: an object may be handed to the workers of a
    DataLoader.

    h5py reads the file, and the HDF5 library behind it does not withstand all damage: a single wrong bit can make it
    search forever. Check the sum of a file before it is read for the first time.

    :param file: a path, the content as bytes, or an open ``h5py.File``, which is then not closed here
    :param units: number of channels
    :raises ImportError: if h5py is not installed
    :raises DatasetFormatError: (a ValueError) that names the file and what is damaged or outside
    """

    def __init__(self, file: File | Any, units: int = UNITS) -> None:
        self._file = file
        self._name = _name_of(file)
        self._units = units
        self._opened: tuple[int, Any] | None = None
        labels = np.asarray(self._read("labels"))
        if labels.ndim != 1 or labels.dtype.kind not in "iu" or (labels.size and labels.min() < 0):
            raise self._error(f"the labels are {labels.dtype} of shape {labels.shape}, expected numbers from 0")
        self.labels: NDArray = labels.astype(np.int64)
        for name in ("spikes/times", "spikes/units"):
            shape = self._dataset(name).shape
            if shape != labels.shape:
                raise self._error(f"{name} has the shape {shape}, but there are {len(labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Events:
        """The events of a recording: ``t`` in microseconds, ``x`` the channel, ``y`` 0 and ``p`` 1."""
        seconds, units = self.spikes(index)
        t = np.rint(seconds * 1e6).astype(np.int64)
        return in_order({"t": t, "x": units, "y": np.zeros_like(units), "p": np.ones(len(t), np.int8)})

    def spikes(self, index: int) -> tuple[NDArray, NDArray]:
        """Times (float64, seconds) and channels (int32) of a recording, as the file has them."""
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self._name} holds {len(self)} recordings, but number {index} was asked for.")
        index %= len(self)
        times, units = (np.asarray(self._read(name, index)) for name in ("spikes/times", "spikes/units"))
        if times.ndim != 1 or times.shape != units.shape:
            raise self._error(f"recording {index} has times of shape {times.shape}, but channels of {units.shape}")
        if times.dtype.kind != "f" or units.dtype.kind not in "iu":
            raise self._error(f"recording {index} has times of {times.dtype} and channels of {units.dtype}")
        # Widened before anything else: float16 ends at 65504, so microseconds would be infinite.
        seconds = times.astype(np.float64)
        if seconds.size and not (seconds.min() >= 0 and seconds.max() < 1e6):
            raise self._error(f"recording {index} has spikes outside of 0 to a million seconds")
        if units.size and (units.min() < 0 or units.max() >= self._units):
            raise self._error(
                f"recording {index} has channels {units.min()} to {units.max()}, not 0 to {self._units - 1}"
            )
        return seconds, units.astype(np.int32)

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, empty if the file has none."""
        if "extra/keys" not in self._open_file():
            return []
        return [key.decode() if isinstance(key, bytes) else str(key) for key in self._read("extra/keys")]

    @property
    def speakers(self) -> NDArray | None:
        """The number of each recording's speaker, None if the file has none."""
        return np.asarray(self._read("extra/speaker")) if "extra/speaker" in self._open_file() else None

    def close(self) -> None:
        """Close the file in this process; the next access opens it again."""
        if self._opened is not None and self._opened[0] == os.getpid():
            self._opened[1].close()
        self._opened = None

    def __enter__(self) -> "ShdFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    def _open_file(self) -> Any:
        file = self._file
        if hasattr(file, "filename"):
            return file
        if self._opened is None or self._opened[0] != os.getpid():
            h5py = imported("h5py", "Reading HDF5 files", "datasets")
            if isinstance(file, bytes | bytearray | memoryview):
                opened: Any = io.BytesIO(file)
            elif os.path.isfile(file):
                opened = file
            else:
                raise FileNotFoundError(f"{self._name} does not exist.")
            try:
                self._opened = (os.getpid(), h5py.File(opened, "r"))
            except Exception as error:
                raise self._error(f"not a sound HDF5 file ({error})") from error
        return self._opened[1]

    def _dataset(self, name: str) -> Any:
        try:
            dataset = self._open_file()[name]
            dataset.shape, dataset.dtype  # noqa: B018 - a group has neither
        except (KeyError, AttributeError, RuntimeError, OSError, TypeError, ValueError) as error:
            if isinstance(error, DatasetFormatError | FileNotFoundError):
                raise
            raise self._error(f"there is no array {name!r}") from error
        return dataset

    def _read(self, name: str, index: int | None = None) -> Any:
        dataset = self._dataset(name)
        try:
            return dataset[()] if index is None else dataset[index]
        except Exception as error:
            raise self._error(f"{name!r} can't be read ({error})") from error

    def _error(self, found: str) -> DatasetFormatError:
        return DatasetFormatError(f"{self._name}: {found}. {FETCH_AGAIN}")


def _name_of(file: Any) -> str:
    if isinstance(file, bytes | bytearray | memoryview):
        return "<bytes>"
    return str(file.filename) if hasattr(file, "filename") else os.fspath(file)


def read_shd(file: File, index: int) -> tuple[Events, int]:
    """Events and label of the recording ``index``; to read many of one file, keep a :class:`ShdFile`."""
    with ShdFile(file) as recordings:
        return recordings[index], int(recordings.labels[index])
