"""The folder of one run: checkpoints that are never half-written, and TensorBoard scalars."""

import os
from pathlib import Path
from typing import Any

import torch


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write aside and rename: a run that is killed leaves the previous checkpoint whole."""
    aside = path.with_name(path.name + ".writing")
    torch.save(state, aside)
    os.replace(aside, path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; nothing in it is executed.

    :raises FileNotFoundError: if there is none
    :raises ValueError: if the file is no checkpoint of these examples
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}; -resume takes the path of a checkpoint file")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} can't be read as a checkpoint: {error}") from error
    missing = {"net", "optimizer", "epoch"} - set(state) if isinstance(state, dict) else {"net", "optimizer", "epoch"}
    if missing:
        raise ValueError(f"{path} is no checkpoint of this example: it lacks {', '.join(sorted(missing))}")
    return state


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
