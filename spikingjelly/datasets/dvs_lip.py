"""DVS-Lip: spoken words, seen by an event camera in front of the mouth."""

import os
from pathlib import Path

from spikingjelly.datasets._conversion import convert, recordings
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._folder import NeuromorphicDatasetFolder
from spikingjelly.datasets._preparation.archives import extract
from spikingjelly.datasets.formats import read_dvs_lip

_PAGE = "https://sites.google.com/view/event-based-lipreading"


class DVSLip(NeuromorphicDatasetFolder):
    """DVS-Lip [Tan et al., "Multi-grained spatio-temporal features perceived network for event-based lip-reading",
    CVPR 2022].

    14 896 training and 4975 test recordings of 100 words, 128 x 128 pixels. The archive must be downloaded by hand.

    The parameters are those of :class:`NeuromorphicDatasetFolder`.
    """

    @staticmethod
    def resource_url_md5() -> list:
        return [("DVS-Lip.zip", _PAGE, "2dcb959255122d4cdeb6094ca282494b")]

    @staticmethod
    def downloadable() -> bool:
        return False

    @staticmethod
    def extract_downloaded_files(download_root: str, extract_root: str) -> None:
        extract(Path(download_root) / "DVS-Lip.zip", extract_root)

    @staticmethod
    def create_events_np_files(extract_root: str, events_np_root: str) -> None:
        files = recordings(Path(extract_root), "DVS-Lip/t*/*/*.npy", "DVSLip")
        target = Path(events_np_root)
        convert(
            files,
            DVSLip.load_origin_data,
            lambda f: target / f.parent.parent.name / f.parent.name / f"{f.stem}.npz",
            "DVSLip: events",
        )

    @staticmethod
    def load_origin_data(file_name: str | os.PathLike[str]) -> Events:
        """The events of one published file."""
        return read_dvs_lip(file_name)

    @staticmethod
    def get_H_W() -> tuple[int, int]:
        return 128, 128
