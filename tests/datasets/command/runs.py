"""Running the command, and a data set small enough for it."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from spikingjelly.datasets._command import registry

FRAMES = "frames_number_4_split_by_number"
PER_CLASS = {"Train": 2, "Test": 1}


def run(*arguments: object, code: int = 0) -> str:
    """All that the command prints; it never ends with an exception of its own."""
    from typer.testing import CliRunner

    from spikingjelly.datasets._command.app import app

    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def five_bytes(t: int, x: int, y: int, p: int) -> bytes:
    return bytes([x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255])


def publish(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Make N-MNIST the only data set, as large as ours."""
    splits = {"train": registry.Split({"train": True}, 20), "test": registry.Split({"train": False}, 10)}
    entry = dataclasses.replace(registry.find("nmnist"), splits=splits, **changes)
    monkeypatch.setattr(registry, "ENTRIES", [entry])


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    stats = {path.relative_to(folder).as_posix(): path.stat() for path in folder.rglob("*")}
    return {name: (stat.st_mtime_ns, stat.st_size if "/" in name else 0) for name, stat in stats.items()}
