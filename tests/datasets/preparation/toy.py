"""A data set small enough to look at: an archive of text files, four lines an event, and a subclass with statics only."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np

from spikingjelly.datasets._folder import NeuromorphicDatasetFolder
from spikingjelly.datasets._preparation.archives import extract
from spikingjelly.datasets._preparation.npz import write_events
from spikingjelly.datasets._preparation.workers import map_files

H, W = 4, 5
CLASSES = ["cat", "dog"]
PER_CLASS = {"train": 6, "test": 2}


def events(split: str, name: str, number: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng([len(split), CLASSES.index(name), number])
    count = 20 + number
    return {
        "t": np.sort(generator.integers(0, 100_000, count)),
        "x": generator.integers(0, W, count),
        "y": generator.integers(0, H, count),
        "p": generator.integers(0, 2, count),
    }


def archive(bad: str | None = None) -> bytes:
    """The same bytes on every call.

    :param bad: a member that holds no events
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for split, per_class in PER_CLASS.items():
            for name in CLASSES:
                for number in range(per_class):
                    member = f"toy/{split}/{name}/{number:03d}.txt"
                    rows = np.stack([events(split, name, number)[key] for key in "txyp"], 1)
                    text = "\n".join(" ".join(map(str, row)) for row in rows)
                    file.writestr(zipfile.ZipInfo(member), "not events" if member == bad else text)
    return buffer.getvalue()


def place(root: Path, content: bytes | None = None) -> Path:
    (root / "download").mkdir(parents=True)
    path = root / "download" / "toy.zip"
    path.write_bytes(archive() if content is None else content)
    return path


class Toy(NeuromorphicDatasetFolder):
    """Nothing but the statics, as users write it."""

    @staticmethod
    def resource_url_md5() -> list[tuple[str, str, str]]:
        return [("toy.zip", "https://example.org/toy", hashlib.md5(archive()).hexdigest())]

    @staticmethod
    def downloadable() -> bool:
        return False

    @staticmethod
    def extract_downloaded_files(download_root: str, extract_root: str) -> None:
        extract(os.path.join(download_root, "toy.zip"), extract_root)

    @staticmethod
    def create_events_np_files(extract_root: str, events_np_root: str) -> None:
        source = Path(extract_root) / "toy"

        def convert(path: Path) -> None:
            t, x, y, p = np.loadtxt(path, dtype=np.int64).T
            target = Path(events_np_root) / path.relative_to(source).with_suffix(".npz")
            target.parent.mkdir(parents=True, exist_ok=True)
            write_events(target, {"t": t, "x": x, "y": y, "p": p})

        map_files(convert, sorted(source.rglob("*.txt")))

    @staticmethod
    def get_H_W() -> tuple[int, int]:
        return H, W


class AnyToy(Toy):
    """Takes any archive."""

    @staticmethod
    def resource_url_md5() -> list[tuple[str, str, str]]:
        return [("toy.zip", "https://example.org/toy", "")]


def count_image(events: dict[str, np.ndarray], H: int, W: int) -> np.ndarray:
    """All events in one frame."""
    place = (events["p"].astype(np.int64) * H + events["y"]) * W + events["x"]
    return np.bincount(place, minlength=2 * H * W).reshape(1, 2, H, W)


def by_number(events: dict[str, np.ndarray], split_by: str, frames_num: int, H: int, W: int) -> np.ndarray:
    assert split_by == "number"
    ends = [*(np.arange(1, frames_num) * (len(events["t"]) // frames_num)), len(events["t"])]
    starts = [0, *ends[:-1]]
    parts = [{key: events[key][i:j] for key in events} for i, j in zip(starts, ends, strict=True)]
    return np.concatenate([count_image(part, H, W) for part in parts])
