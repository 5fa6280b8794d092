"""Finding a data set's IDX files under any of the names in use."""

from collections.abc import Sequence
from pathlib import Path


def names_of(stem: str) -> list[str]:
    """The names that the file ``stem`` (``*-idx?-ubyte``) goes by; unpacked ones first, as they are read faster."""
    dotted = stem.replace("-idx", ".idx")
    return [stem, dotted, f"{stem}.gz", f"{dotted}.gz"]


def find(folder: Path, stem: str) -> Path | None:
    """The file ``stem`` in ``folder`` under one of its names, None if there is none."""
    return next((folder / name for name in names_of(stem) if (folder / name).is_file()), None)


def holds(folder: Path, stems: Sequence[str]) -> bool:
    """Whether ``folder`` holds all files ``stems``."""
    return all(find(folder, stem) is not None for stem in stems)


def lack(folder: Path, stems: Sequence[str]) -> str:
    """What of ``stems`` is missing in ``folder``, in words."""
    if not folder.is_dir():
        return "no such folder"
    missing = [stem for stem in stems if find(folder, stem) is None]
    return f"lacks {' and '.join(missing)}" if missing else "complete"
