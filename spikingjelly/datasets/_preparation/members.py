"""What may leave an archive: plain files and folders below the target, each once, no more than agreed."""

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from spikingjelly.datasets._errors import UnsafeArchiveError

_GIB = 2**30
_DRIVE = re.compile(r"^[A-Za-z]:")


@dataclass
class Guard:
    """Judges the members of one archive (and of the archives inside it) before and while they are written.

    :param archive: the archive's path, for messages
    :param max_bytes: the most bytes that may be written; None: 1 GiB and fifty times the size of the archive
    :param max_members: the most files and folders
    """

    archive: Path
    max_bytes: int | None = None
    max_members: int = 5_000_000
    _seen: dict[str, str] = field(default_factory=dict)
    _members: int = 0
    _written: int = 0

    def __post_init__(self) -> None:
        if self.max_bytes is None:
            self.max_bytes = _GIB + 50 * self.archive.stat().st_size

    def refuse(self, what: str) -> UnsafeArchiveError:
        return UnsafeArchiveError(f"{self.archive}: {what} Nothing of this archive is used.")

    def place(self, name: str, folder: Path, base: Path, is_folder: bool = False) -> Path:
        """Where the member ``name`` goes in ``folder``, which lies in ``base``.

        :raises UnsafeArchiveError: if that is outside of ``folder``, or something lies there already
        """
        if is_folder and not name.strip("/\\"):  # the archive's own root, which Dropbox puts into its archives
            return folder
        parts = self._parts(name)
        path = folder.joinpath(*parts)
        self._members += 1
        if self._members > self.max_members:
            raise self.refuse(f"holds more than {self.max_members} members.")
        if parts:
            self._claim(path.relative_to(base).parts, name, is_folder)
        elif not is_folder:
            raise self.refuse(f"a file in it has no name ({name!r}).")
        return path

    def announce(self, size: int) -> None:
        """Refuse before anything is written if the archive says itself that it holds too much."""
        assert self.max_bytes is not None
        if size > self.max_bytes:
            raise self.refuse(f"would unpack to {size} bytes, more than the {self.max_bytes} that are allowed.")

    def count(self, size: int) -> None:
        """Take note of ``size`` bytes that are about to be written."""
        self._written += size
        self.announce(self._written)

    def release(self, path: Path, base: Path) -> None:
        """Forget a file that has been unpacked and removed again, as the archives inside an archive are."""
        del self._seen[_folded(path.relative_to(base).parts)]

    def _parts(self, name: str) -> list[str]:
        plain = name.replace("\\", "/")
        if plain.startswith("/") or _DRIVE.match(plain):
            raise self.refuse(f"member {name!r} has an absolute path.")
        parts = [part for part in plain.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise self.refuse(f"member {name!r} leads out of the folder it is unpacked to.")
        if any(ord(letter) < 32 or letter == ":" for letter in plain):
            raise self.refuse(f"member {name!r} has a name that no file should have.")
        return parts

    def _claim(self, parts: tuple[str, ...], name: str, is_folder: bool) -> None:
        for end in range(1, len(parts)):
            if self._seen.setdefault(_folded(parts[:end]), "folder") != "folder":
                raise self.refuse(f"member {name!r} lies in a folder that is also a file.")
        kind = "folder" if is_folder else "file"
        before = self._seen.setdefault(_folded(parts), f"new {kind}")
        if before == f"new {kind}" or (is_folder and before == "folder"):
            self._seen[_folded(parts)] = kind
            return
        raise self.refuse(f"member {name!r} is there twice (names that differ in case only are the same).")


def _folded(parts: tuple[str, ...]) -> str:
    return unicodedata.normalize("NFC", "/".join(parts)).casefold()
