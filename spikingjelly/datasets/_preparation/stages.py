"""A folder that is whole or absent: built under another name, renamed when complete, with a manifest inside."""

import glob
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spikingjelly.datasets._errors import DatasetFormatError, DiskSpaceError
from spikingjelly.datasets._preparation.workers import current

_logger = logging.getLogger(__name__)
MANIFEST = "manifest.json"
_PLAN = ".plan.json"
_FORMAT = 1
_told: set[Path] = set()


@dataclass(frozen=True)
class Stage:
    """What a folder of the preparation is to hold.

    :param folder: its final name
    :param parameters: what its content depends on; JSON values
    :param source: what it is made from: identities, hashes, sizes; JSON values. Compared only where both the
        manifest and the stage know an entry, as sources may be deleted once they have served.
    :param continues: whether the work leaves alone what it finds done, so that a killed run is continued
    :param beside: whether the manifest lies beside the folder, where those who list the folder don't meet it
    :param may_be_empty: whether no files at all are a possible outcome
    :param complaint: what makes a folder that we did not build look incomplete, in words; None if nothing does
    """

    folder: Path
    parameters: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    continues: bool = False
    beside: bool = False
    may_be_empty: bool = False
    complaint: Callable[[Path], str | None] = lambda _: None

    def is_there(self) -> bool:
        """Whether the folder can be used as it is: built by us, whole and up to date; or not built by us at all.

        :raises DatasetFormatError: if it was not built by us and looks incomplete
        """
        if not self.folder.is_dir():
            return False
        manifest = read_manifest(self.folder)
        if manifest is None:
            if not has_entries(self.folder):
                return False
            self._judge_foreign()
            return True
        return self._objection(manifest) is None

    def ensure(self, work: Callable[[Path], None]) -> None:
        """Build the folder unless it is there; the lock of the root must be held.

        A folder of ours that is no longer what it should be is renamed, not deleted.

        :param work: fills the empty folder that it gets, or the half-full one of a killed run if ``continues``
        """
        if self.is_there():
            return
        manifest = read_manifest(self.folder) if self.folder.exists() else None
        if manifest is not None:
            _set_aside(self.folder, self._objection(manifest) or "")
        with self._building() as building:
            work(building)
            _mend_links(building)
            self._finish(building)

    def _judge_foreign(self) -> None:
        complaint = self.complaint(self.folder)
        if complaint:
            raise DatasetFormatError(
                f"{self.folder} was not built by this version (no {MANIFEST} in it) and looks incomplete: "
                f"{complaint}. It was left as it is. Move it away or rename it to have it built anew."
            )
        if self.folder not in _told:
            _told.add(self.folder)
            _logger.warning(
                "%s was not built by this version (no %s in it); it is read as it is.", self.folder, MANIFEST
            )

    def _objection(self, manifest: Mapping[str, Any]) -> str | None:
        """Why the folder with this manifest can't be used."""
        if manifest.get("format") != _FORMAT:
            return f"it is of format {manifest.get('format')}, expected {_FORMAT}"
        for name in ("parameters", "source"):
            wanted, given = _plain(getattr(self, name)), manifest.get(name, {})
            for key in wanted:
                if (name == "parameters" or key in given) and given.get(key) != wanted[key]:
                    return f"{key} was {given.get(key)!r} when it was built, and is {wanted[key]!r} now"
        found = counts(self.folder)
        if found != manifest.get("counts"):
            return f"it held {_sum(manifest.get('counts'))} files when it was built, and holds {_sum(found)} now"
        return None

    @contextmanager
    def _building(self) -> Iterator[Path]:
        building = self.folder.with_name(f".{self.folder.name}.building-{os.getpid()}")
        left = self._leftovers()
        usable = [path for path in left if self.continues and self._is_same_plan(path)]
        for path in left:
            if path in usable[:1]:
                _logger.info("Continuing what an interrupted run began in %s", path)
                if path != building:
                    os.rename(path, building)
            else:
                _logger.info("Removing what an interrupted run left in %s", path)
                remove(path)
        building.mkdir(parents=True, exist_ok=True)
        if self.continues:
            (building / _PLAN).write_text(json.dumps(self._plan()))
        try:
            yield building
        except Exception:
            remove(building)
            raise

    def _leftovers(self) -> list[Path]:
        """Nobody builds here but the holder of the lock, so these are of runs that died."""
        return sorted(self.folder.parent.glob(f".{glob.escape(self.folder.name)}.building-*"))

    def _plan(self) -> dict[str, Any]:
        return {"format": _FORMAT, "parameters": _plain(self.parameters), "source": _plain(self.source)}

    def _is_same_plan(self, building: Path) -> bool:
        try:
            return bool(json.loads((building / _PLAN).read_text()) == self._plan())
        except (OSError, ValueError):
            return False

    def _finish(self, building: Path) -> None:
        found = counts(building)
        if not found and not self.may_be_empty:
            raise DatasetFormatError(f"{self.folder} would be empty: no files came out of its source.")
        skipped = current().skipped
        manifest = self._plan() | {"id": uuid.uuid4().hex, "counts": found, "skipped": dict(skipped)}
        if self.beside:
            _write(_beside(self.folder), manifest | {"inode": building.stat().st_ino})
        else:
            _write(building / MANIFEST, manifest)
        (building / _PLAN).unlink(missing_ok=True)
        skipped.clear()
        if self.folder.is_dir():
            self.folder.rmdir()  # empty, or is_there() would have been content with it
        os.rename(building, self.folder)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder that this module built, None of any other.

    :raises DatasetFormatError: if there is one and it can't be read
    """
    for path in (folder / MANIFEST, _beside(folder)):
        if path.is_file():
            try:
                manifest = dict(json.loads(path.read_text(encoding="utf-8")))
            except (ValueError, TypeError) as error:
                raise DatasetFormatError(
                    f"{path} is damaged ({error}). Move {folder} and it away to have it built anew."
                ) from error
            if "inode" not in manifest or (folder.exists() and folder.stat().st_ino == manifest["inode"]):
                return manifest
    return None


def identity(folder: Path, counted: bool) -> dict[str, Any]:
    """What a stage made from ``folder`` puts down as its source.

    :param counted: whether a folder that we did not build is another one when the number of its files changes; it
        is not looked at otherwise
    """
    if not folder.is_dir():
        return {}
    manifest = read_manifest(folder)
    if manifest is not None:
        return {folder.name: manifest.get("id")}
    return {folder.name: counts(folder)} if counted and has_entries(folder) else {}


def _beside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.{MANIFEST}")


def _write(path: Path, manifest: Mapping[str, Any]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())


def counts(folder: Path) -> dict[str, int]:
    """Files per folder below ``folder`` (its own manifest and hidden files aside), keyed by the relative path."""
    found = {}
    for path, folders, files in os.walk(folder, followlinks=True):
        folders.sort()
        number = sum(not name.startswith(".") for name in files)
        if path == str(folder):
            number -= MANIFEST in files
        if number:
            found[Path(path).relative_to(folder).as_posix()] = number
    return found


def has_entries(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def require_space(folder: Path, needed: int, what: str) -> None:
    """Refuse to begin what the disk has no room for.

    :raises DiskSpaceError: with the estimate and what is free
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskSpaceError(
            f"{what} needs about {_amount(needed)}, but {folder.absolute()} has {_amount(free)} free. "
            "Nothing was written."
        )


def remove(folder: Path) -> None:
    """Delete a folder of ours; a dying worker may still write into it, so more than once."""
    for _ in range(3):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
    shutil.rmtree(folder)


def _set_aside(folder: Path, reason: str) -> None:
    number = 1
    while (aside := folder.with_name(f"{folder.name}.outdated-{number}")).exists():
        number += 1
    os.rename(folder, aside)
    _logger.warning("%s is built anew: %s. The old one is now %s; delete it at will.", folder, reason, aside.name)


def _mend_links(building: Path) -> None:
    """Links that lead into the folder by its name during the building would break when it is renamed."""
    for path, folders, files in os.walk(building):
        for name in (*folders, *files):
            link = Path(path, name)
            if link.is_symlink() and (target := Path(os.readlink(link))).is_relative_to(building.absolute()):
                link.unlink()
                link.symlink_to(os.path.relpath(target, path), target_is_directory=target.is_dir())


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """As it comes back from JSON."""
    return dict(json.loads(json.dumps(dict(value))))


def _sum(numbers: Mapping[str, int] | None) -> int:
    return sum((numbers or {}).values())


def _amount(size: int) -> str:
    for unit, factor in {"GB": 1e9, "MB": 1e6, "kB": 1e3}.items():
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
