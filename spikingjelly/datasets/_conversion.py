"""Recordings of one file each, converted to files of events on all cores."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from spikingjelly.datasets._errors import DatasetFormatError, DatasetNotFoundError
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._preparation.npz import write_events
from spikingjelly.datasets._preparation.workers import map_files


def convert(
    files: Sequence[Path], read: Callable[[Path], Events], place: Callable[[Path], Path], label: str = "Events"
) -> None:
    """Write what ``read`` gives for each of ``files`` to ``place(file)``, a name with the suffix ``.npz``.

    :raises DatasetFormatError: if two files would become the same sample
    """
    origins: dict[Path, Path] = {}
    for file in files:
        other = origins.setdefault(place(file), file)
        if other != file:
            raise DatasetFormatError(f"{other} and {file} would become the same sample {place(file).name}.")

    def one(file: Path) -> None:
        target = place(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_events(target, read(file))

    map_files(one, files, label)


def recordings(folder: Path, pattern: str, owner: str) -> list[Path]:
    """The files below ``folder`` that fit ``pattern``, sorted by name.

    Hidden files are none, as macOS adds them to archives (``__MACOSX/._name``).

    :raises DatasetNotFoundError: if there are none
    """
    files = [path for path in sorted(folder.glob(pattern)) if path.is_file() and _is_visible(path.relative_to(folder))]
    if not files:
        raise DatasetNotFoundError(
            f"{owner}: no file {pattern} below {folder}. The archive has another layout than expected, or was not "
            "unpacked there."
        )
    return files


def _is_visible(path: Path) -> bool:
    return not any(part.startswith(".") for part in path.parts)


def folder_with(root: Path, names: Iterable[str], owner: str) -> Path:
    """The folder ``root``, or the one below it, that has all ``names``: archives differ in their top folder."""
    wanted = list(names)
    for folder in (root, *sorted(p for p in root.rglob("*") if p.is_dir())):
        if all((folder / name).exists() for name in wanted):
            return folder
    raise DatasetNotFoundError(f"{owner}: no folder with {', '.join(wanted)} below {root}.")


def save(source: str | os.PathLike[str], target: str | os.PathLike[str], events: Events) -> None:
    """Write the events of ``source`` to ``target``, whose name gets the suffix ``.npz``, and say so."""
    path = Path(target)
    write_events(path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz"), events)
    print(f"Save [{source}] to [{target}].")
