"""Trains a spiking ResNet or a SEW ResNet on ImageNet.

On eight GPUs: ``torchrun --nproc-per-node 8 -m spikingjelly.activation_based.model.train_imagenet_example --model
sew_resnet18 --data-path imagenet --T 4 --batch-size 64 --lr 0.1 --epochs 320 --sync-bn --cupy``

Source: Fang et al., "Deep Residual Learning in Spiking Neural Networks", NeurIPS 2021.
"""

import argparse

import torch
from torch import nn

from spikingjelly.activation_based import functional, neuron, surrogate
from spikingjelly.activation_based.model import sew_resnet, spiking_resnet
from spikingjelly.activation_based.model.train_classify import Trainer

__all__ = ["SResNetTrainer"]

_MAKERS = {
    name: getattr(module, name)
    for module in (spiking_resnet, sew_resnet)
    for name in module.__all__
    if name.startswith(("spiking_res", "spiking_wide", "sew_res", "sew_wide"))
}


class SResNetTrainer(Trainer):
    """Repeats each picture over T time steps and takes the mean output.

    ``--model`` is a name of :mod:`spiking_resnet` or :mod:`sew_resnet` (with ``cnf="ADD"``), of IF neurons with
    ``surrogate.ATan()`` and ``detach_reset=True``; ``--T`` the number of time steps; ``--cupy`` chooses the backend
    'cupy' for the neurons.
    """

    def get_args_parser(self, add_help: bool = True) -> argparse.ArgumentParser:
        parser = super().get_args_parser(add_help)
        parser.add_argument("--T", type=int, default=4, help="time steps of a picture (default: 4)")
        parser.add_argument("--cupy", action="store_true", help="run the neurons with the backend 'cupy'")
        parser.set_defaults(model="spiking_resnet18")
        return parser

    def get_tb_logdir_name(self, args: argparse.Namespace) -> str:
        return f"{super().get_tb_logdir_name(args)}_T={args.T}"

    def preprocess_train_sample(self, args: argparse.Namespace, x: torch.Tensor) -> torch.Tensor:
        """``[N, C, H, W]`` to ``[T, N, C, H, W]``."""
        return x.expand(args.T, *x.shape)

    preprocess_test_sample = preprocess_train_sample

    def process_model_output(self, args: argparse.Namespace, y: torch.Tensor) -> torch.Tensor:
        """``[T, N, classes]`` to its mean ``[N, classes]``."""
        return y.mean(0)

    def load_model(self, args: argparse.Namespace, num_classes: int) -> nn.Module:
        """The network that ``--model`` names, in step mode 'm'.

        :raises ValueError: for another name
        """
        if args.model not in _MAKERS:
            raise ValueError(f"--model must be one of {', '.join(_MAKERS)}, but {args.model!r} was given.")
        kind = {"cnf": "ADD"} if args.model.startswith("sew_") else {}
        net = _MAKERS[args.model](
            pretrained=args.pretrained, num_classes=num_classes, spiking_neuron=neuron.IFNode,
            surrogate_function=surrogate.ATan(), detach_reset=True, **kind,
        )  # fmt: skip
        functional.set_step_mode(net, "m")
        if args.cupy:
            functional.set_backend(net, "cupy", neuron.IFNode)
        return net


if __name__ == "__main__":
    trainer = SResNetTrainer()
    trainer.main(trainer.get_args_parser().parse_args())
