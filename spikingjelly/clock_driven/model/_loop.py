"""The loop over epochs of a training that calls the functions of :mod:`.train_classify`."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based.model.tv_ref_classify import utils


class Progress:
    """What a training has reached, and its files.

    :param parts: what a checkpoint holds the state of, by name
    :param tb_log_dir: the folder of the scalars for TensorBoard, or None
    :param pt_dir: the folder of the checkpoints, or None
    """

    def __init__(self, args: Any, parts: dict[str, Any], tb_log_dir: str | None, pt_dir: str | None) -> None:
        self.args, self.parts = args, parts
        self.tb_log_dir, self.pt_dir = tb_log_dir, pt_dir
        self.start_epoch = 0
        self.best_acc1 = self.acc5_at_best = -1.0
        self._writer = _writer(tb_log_dir) if tb_log_dir is not None and utils.is_main_process() else None

    def resume(self, path: str) -> None:
        """Go on where the checkpoint ``path`` was written.

        :raises KeyError: if it is no such checkpoint
        """
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        missing = {*self.parts, "epoch", "max_test_acc1", "test_acc5_at_max_test_acc1"} - set(checkpoint)
        if missing:
            raise KeyError(f"train_eval_loop: {path} is no checkpoint of it: there is no {', '.join(sorted(missing))}.")
        for name, part in self.parts.items():
            part.load_state_dict(checkpoint[name])
        self.start_epoch = checkpoint["epoch"] + 1
        self.best_acc1, self.acc5_at_best = checkpoint["max_test_acc1"], checkpoint["test_acc5_at_max_test_acc1"]

    def add(self, epoch: int, train: tuple[float, float, float], test: tuple[float, float, float]) -> None:
        """Print, write and keep the accuracies and losses of an epoch."""
        is_best = test[0] > self.best_acc1
        if is_best:
            self.best_acc1, self.acc5_at_best = test[0], test[1]
        print(
            f"Test: max_test_acc1={self.best_acc1:.3f}, max_test_acc5={test[1]:.3f}, "
            f"test_acc5_at_max_test_acc1={self.acc5_at_best:.3f}"
        )
        if self._writer is not None:
            for part, results in (("train", train), ("test", test)):
                for name, value in zip(("acc1", "acc5", "loss"), results, strict=True):
                    self._writer.add_scalar(f"{part}_{name}", value, epoch)
        if self.pt_dir is not None:
            self._save(epoch, is_best)

    def _save(self, epoch: int, is_best: bool) -> None:
        folder = Path(str(self.pt_dir))
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint = {name: part.state_dict() for name, part in self.parts.items()} | {
            "epoch": epoch, "max_test_acc1": self.best_acc1, "test_acc5_at_max_test_acc1": self.acc5_at_best,
            "args": {name: value for name, value in vars(self.args).items() if _is_plain(value)},
        }  # fmt: skip
        for name in ("ckp_latest.pt", *(("ckp_max_test_acc1.pt",) if is_best else ())):
            utils.save_on_master(checkpoint, folder / name)

    def close(self) -> None:
        """Write out the scalars."""
        if self._writer is not None:
            self._writer.close()


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _writer(folder: str) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError('tb_log_dir needs TensorBoard: pip install "spikingjelly[tensorboard]"') from error
    return SummaryWriter(os.fspath(folder))


def run(
    progress: Progress,
    max_epoch: int,
    train: Callable[[], tuple[float, float, float]],
    test: Callable[[], tuple[float, float, float]],
    sampler: Any,
) -> None:
    """``train`` and ``test`` in turn, from the epoch of ``progress`` to ``max_epoch``."""
    for epoch in range(progress.start_epoch, max_epoch):
        start = time.perf_counter()
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(epoch)
        print(f"epoch={epoch}, args={progress.args}")
        progress.add(epoch, train(), test())
        left = (time.perf_counter() - start) * (max_epoch - 1 - epoch)
        print(f"ends at {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(time.time() + left))}\n")


def without_wrapper(model: nn.Module) -> nn.Module:
    """The network in a :class:`torch.nn.parallel.DistributedDataParallel`, or itself."""
    return model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model
