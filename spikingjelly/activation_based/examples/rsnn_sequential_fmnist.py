"""Fashion-MNIST row by row: a small network that has to remember, with three kinds of memory.

``python -m spikingjelly.activation_based.examples.rsnn_sequential_fmnist -model fb -b 256 -epochs 64
-data-dir FASHION_MNIST_FOLDER``

At each of 28 time steps the network sees one row of the image, 28 pixels. ``-model plain`` has nothing but the membrane
potentials of 32 hidden IF neurons to remember the rows above, ``ss`` adds a synapse whose current decays with a learned
time constant behind them, and ``fb`` connects each hidden neuron with all of them through the spikes of the last time
step. The loss is the squared error between the firing rates of the ten output neurons and the one-hot label, summed
over the neurons. The gradients of ``fb`` may explode: above a norm of 1 they are scaled down to it.
"""

import argparse
from collections.abc import Callable, Sequence

import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.examples.common import command, flags, images, training
from spikingjelly.activation_based.examples.common.classifier import Classifier, squared_error_of_rates
from spikingjelly.datasets import FashionMNIST

ROW, HIDDEN, CLASSES = 28, 32, 10


def spiking(detach_reset: bool = False) -> neuron.IFNode:
    """Neurons of the hidden or the output layer."""
    return neuron.IFNode(surrogate_function=surrogate.ATan(), detach_reset=detach_reset)


class RowNet(nn.Module):
    """Linear(28, 32), a hidden layer, Linear(32, 10), IF: images ``[N, 1, 28, 28]`` to firing rates ``[N, 10]``.

    :param hidden: the modules between the linear layers, from currents to spikes or currents
    :param use_cupy: whether the neurons get ``backend="cupy"``
    """

    def __init__(self, *hidden: nn.Module, use_cupy: bool = False) -> None:
        super().__init__()
        self.fc = nn.Sequential(layer.Linear(ROW, HIDDEN), *hidden, layer.Linear(HIDDEN, CLASSES), spiking())
        functional.set_step_mode(self, "m")
        if use_cupy:
            functional.set_backend(self, "cupy", neuron.IFNode)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.squeeze(1).transpose(0, 1)  # [28, N, 28]
        return self.fc(rows).mean(0)


class PlainNet(RowNet):
    """:class:`RowNet` with IF neurons."""

    def __init__(self, use_cupy: bool = False) -> None:
        super().__init__(spiking(), use_cupy=use_cupy)


class StatefulSynapseNet(RowNet):
    """:class:`RowNet` with IF neurons, and synapses with a decaying current behind them."""

    def __init__(self, use_cupy: bool = False) -> None:
        super().__init__(spiking(), layer.SynapseFilter(tau=2.0, learnable=True), use_cupy=use_cupy)


class FeedBackNet(RowNet):
    """:class:`RowNet` with IF neurons that are fed back to each other."""

    def __init__(self, use_cupy: bool = False) -> None:
        hidden = layer.LinearRecurrentContainer(spiking(detach_reset=True), HIDDEN, HIDDEN, bias=True)
        super().__init__(hidden, use_cupy=use_cupy)


MODELS: dict[str, Callable[[bool], RowNet]] = {"plain": PlainNet, "ss": StatefulSynapseNet, "fb": FeedBackNet}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = flags.parser(
        "rsnn_sequential_fmnist", "Classify Fashion-MNIST row by row.", b=256, opt="sgd", lr=0.1, epochs=64
    )
    parser.add_argument("-model", choices=tuple(MODELS), default="plain", help="kind of the hidden layer")
    parser.add_argument("-cupy", action="store_true", help="the neurons' CuPy kernels, where there are CuPy and a GPU")
    return flags.parse(parser, argv, ("b", "epochs"))


def main(argv: Sequence[str] | None = None) -> float:
    """Train, test after each epoch, keep checkpoints, draw a picture; gives the last test accuracy."""
    args = parse(argv)
    torch.manual_seed(args.seed)
    train_loader, test_loader, classes, data = images.load(args, FashionMNIST)
    max_norm = 1.0 if args.model == "fb" else None
    classifier = Classifier(MODELS[args.model](args.cupy), args, loss=squared_error_of_rates, max_norm=max_norm)
    folder = args.out_dir / f"{args.model}_{flags.folder_name(args, *(['cupy'] if args.cupy else []))}"
    return training.run(args, folder, classifier, train_loader, test_loader, classes, data).accuracy


if __name__ == "__main__":
    command.run("rsnn_sequential_fmnist", main)
