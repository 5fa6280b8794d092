"""Archives unpacked member by member, none trusted: zip, zips of zips, tar, rar."""

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Literal

from spikingjelly.datasets._errors import DatasetFormatError
from spikingjelly.datasets._preparation import external
from spikingjelly.datasets._preparation.members import Guard
from spikingjelly.datasets._preparation.workers import progress_bar

Inner = Literal["here", "folder"] | None
_CHUNK = 2**20
_DEPTH = 3
_TAR = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


def extract(
    archive: Path | str,
    folder: Path | str,
    inner: Inner = None,
    max_bytes: int | None = None,
    max_members: int = 5_000_000,
) -> None:
    """Unpack ``archive`` into ``folder``, which is made if missing.

    :param archive: a .zip, .tar (also .gz, .xz, .bz2) or .rar file; of a rar in volumes, the first one
    :param inner: what becomes of zips inside: None leaves them packed, "here" unpacks each into the folder that it
        lies in, "folder" into a folder of its own name; they are removed when unpacked
    :param max_bytes: the most bytes that may be written, inner archives included; None: 1 GiB and fifty times the
        size of the archive
    :param max_members: the most files and folders
    :raises UnsafeArchiveError: at absolute paths, ``..``, links, devices, names there twice, more than the limits
    :raises DatasetFormatError: if the archive is damaged or of another kind
    """
    archive, folder = Path(archive), Path(folder)
    guard = Guard(archive, max_bytes, max_members)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _kind(archive)(archive, folder, guard, inner)
    except _DAMAGED as error:
        raise DatasetFormatError(f"{archive} is damaged or not what its name says: {error}") from error


def require_program(name: str) -> None:
    """See to it before a download that the archive ``name`` can be unpacked here.

    :raises RuntimeError: if that takes a program that is not there; says what to install
    """
    if name.lower().endswith(".rar"):
        external.programs_for(Path(name))


def unpacked_size(archive: Path) -> int:
    """The bytes that ``archive`` unpacks to; an estimate for compressed tar and rar files."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            return sum(info.file_size for info in file.infolist())
    return archive.stat().st_size * (1 if archive.suffix == ".tar" else 2)


def _kind(archive: Path) -> Callable[[Path, Path, Guard, Inner], None]:
    name = archive.name.lower()
    if name.endswith(".zip"):
        return _zip
    if name.endswith(_TAR):
        return _tar
    if name.endswith(".rar"):
        return _rar
    raise DatasetFormatError(f"{archive}: an archive of unknown kind, expected .zip, {', '.join(_TAR)} or .rar.")


def _zip(archive: Path, folder: Path, guard: Guard, inner: Inner) -> None:
    _unzip(archive, folder, folder, guard, inner, 0)


def _unzip(archive: Path, folder: Path, base: Path, guard: Guard, inner: Inner, depth: int) -> None:
    """All members are judged before the first is written."""
    with zipfile.ZipFile(archive) as file:
        infos = file.infolist()
        if infos and min(info.header_offset for info in infos) > 0:
            # What is left of a zip of zips may end like one of those that it holds.
            raise zipfile.BadZipFile("it does not begin with its first member; it may be cut off")
        guard.announce(sum(info.file_size for info in infos))
        for info in infos:
            _judge_zip_member(info, guard)
        places = [guard.place(info.filename, folder, base, info.is_dir()) for info in infos]
        inside = []
        with progress_bar(infos, f"Unpacking {archive.name}") as bar:
            for info, place in zip(bar, places, strict=True):
                if info.is_dir():
                    place.mkdir(parents=True, exist_ok=True)
                    continue
                with file.open(info) as source:
                    _write(source, place, guard)
                if inner is not None and place.suffix.lower() == ".zip":
                    inside.append(place)
    for place in inside:
        if depth == _DEPTH:
            raise guard.refuse(f"holds archives in archives, more than {_DEPTH} deep.")
        guard.release(place, base)
        # Out of the way of what it holds, which may bear its name.
        packed = place.rename(place.with_name(f".{place.name}.packed"))
        target = place.parent if inner == "here" else place.with_suffix("")
        target.mkdir(exist_ok=True)
        _unzip(packed, target, base, guard, inner, depth + 1)
        packed.unlink()


def _judge_zip_member(info: zipfile.ZipInfo, guard: Guard) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == 3 else 0
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise guard.refuse(f"member {info.filename!r} is a link or a device.")
    if info.flag_bits & 1:
        raise DatasetFormatError(f"{guard.archive}: member {info.filename!r} is encrypted.")


def _tar(archive: Path, folder: Path, guard: Guard, inner: Inner) -> None:
    """One pass, as a compressed tar has no list of its members: the caller's folder counts only when all is done."""
    if inner is not None:
        raise ValueError(f"{archive}: archives inside are unpacked for zips only.")
    with tarfile.open(archive, "r|*") as file, progress_bar(file, f"Unpacking {archive.name}") as bar:
        for member in bar:
            if not (member.isreg() or member.isdir()) or member.issparse():
                raise guard.refuse(f"member {member.name!r} is a link or a device.")
            place = guard.place(member.name, folder, folder, member.isdir())
            if member.isdir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            source = file.extractfile(member)
            assert source is not None
            with source:
                _write(source, place, guard, member.size)


def _rar(archive: Path, folder: Path, guard: Guard, inner: Inner) -> None:
    if inner is not None:
        raise ValueError(f"{archive}: archives inside are unpacked for zips only.")
    tool, members = external.find_tool(archive)
    guard.announce(sum(member.size for member in members))
    for member in members:
        if member.is_special:
            raise guard.refuse(f"member {member.name!r} is a link or a device.")
        guard.place(member.name, folder, folder, member.is_folder)
    before = set(folder.rglob("*"))
    tool.extract(archive, folder)
    for path in folder.rglob("*"):
        if path not in before and (path.is_symlink() or not (path.is_file() or path.is_dir())):
            raise guard.refuse(f"{path.name!r}, which came out of it, is a link or a device.")
    missing = [m.name for m in members if not (folder / m.name.replace("\\", "/")).exists()]
    if missing:
        raise DatasetFormatError(f"{archive}: {len(missing)} members were not unpacked, the first is {missing[0]!r}.")


def _write(source: IO[bytes], place: Path, guard: Guard, size: int | None = None) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with open(place, "xb") as file:
        while chunk := source.read(_CHUNK):
            guard.count(len(chunk))
            written += file.write(chunk)
    if size is not None and written != size:
        raise EOFError(f"{place.name} ends after {written} of {size} bytes")
