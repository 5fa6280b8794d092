"""CIFAR10-DVS: images of CIFAR-10 moved on a screen in front of a DVS128 camera."""

import os
from pathlib import Path
from typing import Any

from spikingjelly.datasets._conversion import convert, recordings, save
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._preparation.archives import extract
from spikingjelly.datasets._raw_addresses import (
    load_events,
    load_raw_events,
    parse_raw_address,
    read_bits,
    skip_header,
)
from spikingjelly.datasets._unsplit import UnsplitDatasetFolder
from spikingjelly.datasets.formats import read_aedat2

__all__ = [
    "CIFAR10DVS",
    "CIFAR10DVSTEBNSplit",
    "load_events",
    "load_raw_events",
    "parse_raw_address",
    "read_bits",
    "skip_header",
]

# class -> number of the file at figshare, md5
_FILES = {
    "airplane": (7712788, "0afd5c4bf9ae06af762a77b180354fdd"),
    "automobile": (7712791, "8438dfeba3bc970c94962d995b1b9bdd"),
    "bird": (7712794, "a9c207c91c55b9dc2002dc21c684d785"),
    "cat": (7712812, "52c63c677c2b15fa5146a8daf4d56687"),
    "deer": (7712815, "b6bf21f6c04d21ba4e23fc3e36c8a4a3"),
    "dog": (7712818, "f379ebdf6703d16e0a690782e62639c3"),
    "frog": (7712842, "cad6ed91214b1c7388a5f6ee56d08803"),
    "horse": (7712851, "e7cbbf77bec584ffbf913f00e682782a"),
    "ship": (7712836, "41c7bd7d6b251be82557c6cce9a7d5c9"),
    "truck": (7712839, "89f3922fd147d9aeff89e76a2b0b70a7"),
}


class CIFAR10DVS(UnsplitDatasetFolder):
    """CIFAR10-DVS [Li et al., "CIFAR10-DVS: an event-stream dataset for object classification", Front. Neurosci. 2017].

    10 000 recordings of 10 classes, 128 x 128 pixels, 8.4 GB, downloaded from figshare. There is no official split: use
    :func:`spikingjelly.datasets.split_to_train_test_set`. The address is read as the published results of SpikingJelly
    have it: x = 127 - address bits 8..14, y = 127 - bits 1..7, p = 1 - bit 0. Whether the images are upright then could
    not be checked on the real recordings.

    The parameters are those of :class:`NeuromorphicDatasetFolder`, without ``train``.
    """

    @staticmethod
    def resource_url_md5() -> list:
        return [
            (f"{name}.zip", f"https://ndownloader.figshare.com/files/{number}", md5)
            for name, (number, md5) in _FILES.items()
        ]

    @staticmethod
    def downloadable() -> bool:
        return True

    @staticmethod
    def extract_downloaded_files(download_root: str, extract_root: str) -> None:
        for name in _FILES:
            extract(Path(download_root) / f"{name}.zip", extract_root)

    @staticmethod
    def create_events_np_files(extract_root: str, events_np_root: str) -> None:
        files = recordings(Path(extract_root), "*/cifar10_*.aedat", "CIFAR10DVS")
        target = Path(events_np_root)
        read = CIFAR10DVS.load_origin_data
        convert(files, read, lambda f: target / f.parent.name / f"{f.stem}.npz", "CIFAR10DVS: events")

    @staticmethod
    def load_origin_data(file_name: str | os.PathLike[str]) -> Events:
        """The events of one published file."""
        return read_aedat2(file_name)

    @staticmethod
    def read_aedat_save_to_np(bin_file: str | os.PathLike[str], np_file: str | os.PathLike[str]) -> None:
        """Write the events of one published file to an npz file."""
        save(bin_file, np_file, CIFAR10DVS.load_origin_data(bin_file))

    @staticmethod
    def get_H_W() -> tuple[int, int]:
        return 128, 128


class CIFAR10DVSTEBNSplit(CIFAR10DVS):
    """:class:`CIFAR10DVS` with a split: of each class, recordings 0 to 99 are for the test, 100 to 999 for training
    [Duan et al., "Temporal Effective Batch Normalization in Spiking Neural Networks", NeurIPS 2022].

    Accuracies on this split are higher than on a random one.

    :param train: whether to use the training samples

    The other parameters are those of :class:`NeuromorphicDatasetFolder`.

    :raises TypeError: if ``train`` is no bool
    """

    def __init__(self, root: str | os.PathLike[str], train: bool = True, *args: Any, **options: Any) -> None:
        if not isinstance(train, bool):
            raise TypeError(f"CIFAR10DVSTEBNSplit: train must be True or False, but {train!r} was given.")
        super().__init__(root, *args, **options)
        self.train = train
        self.samples = [sample for sample in self.samples if (_number(sample[0]) >= 100) == train]
        self.targets = [label for _, label in self.samples]


def _number(path: str) -> int:
    """Of a recording, from a name such as ``cifar10_cat_12.npz``, or with a number of frames behind it."""
    return int(Path(path).stem.split("_")[2])
