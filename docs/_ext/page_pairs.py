"""What the two languages of a page must have in common: the page itself, code, stored results, structure."""

import re
from pathlib import Path

CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", flags=re.S | re.M)
FENCE = re.compile(r"^(```+|:::+).*?^\1$", flags=re.S | re.M)
LONGEST_LINE = 88  # what fits beside the navigation without scrolling


def names(folder: Path) -> set[str]:
    """The pages of one language, without the generated reference."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*.md")}
    return {name for name in found if not name.startswith("api/")}


def cells(text: str) -> list[str]:
    """The code of a page's cells, without their options."""
    found = []
    for body in CELL.findall(text):
        body = re.sub(r"\A---\n.*?^---\n", "", body, flags=re.S | re.M)
        found.append(re.sub(r"\A(:[\w-]+:[^\n]*\n)+", "", body).strip())
    return found


def headings(text: str) -> list[int]:
    """The levels of a page's headings."""
    return [len(marks) for marks in re.findall(r"^(#+) ", FENCE.sub("", text), flags=re.M)]


def results(text: str) -> list[str]:
    """The stored results that a page quotes, in any order."""
    return sorted(re.findall(r"\{result\}`([^`]+)`", text) + re.findall(r"\{stored-run\} *(\S+)", text))


def listed(text: str) -> list[str]:
    """The pages that a page lists in its tables of contents."""
    lists = re.findall(r"^```\{toctree\}\n(.*?)^```$", text, flags=re.S | re.M)
    return [line.strip() for body in lists for line in body.splitlines() if line.strip() and not line.startswith(":")]


def differences(english: str, chinese: str) -> list[str]:
    """What the two languages of one page should share and don't."""
    found = []
    for number, pair in enumerate(zip(cells(english), cells(chinese), strict=False), start=1):
        one, other = (cell.splitlines() for cell in pair)
        for line, (a, b) in enumerate(zip(one, other, strict=False), start=1):
            if a != b:
                found.append(f"cell {number}, line {line}: {a!r} in English, {b!r} in Chinese")
        if len(one) != len(other):
            found.append(f"cell {number} has {len(one)} lines in English, {len(other)} in Chinese")
    for what, of in {"number of cells": lambda text: len(cells(text)), "headings": headings, "lists": listed}.items():
        if of(english) != of(chinese):
            found.append(f"{what}: {of(english)} in English, {of(chinese)} in Chinese")
    if results(english) != results(chinese):
        found.append(f"stored results: {sorted(set(results(english)) ^ set(results(chinese)))} in one language only")
    return found


def too_long(text: str) -> list[str]:
    """Lines of code that a reader would have to scroll."""
    return [line for cell in cells(text) for line in cell.splitlines() if len(line) > LONGEST_LINE]
