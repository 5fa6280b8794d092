"""Data sets: NumPy in, torch out. This part of the package knows no neurons and works without the rest."""

from spikingjelly.datasets._errors import DatasetFormatError, DatasetNotFoundError, DownloadError
from spikingjelly.datasets.formats import load_aedat_v3, load_ATIS_bin
from spikingjelly.datasets.mnist import MNIST, FashionMNIST, MNISTSubset

__all__ = [
    "MNIST",
    "DatasetFormatError",
    "DatasetNotFoundError",
    "DownloadError",
    "FashionMNIST",
    "MNISTSubset",
    "load_ATIS_bin",
    "load_aedat_v3",
]
