"""A training with all that it has: data, network, optimizer, averages, and the folder."""

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from spikingjelly.activation_based.model._training import sharding
from spikingjelly.activation_based.model._training.loading import make_collate, make_loader
from spikingjelly.activation_based.model._training.precision import make_scaler
from spikingjelly.activation_based.model._training.processes import share_values
from spikingjelly.activation_based.model._training.randomness import seed_epoch
from spikingjelly.activation_based.model._training.records import make_writer, write
from spikingjelly.activation_based.model._training.sync_norm import synchronize_batch_norms
from spikingjelly.activation_based.model.tv_ref_classify import utils

LATEST = "checkpoint_latest.pth"
BEST = "checkpoint_max_test_acc1.pth"
BEST_AVERAGE = "checkpoint_max_ema_test_acc1.pth"


class Run:
    """A training, from its options.

    :param trainer: a ``Trainer``, whose methods say what is trained and how
    :param folder: of the training
    """

    def __init__(self, trainer: Any, args: argparse.Namespace, folder: Path) -> None:
        self.trainer, self.args, self.folder = trainer, args, folder
        self.device = torch.device(args.device)
        dataset, dataset_test, self.sampler, test_sampler = trainer.load_data(args)
        num_classes = len(dataset.classes) if hasattr(dataset, "classes") else dataset.num_classes
        self.loader = make_loader(args, dataset, self.sampler, make_collate(args, num_classes))
        self.test_loader = make_loader(args, dataset_test, test_sampler)
        self.scaler = make_scaler(args, self.device)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=args.label_smoothing)
        self.sharded = getattr(args, "fsdp", False)
        self._make_net(num_classes)
        groups = utils.set_weight_decay(self.net, args.weight_decay, args.norm_weight_decay)
        self.optimizer = trainer.set_optimizer(args, groups)
        if self.sharded:
            sharding.step_one_by_one(self.optimizer)
        self.scheduler = trainer.set_lr_scheduler(args, self.optimizer)
        self.epoch, self.best, self.best_average = args.start_epoch, -1.0, -1.0

    def _make_net(self, num_classes: int) -> None:
        args = self.args
        self.net = self.trainer.load_model(args, num_classes)
        if args.distributed and args.sync_bn:
            self.net = synchronize_batch_norms(self.net)
        self.net.to(self.device)
        self.ema = (
            utils.ExponentialMovingAverage(self.net, args.model_ema_decay, self.device) if args.model_ema else None
        )
        self.nets = [self.net] if self.ema is None else [self.net, self.ema.module]
        self.parallel: nn.Module = self.net
        if self.sharded:
            share_values([*self.net.parameters(), *self.net.buffers()])
            for net in self.nets:
                sharding.shard(net, self.trainer.blocks_to_shard(args, net), self.device)
        elif args.distributed:
            device_ids = [args.gpu] if self.device.type == "cuda" else None
            self.parallel = DistributedDataParallel(self.net, device_ids=device_ids)

    def go(self) -> None:
        """Train and test until the last epoch, from a checkpoint if there is one."""
        self._resume()
        if self.args.test_only:
            self._test(None, self.epoch)
            return
        writer = make_writer(self.folder) if utils.is_main_process() else None
        while self.epoch < self.args.epochs:
            start = time.monotonic()
            self._epoch(writer)
            print(f"Epoch {self.epoch - 1} took {time.monotonic() - start:.1f} s; best accuracy {self.best:.2f} %")
        if writer is not None:
            writer.close()

    def _epoch(self, writer: Any) -> None:
        args, epoch = self.args, self.epoch
        seed_epoch(args.seed, epoch, utils.get_rank())
        if hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(epoch)
        self.trainer.before_train_one_epoch(args, self.parallel, epoch)
        results = self.trainer.train_one_epoch(
            self.parallel, self.criterion, self.optimizer, self.loader, self.device, epoch, args, self.ema, self.scaler
        )
        write(writer, "train", results, epoch)
        if writer is not None:
            writer.add_scalar("lr", self.optimizer.param_groups[0]["lr"], epoch)
        self.scheduler.step()
        accuracy, of_average = self._test(writer, epoch)
        self.epoch += 1
        files = [LATEST]
        if accuracy > self.best:
            files.append(BEST)
        if of_average > self.best_average:
            files.append(BEST_AVERAGE)
        self.best, self.best_average = max(accuracy, self.best), max(of_average, self.best_average)
        state = self._state()
        for name in reversed(files):
            utils.save_on_master(state, self.folder / name)

    def _test(self, writer: Any, epoch: int) -> tuple[float, float]:
        """Accuracies of the network and of its moving average; -1 if there is none."""
        for net in self.nets:
            share_values(net.buffers())
        self.trainer.before_test_one_epoch(self.args, self.parallel, epoch)
        accuracy = self._test_one(self.net, writer, "test", epoch)
        return accuracy, -1.0 if self.ema is None else self._test_one(self.ema, writer, "test_ema", epoch)

    def _test_one(self, net: nn.Module, writer: Any, part: str, epoch: int) -> float:
        suffix = "" if net is self.net else "EMA"
        with sharding.whole_weights(net):
            results = self.trainer.evaluate(
                self.args, net, self.criterion, self.test_loader, self.device, log_suffix=suffix
            )
        write(writer, part, results, epoch)
        return results[1]

    def _state(self) -> dict[str, Any]:
        state = {
            "model": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "lr_scheduler": self.scheduler.state_dict(),
            "epoch": self.epoch,
            "max_test_acc1": self.best,
            "args": {name: value for name, value in vars(self.args).items() if _is_plain(value)},
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
            "model_ema": None if self.ema is None else self.ema.state_dict(),
            "max_ema_test_acc1": self.best_average,
        }
        return sharding.gathered(state) if self.sharded else state

    def _resume(self) -> None:
        path = self.args.resume
        if path == "latest":
            path = self.folder / LATEST
            if not path.is_file():
                print(f"--resume latest: there is no {path} yet; the training starts.")
                return
        if path is None:
            return
        if not Path(path).is_file():
            raise FileNotFoundError(f"--resume={path}: there is no such file. It takes a checkpoint, or 'latest'.")
        with torch.serialization.safe_globals([argparse.Namespace]):  # in checkpoints of SpikingJelly 0.0.0.0.14
            self._load(torch.load(path, map_location="cpu", weights_only=True))
        print(f"Resumed from {path}: {self.epoch} epochs are done.")

    def _load(self, state: dict[str, Any]) -> None:
        load = sharding.load_weights if self.sharded else nn.Module.load_state_dict
        load(self.net, state["model"])
        for name, own in (("model_ema", self.ema), ("scaler", self.scaler)):
            saved = state.get(name)
            if own is not None and saved is None:
                print(f"The checkpoint has no {name}, which starts anew.")
            elif saved is not None and own is not None:
                load(own, saved) if isinstance(own, nn.Module) else own.load_state_dict(saved)
        of_v14 = isinstance(state["args"], argparse.Namespace)  # there, epoch is the last that is done
        self.epoch, self.best = state["epoch"] + of_v14, state["max_test_acc1"]
        self.best_average = state.get("max_ema_test_acc1", -1.0)
        if not self.args.test_only:
            self._load_progress(state)

    def _load_progress(self, state: dict[str, Any]) -> None:
        if self.sharded:
            sharding.load_optimizer(self.optimizer, state["optimizer"])
        else:
            self.optimizer.load_state_dict(state["optimizer"])
        own, saved = self.scheduler.state_dict(), state["lr_scheduler"]
        if own.keys() != saved.keys():  # of another release
            saved = {**own, "last_epoch": saved["last_epoch"]}
        self.scheduler.load_state_dict(saved)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
