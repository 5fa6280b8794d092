"""The programs that unpack rar: found, asked for a list first, called with a list of arguments, never a shell."""

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spikingjelly.datasets._errors import DatasetFormatError


@dataclass(frozen=True)
class Member:
    name: str
    size: int = 0
    is_folder: bool = False
    is_special: bool = False  # a link or a device


@dataclass(frozen=True)
class Tool:
    """A program that unpacks rar archives.

    :param program: its path
    :param lists: the arguments of each listing that ``parse`` needs; the archive's path follows
    :param parse: what the listings say
    :param unpack: the arguments of the extraction for an archive and a folder
    """

    program: str
    lists: tuple[tuple[str, ...], ...]
    parse: Callable[[Sequence[str]], list[Member]]
    unpack: Callable[[str, str], list[str]]

    def list(self, archive: Path) -> list[Member]:
        return self.parse([self._output_of([*arguments, str(archive.absolute())], archive) for arguments in self.lists])

    def extract(self, archive: Path, folder: Path) -> None:
        self._output_of(self.unpack(str(archive.absolute()), str(folder.absolute())), archive)

    def _output_of(self, arguments: Sequence[str], archive: Path) -> str:
        done = subprocess.run(
            [self.program, *arguments],
            stdin=subprocess.DEVNULL,  # a program that asks for a password or whether to overwrite gets no answer
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
        )
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip())[-500:]
            raise DatasetFormatError(f"{archive}: {self.program} failed with status {done.returncode}: {said}")
        return done.stdout


def programs_for(archive: Path) -> list[Tool]:
    """The programs at hand that may read ``archive``, which need not be there yet.

    :raises RuntimeError: if there is none; says what to install
    """
    in_volumes = re.search(r"\.part\d+\.rar$", archive.name, re.IGNORECASE) is not None
    names = [name for name in _TOOLS if not (name == "bsdtar" and in_volumes)]  # it reads the first volume only
    programs = [_TOOLS[name](program) for name in names if (program := shutil.which(name)) is not None]
    if not programs:
        raise RuntimeError(
            f"{archive.name}: unpacking rar needs one of the programs {', '.join(names)}, and none was found. "
            "Install one (Debian and Ubuntu: apt install unrar, or 7zip with 7zip-rar, or, for archives that are not "
            "in volumes, libarchive-tools; Windows: 7-Zip, with its folder in PATH)."
        )
    return programs


def find_tool(archive: Path) -> tuple[Tool, list[Member]]:
    """The first program at hand that can read ``archive``, and what it says is inside.

    :raises RuntimeError: if there is none at hand; says what to install
    :raises DatasetFormatError: if none that is at hand can read the archive
    """
    failures = []
    for tool in programs_for(archive):
        try:
            members = tool.list(archive)
            if members:
                return tool, members
            failures.append(f"{archive}: {tool.program} finds nothing in it.")  # bsdtar's word for what it can't read
        except DatasetFormatError as error:  # 7-Zip comes with and without the part that reads rar
            failures.append(str(error))
    raise DatasetFormatError("\n".join(failures))


def _unrar(program: str) -> Tool:
    return Tool(
        program,
        (("lt", "-c-", "-p-", "--"),),
        _parse_unrar,
        lambda archive, folder: ["x", "-c-", "-p-", "-o-", "-idq", "--", archive, folder + "/"],
    )


def _seven_zip(program: str) -> Tool:
    return Tool(
        program,
        (("l", "-slt", "-ba", "-p-", "--"),),
        _parse_seven_zip,
        lambda archive, folder: ["x", "-y", "-p-", "-bd", f"-o{folder}", "--", archive],
    )


def _bsdtar(program: str) -> Tool:
    return Tool(
        program,
        (("-tf",), ("-tvf",)),
        _parse_bsdtar,
        lambda archive, folder: ["-x", "-C", folder, "-f", archive],
    )


_TOOLS: dict[str, Callable[[str], Tool]] = {
    "unrar": _unrar,
    "7z": _seven_zip,
    "7zz": _seven_zip,
    "bsdtar": _bsdtar,
}


def _blocks(text: str, separator: str, first: str) -> list[dict[str, str]]:
    """Lines ``key<separator>value``; a new block starts at each ``first``."""
    blocks: list[dict[str, str]] = []
    for line in text.splitlines():
        key, found, value = line.strip("\n").partition(separator)
        if not found:
            continue
        if key.strip() == first:
            blocks.append({})
        if blocks:
            blocks[-1][key.strip()] = value
    return blocks


def _parse_unrar(texts: Sequence[str]) -> list[Member]:
    return [
        Member(
            block["Name"],
            int(block.get("Size") or 0),
            block.get("Type") == "Directory",
            block.get("Type") not in ("File", "Directory", "File reference"),
        )
        for block in _blocks(texts[0], ": ", "Name")
    ]


def _parse_seven_zip(texts: Sequence[str]) -> list[Member]:
    return [
        Member(
            block["Path"],
            int(block.get("Size") or 0),
            block.get("Folder") == "+" or block.get("Attributes", "").startswith("D"),
            any(block.get(key, "") not in ("", "-") for key in ("Symbolic Link", "Hard Link"))
            or any(re.search(r"(^|\s)[lbcps][r-][w-]", block.get(key, "")) for key in ("Attributes", "Mode")),
        )
        for block in _blocks(texts[0], " = ", "Path")
    ]


def _parse_bsdtar(texts: Sequence[str]) -> list[Member]:
    """One listing has the names alone, the other mode and size in front of them."""
    names, lines = (text.splitlines() for text in texts)
    if len(names) != len(lines):
        raise DatasetFormatError("bsdtar gave two lists of different length.")
    members = []
    for name, line in zip(names, lines, strict=True):
        fields = line.split(None, 5)
        is_special = line[:1] not in ("-", "d") or " link to " in line.replace(name, "", 1)
        members.append(Member(name, int(fields[4]), line[:1] == "d", is_special))
    return members
