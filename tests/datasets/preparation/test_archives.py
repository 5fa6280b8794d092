"""Archives that are fine, damaged, or made to do harm."""

import io
import os
import stat
import sys
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from spikingjelly.datasets import DatasetFormatError
from spikingjelly.datasets._errors import UnsafeArchiveError
from spikingjelly.datasets._preparation import external
from spikingjelly.datasets._preparation.archives import extract, unpacked_size

Contents = Sequence[tuple[str, bytes]]


def _zip_bytes(contents: Contents) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents:
            info = zipfile.ZipInfo("placeholder")
            info.filename = name  # as it is: the constructor would mend some of the names
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, content)
    return buffer.getvalue()


def _zip(path: Path, contents: Contents) -> Path:
    path.write_bytes(_zip_bytes(contents))
    return path


def _tar(path: Path, contents: Contents) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as file:
        for name, content in contents:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if name.endswith("/"):
                info.type = tarfile.DIRTYPE
            file.addfile(info, io.BytesIO(content))
    return path


def _tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


both = pytest.mark.parametrize(
    ("pack", "name"), [(_zip, "a.zip"), (_tar, "a.tar"), (_tar, "a.tar.gz"), (_tar, "A.TGZ".lower())]
)
Pack = Callable[[Path, Contents], Path]


@both
def test_files_and_folders_come_out(tmp_path: Path, pack: Pack, name: str) -> None:
    contents = [("d/", b""), ("d/one.bin", b"1" * 3_000_000), ("./d/e/two", b"2"), ("three", b"")]
    archive = pack(tmp_path / name, contents)
    extract(archive, tmp_path / "out")
    assert _tree(tmp_path / "out") == {"d/one.bin": b"1" * 3_000_000, "d/e/two": b"2", "three": b""}


@both
@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("/etc/passwd", "'/etc/passwd' has an absolute path"),
        ("\\windows", "has an absolute path"),
        ("C:\\x", "has an absolute path"),
        ("c:x", "has an absolute path"),
        ("../x", "'../x' leads out of the folder"),
        ("a/../../x", "leads out of the folder"),
        ("a\\..\\x", "leads out of the folder"),
        ("a/b:stream", "has a name that no file should have"),
        ("a\x01b", "has a name that no file should have"),
        ("Good", r"'Good' is there twice \(names that differ in case only"),
        ("good/x", "lies in a folder that is also a file"),
        ("./.", "has no name"),
    ],
)
def test_hostile_names(tmp_path: Path, pack: Pack, name: str, member: str, message: str) -> None:
    archive = pack(tmp_path / name, [("good", b"1"), (member, b"2")])
    before = set(tmp_path.rglob("*"))
    with pytest.raises(UnsafeArchiveError, match=message) as caught:
        extract(archive, tmp_path / "deep" / "out")
    assert str(caught.value).startswith(f"{archive}: ")
    assert set(tmp_path.rglob("*")) - before <= {tmp_path / "deep", tmp_path / "deep/out", tmp_path / "deep/out/good"}


def test_zip_is_judged_before_anything_is_written(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", [("good", b"1"), ("../bad", b"2")])
    with pytest.raises(UnsafeArchiveError):
        extract(archive, tmp_path / "out")
    assert _tree(tmp_path / "out") == {}


@pytest.mark.parametrize("second", ["ÄRGER/x", "a\u0308rger/x"])
def test_names_that_other_systems_take_for_one(tmp_path: Path, second: str) -> None:
    with pytest.raises(UnsafeArchiveError, match="is there twice"):
        extract(_zip(tmp_path / "a.zip", [("ärger/x", b""), (second, b"")]), tmp_path / "out")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_zip_with_a_link_or_a_device(tmp_path: Path, kind: int) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, (kind | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    with pytest.raises(UnsafeArchiveError, match="'link' is a link or a device"):
        extract(archive, tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_tar_with_a_link_or_a_device(tmp_path: Path, kind: bytes) -> None:
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as file:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "/etc"
        file.addfile(info)
    with pytest.raises(UnsafeArchiveError, match="'link' is a link or a device"):
        extract(archive, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@both
def test_bombs(tmp_path: Path, pack: Pack, name: str) -> None:
    archive = pack(tmp_path / name, [("one", bytes(600)), ("two", bytes(600))])
    with pytest.raises(UnsafeArchiveError, match="would unpack to 1200 bytes, more than the 1000 that are allowed"):
        extract(archive, tmp_path / "bytes", max_bytes=1000)
    with pytest.raises(UnsafeArchiveError, match="holds more than 1 members"):
        extract(archive, tmp_path / "members", max_members=1)
    extract(archive, tmp_path / "enough", max_bytes=1200, max_members=2)


def test_zip_that_admits_to_be_a_bomb_is_not_begun(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", [("one", bytes(600)), ("two", bytes(600))])
    with pytest.raises(UnsafeArchiveError):
        extract(archive, tmp_path / "out", max_bytes=1000)
    assert _tree(tmp_path / "out") == {}


def test_zip_that_lies_about_its_size(tmp_path: Path) -> None:
    """The directory promises 10 bytes and the data give more: no more than promised is written."""
    content = bytearray(_zip_bytes([("x", bytes(5000))]))
    directory = content.rindex(b"PK\1\2")
    content[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DatasetFormatError, match=r"a\.zip is damaged"):
        extract(tmp_path / "a.zip", tmp_path / "out", max_bytes=1000)
    assert sum(map(len, _tree(tmp_path / "out").values())) <= 10


@pytest.mark.parametrize(("inner", "place"), [("here", ""), ("folder", "one/")])
def test_zip_of_zips(tmp_path: Path, inner: str, place: str) -> None:
    """Also an archive that holds a file of its own name."""
    first = _zip_bytes([("a/1", b"1"), ("one.zip.txt", b"t"), ("a/2", b"2")])
    archive = _zip(tmp_path / "a.zip", [("top/one.zip", first), ("top/readme", b"r")])
    extract(archive, tmp_path / "out", inner=inner)
    assert _tree(tmp_path / "out") == {
        f"top/{place}a/1": b"1",
        f"top/{place}a/2": b"2",
        f"top/{place}one.zip.txt": b"t",
        "top/readme": b"r",
    }
    extract(archive, tmp_path / "packed")
    assert _tree(tmp_path / "packed") == {"top/one.zip": first, "top/readme": b"r"}


def test_inner_archives_count_and_are_judged(tmp_path: Path) -> None:
    big = _zip(tmp_path / "big.zip", [("one.zip", _zip_bytes([("x", bytes(10_000))]))])
    with pytest.raises(UnsafeArchiveError, match="more than the 5000 that are allowed"):
        extract(big, tmp_path / "big", inner="here", max_bytes=5000)
    climbing = _zip(tmp_path / "climbing.zip", [("one.zip", _zip_bytes([("../x", b"")]))])
    with pytest.raises(UnsafeArchiveError, match="leads out of the folder"):
        extract(climbing, tmp_path / "climbing", inner="folder")
    content = b""
    for _ in range(6):
        content = _zip_bytes([("deep.zip", content)])
    with pytest.raises(UnsafeArchiveError, match="archives in archives, more than 3 deep"):
        extract(_zip(tmp_path / "deep.zip", [("deep.zip", content)]), tmp_path / "deep", inner="here")
    twice = [("one.zip", _zip_bytes([("x", b"1")])), ("two.zip", _zip_bytes([("X", b"2")]))]
    with pytest.raises(UnsafeArchiveError, match="'X' is there twice"):
        extract(_zip(tmp_path / "twice.zip", twice), tmp_path / "twice", inner="here")


@both
def test_damaged_archives(tmp_path: Path, pack: Pack, name: str) -> None:
    archive = pack(tmp_path / name, [("x", os.urandom(50_000))])
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    with pytest.raises(DatasetFormatError, match=f"{name} is damaged or not what its name says"):
        extract(archive, tmp_path / "out")
    archive.write_bytes(b"<html>")
    with pytest.raises(DatasetFormatError, match=f"{name} is damaged or not what its name says"):
        extract(archive, tmp_path / "out2")


def test_zip_with_a_flipped_bit(tmp_path: Path) -> None:
    content = bytearray(_zip_bytes([("x", os.urandom(50_000))]))
    content[30_000] ^= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DatasetFormatError, match="is damaged"):
        extract(tmp_path / "a.zip", tmp_path / "out")


def test_encrypted_zip(tmp_path: Path) -> None:
    content = bytearray(_zip_bytes([("x", b"secret")]))
    content[content.rindex(b"PK\1\2") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DatasetFormatError, match="'x' is encrypted"):
        extract(tmp_path / "a.zip", tmp_path / "out")


def test_unknown_kind(tmp_path: Path) -> None:
    (tmp_path / "a.arj").write_bytes(b"x")
    with pytest.raises(DatasetFormatError, match=r"unknown kind, expected \.zip, \.tar"):
        extract(tmp_path / "a.arj", tmp_path / "out")


def test_unpacked_size(tmp_path: Path) -> None:
    assert unpacked_size(_zip(tmp_path / "a.zip", [("x", bytes(5000)), ("y", bytes(3))])) == 5003
    tar = _tar(tmp_path / "a.tar.gz", [("x", bytes(5000))])
    assert unpacked_size(tar) == 2 * tar.stat().st_size


# What the programs print, as 7-Zip 26.01 and bsdtar 3.6.2 do for such members.
_SEVEN_ZIP = """Path = d
Folder = +
Size = 0
Attributes = D drwxrwxr-x

Path = d/a b.txt
Folder = -
Size = 2
Attributes = V 01800000 0rw-------
Symbolic Link =\x20
Hard Link =\x20
"""
_SEVEN_ZIP_LINK = "\nPath = ln\nFolder = -\nSize = 4\nAttributes =  lrwxrwxrwx\n"
_SEVEN_ZIP_HARD_LINK = "\nPath = ln\nFolder = -\nSize = 4\nMode = -rw-r--r--\nHard Link = plain\n"
_UNRAR = """
UNRAR 6.21 freeware

Archive: a.rar
Details: RAR 5

        Name: d/a b.txt
        Type: File
        Size: 2
 Packed size: 2

        Name: d
        Type: Directory

"""
_UNRAR_LINK = "        Name: ln\n        Type: Unix symbolic link\n        Size: 4\n"
_BSDTAR = (
    "d/\nd/a b.txt\n",
    "drwxr-xr-x  0 root root 0 Nov 26 08:31 d/\n-rw-r--r--  0 root root 2 Nov 26 08:31 d/a b.txt\n",
)
_BSDTAR_LINK = ("ln\n", "lrwxrwxrwx  0 root root 0 Nov 26 08:31 ln -> /etc\n")
_BSDTAR_HARD_LINK = ("ln\n", "hrw-r--r--  0 root root 0 Nov 26 08:31 ln link to plain\n")


def _program(folder: Path, name: str, plain: str, verbose: str = "", member: str = "d/a b.txt") -> None:
    """A program that lists what it is told to, and unpacks one file of two bytes."""
    folder.mkdir(exist_ok=True)
    script = f"""#!{sys.executable}
import pathlib, sys
arguments = sys.argv[1:]
if arguments[0] in ("lt", "l", "-tf"):
    sys.stdout.write({plain!r})
elif arguments[0] == "-tvf":
    sys.stdout.write({verbose!r})
else:
    named = [a[2:] if a.startswith("-o/") else a for a in arguments]
    (out,) = [a for a in named if a.rstrip("/").endswith("/out")]
    path = pathlib.Path(out, {member!r})
    path.parent.mkdir()
    path.write_bytes(b"hi")
"""
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


_LISTINGS = {"unrar": (_UNRAR, ""), "7z": (_SEVEN_ZIP, ""), "7zz": (_SEVEN_ZIP, ""), "bsdtar": _BSDTAR}


@pytest.fixture
def rar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a $(x).rar").write_bytes(b"Rar!")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "a $(x).rar"


@pytest.mark.parametrize("program", list(_LISTINGS))
def test_rar_through_each_program(rar: Path, program: str) -> None:
    _program(rar.parent / "bin", program, *_LISTINGS[program])
    extract(rar, rar.parent / "out")
    assert _tree(rar.parent / "out") == {"d/a b.txt": b"hi"}


@pytest.mark.parametrize(
    ("program", "listing", "message"),
    [
        ("7z", (_SEVEN_ZIP + _SEVEN_ZIP_LINK,), "'ln' is a link or a device"),
        ("7z", (_SEVEN_ZIP + _SEVEN_ZIP_HARD_LINK,), "'ln' is a link or a device"),
        ("7z", (_SEVEN_ZIP.replace("d/a b.txt", "../x"),), "'../x' leads out of"),
        ("unrar", (_UNRAR + _UNRAR_LINK,), "'ln' is a link or a device"),
        ("unrar", (_UNRAR.replace("d/a b.txt", "/x"),), "'/x' has an absolute path"),
        ("bsdtar", tuple(a + b for a, b in zip(_BSDTAR, _BSDTAR_LINK, strict=True)), "'ln' is a link or a device"),
        ("bsdtar", tuple(a + b for a, b in zip(_BSDTAR, _BSDTAR_HARD_LINK, strict=True)), "'ln' is a link or a device"),
        ("bsdtar", tuple(a.replace("d/a b.txt", "../x") for a in _BSDTAR), "'../x' leads out of"),
    ],
)
def test_hostile_rar_is_not_unpacked(rar: Path, program: str, listing: tuple[str, ...], message: str) -> None:
    _program(rar.parent / "bin", program, *listing)
    with pytest.raises(UnsafeArchiveError, match=message):
        extract(rar, rar.parent / "out")
    assert list((rar.parent / "out").iterdir()) == []


def test_rar_that_unpacks_to_too_much_or_less_than_it_lists(rar: Path) -> None:
    _program(rar.parent / "bin", "7z", _SEVEN_ZIP.replace("Size = 2", "Size = 2000"))
    with pytest.raises(UnsafeArchiveError, match="would unpack to 2000 bytes"):
        extract(rar, rar.parent / "out", max_bytes=1000)
    _program(rar.parent / "bin", "7z", _SEVEN_ZIP, member="d/other")
    with pytest.raises(DatasetFormatError, match="1 members were not unpacked, the first is 'd/a b.txt'"):
        extract(rar, rar.parent / "out")


def test_rar_without_a_program(rar: Path) -> None:
    with pytest.raises(RuntimeError, match="needs one of the programs unrar, 7z, 7zz, bsdtar, and none was found"):
        extract(rar, rar.parent / "out")


def test_rar_in_volumes_is_not_for_bsdtar(rar: Path) -> None:
    _program(rar.parent / "bin", "bsdtar", *_BSDTAR)
    volume = rar.rename(rar.with_name("a.part01.rar"))
    with pytest.raises(RuntimeError, match="needs one of the programs unrar, 7z, 7zz, and none was found"):
        extract(volume, rar.parent / "out")


def test_next_program_is_asked_when_one_can_not_read_the_archive(rar: Path) -> None:
    folder = rar.parent / "bin"
    _program(folder, "bsdtar", *_BSDTAR)
    (folder / "7z").write_text(f"#!{sys.executable}\nimport sys\nsys.exit('no codec')\n")
    (folder / "7z").chmod(0o755)
    assert external.find_tool(rar)[0].program == str(folder / "bsdtar")
    _program(folder, "bsdtar", "", "")
    with pytest.raises(DatasetFormatError, match="no codec\n.*bsdtar finds nothing in it"):
        extract(rar, rar.parent / "out")
    (folder / "bsdtar").unlink()
    with pytest.raises(DatasetFormatError, match="7z failed with status 1: no codec"):
        extract(rar, rar.parent / "out")
