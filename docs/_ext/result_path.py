"""Find a number in a stored result: ``examples/conv_fashion_mnist: epochs test_acc max | .2%``.

Before the colon stands the file below ``benchmarks/results``, without ``.json``; after it the way to the number, step
by step; after the bar how it is written. A step is

- a key of a dict (in quotes if it has spaces), or of each dict in a list,
- the position of an item in a list, ``-1`` for the last,
- ``key=value``, with dots for keys inside keys: the items of a list for which that holds; a single one is taken out,
- ``max``, ``min``, ``median``, ``mean`` or ``count`` of a list.

``a / b`` divides one number by another of the same file. A format may begin with a factor: ``*1000 .1f`` for seconds in
milliseconds.
"""

import json
import re
import shlex
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

REDUCTIONS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "max": max,
    "min": min,
    "median": statistics.median,
    "mean": statistics.fmean,
    "count": len,
}
MISSING = object()


class ResultError(LookupError):
    """There is no such result."""


def result_file(folder: Path, name: str) -> Path:
    """The file of a stored result.

    :raises ResultError: if there is none; names those that there are
    """
    file = folder / f"{name}.json"
    if not file.is_file():
        known = sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.json"))
        raise ResultError(f"there is no stored result {name!r} in {folder}; there are {', '.join(known)}")
    return file


def load(folder: Path, name: str) -> dict[str, Any]:
    """The content of a stored result."""
    return json.loads(result_file(folder, name).read_text())


def split(text: str) -> tuple[str, str, str]:
    """Name of the file, way to the number, format.

    :raises ResultError: if one of them is missing
    """
    match = re.fullmatch(r"([^:]+):(.+)\|([^|]+)", text, flags=re.S)
    if match is None:
        raise ResultError(f"{text!r} should read 'file: way to the number | format', as in 'cpu: machine cores | d'")
    name, way, form = (part.strip() for part in match.groups())
    return name, way, form


def deep(value: Any, key: str) -> Any:
    """``value[key]``, or ``value[a][b]`` for ``a.b``."""
    for part in [key] if isinstance(value, dict) and key in value else key.split("."):
        value = value.get(part, MISSING) if isinstance(value, dict) else MISSING
    return value


def matching(items: Sequence[Any], condition: str) -> Any:
    key, _, wanted = condition.partition("=")
    found = [item for item in items if str(deep(item, key)) == wanted]
    if not found:
        raise ResultError(f"no item has {condition}")
    return found[0] if len(found) == 1 else found


def step(value: Any, word: str) -> Any:
    """What lies one step further.

    :raises ResultError: if there is nothing; names what there is
    """
    if isinstance(value, dict):
        if word in value:
            return value[word]
        if "=" in word:
            return matching([value], word)
        raise ResultError(f"{word!r} is none of {', '.join(value)}")
    if not isinstance(value, list):
        raise ResultError(f"{word!r} can't be looked up in {value!r}")
    if re.fullmatch(r"-?\d+", word):
        if not -len(value) <= int(word) < len(value):
            raise ResultError(f"there are {len(value)} items, no item {word}")
        return value[int(word)]
    if word in REDUCTIONS:
        return REDUCTIONS[word](value)
    if "=" in word:
        return matching(value, word)
    return [step(item, word) for item in value]


def walk(value: Any, words: Sequence[str]) -> Any:
    for word in words:
        value = step(value, word)
    if not isinstance(value, int | float | str):
        raise ResultError(f"{' '.join(words)} is no single value but a {type(value).__name__}")
    return value


def written(value: Any, form: str) -> str:
    """The value in a format that may begin with a factor."""
    factor, form = re.fullmatch(r"(?:\*(\S+)\s+)?(.*)", form).groups()  # type: ignore[union-attr]
    return format(value * float(factor) if factor else value, form)


def look_up(folder: Path, text: str) -> str:
    """The text that stands for ``file: way | format``.

    :raises ResultError: if there is no such file or number, or the format doesn't fit
    """
    name, way, form = split(text)
    content = load(folder, name)
    words = shlex.split(way)
    try:
        value = walk(content, words[: words.index("/")] if "/" in words else words)
        if "/" in words:
            value = value / walk(content, words[words.index("/") + 1 :])
        return written(value, form)
    except ResultError as error:
        raise ResultError(f"{text!r}: {error}") from None
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise ResultError(f"{text!r}: {error}") from error
