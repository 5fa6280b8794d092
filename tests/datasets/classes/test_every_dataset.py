"""Every data set on the whole way from the published archives to batches, in miniature."""

import functools
import hashlib
import re
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from spikingjelly.datasets import (
    DatasetFormatError,
    DatasetNotFoundError,
    PreparationError,
    Resource,
    pad_sequence_collate,
)
from spikingjelly.datasets._preparation.stages import read_manifest
from spikingjelly.datasets.dvs128_gesture import DVS128Gesture
from spikingjelly.datasets.es_imagenet import ESImageNet
from tests.datasets.classes.archives import open_quietly, place
from tests.datasets.classes.published import ALL, Published, Sample
from tests.datasets.conftest import Mirror
from tests.datasets.formats.writers import Event

BUILDERS = {build.__name__: functools.cache(build) for build in ALL}
DTYPES = {"t": np.int64, "x": np.int32, "y": np.int32, "p": np.int8}
# Stands for 7z: the same arguments, the same list, but what it unpacks is a zip.
STAND_IN = f"""#!{sys.executable}
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[-1])
if sys.argv[1] == "x":
    (folder,) = [argument[2:] for argument in sys.argv if argument.startswith("-o")]
    archive.extractall(folder)
else:
    for info in archive.infolist():
        print("Path =", info.filename)
        print("Size =", info.file_size)
        print("Folder = -")
        print()
"""

Placed = Callable[[str], Published]


@pytest.fixture(params=BUILDERS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def published(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    """The archives are in the folder ``download``."""
    made = BUILDERS[name]()
    if made.cls is ESImageNet:
        program = tmp_path / "programs" / "7z"
        program.parent.mkdir()
        program.write_text(STAND_IN)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(program.parent))
    place(monkeypatch, tmp_path, made.cls, made.files)
    return made


def columns(events: list[Event]) -> dict[str, list[int]]:
    return {key: [getattr(event, key) for event in events] for key in "txyp"}


def frames_of(events: list[Event], starts: list[int], H: int, W: int) -> np.ndarray:
    """Frame k has the events from number ``starts[k]`` on, until the next frame begins."""
    frames = np.zeros((len(starts), 2, H, W), np.float32)
    for number, event in enumerate(events):
        frame = max(k for k, start in enumerate(starts) if start <= number)
        frames[frame, event.p, event.y, event.x] += 1
    return frames


def test_events_are_those_that_were_written(published: Published, tmp_path: Path) -> None:
    """All events of all samples of all parts, in the order of the labels, with names and labels."""
    for arguments, samples in published.samples.items():
        dataset = open_quietly(published.cls, tmp_path, *arguments)
        assert [Path(path).stem for path, _ in dataset.samples] == [sample.stem for sample in samples]
        assert dataset.targets == [sample.label for sample in samples]
        assert dataset.classes == list(dict.fromkeys(sample.folder for sample in samples))
        assert dataset.class_to_idx == {sample.folder: sample.label for sample in samples}
        for (events, label), sample in zip(dataset, samples, strict=True):
            assert label == sample.label
            assert {key: column.dtype for key, column in events.items()} == DTYPES
            assert {key: column.tolist() for key, column in events.items()} == columns(sample.events)


@pytest.mark.parametrize("split_by", ["number", "time"])
def test_frames_by_number_and_time(published: Published, tmp_path: Path, split_by: str) -> None:
    """Against a count event by event, on the size of the sensor, in batches."""
    arguments, samples = published.smallest
    dataset = open_quietly(published.cls, tmp_path, *arguments, "frame", 3, split_by)
    ((x, y),) = DataLoader(dataset, batch_size=len(samples))
    H, W = published.cls.get_H_W()
    assert x.dtype == torch.float32
    assert x.shape == (len(samples), 3, 2, H, W)
    assert y.tolist() == [sample.label for sample in samples]
    for frames, sample in zip(x, samples, strict=True):
        events, count = sample.events, len(sample.events)
        window = (events[-1].t - events[0].t) // 3
        starts = [k * (count // 3) for k in range(3)]
        if split_by == "time":
            starts = [sum(event.t < events[0].t + k * window for event in events) for k in range(3)]
        assert np.array_equal(frames.numpy(), frames_of(events, starts, H, W))


def test_frames_by_duration(published: Published, tmp_path: Path) -> None:
    """As many as the recording is long; filled up in a batch, with the lengths beside it."""
    arguments, samples = published.smallest
    duration = 3 if published.cls is ESImageNet else 20_000
    options = {"data_type": "frame", "duration": duration}
    dataset = open_quietly(published.cls, tmp_path, *arguments, **options)
    H, W = published.cls.get_H_W()
    lengths = []
    for (frames, _), sample in zip(dataset, samples, strict=True):
        events = sample.events
        T = -(-(events[-1].t - events[0].t) // duration)
        starts = [sum(event.t < events[0].t + k * duration for event in events) for k in range(T)]
        assert np.array_equal(frames, frames_of(events, starts, H, W))
        lengths.append(T)
    x, y, length = next(iter(DataLoader(dataset, batch_size=len(samples), collate_fn=pad_sequence_collate)))
    assert x.shape == (len(samples), max(lengths), 2, H, W)
    assert length.tolist() == lengths
    assert y.tolist() == [sample.label for sample in samples]
    assert x.sum().item() == sum(len(sample.events) for sample in samples)


def test_transforms_are_applied(published: Published, tmp_path: Path) -> None:
    arguments, samples = published.smallest
    dataset = open_quietly(
        published.cls, tmp_path, *arguments, transform=lambda events: len(events["t"]), target_transform=lambda y: -y
    )
    assert list(dataset) == [(len(sample.events), -sample.label) for sample in samples]


def test_a_function_of_ones_own(published: Published, tmp_path: Path) -> None:
    """It gets the events and the size of the sensor; its frames lie in a folder of the given name."""

    def last_event(events: dict[str, np.ndarray], H: int, W: int) -> np.ndarray:
        return np.array([[events["x"][-1], events["y"][-1], H, W]])

    arguments, samples = published.smallest
    dataset = open_quietly(published.cls, tmp_path, *arguments, "frame", None, None, None, last_event, "last_events")
    assert dataset.root.startswith(str(tmp_path / "last_events"))
    for (frame, _), sample in zip(dataset, samples, strict=True):
        assert frame.tolist() == [[sample.events[-1].x, sample.events[-1].y, *published.cls.get_H_W()]]


def test_what_is_missing_is_named(published: Published, tmp_path: Path) -> None:
    """With its checksum, where it comes from and where it goes; what is there is not asked for."""
    arguments, _ = published.smallest
    entries = [
        entry if isinstance(entry, Resource) else Resource.of(entry, False)
        for entry in published.cls.resource_url_md5()
    ]
    gone = entries[-1]
    (tmp_path / "download" / gone.name).unlink()
    with pytest.raises(DatasetNotFoundError) as caught:
        open_quietly(published.cls, tmp_path, *arguments, download=False)
    text = str(caught.value)
    for needed in (gone.name, gone.md5 or "", gone.page, str(tmp_path / "download"), published.cls.__name__):
        assert needed in text
    for entry in entries[:-1]:
        assert entry.md5 not in text
    by_hand = "must be downloaded by hand" if not published.cls.downloadable() else "download=False"
    assert by_hand in text
    assert not (tmp_path / "extract").exists()


def test_a_damaged_archive_is_refused_before_it_is_unpacked(published: Published, tmp_path: Path) -> None:
    arguments, _ = published.smallest
    name = next(iter(published.files))
    path = tmp_path / "download" / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    entry = next(e for e in published.cls.resources() if e.name == name)
    with pytest.raises(DatasetFormatError, match=name.replace("(", r"\(")) as caught:
        open_quietly(published.cls, tmp_path, *arguments)
    assert entry.md5 is None or entry.md5 in str(caught.value)
    assert not (tmp_path / "events_np").exists()
    assert path.stat().st_size == len(content) // 2


def test_a_second_time_nothing_is_built(published: Published, tmp_path: Path) -> None:
    """Archives and unpacked files may be gone by then."""
    arguments, samples = published.smallest
    open_quietly(published.cls, tmp_path, *arguments)
    for name in ("download", "extract"):
        (tmp_path / name).rename(tmp_path / f"{name} elsewhere")
    events, _ = open_quietly(published.cls, tmp_path, *arguments)[0]
    assert events["t"].tolist() == [event.t for event in samples[0].events]
    assert not (tmp_path / "download").exists()


def test_a_split_must_be_chosen(published: Published, tmp_path: Path) -> None:
    """A data set with parts is never opened as a whole or as none: None is refused, as is an unknown part."""
    if () in published.samples:
        with pytest.raises(TypeError):
            open_quietly(published.cls, tmp_path, train=True)
        return
    for wrong in (None, "all"):
        with pytest.raises((ValueError, TypeError), match="train"):
            open_quietly(published.cls, tmp_path, wrong)


def damage_one(extract: Path, published: Published) -> tuple[Path, tuple[object, ...], list[Sample]]:
    """Damage a recording of a class that has others.

    :return: the file, the arguments of its part, and the samples of the part that remain
    """
    arguments, samples = next(iter(published.samples.items()))
    of_label = [sample for sample in samples if sample.label == samples[-1].label]
    chosen = of_label[0] if len(of_label) > 1 else samples[0]
    is_cut = published.cls is DVS128Gesture  # a recording holds many samples
    stem = chosen.stem.rsplit("_", 1)[0] if is_cut else chosen.stem
    part = "train" if arguments == (True,) else str(arguments[0]) if arguments else ""
    files = [path for path in extract.rglob(f"{stem}.*") if path.is_file()]
    if len(files) > 1:
        files = [p for p in files if chosen.folder in p.parts and (not part or part in p.as_posix().casefold())]
    (file,) = files
    file.write_bytes(b"damaged")
    gone = [s for s in samples if s is chosen or (is_cut and s.stem.startswith(stem))]
    return file, arguments, [s for s in samples if s not in gone]


def test_a_damaged_recording_is_named_or_left_out_and_counted(
    published: Published, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The rest is complete, and what was left out stands in the manifest."""
    open_quietly(published.cls, tmp_path, *published.smallest[0])
    shutil.rmtree(tmp_path / "events_np")
    bad, arguments, rest = damage_one(tmp_path / "extract", published)
    options = {"data_type": "frame", "frames_number": 1, "split_by": "number"}
    with pytest.raises(PreparationError, match=re.escape(bad.name)) as caught:
        open_quietly(published.cls, tmp_path, *arguments, **options)
    assert 'on_error="skip"' in str(caught.value)
    assert not (tmp_path / "frames_number_1_split_by_number").exists()
    dataset = open_quietly(published.cls, tmp_path, *arguments, **options, on_error="skip")
    assert [Path(path).stem for path, _ in dataset.samples] == [sample.stem for sample in rest]
    skipped = {}
    for folder in ("events_np", "frames_number_1_split_by_number"):
        skipped |= (read_manifest(tmp_path / folder) or {})["skipped"]
    assert [Path(file).name for file in skipped] == [bad.name]
    assert "1 files were skipped" in caplog.text
    assert bad.name in caplog.text


def test_mirrors_are_tried_in_order(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: Mirror
) -> None:
    """The first has nothing, the second breaks the first file off, the third has all; what is there is not fetched."""
    arguments, samples = published.smallest
    mirrored = []
    for resource in published.cls.resources():
        path = tmp_path / "download" / resource.name
        mirror.files |= {f"{folder}/{resource.name}": path.read_bytes() for folder in ("breaks", "good")}
        mirror.cut.add(f"breaks/{resource.name}")
        urls = tuple(f"{mirror.url}{folder}/{resource.name}" for folder in ("absent", "breaks", "good"))
        mirrored.append(Resource(resource.name, urls, hashlib.md5(path.read_bytes()).hexdigest()))
    monkeypatch.setattr(published.cls, "resource_url_md5", staticmethod(lambda: mirrored))
    monkeypatch.setattr(published.cls, "downloadable", staticmethod(lambda: True))
    gone = mirrored[0].name
    (tmp_path / "download" / gone).unlink()
    dataset = open_quietly(published.cls, tmp_path, *arguments)
    asked = [name for number, name in enumerate(mirror.asked) if name not in mirror.asked[:number]]
    assert [unquote(name) for name in asked] == [f"{folder}/{gone}" for folder in ("absent", "breaks", "good")]
    assert [Path(path).stem for path, _ in dataset.samples] == [sample.stem for sample in samples]
