"""The folder of a training, and what is written down there."""

import argparse
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from spikingjelly.activation_based.model._training.processes import is_main_process


def prepare_folder(folder: Path, args: argparse.Namespace) -> None:
    """Make the folder, empty with ``args.clean``, with the options in it."""
    if is_main_process():
        if args.clean and folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{name}: {value}" for name, value in sorted(vars(args).items())]
        (folder / "args.txt").write_text("\n".join(lines) + "\n")
    if args.distributed:
        torch.distributed.barrier()


def make_writer(folder: Path) -> Any:
    """A writer of scalars for TensorBoard; None, which is said, where that isn't installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        print(
            f"No scalars are written to {os.fspath(folder)}, for TensorBoard isn't installed: "
            'pip install "spikingjelly[tensorboard]"'
        )
        return None
    return SummaryWriter(os.fspath(folder))


def write(writer: Any, part: str, results: tuple[float, float, float], epoch: int) -> None:
    """Print loss and accuracies of an epoch, and give them to ``writer``."""
    for name, value in zip(("loss", "acc1", "acc5"), results, strict=True):
        if writer is not None:
            writer.add_scalar(f"{part}/{name}", value, epoch)
    print(f"Epoch {epoch} {part}: loss {results[0]:.4f}, accuracy {results[1]:.2f} %, among five {results[2]:.2f} %")
