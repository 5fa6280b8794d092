"""Training of image classifiers, in one or in several processes; a subclass says which network and which data.

For example::

    from spikingjelly.activation_based.model.spiking_resnet import spiking_resnet18
    from spikingjelly.activation_based.model.train_classify import Trainer

    class MyTrainer(Trainer):
        def preprocess_train_sample(self, args, x):
            return x.unsqueeze(0).repeat(args.T, 1, 1, 1, 1)  # [N, C, H, W] -> [T, N, C, H, W]

        preprocess_test_sample = preprocess_train_sample

        def process_model_output(self, args, y):
            return y.mean(0)  # [T, N, classes] -> [N, classes]

        def get_args_parser(self, add_help=True):
            parser = super().get_args_parser(add_help)
            parser.add_argument("--T", type=int, default=4)
            return parser

        def load_model(self, args, num_classes):
            net = spiking_resnet18(num_classes=num_classes, spiking_neuron=neuron.IFNode)
            functional.set_step_mode(net, "m")
            return net

    if __name__ == "__main__":
        trainer = MyTrainer()
        trainer.main(trainer.get_args_parser().parse_args())

and ``python my_trainer.py --data-path imagenet``, or ``torchrun --nproc-per-node 8 my_trainer.py ...``.
"""

import argparse
import os
import shutil
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from spikingjelly.activation_based import functional
from spikingjelly.activation_based.model._training.arguments import make_parser
from spikingjelly.activation_based.model._training.loading import make_collate, make_loader, make_samplers
from spikingjelly.activation_based.model._training.randomness import seed_epoch, seed_worker, set_deterministic
from spikingjelly.activation_based.model._training.schedule import make_optimizer, make_scheduler
from spikingjelly.activation_based.model._training.sync_norm import synchronize_batch_norms
from spikingjelly.activation_based.model.tv_ref_classify import presets, utils

__all__ = ["Trainer", "seed_worker", "set_deterministic"]

_LATEST = "checkpoint_latest.pth"
_BEST = "checkpoint_max_test_acc1.pth"


class Trainer:
    """Trains and tests a classifier. Each method may be overridden; :meth:`load_model` has to be.

    The folder of a training is ``--output-dir`` with :meth:`get_tb_logdir_name`: it has the scalars for TensorBoard,
    the options, and after each epoch ``checkpoint_latest.pth``, and ``checkpoint_max_test_acc1.pth`` if it was the
    best. Each epoch has random numbers of its own, so that ``--resume latest`` goes on, on a CPU bit for bit, as if
    nothing had stopped it.
    """

    def get_args_parser(self, add_help: bool = True) -> argparse.ArgumentParser:
        """The parser of the options, for a subclass to add its own."""
        return make_parser(add_help, "cuda" if torch.cuda.is_available() else "cpu")

    def load_model(self, args: argparse.Namespace, num_classes: int) -> nn.Module:
        """The network; ``args.model`` may choose it.

        :raises NotImplementedError: unless a subclass says which
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no network: define load_model(self, args, num_classes), which returns one. "
            f"--model={args.model!r} and num_classes={num_classes} were given."
        )

    def load_data(self, args: argparse.Namespace) -> tuple[Any, Any, Any, Any]:
        """Data sets for training and test, and their samplers. A data set gives pairs of a tensor and a class, and has
        ``classes``, a list of their names, or ``num_classes``."""
        return self.load_ImageNet(args)

    def load_ImageNet(self, args: argparse.Namespace) -> tuple[Any, Any, Any, Any]:
        """The pictures in ``--data-path``, augmented by torchvision.

        :raises ImportError: if torchvision isn't installed
        :raises FileNotFoundError: if there are no such folders
        """
        folders = [Path(args.data_path or "", name) for name in ("train", "val")]
        for folder in folders:
            if args.data_path is None or not folder.is_dir():
                raise FileNotFoundError(
                    f"--data-path={args.data_path} must be a folder with the folders train and val, each with one "
                    f"folder of pictures for each class, but {folder} isn't there."
                )
        train = presets.ClassificationPresetTrain(
            args.train_crop_size, interpolation=args.interpolation, auto_augment_policy=args.auto_augment,
            random_erase_prob=args.random_erase,
        )  # fmt: skip
        test = presets.ClassificationPresetEval(
            args.val_crop_size, args.val_resize_size, interpolation=args.interpolation
        )
        from torchvision.datasets import ImageFolder

        dataset, dataset_test = ImageFolder(str(folders[0]), train), ImageFolder(str(folders[1]), test)
        return dataset, dataset_test, *make_samplers(args, dataset, dataset_test)

    def make_samplers(self, args: argparse.Namespace, dataset: Any, dataset_test: Any) -> tuple[Any, Any]:
        """The samplers that a :meth:`load_data` of a subclass needs as well."""
        return make_samplers(args, dataset, dataset_test)

    def get_tb_logdir_name(self, args: argparse.Namespace) -> str:
        """The name of the training's folder, from the options that change its result."""
        names = ("model", "batch_size", "epochs", "opt", "lr", "weight_decay", "label_smoothing", "mixup_alpha",
                 "cutmix_alpha", "lr_scheduler", "lr_warmup_epochs", "seed")  # fmt: skip
        switches = [name for name in ("sync_bn", "ra_sampler", "model_ema", "disable_amp") if getattr(args, name)]
        return "_".join([*(f"{name}={getattr(args, name)}" for name in names), *switches])

    def preprocess_train_sample(self, args: argparse.Namespace, x: torch.Tensor) -> torch.Tensor:
        """What the network gets for a batch ``[N, *]`` in training, for example ``[T, N, *]``."""
        return x

    def preprocess_test_sample(self, args: argparse.Namespace, x: torch.Tensor) -> torch.Tensor:
        """What the network gets for a batch ``[N, *]`` in a test."""
        return x

    def process_model_output(self, args: argparse.Namespace, y: torch.Tensor) -> torch.Tensor:
        """The output ``[N, classes]`` that loss and accuracy take, for example the mean over time."""
        return y

    def before_train_one_epoch(self, args: argparse.Namespace, model: nn.Module, epoch: int) -> None:
        """Called before each epoch."""

    def before_test_one_epoch(self, args: argparse.Namespace, model: nn.Module, epoch: int) -> None:
        """Called before each test."""

    def cal_acc1_acc5(self, output: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Percentages of samples whose class is the greatest, and among the five greatest outputs."""
        acc1, acc5 = utils.accuracy(output, target, topk=(1, 5))
        return acc1, acc5

    def set_optimizer(self, args: argparse.Namespace, parameters: Any) -> torch.optim.Optimizer:
        """The optimizer that ``--opt`` names."""
        return make_optimizer(args, parameters)

    def set_lr_scheduler(
        self, args: argparse.Namespace, optimizer: torch.optim.Optimizer
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """The scheduler of the learning rate, which steps after each epoch."""
        return make_scheduler(args, optimizer)

    def train_one_epoch(
        self, model: nn.Module, criterion: nn.Module, optimizer: torch.optim.Optimizer, data_loader: Any,
        device: torch.device, epoch: int, args: argparse.Namespace, model_ema: Any = None, scaler: Any = None,
    ) -> tuple[float, float, float]:  # fmt: skip
        """Mean loss and accuracies over the batches of all processes."""
        model.train()
        metrics = utils.MetricLogger(delimiter="  ")
        for number, (x, target) in enumerate(metrics.log_every(data_loader, args.print_freq, f"Epoch {epoch}")):
            x, target = x.to(device, non_blocking=True), target.to(device, non_blocking=True)
            with torch.autocast(device.type, enabled=scaler is not None):
                output = self.process_model_output(args, model(self.preprocess_train_sample(args, x)))
                loss = criterion(output, target)
            _step(model, optimizer, loss, scaler, args.clip_grad_norm)
            functional.reset_net(model)
            if model_ema is not None and number % args.model_ema_steps == 0:
                model_ema.update_parameters(model)
            acc1, acc5 = self.cal_acc1_acc5(output.detach(), target)
            for name, value in (("loss", loss), ("acc1", acc1), ("acc5", acc5)):
                metrics.meters[name].update(value.item(), n=x.shape[0])
        return _means(metrics)

    @torch.inference_mode()
    def evaluate(
        self, args: argparse.Namespace, model: nn.Module, criterion: nn.Module, data_loader: Any,
        device: torch.device, log_suffix: str = "",
    ) -> tuple[float, float, float]:  # fmt: skip
        """Mean loss and accuracies over the samples of all processes."""
        model.eval()
        metrics = utils.MetricLogger(delimiter="  ")
        for x, target in metrics.log_every(data_loader, args.print_freq, f"Test {log_suffix}".rstrip()):
            x, target = x.to(device, non_blocking=True), target.to(device, non_blocking=True)
            output = self.process_model_output(args, model(self.preprocess_test_sample(args, x)))
            functional.reset_net(model)
            acc1, acc5 = self.cal_acc1_acc5(output, target)
            for name, value in (("loss", criterion(output, target)), ("acc1", acc1), ("acc5", acc5)):
                metrics.meters[name].update(value.item(), n=x.shape[0])
        return _means(metrics)

    def main(self, args: argparse.Namespace) -> None:
        """Train as ``args``, the options of :meth:`get_args_parser`, say."""
        set_deterministic(args.seed, args.disable_uda)
        utils.init_distributed_mode(args)
        folder = Path(args.output_dir, self.get_tb_logdir_name(args))
        if args.print_logdir:
            print(folder)
            return
        try:
            _prepare(folder, args)
            _Run(self, args, folder).go()
        finally:
            if args.distributed:
                torch.distributed.destroy_process_group()


class _Run:
    """A training with all that it has: data, network, optimizer, averages, and the folder."""

    def __init__(self, trainer: Trainer, args: argparse.Namespace, folder: Path) -> None:
        self.trainer, self.args, self.folder = trainer, args, folder
        self.device = torch.device(args.device)
        dataset, dataset_test, self.sampler, test_sampler = trainer.load_data(args)
        num_classes = len(dataset.classes) if hasattr(dataset, "classes") else dataset.num_classes
        self.loader = make_loader(args, dataset, self.sampler, make_collate(args, num_classes))
        self.test_loader = make_loader(args, dataset_test, test_sampler)
        self.net = trainer.load_model(args, num_classes)
        if args.distributed and args.sync_bn:
            self.net = synchronize_batch_norms(self.net)
        self.net.to(self.device)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=args.label_smoothing)
        groups = utils.set_weight_decay(self.net, args.weight_decay, args.norm_weight_decay)
        self.optimizer = trainer.set_optimizer(args, groups)
        self.scheduler = trainer.set_lr_scheduler(args, self.optimizer)
        on_gpu = self.device.type == "cuda"
        self.scaler = torch.amp.GradScaler("cuda") if on_gpu and not args.disable_amp else None
        self.ema = (
            utils.ExponentialMovingAverage(self.net, args.model_ema_decay, self.device) if args.model_ema else None
        )
        self.epoch, self.best = args.start_epoch, -1.0
        self.parallel: nn.Module = self.net
        if args.distributed:
            self.parallel = DistributedDataParallel(self.net, device_ids=[args.gpu] if on_gpu else None)

    def go(self) -> None:
        self._resume()
        if self.args.test_only:
            self._test(None, self.epoch)
            return
        writer = _writer(self.folder) if utils.is_main_process() else None
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
        _write(writer, "train", results, epoch)
        if writer is not None:
            writer.add_scalar("lr", self.optimizer.param_groups[0]["lr"], epoch)
        self.scheduler.step()
        accuracy = self._test(writer, epoch)
        self.epoch += 1
        is_best = accuracy > self.best
        self.best = max(accuracy, self.best)
        if is_best:
            utils.save_on_master(self._state(), self.folder / _BEST)
        utils.save_on_master(self._state(), self.folder / _LATEST)

    def _test(self, writer: Any, epoch: int) -> float:
        self.trainer.before_test_one_epoch(self.args, self.parallel, epoch)
        results = self.trainer.evaluate(self.args, self.net, self.criterion, self.test_loader, self.device)
        _write(writer, "test", results, epoch)
        if self.ema is not None:
            average = self.trainer.evaluate(self.args, self.ema, self.criterion, self.test_loader, self.device, "EMA")
            _write(writer, "test_ema", average, epoch)
        return results[1]

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "lr_scheduler": {"last_epoch": self.scheduler.last_epoch},
            "epoch": self.epoch,
            "max_test_acc1": self.best,
            "args": {name: value for name, value in vars(self.args).items() if _is_plain(value)},
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
            "model_ema": None if self.ema is None else self.ema.state_dict(),
        }

    def _resume(self) -> None:
        path = self.args.resume
        if path == "latest":
            path = self.folder / _LATEST
            if not path.is_file():
                print(f"--resume latest: there is no {path} yet; the training starts.")
                return
        if path is None:
            return
        if not Path(path).is_file():
            raise FileNotFoundError(f"--resume={path}: there is no such file. It takes a checkpoint, or 'latest'.")
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.net.load_state_dict(state["model"])
        self.epoch, self.best = state["epoch"], state["max_test_acc1"]
        if not self.args.test_only:
            self.optimizer.load_state_dict(state["optimizer"])
            self.scheduler.load_state_dict({**self.scheduler.state_dict(), **state["lr_scheduler"]})
        for name, own in (("scaler", self.scaler), ("model_ema", self.ema)):
            if own is not None and state[name] is not None:
                own.load_state_dict(state[name])
        print(f"Resumed from {path}: {self.epoch} epochs are done.")


def _step(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss: torch.Tensor, scaler: Any, norm: float | None
) -> None:
    optimizer.zero_grad()
    (loss if scaler is None else scaler.scale(loss)).backward()
    if norm is not None:
        if scaler is not None:
            scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), norm)
    if scaler is None:
        optimizer.step()
    else:
        scaler.step(optimizer)
        scaler.update()


def _means(metrics: utils.MetricLogger) -> tuple[float, float, float]:
    for name in ("loss", "acc1", "acc5"):
        metrics.meters[name].synchronize_between_processes()
    return metrics.loss.global_avg, metrics.acc1.global_avg, metrics.acc5.global_avg


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _prepare(folder: Path, args: argparse.Namespace) -> None:
    if utils.is_main_process():
        if args.clean and folder.exists():
            shutil.rmtree(folder)
        utils.mkdir(folder)
        lines = [f"{name}: {value}" for name, value in sorted(vars(args).items())]
        (folder / "args.txt").write_text("\n".join(lines) + "\n")
    if args.distributed:
        torch.distributed.barrier()


def _writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        print(
            f"No scalars are written to {os.fspath(folder)}, for TensorBoard isn't installed: pip install tensorboard"
        )
        return None
    return SummaryWriter(os.fspath(folder))


def _write(writer: Any, part: str, results: tuple[float, float, float], epoch: int) -> None:
    for name, value in zip(("loss", "acc1", "acc5"), results, strict=True):
        if writer is not None:
            writer.add_scalar(f"{part}/{name}", value, epoch)
    print(f"Epoch {epoch} {part}: loss {results[0]:.4f}, accuracy {results[1]:.2f} %, among five {results[2]:.2f} %")
