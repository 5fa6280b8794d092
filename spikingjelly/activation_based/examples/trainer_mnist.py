"""The shipped part of MNIST with ``model.train_classify.Trainer``, in one or in several processes.

``python -m spikingjelly.activation_based.examples.trainer_mnist --device cpu``, or in two processes of this machine
``torchrun --standalone --nproc-per-node 2 -m spikingjelly.activation_based.examples.trainer_mnist --device cpu``

All options of the Trainer are there, for example ``--sync-bn``, ``--fsdp``, ``--model-ema``, ``--accumulation-steps
2``, ``--amp-dtype bfloat16`` and ``--resume latest``. The image, the same at each of T time steps, is the input; the
score of a class is the mean over time of an output.
"""

import argparse
from typing import Any

import torch
from torch import nn
from torch.utils.data import TensorDataset

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.model.train_classify import Trainer
from spikingjelly.datasets import MNISTSubset

CLASSES = 10


class Images(TensorDataset):
    """6000 images ``[1, 28, 28]`` for the training, or 1000 for the test."""

    num_classes = CLASSES

    def __init__(self, train: bool) -> None:
        images = MNISTSubset(train)
        super().__init__(images.images(), torch.as_tensor(images.targets))


class MNISTTrainer(Trainer):
    """Two convolutions and a linear layer, with PLIF neurons behind the convolutions; ``--T`` time steps and
    ``--channels`` of the convolutions."""

    def get_args_parser(self, add_help: bool = True) -> argparse.ArgumentParser:
        parser = super().get_args_parser(add_help)
        parser.add_argument("--T", type=int, default=4, help="time steps of an image (default: 4)")
        parser.add_argument("--channels", type=int, default=16, help="channels of the convolutions (default: 16)")
        parser.set_defaults(
            model="conv", batch_size=64, epochs=4, workers=0, opt="adamw", lr=0.005, lr_warmup_epochs=1,
            mixup_alpha=0.0, cutmix_alpha=0.0, print_freq=50, output_dir="logs/trainer_mnist",
        )  # fmt: skip
        return parser

    def get_tb_logdir_name(self, args: argparse.Namespace) -> str:
        return f"{super().get_tb_logdir_name(args)}_T={args.T}_channels={args.channels}"

    def load_data(self, args: argparse.Namespace) -> tuple[Any, Any, Any, Any]:
        dataset, dataset_test = Images(True), Images(False)
        return dataset, dataset_test, *self.make_samplers(args, dataset, dataset_test)

    def load_model(self, args: argparse.Namespace, num_classes: int) -> nn.Module:
        """From images ``[T, N, 1, 28, 28]`` to scores ``[T, N, num_classes]``."""
        net = nn.Sequential()
        channels = 1
        for _ in range(2):
            net.extend(
                [
                    layer.Conv2d(channels, args.channels, 3, padding=1, bias=False),
                    layer.BatchNorm2d(args.channels),
                    neuron.ParametricLIFNode(surrogate_function=surrogate.ATan(), detach_reset=True),
                    layer.MaxPool2d(2),
                ]
            )
            channels = args.channels
        net.extend([layer.Flatten(), layer.Linear(channels * 7 * 7, num_classes)])
        functional.set_step_mode(net, "m")
        return net

    def preprocess_train_sample(self, args: argparse.Namespace, x: torch.Tensor) -> torch.Tensor:
        """``[N, 1, 28, 28]`` to ``[T, N, 1, 28, 28]``."""
        return x.expand(args.T, *x.shape)

    preprocess_test_sample = preprocess_train_sample

    def process_model_output(self, args: argparse.Namespace, y: torch.Tensor) -> torch.Tensor:
        """``[T, N, classes]`` to ``[N, classes]``."""
        return y.mean(0)


if __name__ == "__main__":
    trainer = MNISTTrainer()
    trainer.main(trainer.get_args_parser().parse_args())
