"""MNIST, Fashion-MNIST and a small part of MNIST that comes with the package."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from spikingjelly.datasets._idx_images import DownloadableIdxImages, IdxImages

_SUBSET_FOLDER = Path(__file__).parent / "data" / "mnist_subset"


class MNIST(DownloadableIdxImages):
    """MNIST [LeCun et al., "Gradient-based learning applied to document recognition", Proceedings of the IEEE 1998].

    60,000 training and 10,000 test images of handwritten digits, 28 x 28 pixels, in 10 classes.

    A drop-in replacement of ``torchvision.datasets.MNIST`` that needs neither torchvision nor PIL. ``dataset[i]`` is
    ``(image, label)``. They differ in what the image is:

    - Without ``transform`` it is a float32 tensor ``[1, 28, 28]`` in [0, 1]. (torchvision: a PIL image.)
    - With ``transform`` it is what that makes of the pixels, which it gets as a uint8 array ``[28, 28]`` of NumPy.
      torchvision's ``ToTensor()`` and ``v2.ToImage()`` take such an array, so
      ``MNIST(root, transform=transforms.ToTensor())`` works as it is. Transforms of PIL images that come before
      ``ToTensor()`` need ``transforms.ToPILImage()`` in front of them.

    The label is an int. ``data`` holds all pixels (uint8 ``[N, 28, 28]``), ``targets`` all labels (int64 ``[N]``), and
    :meth:`images` gives all images as a float tensor at once.

    The files (``train-images-idx3-ubyte`` and so on, or ``train-images.idx3-ubyte``, as they are or with ``.gz``) are
    read from the first of the folders ``root/MNIST/raw`` (torchvision's), ``root/MNIST``, ``root/raw`` and ``root``
    that holds both files of the split; ``folder`` says which. Their names don't tell MNIST from its relatives: point
    ``root`` at the right folder.

    :param root: the folder in or below which the files are
    :param train: whether to read the training images, or else the test images
    :param transform: a function of the pixels (uint8 ``[28, 28]`` array), default None
    :param target_transform: a function of the label (int), default None
    :param download: whether to fetch files that are missing (of both splits) into ``root/MNIST/raw`` first; needs
        ``pip install "spikingjelly[datasets]"``
    :raises TypeError: if ``train`` or ``download`` is not a bool, or a transform can't be called
    :raises DatasetNotFoundError: (a FileNotFoundError and a RuntimeError) if the files are not there; says where and
        under which names they were looked for
    :raises DatasetFormatError: (a ValueError) if a file is damaged, or images and labels don't belong together
    :raises DownloadError: (a RuntimeError) if no mirror gave a file with the right SHA-256
    :raises ImportError: if there is something to fetch and requests is not installed
    """

    folder_name = "MNIST"
    classes: ClassVar[list[str]] = [
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    ]
    mirrors = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    sha256: ClassVar[Mapping[str, str]] = {
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    }


class FashionMNIST(DownloadableIdxImages):
    """Fashion-MNIST [Xiao et al., "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms",
    arXiv:1708.07747, 2017].

    60,000 training and 10,000 test images of articles of clothing, 28 x 28 pixels, in 10 classes.

    Everything else is as in :class:`MNIST`, with ``root/FashionMNIST`` in place of ``root/MNIST``.

    Copyright (c) 2017 Zalando SE, MIT licence.

    :param root: the folder in or below which the files are
    :param train: whether to read the training images, or else the test images
    :param transform: a function of the pixels (uint8 ``[28, 28]`` array), default None
    :param target_transform: a function of the label (int), default None
    :param download: whether to fetch files that are missing into ``root/FashionMNIST/raw`` first

    The errors are those of :class:`MNIST`.
    """

    folder_name = "FashionMNIST"
    classes: ClassVar[list[str]] = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]
    mirrors = (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
    )
    sha256: ClassVar[Mapping[str, str]] = {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    }


class MNISTSubset(IdxImages):
    """A tenth of MNIST that comes with the package: 6,000 training and 1,000 test images, the same of each class.

    The first 600 (test: 100) images of each class, in the order in which MNIST has them: for tests, tutorials and
    first steps without a download. Results on it are not results on MNIST. Items, ``data``, ``targets`` and
    :meth:`images` are those of :class:`MNIST`.

    :param train: whether to read the training images, or else the test images
    :param transform: a function of the pixels (uint8 ``[28, 28]`` array), default None
    :param target_transform: a function of the label (int), default None
    :raises TypeError: if ``train`` is not a bool, or a transform can't be called
    """

    classes: ClassVar[list[str]] = MNIST.classes

    def __init__(
        self,
        train: bool = True,
        transform: Callable[[np.ndarray], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
    ) -> None:
        super().__init__(_SUBSET_FOLDER, train, transform, target_transform)

    def _advice(self) -> str:
        return "They are part of the package, so the installation is incomplete: install spikingjelly again."
