"""The files that a data set is made from: found under their names, checked, fetched, or asked for in words."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikingjelly.datasets._download import download
from spikingjelly.datasets._errors import DatasetFormatError, DatasetNotFoundError

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resource:
    """A file that a data set is made from.

    :param name: its name, which is compared without regard to case
    :param urls: where it can be fetched without hands, tried in turn
    :param md5: hexadecimal digest, None if the source gives none
    :param sha256: hexadecimal digest; it decides where both are known
    :param size: number of bytes
    :param page: the web page from which people get it
    """

    name: str
    urls: tuple[str, ...] = ()
    md5: str | None = None
    sha256: str | None = None
    size: int | None = None
    page: str | None = None

    @classmethod
    def of(cls, entry: Any, downloadable: bool) -> "Resource":
        """``entry`` itself if it is a resource, else from ``(name, url, md5)``; the URL is a page for people where
        the data set can't be downloaded."""
        if isinstance(entry, Resource):
            return entry
        name, url, md5 = entry
        if downloadable:
            return cls(name, (url,) if url else (), md5 or None)
        return cls(name, (), md5 or None, page=url or None)

    def complaint(self, path: Path) -> str | None:
        """What is wrong with the file ``path`` if it is to be this one, with what was found and what was expected."""
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return f"it has {size} bytes, expected {self.size}."
        algorithm, expected = ("sha256", self.sha256) if self.sha256 else ("md5", self.md5)
        if not expected:
            return "it is empty." if size == 0 else None
        found = _digest(path, algorithm)
        return None if found == expected.lower() else f"its {algorithm} is {found}, expected {expected.lower()}."

    def __str__(self) -> str:
        known = {"md5": self.md5, "sha256": self.sha256, "bytes": self.size}
        facts = ", ".join(f"{key} {value}" for key, value in known.items() if value)
        return self.name + (f" ({facts})" if facts else "")


def find(folder: Path, name: str) -> Path | None:
    """The file ``name`` in ``folder``, its exact spelling first, then any other case."""
    if (folder / name).is_file():
        return folder / name
    if not folder.is_dir():
        return None
    return next((p for p in sorted(folder.iterdir()) if p.name.casefold() == name.casefold() and p.is_file()), None)


def obtain(resources: Sequence[Resource], folder: Path, fetch: bool, owner: str, progress: bool = True) -> list[Path]:
    """The checked files of ``resources`` in ``folder``, in order, after fetching what is missing.

    A file that is there already is checked and never touched, whatever it holds.

    :param fetch: whether missing files may be downloaded
    :param owner: the data set's name, for messages
    :raises DatasetFormatError: if a file is not what it should be; names all such files, with both hashes
    :raises DatasetNotFoundError: if files are missing that only people can get; says which, from where, to where
    :raises DownloadError: if no mirror gave a file
    """
    found = {resource: find(folder, resource.name) for resource in resources}
    _refuse_wrong([(resource, path) for resource, path in found.items() if path is not None], owner)
    missing = [resource for resource, path in found.items() if path is None]
    by_hand = [resource for resource in missing if not (fetch and resource.urls)]
    if by_hand:
        folder.mkdir(parents=True, exist_ok=True)
        raise DatasetNotFoundError(_request(by_hand, folder, owner, fetch))
    for resource in missing:
        path = folder / resource.name
        download(resource.urls, path, resource.complaint, resource.size, progress)
        _logger.info("%s: %s is complete", owner, path)
        found[resource] = path
    return [path for path in found.values() if path is not None]


def _refuse_wrong(pairs: Sequence[tuple[Resource, Path]], owner: str) -> None:
    wrong = [(resource, path, resource.complaint(path)) for resource, path in pairs]
    lines = [
        f"    {path}: {complaint}{f' The right one: {_place(resource)}' if _place(resource) else ''}"
        for resource, path, complaint in wrong
        if complaint
    ]
    if lines:
        raise DatasetFormatError(
            f"{owner}: a file is damaged, cut off or another one than expected. It was left as it is:\n"
            + "\n".join(lines)
            + "\nMove it away to have it fetched again, or put the right file in its place."
        )


def _request(missing: Sequence[Resource], folder: Path, owner: str, fetch: bool) -> str:
    lines = [f"    {resource}{f'  from  {_place(resource)}' if _place(resource) else ''}" for resource in missing]
    why = (
        "must be downloaded by hand"
        if fetch or not any(r.urls for r in missing)
        else f"{'are' if len(missing) > 1 else 'is'} missing (download=False)"
    )
    return (
        f"{owner}: {len(missing)} file{'s' if len(missing) > 1 else ''} {why}:\n"
        + "\n".join(lines)
        + f"\nPut {'them' if len(missing) > 1 else 'it'} into the folder\n    {folder.absolute()}\nand run this again."
    )


def _place(resource: Resource) -> str:
    return resource.page or " or ".join(resource.urls)


def _digest(path: Path, algorithm: str) -> str:
    """The hexadecimal digest of a file."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(2**16):
            digest.update(chunk)
    return digest.hexdigest()
