"""N-Caltech101: the pictures of Caltech101 in front of a moving ATIS camera."""

import os
from pathlib import Path

from spikingjelly.datasets._conversion import convert, recordings, save
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._preparation.archives import extract
from spikingjelly.datasets._unsplit import UnsplitDatasetFolder
from spikingjelly.datasets.formats import read_atis_bin

_PAGE = "https://www.garrickorchard.com/datasets/n-caltech101"


class NCaltech101(UnsplitDatasetFolder):
    """N-Caltech101 [Orchard et al., "Converting static image datasets to spiking neuromorphic datasets using saccades",
    Front. Neurosci. 2015].

    8709 recordings of 101 classes, of different sizes within 180 x 240 pixels. The files must be downloaded by hand.
    There is no official split: use :func:`spikingjelly.datasets.split_to_train_test_set`.

    The parameters are those of :class:`NeuromorphicDatasetFolder`, without ``train``.
    """

    @staticmethod
    def resource_url_md5() -> list:
        return [
            ("Caltech101.zip", _PAGE, "66201824eabb0239c7ab992480b50ba3"),
            ("Caltech101_annotations.zip", _PAGE, "25e64cea645291e368db1e70f214988e"),
            ("ReadMe(Caltech101)-SINAPSE-G.txt", _PAGE, "d464b81684e0af3b5773555eb1d5b95c"),
            ("ReadMe(Caltech101).txt", _PAGE, "33632a7a5c46074c70509f960d0dd5e5"),
        ]

    @staticmethod
    def downloadable() -> bool:
        return False

    @staticmethod
    def extract_downloaded_files(download_root: str, extract_root: str) -> None:
        extract(Path(download_root) / "Caltech101.zip", extract_root)

    @staticmethod
    def create_events_np_files(extract_root: str, events_np_root: str) -> None:
        files = recordings(Path(extract_root), "Caltech101/*/*.bin", "NCaltech101")
        target = Path(events_np_root)
        read = NCaltech101.load_origin_data
        convert(files, read, lambda f: target / f.parent.name / f"{f.stem}.npz", "NCaltech101: events")

    @staticmethod
    def load_origin_data(file_name: str | os.PathLike[str]) -> Events:
        """The events of one published file."""
        return read_atis_bin(file_name, H=180, W=240)

    @staticmethod
    def read_bin_save_to_np(bin_file: str | os.PathLike[str], np_file: str | os.PathLike[str]) -> None:
        """Write the events of one published file to an npz file."""
        save(bin_file, np_file, NCaltech101.load_origin_data(bin_file))

    @staticmethod
    def get_H_W() -> tuple[int, int]:
        return 180, 240
