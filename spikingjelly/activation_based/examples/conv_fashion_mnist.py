"""Fashion-MNIST with two convolutional and two fully connected layers of IF neurons.

``python -m spikingjelly.activation_based.examples.conv_fashion_mnist -T 4 -b 128 -epochs 64 -amp -opt sgd -lr 0.1
-data-dir FASHION_MNIST_FOLDER``

The image itself, the same at each of T time steps, is the input: the first convolution with its neurons learns to turn
it into spikes. The loss is the squared error between the firing rates of the ten output neurons and the one-hot label,
summed over the neurons. Training images are mirrored and shifted at random (``-no-augment``: as they are).

After training, ``-save-es FOLDER`` saves what the first layer makes of a few test images; with ``-resume`` of a
finished run nothing else is done.

Source: Fang et al., "Incorporating Learnable Membrane Time Constant to Enhance Learning of Spiking Neural Networks",
ICCV 2021.
"""

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.examples.common import command, flags, images, pictures, training
from spikingjelly.activation_based.examples.common.classifier import Classifier, squared_error_of_rates
from spikingjelly.datasets import FashionMNIST

CLASSES = 10
DRAWN_IMAGES = 4


def spiking() -> neuron.IFNode:
    """The neurons of all layers."""
    return neuron.IFNode(surrogate_function=surrogate.ATan())


class CSNN(nn.Module):
    """Two times [convolution 3x3, batch norm, IF, max pooling], then two times [linear, IF]; no biases.

    From images ``[N, 1, 28, 28]`` to firing rates ``[N, 10]``.

    :param T: time steps
    :param channels: of both convolutions; the hidden linear layer has 16 times as many neurons
    :param use_cupy: whether the neurons get ``backend="cupy"``
    """

    def __init__(self, T: int, channels: int, use_cupy: bool = False) -> None:
        super().__init__()
        self.T = T
        self.conv_fc = nn.Sequential(
            layer.Conv2d(1, channels, kernel_size=3, padding=1, bias=False),
            layer.BatchNorm2d(channels),
            spiking(),
            layer.MaxPool2d(2, 2),
            layer.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
            layer.BatchNorm2d(channels),
            spiking(),
            layer.MaxPool2d(2, 2),
            layer.Flatten(),
            layer.Linear(channels * 7 * 7, channels * 4 * 4, bias=False),
            spiking(),
            layer.Linear(channels * 4 * 4, CLASSES, bias=False),
            spiking(),
        )
        functional.set_step_mode(self, "m")
        if use_cupy:
            functional.set_backend(self, "cupy", neuron.IFNode)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Views, not copies: the first convolution and batch norm then compute their T equal time steps once.
        return self.conv_fc(x.expand(self.T, *x.shape)).mean(0)

    def spiking_encoder(self) -> nn.Sequential:
        """The layers that turn images into spikes: ``[T, N, 1, 28, 28]`` to ``[T, N, channels, 28, 28]``."""
        return nn.Sequential(*list(self.conv_fc)[:3])


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = flags.parser(
        "conv_fashion_mnist", "Classify Fashion-MNIST with a convolutional network of IF neurons.",
        T=4, b=128, opt="sgd", lr=0.1,
    )  # fmt: skip
    parser.add_argument("-cupy", action="store_true", help="the neurons' CuPy kernels, where there are CuPy and a GPU")
    parser.add_argument("-channels", type=int, default=128, help="channels of the convolutions")
    parser.add_argument("-save-es", type=Path, help="folder for pictures of the spikes behind the first layer")
    parser.add_argument("-shift", type=int, default=2, help="pixels by which training images are shifted at most")
    parser.add_argument("-no-augment", action="store_true", help="train on the images as they are")
    args = flags.parse(parser, argv, ("T", "b", "epochs", "channels"))
    if args.shift < 0:
        parser.error(f"-shift must be at least 0, but {args.shift} was given")
    return args


@torch.no_grad()
def draw_encodings(net: CSNN, folder: Path, samples: torch.Tensor) -> None:
    """Save for each image ``[N, 1, 28, 28]`` the spikes that the first layer makes of it."""
    net.eval()
    functional.reset_net(net)
    spikes = net.spiking_encoder()(samples.expand(net.T, *samples.shape)).float().cpu()
    functional.reset_net(net)
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(samples[:, 0].cpu()):
        pictures.draw_feature_maps(folder / f"{i}.png", image, spikes[:, i])
    print(f"Pictures of the first layer's spikes: {folder.resolve()}")


def main(argv: Sequence[str] | None = None) -> float:
    """Train, test after each epoch, keep checkpoints, draw pictures; gives the last test accuracy."""
    args = parse(argv)
    torch.manual_seed(args.seed)
    train_loader, test_loader, classes, data = images.load(args, FashionMNIST)
    net = CSNN(args.T, args.channels, args.cupy)
    augment = None if args.no_augment else functools.partial(images.flip_and_shift, pixels=args.shift)
    classifier = Classifier(net, args, loss=squared_error_of_rates, augment=augment)
    training_images = "noaugment" if args.no_augment else f"shift{args.shift}"
    names = [f"c{args.channels}", training_images, *(["cupy"] if args.cupy else [])]
    folder = args.out_dir / flags.folder_name(args, *names)
    outcome = training.run(args, folder, classifier, train_loader, test_loader, classes, data)
    if args.save_es is not None and outcome.pictures:
        samples, _ = next(iter(test_loader))
        draw_encodings(net, args.save_es, samples[:DRAWN_IMAGES].to(classifier.device))
    return outcome.accuracy


if __name__ == "__main__":
    command.run("conv_fashion_mnist", main)
