"""HARDVS: 300 human activities, seen by a DAVIS346 camera."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from spikingjelly.datasets._conversion import convert, folder_with, recordings
from spikingjelly.datasets._errors import DatasetFormatError, DatasetNotFoundError
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._folder import NeuromorphicDatasetFolder
from spikingjelly.datasets._preparation.archives import extract
from spikingjelly.datasets.formats import read_hardvs

_PAGE = "https://github.com/Event-AHU/HARDVS (the 'compact event file')"
_LISTS = {"train": "train_label.txt", "val": "val_label.txt", "test": "test_label.txt"}
_ARCHIVE = "MINI_HARDVS_files.zip"


class HARDVS(NeuromorphicDatasetFolder):
    """HARDVS [Wang et al., "HARDVS: revisiting human activity recognition with dynamic vision sensors", AAAI 2024].

    About 107 600 recordings of 300 activities in three parts (60, 10 and 30 % of each class), 260 x 346 pixels. The
    files must be downloaded by hand.

    :param train_test_val: ``"train"``, ``"test"`` or ``"val"``

    The other parameters are those of :class:`NeuromorphicDatasetFolder`.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        train_test_val: Literal["train", "test", "val"] | None = None,
        data_type: Literal["event", "frame"] = "event",
        frames_number: int | None = None,
        split_by: Literal["time", "number"] | None = None,
        duration: int | None = None,
        custom_integrate_function: Callable[..., Any] | None = None,
        custom_integrated_frames_dir_name: str | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        **options: Any,
    ) -> None:
        if train_test_val not in _LISTS:
            raise ValueError(f'HARDVS: train_test_val must be "train", "test" or "val", not {train_test_val!r}.')
        self.train_test_val = train_test_val
        super().__init__(
            root, None, data_type, frames_number, split_by, duration, custom_integrate_function,
            custom_integrated_frames_dir_name, transform, target_transform, **options,
        )  # fmt: skip

    @staticmethod
    def resource_url_md5() -> list:
        return [
            (_ARCHIVE, _PAGE, "9c4cc0d9ba043faa17f6f1a9e9aff982"),
            ("train_label.txt", _PAGE, "0d642b6e6871034f151b2649a89d8d3c"),
            ("val_label.txt", _PAGE, "cd2cebcba80e4552102bbacf2b5df812"),
            ("test_label.txt", _PAGE, "5b664af5843f9b476a9c22626f7f5a59"),
        ]

    @staticmethod
    def downloadable() -> bool:
        return False

    @staticmethod
    def extract_downloaded_files(download_root: str, extract_root: str) -> None:
        extract(Path(download_root) / _ARCHIVE, extract_root, inner="folder")
        for name in _LISTS.values():
            (Path(extract_root) / name).write_bytes((Path(download_root) / name).read_bytes())

    @staticmethod
    def create_events_np_files(extract_root: str, events_np_root: str) -> None:
        lists = folder_with(Path(extract_root), _LISTS.values(), "HARDVS")
        files = recordings(Path(extract_root), "**/action_*/*.npz", "HARDVS")
        found = {f"{path.parent.name}/{path.stem}": path for path in files}
        part_of: dict[Path, str] = {}
        for part, name in _LISTS.items():
            for entry in _first_words(lists / name):
                if entry not in found:
                    raise DatasetNotFoundError(f"HARDVS: {lists / name} lists {entry}, which is not there.")
                if part_of.setdefault(found[entry], part) != part:
                    raise DatasetFormatError(f"HARDVS: {lists / name} lists {entry}, which another list has too.")
        target = Path(events_np_root)
        convert(
            list(part_of),
            HARDVS.load_origin_data,
            lambda f: target / part_of[f] / f.parent.name / f.name,
            "HARDVS: events",
        )

    @staticmethod
    def load_origin_data(file_name: str | os.PathLike[str]) -> Events:
        """The events of one published file."""
        return read_hardvs(file_name)

    @staticmethod
    def get_H_W() -> tuple[int, int]:
        return 260, 346

    def set_root_when_train_is_none(self, _root: str) -> str:
        return os.path.join(_root, str(self.train_test_val))


def _first_words(path: Path) -> list[str]:
    """The recordings that a list names; what follows the name in a line is not needed."""
    return [line.split()[0].removesuffix(".npz") for line in path.read_text().splitlines() if line.strip()]
