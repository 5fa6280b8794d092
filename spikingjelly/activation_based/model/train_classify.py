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

and ``python my_trainer.py --data-path imagenet``, or in two processes of one machine ``torchrun --standalone
--nproc-per-node 2 my_trainer.py --data-path imagenet --sync-bn``. Processes speak NCCL on GPUs, of which each has one,
and Gloo with ``--device cpu``. A complete program that needs no download is
:mod:`spikingjelly.activation_based.examples.trainer_mnist`: ``torchrun --standalone --nproc-per-node 2 -m
spikingjelly.activation_based.examples.trainer_mnist --device cpu``.

What makes a training larger: ``--accumulation-steps`` (several batches for one update), ``--amp-dtype`` (mixed
precision), ``--fsdp`` (weights, gradients and the optimizer's states spread over the processes). Checkpoints hold whole
tensors, so that a training may go on with or without ``--fsdp``, and in another number of processes.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import functional
from spikingjelly.activation_based.model._training import pictures, sharding, updates
from spikingjelly.activation_based.model._training.arguments import check, make_parser
from spikingjelly.activation_based.model._training.loading import make_samplers
from spikingjelly.activation_based.model._training.precision import autocast
from spikingjelly.activation_based.model._training.randomness import seed_worker, set_deterministic
from spikingjelly.activation_based.model._training.records import prepare_folder
from spikingjelly.activation_based.model._training.run import Run
from spikingjelly.activation_based.model._training.schedule import make_optimizer, make_scheduler
from spikingjelly.activation_based.model.tv_ref_classify import utils

__all__ = ["Trainer", "seed_worker", "set_deterministic"]


class Trainer:
    """Trains and tests a classifier. Each method may be overridden; :meth:`load_model` has to be.

    The folder of a training is ``--output-dir`` with :meth:`get_tb_logdir_name`: it has the scalars for TensorBoard,
    the options, and after each epoch ``checkpoint_latest.pth``, and ``checkpoint_max_test_acc1.pth`` if it was the
    best, ``checkpoint_max_ema_test_acc1.pth`` if it was the best of the moving average. Each epoch has random numbers
    of its own, so that ``--resume latest`` goes on, on a CPU bit for bit, as if nothing had stopped it.
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

    def blocks_to_shard(self, args: argparse.Namespace, model: nn.Module) -> list[nn.Module]:
        """The parts of the network whose weights are gathered together, with ``--fsdp``: those with at most half of all
        weights. A parameter may be in one of them only."""
        return sharding.blocks_of(model)

    def load_data(self, args: argparse.Namespace) -> tuple[Any, Any, Any, Any]:
        """Data sets for training and test, and their samplers. A data set gives pairs of a tensor and a class, and has
        ``classes``, a list of their names, or ``num_classes``."""
        return self.load_ImageNet(args)

    def load_ImageNet(self, args: argparse.Namespace) -> tuple[Any, Any, Any, Any]:
        """The pictures in ``--data-path``, augmented by torchvision.

        :raises ImportError: if torchvision isn't installed
        :raises FileNotFoundError: if there are no such folders
        """
        dataset, dataset_test = pictures.image_folders(args)
        return dataset, dataset_test, *make_samplers(args, dataset, dataset_test)

    def load_CIFAR10(self, args: argparse.Namespace) -> tuple[Any, Any, Any, Any]:
        """torchvision's CIFAR-10 in ``--data-path``, for a :meth:`load_data` of a subclass.

        Training images are augmented as the options say and cropped to ``--train-crop-size``, for which 32 is the size
        that they have; test images are 32 x 32.

        :raises ImportError: if torchvision isn't installed
        :raises FileNotFoundError: if there is no such folder
        """
        dataset, dataset_test = pictures.cifar10(args)
        return dataset, dataset_test, *make_samplers(args, dataset, dataset_test)

    def make_samplers(self, args: argparse.Namespace, dataset: Any, dataset_test: Any) -> tuple[Any, Any]:
        """The samplers that a :meth:`load_data` of a subclass needs as well."""
        return make_samplers(args, dataset, dataset_test)

    def get_tb_logdir_name(self, args: argparse.Namespace) -> str:
        """The name of the training's folder, from the options that change its result."""
        names = ["model", "batch_size", "epochs", "opt", "lr", "weight_decay", "label_smoothing", "mixup_alpha",
                 "cutmix_alpha", "lr_scheduler", "lr_warmup_epochs", "seed"]  # fmt: skip
        switches = [name for name in ("sync_bn", "ra_sampler", "model_ema", "disable_amp") if getattr(args, name)]
        later = (("accumulation_steps", 1), ("amp_dtype", None))
        names += [name for name, default in later if getattr(args, name, default) != default]
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
        """Mean loss and accuracies over the batches of all processes.

        Each ``--accumulation-steps`` batches give one update, by the gradient of the mean loss over their samples. The
        network is reset after each batch.
        """
        model.train()
        metrics = utils.MetricLogger(delimiter="  ")
        groups = updates.Groups(data_loader, getattr(args, "accumulation_steps", 1))
        for number, group in enumerate(metrics.log_every(groups, args.print_freq, f"Epoch {epoch}")):
            optimizer.zero_grad()
            for share, (x, target), last in updates.shares(group):
                with updates.exchange(model, last):
                    x, target = x.to(device, non_blocking=True), target.to(device, non_blocking=True)
                    self._add_gradient(model, criterion, x, target, share, args, scaler, metrics)
            updates.step(model, optimizer, scaler, args.clip_grad_norm)
            if model_ema is not None and number % args.model_ema_steps == 0:
                model_ema.update_parameters(model)
                if epoch < args.lr_warmup_epochs:
                    model_ema.n_averaged.zero_()
        return _means(metrics)

    def _add_gradient(
        self, model: nn.Module, criterion: nn.Module, x: torch.Tensor, target: torch.Tensor, share: float,
        args: argparse.Namespace, scaler: Any, metrics: utils.MetricLogger,
    ) -> None:  # fmt: skip
        """Of a batch that is ``share`` of the samples of an update."""
        with autocast(args, x.device, scaler):
            output = self.process_model_output(args, model(self.preprocess_train_sample(args, x)))
            loss = criterion(output, target)
        part = loss * share
        (part if scaler is None else scaler.scale(part)).backward()
        functional.reset_net(model)
        acc1, acc5 = self.cal_acc1_acc5(output.detach(), target)
        for name, value in (("loss", loss), ("acc1", acc1), ("acc5", acc5)):
            metrics.meters[name].update(value.item(), n=x.shape[0])

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
        check(args)
        set_deterministic(args.seed, args.disable_uda)
        utils.init_distributed_mode(args)
        folder = Path(args.output_dir, self.get_tb_logdir_name(args))
        if args.print_logdir:
            print(folder)
            return
        try:
            prepare_folder(folder, args)
            Run(self, args, folder).go()
        finally:
            if args.distributed:
                torch.distributed.destroy_process_group()


def _means(metrics: utils.MetricLogger) -> tuple[float, float, float]:
    for name in ("loss", "acc1", "acc5"):
        metrics.meters[name].synchronize_between_processes()
    return metrics.loss.global_avg, metrics.acc1.global_avg, metrics.acc5.global_avg
