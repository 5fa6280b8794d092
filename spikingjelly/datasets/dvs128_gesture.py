"""DVS128 Gesture: eleven hand and arm gestures, seen by a DVS128 camera."""

import csv
import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spikingjelly.datasets._conversion import folder_with
from spikingjelly.datasets._errors import DatasetFormatError, DatasetNotFoundError
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._folder import NeuromorphicDatasetFolder
from spikingjelly.datasets._preparation.archives import extract
from spikingjelly.datasets._preparation.npz import write_events
from spikingjelly.datasets._preparation.workers import map_files
from spikingjelly.datasets.formats import read_aedat3

_PAGE = "https://ibm.ent.box.com/s/3hiq58ww1pbbjrinh367ykfdf60xsfm8/folder/50167556794"
_CLASSES = 11
_FOLDERS = sorted(str(label) for label in range(_CLASSES))
_LISTS = {"train": "trials_to_train.txt", "test": "trials_to_test.txt"}


class Gesture(NamedTuple):
    """A row of a recording's label file: the gesture 0 to 10, from ``start`` until before ``end`` in microseconds."""

    label: int
    start: int
    end: int


class DVS128Gesture(NeuromorphicDatasetFolder):
    """DVS128 Gesture [Amir et al., "A low power, fully event-based gesture recognition system", CVPR 2017].

    1176 training and 288 test samples of 11 classes, from 29 persons under different light; 128 x 128 pixels. The files
    must be downloaded by hand: a run without them says which, from where, and into which folder. Folder ``k`` is class
    ``k + 1`` of the authors' mapping. The label is the folder's place in the order of published code, which is
    torchvision's: ``0, 1, 10, 2, ..., 9``. A sample holds the events with ``start <= t < end`` of its row in the label
    file; rows may overlap, as one of ``user22_led`` does.

    The parameters are those of :class:`NeuromorphicDatasetFolder`.
    """

    @staticmethod
    def resource_url_md5() -> list:
        return [
            ("DvsGesture.tar.gz", _PAGE, "8a5c71fb11e24e5ca5b11866ca6c00a1"),
            ("gesture_mapping.csv", _PAGE, "109b2ae64a0e1f3ef535b18ad7367fd1"),
            ("LICENSE.txt", _PAGE, "065e10099753156f18f51941e6e44b66"),
            ("README.txt", _PAGE, "a0663d3b1d8307c329a43d949ee32d19"),
        ]

    @staticmethod
    def downloadable() -> bool:
        return False

    @staticmethod
    def extract_downloaded_files(download_root: str, extract_root: str) -> None:
        extract(Path(download_root) / "DvsGesture.tar.gz", extract_root)

    @staticmethod
    def create_events_np_files(extract_root: str, events_np_root: str) -> None:
        source = folder_with(Path(extract_root), _LISTS.values(), "DVS128Gesture")
        recordings = {path: split for split, name in _LISTS.items() for path in _listed(source, name)}

        def cut(recording: Path) -> None:
            labels = recording.with_name(f"{recording.stem}_labels.csv")
            target = Path(events_np_root) / recordings[recording]
            DVS128Gesture.split_aedat_files_to_np(recording.stem, recording, labels, target)

        map_files(cut, list(recordings), "DVS128Gesture: events")

    @staticmethod
    def load_origin_data(file_name: str | os.PathLike[str]) -> Events:
        """The events of one published file."""
        return read_aedat3(file_name)

    @staticmethod
    def split_aedat_files_to_np(
        fname: str, aedat_file: str | os.PathLike[str], csv_file: str | os.PathLike[str],
        output_dir: str | os.PathLike[str],
    ) -> None:  # fmt: skip
        """Write the gestures of a recording to ``<output_dir>/<label>/<fname>_<number>.npz``, numbered by label.

        :param fname: the beginning of the names
        :param aedat_file: the recording
        :param csv_file: its labels
        :param output_dir: the folder
        """
        events = DVS128Gesture.load_origin_data(aedat_file)
        counts: Counter[int] = Counter()
        for gesture in read_labels(Path(csv_file)):
            first, last = np.searchsorted(events["t"], [gesture.start, gesture.end])
            target = Path(output_dir) / str(gesture.label) / f"{fname}_{counts[gesture.label]}.npz"
            counts[gesture.label] += 1
            target.parent.mkdir(parents=True, exist_ok=True)
            write_events(target, {name: column[first:last] for name, column in events.items()})

    @staticmethod
    def get_H_W() -> tuple[int, int]:
        return 128, 128

    def early_label(self, label: int) -> int:
        """In the first releases the number of the gesture, from 0 on."""
        return int(_FOLDERS[label])

    @staticmethod
    def find_classes(directory: str) -> tuple[list[str], dict[str, int]]:
        """The folders in the order ``0, 1, 10, 2, ..., 9``, which is the label."""
        names = [name for name in _FOLDERS if os.path.isdir(os.path.join(directory, name))]
        return names, {name: _FOLDERS.index(name) for name in names}


def _listed(folder: Path, name: str) -> list[Path]:
    """The recordings that the list ``name`` tells."""
    lines = [line.strip() for line in (folder / name).read_text().splitlines()]
    recordings = [folder / line for line in lines if line]
    missing = [path.name for path in recordings if not path.is_file()]
    if missing:
        raise DatasetNotFoundError(
            f"DVS128Gesture: {folder / name} lists {len(missing)} recordings that are not there, such as {missing[0]}."
        )
    return recordings


def read_labels(path: Path) -> list[Gesture]:
    """The rows of a recording's label file.

    :raises DatasetFormatError: if a row is no gesture
    """
    with path.open(newline="") as file:
        reader = csv.reader(file)
        rows = [(reader.line_num, row) for row in reader if row]
    if not rows or rows[0][1][0].strip() != "class":
        raise DatasetFormatError(f"{path} does not begin with the line 'class,startTime_usec,endTime_usec'.")
    gestures = []
    for number, row in rows[1:]:
        try:
            label, start, end = (int(value) for value in row)
        except ValueError:
            raise DatasetFormatError(f"{path}, line {number}: {','.join(row)} is not 'class,start,end'.") from None
        if not 1 <= label <= _CLASSES or end < start:
            raise DatasetFormatError(
                f"{path}, line {number}: class {label} from {start} to {end}; expected a class from 1 to {_CLASSES} "
                "and an end behind the start."
            )
        gestures.append(Gesture(label - 1, start, end))
    return gestures
