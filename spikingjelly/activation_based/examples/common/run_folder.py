"""The folder of one run: checkpoints that are never half-written, a record, and TensorBoard scalars."""

import argparse
import datetime
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import spikingjelly


class CheckpointError(ValueError):
    """A file is no checkpoint, or one of another run."""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write aside and rename: a run that is killed leaves the previous checkpoint whole."""
    aside = path.with_name(path.name + ".writing")
    torch.save(state, aside)
    os.replace(aside, path)


def load_checkpoint(path: Path, parts: Sequence[str] = ("epoch", "net", "optimizer")) -> dict[str, Any]:
    """Read a checkpoint; nothing in it is executed.

    :param parts: what it must hold
    :raises FileNotFoundError: if there is none
    :raises CheckpointError: (a ValueError) if the file is no checkpoint of these examples
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}; -resume takes the path of a checkpoint file")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{path} can't be read as a checkpoint: {error}") from error
    missing = [part for part in parts if not isinstance(state, dict) or part not in state]
    if missing:
        raise CheckpointError(f"{path} is no checkpoint of this example: it lacks {', '.join(missing)}")
    return state


def save_record(path: Path, args: argparse.Namespace, data: str, outcome: Mapping[str, Any]) -> None:
    """Write as JSON what was run, when, on what and with what, and what came out.

    :param args: the flags, and the whole line as ``command``
    :param data: what was learned from
    :param outcome: what came out, such as ``epochs``, a list with a dict for each
    """
    flags = {name: value if isinstance(value, int | float | None) else str(value) for name, value in vars(args).items()}
    record = {
        "command": flags.pop("command"),
        "data": data,
        "flags": flags,
        "versions": {
            "spikingjelly": spikingjelly.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": {"processor": _processor(), "cores": os.cpu_count()},
        "threads": torch.get_num_threads(),
        **outcome,
    }
    aside = path.with_name(path.name + ".writing")
    aside.write_text(json.dumps(record, indent=1) + "\n")
    os.replace(aside, path)


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


class Scalars:
    """TensorBoard scalars where tensorboard is installed; otherwise says once that there are none."""

    def __init__(self, folder: Path, purge_step: int) -> None:
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            print('No TensorBoard scalars: pip install "spikingjelly[tensorboard]" to get them.')
        else:
            self._writer = SummaryWriter(str(folder), purge_step=purge_step)

    def add(self, step: int, **values: float) -> None:
        """Write each value under its name."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush and close."""
        if self._writer is not None:
            self._writer.close()
