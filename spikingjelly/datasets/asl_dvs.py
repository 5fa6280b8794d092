"""ASL-DVS: letters of the American sign language, seen by a DAVIS240C camera."""

import os
from pathlib import Path

from spikingjelly.datasets._conversion import convert, recordings, save
from spikingjelly.datasets._errors import DatasetNotFoundError
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._preparation.archives import extract
from spikingjelly.datasets._preparation.resources import Resource
from spikingjelly.datasets._unsplit import UnsplitDatasetFolder
from spikingjelly.datasets.formats import read_mat

_LETTERS = "abcdefghiklmnopqrstuvwxy"
_ARCHIVE = "ICCV2019_DVS_dataset.zip"


class ASLDVS(UnsplitDatasetFolder):
    """ASL-DVS [Bi et al., "Graph-based object classification for neuromorphic vision sensing", ICCV 2019].

    100 800 recordings of 24 letters (a to y without j), 180 x 240 pixels, about 100 ms each. The archive must be
    downloaded by hand; the place it comes from packs it anew for everyone, so it has no checksum. There is no official
    split: use :func:`spikingjelly.datasets.split_to_train_test_set`. Coordinates are mirrored in both directions, as
    the published results of SpikingJelly have it.

    The parameters are those of :class:`NeuromorphicDatasetFolder`, without ``train``.
    """

    @staticmethod
    def resource_url_md5() -> list:
        page = "https://github.com/PIX2NVS/NVS2Graph (the archive 'ICCV2019_DVS_dataset')"
        return [Resource(_ARCHIVE, page=page)]

    @staticmethod
    def downloadable() -> bool:
        return False

    @staticmethod
    def extract_downloaded_files(download_root: str, extract_root: str) -> None:
        extract(Path(download_root) / _ARCHIVE, extract_root, inner="here")

    @staticmethod
    def create_events_np_files(extract_root: str, events_np_root: str) -> None:
        files = recordings(Path(extract_root), "**/?/?_*.mat", "ASLDVS")
        missing = sorted(set(_LETTERS) - {file.parent.name for file in files})
        if missing:
            raise DatasetNotFoundError(f"ASLDVS: {_ARCHIVE} has no recordings of {', '.join(missing)}; fetch it again.")
        target = Path(events_np_root)
        convert(files, ASLDVS.load_origin_data, lambda f: target / f.parent.name / f"{f.stem}.npz", "ASLDVS: events")

    @staticmethod
    def load_origin_data(file_name: str | os.PathLike[str]) -> Events:
        """The events of one published file."""
        return read_mat(file_name)

    @staticmethod
    def read_mat_save_to_np(mat_file: str | os.PathLike[str], np_file: str | os.PathLike[str]) -> None:
        """Write the events of one published file to an npz file."""
        save(mat_file, np_file, ASLDVS.load_origin_data(mat_file))

    @staticmethod
    def get_H_W() -> tuple[int, int]:
        return 180, 240
