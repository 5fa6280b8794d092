"""MNIST with one fully connected layer of LIF neurons.

``python -m spikingjelly.activation_based.examples.lif_fc_mnist -tau 2.0 -T 100 -b 64 -epochs 4 -data-dir MNIST_FOLDER``

Each image is shown for T time steps as Poisson spikes. The ten output neurons stand for the ten digits, the loss is the
mean squared error between their firing rates and the one-hot label, and the most active neuron is the prediction.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

from spikingjelly.activation_based import encoding, functional, layer, neuron, surrogate
from spikingjelly.activation_based.examples.common import command, flags, images, pictures, training
from spikingjelly.activation_based.examples.common.classifier import Classifier
from spikingjelly.datasets import MNIST

CLASSES = 10


class SNN(nn.Module):
    """Flatten, Linear(784, 10) without bias, LIF: spikes ``[T, N, 1, 28, 28]`` to spikes ``[T, N, 10]``.

    :param tau: membrane time constant in time steps, greater than 1
    """

    def __init__(self, tau: float) -> None:
        super().__init__()
        self.layer = nn.Sequential(
            layer.Flatten(),
            layer.Linear(28 * 28, CLASSES, bias=False),
            neuron.LIFNode(tau=tau, surrogate_function=surrogate.ATan()),
        )
        # One matrix product for all time steps, then one pass over time.
        functional.set_step_mode(self, "m")

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        return self.layer(spikes)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = flags.parser(
        "lif_fc_mnist", "Classify MNIST with one layer of LIF neurons.", T=100, b=64, epochs=100, opt="adam", lr=1e-3
    )
    parser.add_argument("-tau", type=float, default=2.0, help="membrane time constant in time steps")
    args = flags.parse(parser, argv)
    if not args.tau > 1:
        parser.error(f"-tau must be greater than 1 time step, but {args.tau} was given")
    return args


def load_data(args: argparse.Namespace) -> tuple[DataLoader, DataLoader]:
    """The loaders of the training and the test images."""
    train_loader, test_loader, _, _ = images.load(args, MNIST)
    return train_loader, test_loader


class PoissonClassifier(Classifier):
    """The network behind a Poisson encoder; the score of a class is its neuron's firing rate."""

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(SNN(args.tau), args, cosine=False)
        self.T = args.T
        self.encoder = encoding.PoissonEncoder(step_mode="m")

    def spikes(self, samples: torch.Tensor) -> torch.Tensor:
        """The output spikes ``[T, N, 10]`` for images ``[N, 1, 28, 28]`` in [0, 1]."""
        functional.reset_net(self.net)
        with self.autocast:
            return self.net(self.encoder(samples.expand(self.T, *samples.shape)))

    def scores(self, samples: torch.Tensor) -> torch.Tensor:
        return self.spikes(samples).float().mean(0)

    @torch.no_grad()
    def draw(self, path: Path, samples: torch.Tensor, labels: torch.Tensor) -> None:
        """Save a picture of the first image on its way through the network."""
        node = next(module for module in self.net.modules() if isinstance(module, neuron.LIFNode))
        node.store_v_seq = True
        spikes = self.spikes(samples[:1].to(self.device))
        potentials = node.v_seq
        pictures.draw_sample(
            path, samples[0, 0], int(labels[0]), spikes[:, 0].float().cpu(), potentials[:, 0].float().cpu(),
            node.v_threshold,
        )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> float:
    """Train, test after each epoch, keep checkpoints, draw pictures; gives the last test accuracy."""
    args = parse(argv)
    torch.manual_seed(args.seed)
    train_loader, test_loader, classes, data = images.load(args, MNIST)
    classifier = PoissonClassifier(args)
    folder = args.out_dir / flags.folder_name(args, f"tau{args.tau}")
    outcome = training.run(args, folder, classifier, train_loader, test_loader, classes, data)
    if outcome.pictures:
        picture = folder / "sample.png"
        classifier.draw(picture, *next(iter(test_loader)))
        print(f"Picture: {picture.resolve()}")
    return outcome.accuracy


if __name__ == "__main__":
    command.run("lif_fc_mnist", main)
