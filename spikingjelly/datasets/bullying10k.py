"""Bullying10K: ten kinds of behaviour between people, seen by a DAVIS346 camera."""

import os
from pathlib import Path

from spikingjelly.datasets._conversion import convert, recordings
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._folder import NeuromorphicDatasetFolder
from spikingjelly.datasets._preparation.archives import extract
from spikingjelly.datasets.formats import read_bullying10k

# class in the order of the labels -> number of the file at figshare, md5
_FILES = {
    "handshake": (41268834, "681d70f499e736a1e805305284ddc425"),
    "slapping": (41247021, "84b41d6805958f9f62f425223916ffc2"),
    "punching": (41263314, "40954f480ab210099d448b7b88fc4719"),
    "walking": (41247024, "56e4cac9c0814ce701c3b2292c15b6a9"),
    "fingerguess": (41253057, "f83114e5b4f0ea57cac86fb080c7e4d7"),
    "strangling": (41261904, "8185ecd6f3147e9b609d22f06270aa86"),
    "greeting": (41268792, "4a763fad728b04c8356db8544f1121fe"),
    "pushing": (41268951, "7986c74ade7149a98672120a89b13ba8"),
    "hairgrabs": (41277855, "a9cf690ed0a3305da4a4b8e110f64db1"),
    "kicking": (41278008, "6c3218f977de4ac29c84a10b17779c33"),
}
_EVERY = 5  # of how many recordings of a class one is for the test


class Bullying10kClassification(NeuromorphicDatasetFolder):
    """Bullying10K [Dong et al., "Bullying10K: a large-scale neuromorphic dataset towards privacy-preserving bullying
    recognition", NeurIPS 2023].

    10 000 recordings of 10 classes, 260 x 346 pixels, downloaded from figshare. Every fifth recording of a class, in
    the order of the file names, is a test sample; published code takes them in the order that the disk gives, which is
    no order. The published files are pickles; they are read as descriptions of numbers and can't run code.

    The parameters are those of :class:`NeuromorphicDatasetFolder`.
    """

    @staticmethod
    def resource_url_md5() -> list:
        return [
            (f"{name}.zip", f"https://figshare.com/ndownloader/files/{number}", md5)
            for name, (number, md5) in _FILES.items()
        ]

    @staticmethod
    def downloadable() -> bool:
        return True

    @staticmethod
    def extract_downloaded_files(download_root: str, extract_root: str) -> None:
        for name in _FILES:
            extract(Path(download_root) / f"{name}.zip", Path(extract_root) / name)

    @staticmethod
    def create_events_np_files(extract_root: str, events_np_root: str) -> None:
        place: dict[Path, Path] = {}
        for name in _FILES:
            files = recordings(Path(extract_root) / name, "**/*.npy", "Bullying10k")
            top = os.path.commonpath([file.parent for file in files])
            for number, file in enumerate(files):
                part = "test" if number % _EVERY == _EVERY - 1 else "train"
                place[file] = Path(events_np_root) / part / name / file.relative_to(top).with_suffix(".npz")
        convert(list(place), Bullying10kClassification.load_origin_data, place.__getitem__, "Bullying10k: events")

    @staticmethod
    def load_origin_data(file_name: str | os.PathLike[str]) -> Events:
        """The events of one published file."""
        return read_bullying10k(file_name)

    @staticmethod
    def get_H_W() -> tuple[int, int]:
        return 260, 346

    @staticmethod
    def find_classes(directory: str) -> tuple[list[str], dict[str, int]]:
        """The classes in the order of the authors' labels."""
        present = [name for name in _FILES if (Path(directory) / name).is_dir()]
        return present, {name: list(_FILES).index(name) for name in present}
