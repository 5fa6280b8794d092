"""What a file holds, whatever its kind; nothing in it is executed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spikingjelly._command import _inspect_hdf5, _inspect_onnx, _inspect_weights
from spikingjelly._command._contents import Contents
from spikingjelly.activation_based.hub.loading import WEIGHTS

_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Inspection:
    """A file, and what is in it."""

    path: Path
    size: int
    contents: Contents


def inspect(path: Path) -> Inspection:
    """Look into a file.

    :raises FileNotFoundError: if there is none
    :raises ValueError: if it is of no known kind, or damaged
    """
    if path.is_dir():
        if not (path / WEIGHTS).is_file():
            raise FileNotFoundError(f"inspect: the folder {path} has no {WEIGHTS}.")
        path = path / WEIGHTS
    if not path.is_file():
        raise FileNotFoundError(f"inspect: there is no file {path}.")
    with path.open("rb") as file:
        head = file.read(len(_HDF5))
    if head == _HDF5:
        contents = _inspect_hdf5.contents_of(path)
    elif path.suffix == ".onnx":
        contents = _inspect_onnx.contents_of(path)
    elif path.suffix == ".safetensors":
        contents = _inspect_weights.contents_of(path)
    else:
        raise ValueError(f"inspect: {path} is no HDF5 file (NIR, netx), and its name ends in no .onnx or .safetensors.")
    return Inspection(path, path.stat().st_size, contents)


def text_of(inspection: Inspection) -> str:
    """The tables that the command prints."""
    contents = inspection.contents
    facts = [
        ("file", str(inspection.path)),
        ("kind", contents.kind),
        *contents.facts,
        ("layers", f"{len(contents.layers):,}"),
        ("parameters", f"{contents.parameters:,}"),
        ("states", f"{len(contents.states):,}"),
        ("dt", "not in the file" if contents.dt is None else f"{contents.dt:g} s"),
        ("size", f"{inspection.size:,} bytes"),
    ]
    parts = [_table(facts)]
    if contents.layers:
        rows = [(layer.name, layer.kind, layer.shape, f"{layer.parameters:,}") for layer in contents.layers]
        parts.append(_table([("layer", "kind", "shape", "parameters"), *rows]))
    if contents.states:
        parts.append(_table([("state", "shape"), *contents.states]))
    return "\n\n".join(parts)


def _table(rows: Iterable[Sequence[str]]) -> str:
    rows = [[_printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(f"{c:{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _printable(text: str) -> str:
    """Names in files come from anyone: no control characters reach the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
