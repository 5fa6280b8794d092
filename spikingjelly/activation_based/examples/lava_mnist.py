"""MNIST with convolutions and current-based LIF neurons that compute in the fixed point of Intel's Loihi.

``python -m spikingjelly.activation_based.examples.lava_mnist -T 16 -b 128 -channels 16 -epochs 16 -lr 0.1 -data-dir
MNIST_FOLDER``

Neurons of a first layer turn each pixel into spikes; what follows is two convolutions and two linear layers without
biases, as the chip has none. Neurons always compute in integers. Weights are floats while they are learned; after the
last epoch the network is tested again with weights of eight bits. The last ``-train-8bit`` epochs use rounded weights
in training as well, so that the others learn to make up for it.

``network.net`` in the folder of the run describes the layers behind the first for netx, the reader of Lava's deep
learning library. Intel archived Lava in May 2026: the file and its layout outlive it, the simulator needs an old
Python.
"""

import argparse
import functools
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from spikingjelly.activation_based import functional, lava_exchange, layer, surrogate
from spikingjelly.activation_based.examples.common import command, flags, images, training
from spikingjelly.activation_based.examples.common.classifier import Classifier, squared_error_of_rates
from spikingjelly.datasets import MNIST

CLASSES = 10
SCALE = 1 << 8  # a step of the eight-bit weights is 1 / 128, the largest about 1


def spiking() -> lava_exchange.CubaLIFNode:
    """The neurons of all layers but the first."""
    return lava_exchange.CubaLIFNode(
        current_decay=0.5, voltage_decay=0.25, scale=SCALE, surrogate_function=surrogate.ATan()
    )


def pixels_to_spikes() -> lava_exchange.CubaLIFNode:
    """Neurons that add up their pixel, without loss, and fire above 1."""
    return lava_exchange.CubaLIFNode(current_decay=1.0, voltage_decay=0.0, scale=SCALE)


class LavaNet(nn.Module):
    """Images ``[N, 1, 28, 28]`` in [0, 1] to firing rates ``[N, 10]``.

    :param T: time steps
    :param channels: of the first convolution; the second has twice, the hidden linear layer 16 times as many
    """

    def __init__(self, T: int, channels: int) -> None:
        super().__init__()
        self.T = T
        self.encoder = pixels_to_spikes()
        self.blocks = nn.Sequential(
            lava_exchange.BlockContainer(nn.Conv2d(1, channels, 5, 2, 2, bias=False), spiking()),
            lava_exchange.BlockContainer(nn.Conv2d(channels, 2 * channels, 3, 2, 1, bias=False), spiking()),
            layer.Flatten(),
            lava_exchange.BlockContainer(nn.Linear(2 * channels * 7 * 7, 16 * channels, bias=False), spiking()),
            lava_exchange.BlockContainer(nn.Linear(16 * channels, CLASSES, bias=False), spiking()),
        )
        functional.set_step_mode(self, "m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.encoder(x.expand(self.T, *x.shape))).mean(0)

    def set_quantize(self, value: bool) -> None:
        """Whether synapses round their weights to eight bits."""
        for block in self.blocks:
            if isinstance(block, lava_exchange.BlockContainer):
                block.quantize = value


class LavaClassifier(Classifier):
    """Rounds weights in the last epochs of the training."""

    def __init__(self, net: LavaNet, args: argparse.Namespace) -> None:
        augment = functools.partial(images.shift, pixels=args.shift) if args.shift else None
        super().__init__(net, args, loss=squared_error_of_rates, augment=augment)
        self.lava_net = net
        self.rounded_epochs = args.train_8bit

    def start_epoch(self, epoch: int) -> None:
        super().start_epoch(epoch)
        self.lava_net.set_quantize(epoch >= self.epochs - self.rounded_epochs)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = flags.parser(
        "lava_mnist", "Classify MNIST with neurons in the fixed point of Loihi.",
        T=16, b=128, opt="sgd", lr=0.1, epochs=16,
    )  # fmt: skip
    parser.add_argument("-channels", type=int, default=16, help="channels of the first convolution")
    parser.add_argument("-train-8bit", type=int, default=0, help="last epochs that train with rounded weights")
    parser.add_argument("-shift", type=int, default=1, help="pixels by which training images are shifted at most")
    args = flags.parse(parser, argv, ("T", "b", "epochs", "channels"))
    if args.shift < 0:
        parser.error(f"-shift must be at least 0, but {args.shift} was given")
    if not 0 <= args.train_8bit <= args.epochs:
        parser.error(f"-train-8bit must be from 0 to -epochs, but {args.train_8bit} was given")
    return args


def keep_rounded_accuracy(record: Path, accuracy: float) -> None:
    """Add the accuracy with eight-bit weights to the record of a run."""
    content = json.loads(record.read_text())
    content["accuracy_8bit"] = accuracy
    record.write_text(json.dumps(content, indent=1) + "\n")


def describe(net: LavaNet, file: Path) -> None:
    """Write the layers behind the first for netx, where h5py is installed."""
    functional.reset_net(net)
    try:
        lava_exchange.export_hdf5(net.blocks, file, (1, 28, 28))
    except ImportError as error:
        print(f"No {file.name}: {error}.")
    else:
        print(f"For netx: {file.resolve()}")


def main(argv: Sequence[str] | None = None) -> float:
    """Train, test after each epoch, then test with eight-bit weights; gives the last accuracy with float weights."""
    args = parse(argv)
    torch.manual_seed(args.seed)
    train_loader, test_loader, classes, data = images.load(args, MNIST)
    net = LavaNet(args.T, args.channels)
    classifier = LavaClassifier(net, args)
    names = [f"c{args.channels}", *([f"shift{args.shift}"] if args.shift else [])]
    names += [f"8bit{args.train_8bit}"] if args.train_8bit else []
    folder = args.out_dir / flags.folder_name(args, *names)
    outcome = training.run(args, folder, classifier, train_loader, test_loader, classes, data)
    net.set_quantize(True)
    accuracy = classifier.evaluate(test_loader).accuracy
    keep_rounded_accuracy(folder / "run.json", accuracy)
    print(f"Test accuracy with weights of eight bits: {accuracy:.2%}.")
    describe(net, folder / "network.net")
    return outcome.accuracy


if __name__ == "__main__":
    command.run("lava_mnist", main)
