"""NavGesture: six gestures to navigate a smartphone, seen by an ATIS camera, sitting or walking."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from spikingjelly.datasets._conversion import convert, recordings, save
from spikingjelly.datasets._errors import DatasetFormatError
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._preparation.archives import extract
from spikingjelly.datasets._unsplit import UnsplitDatasetFolder
from spikingjelly.datasets.formats import read_dat
from spikingjelly.datasets.formats.dat import goes_forward, read_dat_as_it_is

_PAGE = "https://www.neuromorphic-vision.com/public/downloads/navgesture/ (closed; ask the authors)"
_CLASSES = ("do", "ho", "le", "ri", "se", "up")


class _NavGesture(UnsplitDatasetFolder):
    _archive: str
    _md5: str

    @classmethod
    def resource_url_md5(cls) -> list:
        return [(cls._archive, _PAGE, cls._md5)]

    @staticmethod
    def downloadable() -> bool:
        return False

    @classmethod
    def extract_downloaded_files(cls, download_root: str, extract_root: str) -> None:
        extract(Path(download_root) / cls._archive, extract_root, inner="here")

    @classmethod
    def create_events_np_files(cls, extract_root: str, events_np_root: str) -> None:
        files = recordings(Path(extract_root), "**/*.dat", cls.__name__)
        target = Path(events_np_root)
        convert(
            files, cls.load_origin_data, lambda f: target / gesture_of(f) / f"{f.stem}.npz", f"{cls.__name__}: events"
        )

    @staticmethod
    def load_origin_data(file_name: str | os.PathLike[str]) -> Events:
        """The events of one published file, from time 0 on."""
        events = read_dat(file_name, H=240, W=304)
        return {**events, "t": events["t"] - events["t"][:1]} if len(events["t"]) else events

    @classmethod
    def read_aedat_save_to_np(cls, bin_file: str | os.PathLike[str], np_file: str | os.PathLike[str]) -> None:
        """Write the events of one published file to an npz file."""
        save(bin_file, np_file, cls.load_origin_data(bin_file))

    @staticmethod
    def get_H_W() -> tuple[int, int]:
        return 240, 304


class NAVGestureWalk(_NavGesture):
    """NavGesture-walk [Maro et al., "Event-based gesture recognition with dynamic background suppression using
    smartphone computational capabilities", Front. Neurosci. 2020].

    About 340 recordings of ten walking persons: ``do`` (down), ``ho`` (home), ``le`` (left), ``ri`` (right), ``se``
    (select), ``up``; 240 x 304 pixels. The archive must be got by hand. There is no official split; the number of the
    person stands in the file's name. Time starts at 0 in each recording.

    The parameters are those of :class:`NeuromorphicDatasetFolder`, without ``train``.
    """

    _archive, _md5 = "navgesture-walk.zip", "5d305266f13005401959e819abe206f0"


class NAVGestureSit(_NavGesture):
    """NavGesture-sit: about 1340 recordings of sitting persons, else like :class:`NAVGestureWalk`."""

    _archive, _md5 = "navgesture-sit.zip", "1571753ace4d9e0946e6503313712c22"


def peek(f: IO[bytes], length: int = 1) -> bytes:
    """The next ``length`` bytes of an open file, which stays where it is."""
    place = f.tell()
    found = f.read(length)
    f.seek(place)
    return found


def readATIS_tddat(
    file_name: str | os.PathLike[str],
    orig_at_zero: bool = True,
    drop_negative_dt: bool = True,
    verbose: bool = True,
    events_restriction: Sequence[float] = (0, math.inf),
) -> tuple[NDArray, NDArray, NDArray, int]:
    """The events of a NavGesture recording as separate arrays; y counts from the top.

    :param file_name: path of the .dat file
    :param orig_at_zero: whether the first event is at time 0
    :param drop_negative_dt: whether to drop events whose time steps back behind the latest one so far
    :param verbose: whether to print how many events there are
    :param events_restriction: the least and the greatest of the times that are given back
    :return: times (int64 ``[N]``, microseconds), x and y (int32 ``[N, 2]``), polarities (int8 ``[N]``, 0 or 1), and how
        many events were dropped because they step back
    :raises DatasetFormatError: (a ValueError) that names file and offset of what is damaged, cut off or outside
    """
    H, W = _NavGesture.get_H_W()
    events = read_dat_as_it_is(file_name, H, W)
    count = len(events["t"])
    if drop_negative_dt:
        kept = goes_forward(events["t"])
        events = {name: column[kept] for name, column in events.items()}
    removed = count - len(events["t"])
    t = events["t"] - events["t"][:1] if orig_at_zero and count else events["t"]
    first, last = events_restriction
    wanted = (t >= first) & (t <= last)
    if verbose:
        print(f"{file_name}: {count} events, {removed} of them step back in time, {wanted.sum()} are given back.")
    coordinates = np.stack([events["x"], events["y"]], 1)
    return t[wanted], coordinates[wanted], events["p"][wanted], removed


def gesture_of(recording: Path) -> str:
    """The gesture in a name such as ``user09_do_11.dat``.

    :raises DatasetFormatError: if there is none
    """
    parts = recording.stem.split("_")
    if len(parts) < 2 or parts[1] not in _CLASSES:
        raise DatasetFormatError(
            f"{recording}: expected a name such as user09_do_11.dat, one of {', '.join(_CLASSES)}."
        )
    return parts[1]
