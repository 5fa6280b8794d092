"""MNIST row by row with a spiking LSTM.

``python -m spikingjelly.activation_based.examples.spiking_lstm_sequential_mnist -epochs 10 -data-dir MNIST_FOLDER``

At each of 28 time steps the network sees one row of the image, 28 pixels. All gates of the LSTM are spikes; a linear
layer makes the scores of the ten digits from the mean of its outputs over time, and the loss is their cross-entropy.
At first the forget gates are open, so that the gradients reach back to the first rows; gradients of a norm above 1 are
scaled down to it.

Source: Lotfi Rezaabad and Vishwanath, "Long Short-Term Memory Spiking Networks and Their Applications", 2020;
Jozefowicz et al., "An Empirical Exploration of Recurrent Network Architectures", ICML 2015 (the forget gates' bias).
"""

import argparse
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based import rnn
from spikingjelly.activation_based.examples.common import command, flags, images, training
from spikingjelly.activation_based.examples.common.classifier import Classifier
from spikingjelly.datasets import MNIST

ROW, CLASSES = 28, 10
MEAN, DEVIATION = 0.1307, 0.3081  # of the pixels of MNIST


class Net(nn.Module):
    """A spiking LSTM and a linear readout: images ``[N, 1, 28, 28]`` to scores ``[N, 10]``.

    :param hidden: features of the LSTM's state
    :param layers: layers of the LSTM
    """

    def __init__(self, hidden: int, layers: int) -> None:
        super().__init__()
        self.lstm = rnn.SpikingLSTM(ROW, hidden, layers)
        self.fc = nn.Linear(hidden, CLASSES)
        for name, bias in self.lstm.named_parameters():
            if name.endswith("linear_ih.bias"):
                nn.init.ones_(bias[hidden : 2 * hidden])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = (x.squeeze(1).transpose(0, 1) - MEAN) / DEVIATION
        outputs, _ = self.lstm(rows)
        return self.fc(outputs.mean(0))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = flags.parser(
        "spiking_lstm_sequential_mnist", "Classify MNIST row by row with a spiking LSTM.",
        b=128, epochs=10, opt="adam", lr=3e-3,
    )  # fmt: skip
    parser.add_argument("-hidden", type=int, default=128, help="features of the LSTM's state")
    parser.add_argument("-layers", type=int, default=1, help="layers of the LSTM")
    return flags.parse(parser, argv, ("b", "epochs", "hidden", "layers"))


def main(argv: Sequence[str] | None = None) -> float:
    """Train, test after each epoch, keep checkpoints, draw a picture; gives the last test accuracy."""
    args = parse(argv)
    torch.manual_seed(args.seed)
    train_loader, test_loader, classes, data = images.load(args, MNIST)
    classifier = Classifier(Net(args.hidden, args.layers), args, loss=F.cross_entropy, max_norm=1.0)
    folder = args.out_dir / f"lstm_{flags.folder_name(args, f'h{args.hidden}', f'l{args.layers}')}"
    return training.run(args, folder, classifier, train_loader, test_loader, classes, data).accuracy


if __name__ == "__main__":
    command.run("spiking_lstm_sequential_mnist", main)
