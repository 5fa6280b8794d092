"""Data sets built from an entry, as the command's options say, and what is in their folders."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spikingjelly.datasets._command.registry import Entry
from spikingjelly.datasets._errors import DatasetNotFoundError
from spikingjelly.datasets._folder import NeuromorphicDatasetFolder
from spikingjelly.datasets._idx_images import IdxImages
from spikingjelly.datasets._preparation.stages import has_entries, read_manifest

_MANY = 40  # classes: not listed one by one


class WrongOptionError(ValueError):
    """An option asks for what the data set has not."""


def is_folder(entry: Entry) -> bool:
    """Whether the data set goes through events and frames in folders."""
    return issubclass(entry.load(), NeuromorphicDatasetFolder)


def is_images(entry: Entry) -> bool:
    """Whether the data set holds pictures, not events."""
    return issubclass(entry.load(), IdxImages)


def splits(entry: Entry, train: bool | None) -> list[str]:
    """The parts that ``--train`` or ``--test`` choose; all without them.

    :raises WrongOptionError: if the data set is not split
    """
    if train is None:
        return list(entry.splits)
    name = "train" if train else "test"
    if name not in entry.splits:
        raise WrongOptionError(f"{entry.name} has no official split: leave --{name} out.")
    return [name]


def build(entry: Entry, root: Path, split: str, **options: Any) -> Any:
    """The part ``split`` of the data set in ``root``."""
    return entry.load()(root, **entry.splits[split].arguments, **options)


def prepared(entry: Entry, root: Path, split: str) -> Any:
    """The same, as events, if its files are ready for it: nothing is downloaded or converted.

    :raises DatasetNotFoundError: if they are not
    """
    where = root / ("events_np" if is_folder(entry) else "")
    if not has_entries(where):
        raise DatasetNotFoundError(
            f"{entry.name}: nothing is prepared in {where.absolute()}. First run:\n"
            f'    python -m spikingjelly.datasets prepare {entry.name} --root "{root}"'
        )
    return build(entry, root, split, download=False)


def class_names(dataset: Any) -> dict[int, str]:
    """The class of each label."""
    if hasattr(dataset, "class_to_idx"):
        return {label: name for name, label in dataset.class_to_idx.items()}
    return dict(enumerate(dataset.classes))


def census(datasets: Mapping[str, Any]) -> str:
    """Samples per split and class."""
    lines = []
    for split, dataset in datasets.items():
        found, names = Counter(int(label) for label in dataset.targets), class_names(dataset)
        lines.append(f"{split or 'all'}: {len(dataset):,} samples of {len(found)} classes")
        if len(found) > _MANY:
            lines.append(f"    {min(found.values()):,} to {max(found.values()):,} of a class")
            continue
        width = max(len(names.get(label, str(label))) for label in found)
        lines += [f"    {names.get(label, str(label)):<{width}}  {found[label]:>7,}" for label in sorted(found)]
    return "\n".join(lines)


def inventory(root: Path) -> str:
    """Files and bytes of each folder of the data set."""
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    width = max((len(folder.name) for folder in folders), default=0)
    lines = []
    for folder in folders:
        files, size = _weight(folder)
        skipped = (read_manifest(folder) or {}).get("skipped", {})
        note = f"  ({counted(len(skipped), 'damaged file')} left out)" if skipped else ""
        lines.append(f"{folder.name:<{width}}  {files:>9,} files  {in_units(size):>9}{note}")
    return "\n".join(lines)


def _weight(folder: Path) -> tuple[int, int]:
    sizes = [os.path.getsize(os.path.join(path, name)) for path, _, files in os.walk(folder) for name in files]
    return len(sizes), sum(sizes)


def counted(number: int, what: str) -> str:
    """The number and what it counts."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def in_units(size: float) -> str:
    """Bytes in words."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def listed(lines: Sequence[str], most: int = 50) -> str:
    """The lines, and how many more there are than can be read."""
    shown = [f"    {line}" for line in lines[:most]]
    return "\n".join([*shown, *([f"    and {len(lines) - most:,} more"] if len(lines) > most else [])])
