"""Archives in memory, and a data set that takes them for the published ones."""

import hashlib
import io
import random
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from spikingjelly.datasets import NeuromorphicDatasetFolder, Resource
from tests.datasets.formats.writers import Event


def zipped(members: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def tarred(members: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def made_up(seed: str, H: int, W: int, first: int = 1000, count: int = 40) -> list[Event]:
    """Events at different times, among them one in each corner of the sensor."""
    rng = random.Random(seed)
    corners = [(x, y) for x in (0, W - 1) for y in (0, H - 1)]
    pixels = corners + [(rng.randrange(W), rng.randrange(H)) for _ in range(count - len(corners))]
    rng.shuffle(pixels)
    times = sorted(rng.sample(range(first, first + 90_000), count))
    return [Event(t, x, y, rng.randrange(2)) for t, (x, y) in zip(times, pixels, strict=True)]


def believe(monkeypatch: pytest.MonkeyPatch, cls: Any, files: Mapping[str, bytes]) -> None:
    """Make ``cls`` expect the checksums of ``files``; an entry without a checksum stays as it is."""
    entries = [
        entry
        if isinstance(entry, Resource)
        else (entry[0], entry[1], hashlib.md5(files.get(entry[0], b"")).hexdigest())
        for entry in cls.resource_url_md5()
    ]
    monkeypatch.setattr(cls, "resource_url_md5", staticmethod(lambda: entries))


def place(monkeypatch: pytest.MonkeyPatch, root: Path, cls: Any, files: Mapping[str, bytes]) -> None:
    """Put ``files`` where people put what they downloaded; files of the data set that are not given are notes."""
    names = [entry.name if isinstance(entry, Resource) else entry[0] for entry in cls.resource_url_md5()]
    assert set(files) <= set(names)
    complete = {name: files.get(name, f"notes on {name}".encode()) for name in names}
    believe(monkeypatch, cls, complete)
    (root / "download").mkdir(parents=True)
    for name, content in complete.items():
        (root / "download" / name).write_bytes(content)


def open_quietly(cls: type[NeuromorphicDatasetFolder], root: Path, *arguments: Any, **options: Any) -> Any:
    return cls(root, *arguments, progress=False, num_workers=1, **options)
