"""Whether the files of a data set are what they should be. Nothing is changed on the disk."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from spikingjelly.datasets._command.opening import is_folder, is_images
from spikingjelly.datasets._command.registry import Entry
from spikingjelly.datasets._errors import DatasetNotFoundError
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._preparation import npz, resources
from spikingjelly.datasets._preparation.frames import npz_files
from spikingjelly.datasets._preparation.stages import counts, has_entries, read_manifest
from spikingjelly.datasets.formats import ShdFile

_NOT_SAMPLES = {"download", "extract"}


@dataclass
class Findings:
    """What a check found: ``problems`` are wrong, ``notes`` are worth knowing."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify(entry: Entry, root: Path, every: int, progress: bool = True) -> Findings:
    """Hashes of the downloads, manifests, numbers of samples, and the content of every ``every``-th sample."""
    findings = Findings()
    if is_images(entry):
        _check_images(entry, root, findings, progress)
        return findings
    if not root.is_dir() or not any(path.is_dir() and has_entries(path) for path in root.iterdir()):
        findings.problems.append(f"{root.absolute()}: nothing of the data set is there")
        return findings
    _check_downloads(entry, root / "download", findings, progress)
    _check_stages(entry, root, findings)
    if is_folder(entry):
        for folder in _sample_folders(root, findings):
            _check_samples(entry, folder, every, findings, progress)
    else:
        _check_recordings(entry, root, every, findings, progress)
    return findings


def _check_images(entry: Entry, root: Path, findings: Findings, progress: bool) -> None:
    """Of pictures: the hashes of the files that are as published, and the numbers of images and classes of all."""
    folders = set()
    for split, chosen in entry.splits.items():
        try:
            dataset = entry.load()(root, **chosen.arguments)
        except DatasetNotFoundError:
            findings.notes.append(f"{split}: its files are not there, so they were not checked")
        except (OSError, ValueError) as error:
            findings.problems.append(_located(root, error))
        else:
            folders.add(dataset.folder)
            _compare(dataset.folder, len(dataset), len(dataset.targets.unique()), entry, split, findings)
    for folder in sorted(folders):
        _check_downloads(entry, folder, findings, progress)
    if not folders and not findings.problems:
        findings.problems.append(f"{root.absolute()}: nothing of the data set is there")


def _check_downloads(entry: Entry, folder: Path, findings: Findings, progress: bool) -> None:
    for resource in tqdm(entry.resources(), "Hashes", unit="file", disable=not progress):
        path = resources.find(folder, resource.name)
        if path is None:
            findings.notes.append(f"{folder.name}: {resource.name} is not there, so it was not checked")
        elif not (resource.md5 or resource.sha256):
            findings.notes.append(f"{path}: no hash is published for it, so it was not checked")
        elif complaint := resource.complaint(path):
            findings.problems.append(f"{path}: {complaint}")
    findings.notes += [f"{path}: a download that is not complete" for path in sorted(folder.glob("*.part"))]


def _check_stages(entry: Entry, root: Path, findings: Findings) -> None:
    """What each manifest says against what is there."""
    hashes = {resource.name: resource.sha256 or resource.md5 for resource in entry.resources()}
    events = _manifest(root / "events_np", Findings()) or {}
    for folder in sorted(path for path in [*root.glob("*/"), *root.glob("extract/*/")] if path.name[0] != "."):
        manifest = _manifest(folder, findings)
        if manifest is None:
            continue
        found, wanted = counts(folder), manifest.get("counts") or {}
        for place in sorted(found.keys() | wanted.keys()):
            if found.get(place) != wanted.get(place):
                findings.problems.append(
                    f"{folder / place}: holds {found.get(place, 0):,} files, and held {wanted.get(place, 0):,} "
                    "when it was built"
                )
        source = manifest.get("source") or {}
        findings.problems += [
            f"{folder}: was made from {name} with hash {source[name]}, expected {hashes[name]}"
            for name in sorted(hashes.keys() & source.keys())
            if source[name] != hashes[name]
        ]
        if events and source.get("events_np", events.get("id")) != events.get("id"):
            findings.problems.append(f"{folder}: was made from other events than those in events_np now")
        skipped = manifest.get("skipped") or {}
        findings.notes += [f"{file}: was left out ({reason})" for file, reason in skipped.items()]
    findings.notes += [f"{path}: left by an interrupted run" for path in sorted(root.glob(".*.building-*"))]


def _manifest(folder: Path, findings: Findings) -> dict[str, Any] | None:
    try:
        return read_manifest(folder)
    except ValueError as error:
        findings.problems.append(str(error))
        return None


def _sample_folders(root: Path, findings: Findings) -> list[Path]:
    folders = sorted(
        path
        for path in root.iterdir()
        if path.is_dir()
        and path.name[0] != "."
        and path.name not in _NOT_SAMPLES
        and not re.search(r"\.outdated-\d+$", path.name)
    )
    for folder in folders:
        if _manifest(folder, Findings()) is None:
            findings.notes.append(
                f"{folder}: has no manifest that can be read, so it can't be told whether it is complete"
            )
    if not folders:
        findings.notes.append("no events or frames have been made yet")
    return folders


def _check_samples(entry: Entry, folder: Path, every: int, findings: Findings, progress: bool) -> None:
    files = npz_files(folder)
    of_split = {split: [f for f in files if f.is_relative_to(folder / split)] for split in entry.splits}
    for split, part in of_split.items():
        classes = len({path.relative_to(folder / split).parts[0] for path in part})
        _compare(folder / split, len(part), classes, entry, split, findings)
    _compare_total(folder, sum(map(len, of_split.values())), entry, findings)
    judge = _judge_of(entry, folder)
    for path in tqdm(files[::every], folder.name, unit="file", disable=not progress):
        _try(path, partial(judge, path), findings)


def _compare(where: Path, samples: int, classes: int, entry: Entry, split: str, findings: Findings) -> None:
    expected = entry.splits[split].samples
    if samples == 0:
        findings.problems.append(f"{where}: holds no samples")
        return
    if expected is not None and samples != expected:
        findings.problems.append(f"{where}: holds {samples:,} samples, and {expected:,} are published")
    if classes != entry.classes:
        findings.problems.append(f"{where}: holds {classes:,} classes, and {entry.classes:,} are published")


def _compare_total(where: Path, samples: int, entry: Entry, findings: Findings) -> None:
    if entry.total is not None and samples != entry.total:
        findings.problems.append(f"{where}: holds {samples:,} samples, and {entry.total:,} are published")


def _judge_of(entry: Entry, folder: Path) -> Callable[[Path], str | None]:
    """What is wrong with a file of the folder, in words."""
    cls = entry.load()
    H, W = cls.get_H_W()
    if folder.name == "events_np":
        return lambda path: _fault_of_events(cls.load_events_np(str(path)), H, W)
    if number := re.fullmatch(r"frames_number_(\d+)_split_by_\w+", folder.name):
        return lambda path: _fault_of_frames(npz.read_frames(path), (int(number[1]), 2, H, W))
    if re.fullmatch(r"duration_\d+", folder.name):
        return lambda path: _fault_of_frames(npz.read_frames(path), (_length_in(path), 2, H, W))
    return lambda path: None if np.isfinite(npz.read_frames(path)).all() else "its frames are not all finite numbers"


def _length_in(path: Path) -> int | None:
    match = re.search(r"_(\d+)$", path.stem)
    return int(match[1]) if match else None


def _fault_of_events(events: Events, H: int, W: int) -> str | None:
    if len(events["t"]) == 0:
        return "it holds no events"
    for name, size in (("x", W), ("y", H), ("p", 2)):
        low, high = int(events[name].min()), int(events[name].max())
        if low < 0 or high >= size:
            return f"{name} is from {low} to {high}, expected 0 to {size - 1}"
    return None


def _fault_of_frames(frames: np.ndarray, shape: Sequence[int | None]) -> str | None:
    if frames.ndim != len(shape) or any(w is not None and n != w for n, w in zip(frames.shape, shape, strict=True)):
        wanted = ", ".join("T" if size is None else str(size) for size in shape)
        return f"its frames have the shape {list(frames.shape)}, expected [{wanted}]"
    return None if (frames >= 0).all() else "its frames are not all counts of events"


def _check_recordings(entry: Entry, root: Path, every: int, findings: Findings, progress: bool) -> None:
    """Of data sets that are read from one HDF5 file for each split."""
    for split in entry.splits:
        files = sorted(root.glob(f"**/*_{split}.h5"))
        if not files:
            findings.notes.append(f"{split}: is not unpacked, so it was not checked")
        for path in files:
            try:
                recordings = ShdFile(path)
            except (OSError, ValueError) as error:
                findings.problems.append(_located(path, error))
                continue
            _compare(path, len(recordings), len(set(recordings.labels.tolist())), entry, split, findings)
            for index in tqdm(range(0, len(recordings), every), path.name, unit="sample", disable=not progress):
                judge = partial(_fault_of_recording, recordings, index)
                _try(f"{path}, recording {index}", judge, findings)


def _fault_of_recording(recordings: ShdFile, index: int) -> str | None:
    return None if len(recordings[index]["t"]) else "it holds no spikes"


def _try(where: Path | str, judge: Callable[[], str | None], findings: Findings) -> None:
    try:
        fault: str | Exception | None = judge()
    except (OSError, ValueError) as error:  # damaged in whatever way
        fault = error
    if fault:
        findings.problems.append(_located(where, fault))


def _located(where: Path | str, fault: str | Exception) -> str:
    return str(fault) if str(where) in str(fault) else f"{where}: {fault}"
