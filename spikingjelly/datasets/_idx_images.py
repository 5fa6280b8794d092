"""Labelled images in the four IDX files that MNIST made the custom: images and labels, to train and to test."""

import operator
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch.utils.data import Dataset

from spikingjelly.datasets._download import download
from spikingjelly.datasets._errors import DatasetFormatError, DatasetNotFoundError
from spikingjelly.datasets._idx import read_idx
from spikingjelly.datasets._locate import find, holds, lack, names_of
from spikingjelly.datasets._preparation.resources import Resource

_KINDS = ("images-idx3", "labels-idx1")
_PREFIXES = {True: "train", False: "t10k"}


class IdxImages(Dataset[tuple[Any, Any]]):
    """Images and labels of one split, read from the first folder that holds its files; see :class:`MNIST`."""

    classes: ClassVar[list[str]]
    image_shape: ClassVar[tuple[int, int]] = (28, 28)

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[[np.ndarray], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
    ) -> None:
        _check_bool(self, "train", train)
        _check_callable(self, "transform", transform)
        _check_callable(self, "target_transform", target_transform)
        self.root = Path(root).expanduser()
        self.train = train
        self.transform = transform
        self.target_transform = target_transform
        self._prepare()
        self.folder = self._find_folder()
        self.data, self.targets = self._read()

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class name."""
        return {name: label for label, name in enumerate(self.classes)}

    def images(self) -> torch.Tensor:
        """All images as one float32 tensor ``[N, 1, H, W]`` in [0, 1], without the transform.

        Together with ``targets`` the quickest way through a data set that fits into memory::

            from spikingjelly.datasets import MNISTSubset

            dataset = MNISTSubset()
            x, y = dataset.images(), dataset.targets
            for batch in torch.randperm(len(dataset)).split(1000):
                images, labels = x[batch], y[batch]
        """
        return _to_unit_range(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        index = self._checked_index(index)
        pixels, target = self.data[index], int(self.targets[index])
        # A copy: a transform that works in place must not change the data set.
        image = _to_unit_range(pixels) if self.transform is None else self.transform(pixels.numpy().copy())
        return image, target if self.target_transform is None else self.target_transform(target)

    def __repr__(self) -> str:
        lines = [
            f"Dataset {type(self).__name__}",
            f"Number of datapoints: {len(self)}",
            f"Root location: {self.root}",
            *self.extra_repr().splitlines(),
        ]
        if self.transform is not None:
            lines.append(f"Transform: {self.transform!r}")
        if self.target_transform is not None:
            lines.append(f"Target transform: {self.target_transform!r}")
        return "\n    ".join(lines)

    def extra_repr(self) -> str:
        """Further lines for ``repr``."""
        return f"Split: {'Train' if self.train else 'Test'}"

    def _checked_index(self, index: Any) -> int:
        try:
            return operator.index(index)
        except TypeError:
            raise TypeError(
                f"{type(self).__name__}: the index must be an integer, but {index!r} ({type(index).__name__}) was "
                "given. Take many images at once from .images() and .targets, or use torch.utils.data.Subset."
            ) from None

    def _prepare(self) -> None:
        """Called once before the files are looked for."""

    def _folders(self) -> list[Path]:
        """The folders that are looked into, in this order."""
        return [self.root]

    def _advice(self) -> str:
        """What to do where the files are missing."""
        raise NotImplementedError

    def _stems(self, train: bool) -> list[str]:
        return [f"{_PREFIXES[train]}-{kind}-ubyte" for kind in _KINDS]

    def _find_folder(self) -> Path:
        stems = self._stems(self.train)
        for folder in self._folders():
            if holds(folder, stems):
                return folder
        names = "".join(f"\n    {' or '.join(names_of(stem))}" for stem in stems)
        places = "".join(f"\n    {folder.absolute()} ({lack(folder, stems)})" for folder in self._folders())
        raise DatasetNotFoundError(
            f"{type(self).__name__}: the {'training' if self.train else 'test'} files were not found. Looked for"
            f"{names}\nin{places}\n{self._advice()}"
        )

    def _read(self) -> tuple[torch.Tensor, torch.Tensor]:
        images_path, labels_path = (find(self.folder, stem) for stem in self._stems(self.train))
        assert images_path is not None
        assert labels_path is not None
        images = read_idx(images_path, (None, *self.image_shape))
        labels = read_idx(labels_path, (None,))
        if len(images) == 0:
            raise DatasetFormatError(f"{images_path} holds no images, expected at least one.")
        if len(images) != len(labels):
            raise DatasetFormatError(
                f"{images_path} holds {len(images)} images, but {labels_path} holds {len(labels)} labels. "
                "They don't belong together: fetch both files from one source."
            )
        unknown = np.flatnonzero(labels >= len(self.classes))
        if unknown.size:
            raise DatasetFormatError(
                f"{labels_path}: label number {unknown[0]} is {labels[unknown[0]]}, "
                f"expected 0 to {len(self.classes) - 1}."
            )
        return torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))


class DownloadableIdxImages(IdxImages):
    """:class:`IdxImages` that can fetch their files.

    A subclass names its ``folder_name``, the ``mirrors`` (URLs that end in a slash), and for each file to fetch its
    SHA-256 in ``sha256``.
    """

    folder_name: ClassVar[str]
    mirrors: ClassVar[Sequence[str]]
    sha256: ClassVar[Mapping[str, str]]

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[[np.ndarray], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        download: bool = False,
    ) -> None:
        _check_bool(self, "download", download)
        self._wants_download = download
        super().__init__(root, train, transform, target_transform)

    @classmethod
    def resource_url_md5(cls) -> list[Resource]:
        """The files of both splits, with the URL of each mirror and the SHA-256."""
        return [
            Resource(name, tuple(mirror + name for mirror in cls.mirrors), sha256=sha256)
            for name, sha256 in cls.sha256.items()
        ]

    @staticmethod
    def downloadable() -> bool:
        """Whether the URLs give the files without hands."""
        return True

    @classmethod
    def get_H_W(cls) -> tuple[int, int]:
        """Height and width of the images."""
        return cls.image_shape

    @property
    def raw_folder(self) -> Path:
        """The folder that downloads go to."""
        return self.root / self.folder_name / "raw"

    def download(self) -> None:
        """Fetch what is missing of both splits into :attr:`raw_folder`, unless a folder holds all of it already.

        :raises ImportError: if a file has to be fetched and requests is not installed
        :raises DownloadError: (a RuntimeError) if no mirror gave a file
        """
        if any(holds(folder, self._stems(True) + self._stems(False)) for folder in self._folders()):
            return
        for resource in self.resource_url_md5():
            if find(self.raw_folder, resource.name.removesuffix(".gz")) is None:
                download(resource.urls, self.raw_folder / resource.name, resource.complaint)

    def _prepare(self) -> None:
        if self._wants_download:
            self.download()

    def _folders(self) -> list[Path]:
        return [self.raw_folder, self.raw_folder.parent, self.root / "raw", self.root]

    def _advice(self) -> str:
        return (
            f"Pass download=True to fetch them into {self.raw_folder.absolute()} (this needs requests: "
            'pip install "spikingjelly[datasets]"), or place them in one of these folders by hand.'
        )


def _to_unit_range(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 ``[*, H, W]`` to float32 ``[*, 1, H, W]`` in [0, 1]."""
    return pixels.unsqueeze(-3).to(torch.float32).div(255)


def _check_bool(owner: object, name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise TypeError(
            f"{type(owner).__name__}: {name} must be True or False, but {value!r} ({type(value).__name__}) was given."
        )


def _check_callable(owner: object, name: str, value: Any) -> None:
    if value is not None and not callable(value):
        raise TypeError(
            f"{type(owner).__name__}: {name} must be a function or None, "
            f"but {value!r} ({type(value).__name__}) was given."
        )
