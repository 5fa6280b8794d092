"""DVS128 Gesture with five convolutional and two fully connected layers of LIF neurons.

``python -m spikingjelly.activation_based.examples.classify_dvsg -T 16 -b 16 -epochs 64 -amp -opt adam -lr 0.001
-data-dir DVS128_GESTURE_FOLDER``

The events of a gesture are summed up to T frames of equal numbers of events, which are the input of T time steps. Ten
output neurons vote for each of the eleven gestures; the loss is the squared error between the votes' mean over time and
the one-hot label, summed over the gestures. The data must be downloaded by hand: a run with ``-data-dir`` says from
where and to where. Without it, the network learns made-up gestures.

Source: Fang et al., "Incorporating Learnable Membrane Time Constant to Enhance Learning of Spiking Neural Networks",
ICCV 2021.
"""

import argparse
from collections.abc import Sequence

import torch
from torch.utils.data import DataLoader, Dataset

from spikingjelly.activation_based import functional, neuron, surrogate
from spikingjelly.activation_based.examples.common import batches, command, flags, gestures, training
from spikingjelly.activation_based.examples.common.classifier import Classifier, squared_error_of_rates
from spikingjelly.activation_based.model.parametric_lif_net import DVSGestureNet
from spikingjelly.datasets.dvs128_gesture import DVS128Gesture

CLASSES = ["0", "1", "10", "2", "3", "4", "5", "6", "7", "8", "9"]  # folders of the data set in the order of its labels
MADE_UP_SAMPLES = {True: 264, False: 88}


class FrameClassifier(Classifier):
    """The score of a class is the mean of its votes over time."""

    def scores(self, samples: torch.Tensor) -> torch.Tensor:
        functional.reset_net(self.net)
        return self.net(samples.transpose(0, 1)).float().mean(0)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = flags.parser(
        "classify_dvsg", "Classify DVS128 Gesture with a convolutional network of LIF neurons.",
        T=16, b=16, opt="sgd", lr=0.1, download=False,
    )  # fmt: skip
    parser.add_argument("-cupy", action="store_true", help="the neurons' CuPy kernels, where there are CuPy and a GPU")
    parser.add_argument("-channels", type=int, default=128, help="channels of the convolutions")
    return flags.parse(parser, argv, ("T", "b", "epochs", "channels"))


def load_data(args: argparse.Namespace) -> tuple[DataLoader, DataLoader, list[str], str]:
    """The loaders of the training and the test gestures, the names of the classes, and the name of the data."""
    if args.data_dir is None:
        print("No -data-dir: training on made-up gestures. The accuracy is not one on DVS128 Gesture.")
    train_loader, test_loader = (
        batches.collated(_gestures(args, train), args.b, train, workers=args.j) for train in (True, False)
    )
    if args.data_dir is None:
        return train_loader, test_loader, gestures.CLASSES, "made-up gestures"
    return train_loader, test_loader, CLASSES, "DVS128 Gesture"


def _gestures(args: argparse.Namespace, train: bool) -> Dataset:
    if args.data_dir is None:
        return gestures.MadeUpGestures(MADE_UP_SAMPLES[train], args.T, seed=int(train))
    return DVS128Gesture(args.data_dir, train, data_type="frame", frames_number=args.T, split_by="number")


def build(args: argparse.Namespace) -> FrameClassifier:
    """The network that ``args`` describe, ready to be trained."""
    net = DVSGestureNet(args.channels, neuron.LIFNode, surrogate_function=surrogate.ATan(), detach_reset=True)
    functional.set_step_mode(net, "m")
    if args.cupy:
        functional.set_backend(net, "cupy", neuron.LIFNode)
    return FrameClassifier(net, args, loss=squared_error_of_rates)


def main(argv: Sequence[str] | None = None) -> float:
    """Train, test after each epoch, keep checkpoints, draw a picture; gives the last test accuracy."""
    args = parse(argv)
    torch.manual_seed(args.seed)
    train_loader, test_loader, classes, data = load_data(args)
    folder = args.out_dir / flags.folder_name(args, f"c{args.channels}", *(["cupy"] if args.cupy else []))
    return training.run(args, folder, build(args), train_loader, test_loader, classes, data).accuracy


if __name__ == "__main__":
    command.run("classify_dvsg", main)
