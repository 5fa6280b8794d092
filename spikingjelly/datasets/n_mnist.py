"""N-MNIST: the digits of MNIST in front of a moving ATIS camera."""

import os
from pathlib import Path

from spikingjelly.datasets._conversion import convert, recordings, save
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._folder import NeuromorphicDatasetFolder
from spikingjelly.datasets._preparation.archives import extract
from spikingjelly.datasets._preparation.resources import find
from spikingjelly.datasets.formats import read_atis_bin

_PAGE = "https://www.garrickorchard.com/datasets/n-mnist"


class NMNIST(NeuromorphicDatasetFolder):
    """N-MNIST [Orchard et al., "Converting static image datasets to spiking neuromorphic datasets using saccades",
    Front. Neurosci. 2015].

    60 000 training and 10 000 test recordings of 10 digits, 34 x 34 pixels, three saccades of about 100 ms. The two
    archives must be downloaded by hand. The number of a recording is the index of its image in MNIST plus one.

    The parameters are those of :class:`NeuromorphicDatasetFolder`.
    """

    @staticmethod
    def resource_url_md5() -> list:
        return [
            ("Train.zip", _PAGE, "20959b8e626244a1b502305a9e6e2031"),
            ("Test.zip", _PAGE, "69ca8762b2fe404d9b9bad1103e97832"),
        ]

    @staticmethod
    def downloadable() -> bool:
        return False

    @staticmethod
    def extract_downloaded_files(download_root: str, extract_root: str) -> None:
        for name in ("Train.zip", "Test.zip"):
            extract(find(Path(download_root), name) or Path(download_root) / name, extract_root)

    @staticmethod
    def create_events_np_files(extract_root: str, events_np_root: str) -> None:
        files = recordings(Path(extract_root), "[Tt]*/[0-9]/*.bin", "NMNIST")
        target = Path(events_np_root)
        convert(
            files,
            NMNIST.load_origin_data,
            lambda f: target / f.parent.parent.name.lower() / f.parent.name / f"{f.stem}.npz",
            "NMNIST: events",
        )

    @staticmethod
    def load_origin_data(file_name: str | os.PathLike[str]) -> Events:
        """The events of one published file."""
        return read_atis_bin(file_name, H=34, W=34)

    @staticmethod
    def read_bin_save_to_np(bin_file: str | os.PathLike[str], np_file: str | os.PathLike[str]) -> None:
        """Write the events of one published file to an npz file."""
        save(bin_file, np_file, NMNIST.load_origin_data(bin_file))

    @staticmethod
    def get_H_W() -> tuple[int, int]:
        return 34, 34
