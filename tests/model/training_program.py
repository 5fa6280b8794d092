"""A training for the tests, which run it in processes of its own: small pictures in memory, a small network."""

import os
import signal
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.model.train_classify import Trainer


class Pictures(Dataset):
    """Noise, brighter in the half that the class says; perhaps with new noise at each look."""

    classes = ("left", "right")

    def __init__(self, count: int, noise: float) -> None:
        generator = torch.Generator().manual_seed(1)
        self.pictures = torch.rand(count, 1, 8, 8, generator=generator)
        self.noise = noise
        for number in range(count):
            half = slice(0, 4) if number % 2 == 0 else slice(4, 8)
            self.pictures[number, :, :, half] += 0.5

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        picture = self.pictures[number]
        return picture + self.noise * torch.rand_like(picture), number % 2


class SmallTrainer(Trainer):
    stop_in_epoch = -1

    def get_args_parser(self, add_help: bool = True) -> Any:
        parser = super().get_args_parser(add_help)
        parser.add_argument("--T", type=int, default=2)
        parser.add_argument("--noise", type=float, default=0.0)
        parser.add_argument("--kill-in-epoch", type=int, default=-1)
        parser.add_argument("--without-norm", action="store_true")
        return parser

    def get_tb_logdir_name(self, args: Any) -> str:
        return f"T={args.T}"

    def load_data(self, args: Any) -> Any:
        dataset, dataset_test = Pictures(24, args.noise), Pictures(9, 0.0)
        return dataset, dataset_test, *self.make_samplers(args, dataset, dataset_test)

    def load_model(self, args: Any, num_classes: int) -> nn.Module:
        net = nn.Sequential(
            layer.Conv2d(1, 6, 3, padding=1, bias=False),
            nn.Identity() if getattr(args, "without_norm", False) else layer.BatchNorm2d(6),
            neuron.ParametricLIFNode(v_threshold=0.3, surrogate_function=surrogate.ATan()),
            layer.AdaptiveAvgPool2d((2, 2)),
            layer.Flatten(),
            layer.Linear(24, num_classes),
        )
        functional.set_step_mode(net, "m")
        return net

    def preprocess_train_sample(self, args: Any, x: torch.Tensor) -> torch.Tensor:
        self.batches += 1
        if self.batches == 2 and self.epoch == args.kill_in_epoch:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.batches == 2 and self.epoch == self.stop_in_epoch:
            raise KeyboardInterrupt
        return x.unsqueeze(0).repeat(args.T, 1, 1, 1, 1)

    def preprocess_test_sample(self, args: Any, x: torch.Tensor) -> torch.Tensor:
        return x.unsqueeze(0).repeat(args.T, 1, 1, 1, 1)

    def process_model_output(self, args: Any, y: torch.Tensor) -> torch.Tensor:
        self.dtype_of_output = y.dtype
        return y.mean(0)

    def before_train_one_epoch(self, args: Any, model: nn.Module, epoch: int) -> None:
        self.epoch, self.batches = epoch, 0


if __name__ == "__main__":
    trainer = SmallTrainer()
    torch.set_num_threads(1)
    trainer.main(trainer.get_args_parser().parse_args())
