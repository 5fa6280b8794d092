"""Speech Commands with three dilated convolutions and LIF neurons over time.

``python -m spikingjelly.activation_based.examples.speechcommands -b 64 -sr 16000 -lr 1e-2 -e 50 -dir SPEECH_FOLDER``

A recording becomes the logarithm of its power in 40 bands of frequency, 101 times in a second. The convolutions look at
bands and moments, at each moment at earlier ones only, the neurons behind them run along the moments, and a linear
layer makes the scores of the 35 words at each moment. The loss is the cross-entropy of their mean over time. Without a
folder the network learns made-up words.

Source: Pellegrini, Zimmer and Masquelier, "Low-Activity Supervised Convolutional Spiking Neural Networks Applied to
Speech Commands Recognition", SLT 2021.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

from spikingjelly.activation_based import layer, neuron, surrogate
from spikingjelly.activation_based.examples.common import batches, command, flags, sound, training
from spikingjelly.activation_based.examples.common.classifier import Classifier
from spikingjelly.datasets.speechcommands import SPEECHCOMMANDS

BANDS = 40
MADE_UP_SAMPLES = {True: 400, False: 100}
WORDS = [
    *("backward", "bed", "bird", "cat", "dog", "down", "eight", "five", "follow", "forward", "four", "go"),
    *("happy", "house", "learn", "left", "marvin", "nine", "no", "off", "on", "one", "right", "seven"),
    *("sheila", "six", "stop", "three", "tree", "two", "up", "visual", "wow", "yes", "zero"),
]


class TimeConvolution(nn.Module):
    """Convolution 4x3 over moments and bands, batch norm, LIF over moments: ``[N, C, T, bands]`` to the same.

    :param dilation: moments between those that the convolution looks at; the last one is the present
    """

    def __init__(self, in_channels: int, out_channels: int, dilation: int) -> None:
        super().__init__()
        self.past = 3 * dilation
        self.conv = nn.Conv2d(in_channels, out_channels, (4, 3), padding=(0, 1), dilation=(dilation, 1), bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        self.spiking = neuron.LIFNode(surrogate_function=surrogate.ATan(), detach_reset=True, step_mode="m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        currents = self.bn(self.conv(F.pad(x, (0, 0, self.past, 0))))
        return self.spiking(currents.permute(2, 0, 1, 3)).permute(1, 2, 0, 3)


class Net(nn.Module):
    """Three :class:`TimeConvolution` with dilations 1, 4 and 16, and a linear readout.

    From ``[N, T, 40]`` to scores ``[N, classes]``.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        sizes = (1, channels, channels, channels)
        self.conv = nn.Sequential(*(TimeConvolution(sizes[i], sizes[i + 1], 4**i) for i in range(3)))
        self.fc = layer.Linear(channels * BANDS, classes, step_mode="m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spikes = self.conv(x.unsqueeze(1))
        return self.fc(spikes.permute(2, 0, 1, 3).flatten(2)).mean(0)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = flags.parser("speechcommands", "Classify spoken words.", b=64, opt="adam", lr=1e-2, epochs=50)
    other_names = (("-dir", "data_dir", Path), ("-e", "epochs", int), ("-d", "device", str))
    for name, meaning, kind in other_names:
        parser.add_argument(name, dest=meaning, type=kind, default=argparse.SUPPRESS, help=f"the same as {meaning}")
    parser.add_argument("-sr", type=int, default=16000, help="samples a second that the recordings are turned to")
    parser.add_argument("-channels", type=int, default=64, help="channels of the convolutions")
    args = flags.parse(parser, argv, ("b", "epochs", "channels"))
    if args.sr < 4000:
        parser.error(f"-sr must be at least 4000 samples a second, but {args.sr} was given")
    return args


def load_data(args: argparse.Namespace) -> tuple[DataLoader, DataLoader, list[str], str]:
    """The loaders of the training and the test recordings, the names of the classes, and the name of the data."""
    if args.data_dir is None:
        print("No -data-dir: training on made-up words. The accuracy is not one on Speech Commands.")
    train_loader, test_loader = (
        batches.collated(_recordings(args, train), args.b, train, workers=args.j) for train in (True, False)
    )
    if args.data_dir is None:
        return train_loader, test_loader, list(sound.MadeUpWords.classes), "made-up words"
    return train_loader, test_loader, WORDS, "Speech Commands"


def _recordings(args: argparse.Namespace, train: bool) -> Dataset:
    features = sound.LogMel(16000, args.sr, BANDS)
    if args.data_dir is None:
        return sound.MadeUpWords(MADE_UP_SAMPLES[train], int(train), features)
    labels = {word: label for label, word in enumerate(WORDS)}
    split = "train" if train else "test"
    return SPEECHCOMMANDS(labels, args.data_dir, transform=features, split=split, download=args.download)  # type: ignore[arg-type]


def main(argv: Sequence[str] | None = None) -> float:
    """Train, test after each epoch, keep checkpoints, draw a picture; gives the last test accuracy."""
    args = parse(argv)
    torch.manual_seed(args.seed)
    train_loader, test_loader, classes, data = load_data(args)
    classifier = Classifier(Net(args.channels, len(classes)), args, loss=F.cross_entropy)
    folder = args.out_dir / f"speech_{flags.folder_name(args, f'sr{args.sr}', f'c{args.channels}')}"
    return training.run(args, folder, classifier, train_loader, test_loader, classes, data).accuracy


if __name__ == "__main__":
    command.run("speechcommands", main)
