"""What there is to say about data sets before any file of theirs is there."""

import inspect
import re
from itertools import groupby
from typing import Any

from spikingjelly.datasets._command.registry import ENTRIES, Entry, find
from spikingjelly.datasets._idx_images import IdxImages

_UNKNOWN = "?"
_HEADER = ("name", "classes", "samples", "sensor", "download", "automatic", "licence")
_FOLDER_LAYOUT = """\
download/    the files above, as they are published
extract/     unpacked
events_np/{split}<class>/<sample>.npz
frames_number_<N>_split_by_<number|time>/{split}<class>/<sample>.npz
duration_<D>/{split}<class>/<sample>_<T>.npz"""
_IMAGES_LAYOUT = """\
{folder}/raw/    the files above, as they are published or unpacked; or in {folder}, raw or the folder itself"""
_SPIKES_LAYOUT = """\
download/           the files above, as they are published
extract/<name>/     unpacked; samples and frames are read from there"""


def table() -> str:
    """All data sets, a line each."""
    rows = [_HEADER, *(_row(entry) for entry in ENTRIES)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, "", f"samples: train / test, or all where there is no split; {_UNKNOWN}: not checked"])


def _row(entry: Entry) -> tuple[str, ...]:
    return (
        entry.name,
        str(entry.classes),
        samples(entry),
        sensor(entry.load()),
        entry.download or _UNKNOWN,
        "yes" if entry.load().downloadable() else "by hand",
        entry.licence or _UNKNOWN,
    )


def samples(entry: Entry) -> str:
    """How many samples there are, of each part where that is known."""
    if entry.total is not None:
        return f"{entry.total:,}"
    known = [split.samples for split in entry.splits.values()]
    if not any(known):
        return _UNKNOWN
    return " / ".join(_UNKNOWN if number is None else f"{number:,}" for number in known)


def sensor(cls: Any) -> str:
    """The size of the sensor."""
    if hasattr(cls, "get_W"):
        return f"{cls.get_W()} channels"
    H, W = cls.get_H_W()
    return f"{H} x {W}"


def about(entry: Entry) -> str:
    """All that ``info`` says."""
    cls = entry.load()
    how = "downloaded automatically" if cls.downloadable() else "to be downloaded by hand"
    facts = [
        ("paper", _paper(entry)),
        ("classes", str(entry.classes)),
        ("samples", samples(entry)),
        ("splits", ", ".join(name for name in entry.splits if name) or "none official"),
        ("sensor", sensor(cls)),
        ("download", f"{entry.download or 'size not checked'}, {how}"),
        ("licence", entry.licence or "not checked"),
    ]
    parts = [
        f"{entry.name}: {entry.module}.{entry.class_name}",
        _description(cls),
        "\n".join(f"{key:<10}{value}" for key, value in facts),
        f"Files:\n{_indented(_files(entry))}",
        f"Below the folder of the data set:\n{_indented(_layout(entry, cls))}",
        f"Example:\n{_indented(example(entry, cls))}",
    ]
    return "\n\n".join(parts)


def _paper(entry: Entry) -> str:
    source = entry if entry.paper_of is None else find(entry.paper_of)
    match = re.search(r"\[(.+?)\]", _one_line(inspect.getdoc(source.load()) or ""))
    return match[1] if match else _UNKNOWN


def _description(cls: Any) -> str:
    """The docstring up to the parameters, without the paper and the marks of reStructuredText."""
    text = inspect.getdoc(cls) or ""
    text = re.split(r"\n\n(?=The parameters|The other parameters|:param)|\n:param", text)[0]
    text = re.sub(r"\s*\[[^\]]+?(?:19|20)\d\d\]", "", text)
    text = re.sub(r":\w+:`([^`]+)`", r"\1", text).replace("``", "")
    title, _, rest = text.partition("\n\n")
    return rest.strip() if rest and re.fullmatch(r"[\w -]+\.", title) else text.strip()


def _files(entry: Entry) -> str:
    """Each file with its hash, and the place of those that come from there below them."""
    lines: list[str] = []
    for places, resources in groupby(entry.resources(), lambda resource: resource.urls or (resource.page or "",)):
        lines += [str(resource) for resource in resources]
        lines += [f"    from {place}" for place in places if place]
    return "\n".join(lines)


def _layout(entry: Entry, cls: Any) -> str:
    if hasattr(cls, "get_W"):
        return _SPIKES_LAYOUT
    if issubclass(cls, IdxImages):
        return _IMAGES_LAYOUT.format(folder=cls.folder_name)
    splits = "|".join(name for name in entry.splits if name)
    return _FOLDER_LAYOUT.format(split=f"<{splits}>/" if splits else "")


def example(entry: Entry, cls: Any) -> str:
    """Code that reads a sample."""
    chosen = "".join(f", {key}={_literal(value)}" for key, value in next(iter(entry.splits.values())).arguments.items())
    if issubclass(cls, IdxImages):
        return (
            f"from {entry.module} import {cls.__name__}\n\n"
            f'dataset = {cls.__name__}("path/to/{entry.name}"{chosen})\n'
            f"image, label = dataset[0]  # [1, {', '.join(map(str, cls.get_H_W()))}]"
        )
    call = f'{cls.__name__}("path/to/{entry.name}"{chosen}, data_type="frame", frames_number=20, split_by="number")'
    shape = "[20, 700]" if hasattr(cls, "get_W") else f"[20, 2, {', '.join(map(str, cls.get_H_W()))}]"
    return f"from {entry.module} import {cls.__name__}\n\ndataset = {call}\nframes, label = dataset[0]  # {shape}"


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines())
