"""Image sets that lie in memory: where they come from, and what is done to the training images."""

import argparse

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from spikingjelly.activation_based.examples.common import batches
from spikingjelly.datasets import MNIST, FashionMNIST, MNISTSubset

SUBSET = "the subset of MNIST that comes along (6000 images, 1000 for the test)"


def load(
    args: argparse.Namespace, dataset: type[MNIST] | type[FashionMNIST]
) -> tuple[DataLoader, DataLoader, list[str], str]:
    """The training and the test images in ``args.data_dir``, or else the subset of MNIST, which is said.

    :return: both loaders, the names of the classes, and the name of the data
    """
    if args.data_dir is None:
        note = "" if dataset is MNIST else f" These are digits: the accuracy is not one on {dataset.__name__}."
        print(f"No -data-dir: training on {SUBSET}.{note}")
    train_loader, test_loader = (_loader(args, dataset, train) for train in (True, False))
    if args.data_dir is None:
        return train_loader, test_loader, MNISTSubset.classes, SUBSET
    return train_loader, test_loader, dataset.classes, dataset.__name__


def _loader(args: argparse.Namespace, dataset: type[MNIST] | type[FashionMNIST], train: bool) -> DataLoader:
    if args.data_dir is None:
        found: MNISTSubset | MNIST | FashionMNIST = MNISTSubset(train)
    else:
        found = dataset(args.data_dir, train, download=args.download)
    return batches.loader(found.data, found.targets, args.b, train, workers=args.j)


def flip_and_shift(images: torch.Tensor, pixels: int = 2) -> torch.Tensor:
    """Mirror half of the images left to right, and :func:`shift` them.

    :param images: ``[N, C, H, W]``
    """
    mirrored = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return shift(torch.where(mirrored, images.flip(3), images), pixels)


def shift(images: torch.Tensor, pixels: int) -> torch.Tensor:
    """Shift each image by up to ``pixels`` in either direction.

    :param images: ``[N, C, H, W]``; what comes in from beyond the edge is 0
    """
    N, _, H, W = images.shape
    padded = F.pad(images, (pixels,) * 4)
    down, right = torch.randint(0, 2 * pixels + 1, (2, N, 1), device=images.device)
    rows = (down + torch.arange(H, device=images.device))[:, :, None]
    columns = (right + torch.arange(W, device=images.device))[:, None, :]
    samples = torch.arange(N, device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[samples, rows, columns].permute(0, 3, 1, 2)
