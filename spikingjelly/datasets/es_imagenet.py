"""ES-ImageNet: the pictures of ImageNet, turned into events by a moving view."""

import os
import re
from pathlib import Path
from typing import ClassVar

from spikingjelly.datasets._conversion import folder_with
from spikingjelly.datasets._errors import DatasetFormatError, DatasetNotFoundError
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._folder import NeuromorphicDatasetFolder
from spikingjelly.datasets._preparation.archives import extract
from spikingjelly.datasets.formats import read_es_imagenet

_URL = "https://cloud.tsinghua.edu.cn/d/94873ab4ec2a4eb497b3/files/?p=%2F{name}&dl=1"
_CLASSES = 1000
_VOLUME = "ES-imagenet-0.18.part{number:02}.rar"
_MD5 = """
    900bdd57b5641f7d81cd4620283fef76 5982532009e863a8f4e18e793314c54b 8f408c1f5a1d4604e48d0d062a8289a0
    5c5b5cf0a55954eb639964e3da510097 51feb661b4c9fa87860b63e76b914673 fcd007a2b17b7c13f338734c53f6db31
    d3e74b96d9c5df15714bbc3abcd329fc 65b9cf7fa63e18d2e7d92ff45a42a5e5 241c9a37a83ff9efd305fe46d012211e
    ceee96971008e30d0cdc34086c49fd75 4fbfefbe6e48758fbb72427c81f119cf c8cc163be4e5f6451201dccbded4ec24
    08c9dff32f6b42c49ef7cd78e37c728e 43aa157dc5bd5fcea81315a46e0322cf 480a69b050f465ef01efcc44ae29f7df
    11abd24d92b93e7f85acd63abd4a18ab 3891486a6862c63a325c5f16cd01fdd1 cf8bb0525b514f411bca9d7c2d681f7c
    3766bc35572ccacc03f0f293c571d0ae bf73a5e338644122220e41da7b5630e6 564de4a2609cbb0bb67ffa1bc51f2487
    60a9e52db1acadfccc9a9809073f0b04 373b5484826d40d7ec35f0e1605cb6ea a50612e889b20f99cc7b2725dfd72e9e
    0802ccdeb0cff29237faf55164524101
""".split()  # noqa: SIM905 - 25 strings in quotes say no more


class ESImageNet(NeuromorphicDatasetFolder):
    """ES-ImageNet [Lin et al., "ES-ImageNet: a million event-stream classification dataset for spiking neural
    networks", Front. Neurosci. 2021].

    About 1.26 million training and 49 881 test samples of 1000 classes, 256 x 256 pixels; ``t`` is a step from 1 to 8,
    so ``duration`` is a number of steps. 25 rar volumes of about 100 GB in all are downloaded; unpacking them needs
    unrar, 7z or 7zz. The files of events are those of the archive, linked, not copied.

    The parameters are those of :class:`NeuromorphicDatasetFolder`.
    """

    events_growth: ClassVar[float] = 0.0  # linked

    @staticmethod
    def resource_url_md5() -> list:
        names = [_VOLUME.format(number=number) for number in range(1, len(_MD5) + 1)]
        return [(name, _URL.format(name=name), md5) for name, md5 in zip(names, _MD5, strict=True)]

    @staticmethod
    def downloadable() -> bool:
        return True

    @staticmethod
    def extract_downloaded_files(download_root: str, extract_root: str) -> None:
        extract(Path(download_root) / _VOLUME.format(number=1), extract_root, max_bytes=400 * 2**30)

    @staticmethod
    def create_events_np_files(extract_root: str, events_np_root: str) -> None:
        source = folder_with(Path(extract_root), ("train", "val", "vallabel.txt"), "ESImageNet")
        target = Path(events_np_root)
        for folder in sorted((source / "train").iterdir()):
            if folder.is_dir():
                _link(sorted(folder.glob("*.npz")), target / "train" / folder.name)
        for path, label in _labels(source / "vallabel.txt", source / "val"):
            _link([path], target / "test" / f"class{label}")

    @staticmethod
    def get_H_W() -> tuple[int, int]:
        return 256, 256

    @staticmethod
    def load_events_np(fname: str) -> Events:
        return load_events(fname)

    @staticmethod
    def find_classes(directory: str) -> tuple[list[str], dict[str, int]]:
        """The folders ``class0``, ``class1``, ...: the number is the label."""
        names = [entry.name for entry in os.scandir(directory) if entry.is_dir() and entry.name[0] != "."]
        names.sort(key=lambda name: _number(name, directory))
        return names, {name: _number(name, directory) for name in names}


def load_events(fname: str | os.PathLike[str]) -> Events:
    """:func:`spikingjelly.datasets.formats.read_es_imagenet` under the name that published code calls.

    :param fname: path of the .npz file
    :return: a dictionary with the arrays ``t, x, y, p``; ``t`` is a step from 1 to 8
    """
    return read_es_imagenet(fname)


def _number(name: str, directory: str) -> int:
    match = re.fullmatch(r"class(\d+)", name)
    if match is None:
        raise DatasetFormatError(f"{directory}: folder {name} is not named class<number>.")
    return int(match[1])


def _labels(path: Path, folder: Path) -> list[tuple[Path, int]]:
    """The test samples and their labels, from lines ``<name> <label> <height> <width>``."""
    samples = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) < 2 or not words[1].isdecimal() or int(words[1]) >= _CLASSES:
            raise DatasetFormatError(
                f"{path}, line {number}: {line!r} is not '<name> <label 0 to {_CLASSES - 1}> ...'."
            )
        sample = folder / (words[0].removesuffix(".npz") + ".npz")
        if not sample.is_file():
            raise DatasetNotFoundError(
                f"ESImageNet: {path}, line {number} lists {sample.name}, which is not in {folder}."
            )
        samples.append((sample, int(words[1])))
    return samples


def _link(files: list[Path], folder: Path) -> None:
    """The files once more in ``folder``, without a copy of their bytes where the disk can do so."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        target = folder / file.name
        target.unlink(missing_ok=True)
        try:
            os.link(file, target)
        except OSError:  # another disk, or one without hard links
            target.write_bytes(file.read_bytes())
