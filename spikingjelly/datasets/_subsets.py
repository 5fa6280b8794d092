"""Parts of a data set: a training and a test part of equal classes, and a folder with some of its files."""

import math
import os
import shutil
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import ConcatDataset, Dataset, Subset


def split_to_train_test_set(
    train_ratio: float, origin_dataset: Dataset, num_classes: int, random_split: bool = False
) -> tuple[Subset, Subset]:
    r"""Two parts of a data set that hold the same share of each class.

    Of the :math:`n` samples of a class :math:`\lceil n \cdot \text{train\_ratio} \rceil` (as ``math.ceil`` of the
    product in float64 has it) go to the training part, the rest to the test part. Both are sorted by class.

    The labels come from ``targets`` or ``samples`` of the data set where it has one (passed through its
    ``target_transform``), through ``Subset`` and ``ConcatDataset`` too. Only else every sample is read, which takes as
    long as an epoch.

    :param train_ratio: the share of the training part, 0 to 1
    :param origin_dataset: a data set of ``(x, label)`` with labels 0 to ``num_classes - 1``
    :param num_classes: the number of classes
    :param random_split: whether to choose at random, by NumPy's global generator (``numpy.random.seed``); default
        False: the first samples of each class go to the training part
    :return: the training part, the test part
    :raises ValueError: if the ratio is not in [0, 1] or a label is not in 0 to ``num_classes - 1``
    """
    if not 0 <= train_ratio <= 1:
        raise ValueError(f"train_ratio must be in 0 to 1, but {train_ratio!r} was given.")
    labels = np.array(_labels(origin_dataset), np.int64)
    outside = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if outside.size:
        raise ValueError(
            f"The label of sample {outside[0]} is {labels[outside[0]]}, expected 0 to {num_classes - 1} "
            f"(num_classes = {num_classes})."
        )
    train: list[int] = []
    test: list[int] = []
    for label in range(num_classes):
        indices = np.flatnonzero(labels == label)
        if random_split:
            np.random.shuffle(indices)
        boundary = math.ceil(len(indices) * train_ratio)
        train += indices[:boundary].tolist()
        test += indices[boundary:].tolist()
    return Subset(origin_dataset, train), Subset(origin_dataset, test)


def fast_split_to_train_test_set(
    train_ratio: float, origin_dataset: Dataset, num_classes: int, random_split: bool = False
) -> tuple[Subset, Subset]:
    """:func:`split_to_train_test_set`, which reads no samples where it needn't; kept for code that uses this name."""
    return split_to_train_test_set(train_ratio, origin_dataset, num_classes, random_split)


def _labels(dataset: Any) -> list[int]:
    if isinstance(dataset, Subset):
        labels = _labels(dataset.dataset)
        return [labels[i] for i in dataset.indices]
    if isinstance(dataset, ConcatDataset):
        return [label for part in dataset.datasets for label in _labels(part)]
    stored = _stored_labels(dataset)
    if stored is None:
        return [int(dataset[i][1]) for i in range(len(dataset))]
    transform = getattr(dataset, "target_transform", None)
    return [int(label) if transform is None else int(transform(label)) for label in stored]


def _stored_labels(dataset: Any) -> Sequence[Any] | None:
    """What the data set has as labels; None where it doesn't have one for each sample."""
    targets = getattr(dataset, "targets", None)
    if targets is None:
        samples = getattr(dataset, "samples", None)
        is_pairs = isinstance(samples, (list, tuple)) and all(isinstance(s, tuple) and len(s) == 2 for s in samples)
        targets = [label for _, label in samples] if is_pairs and samples is not None else None
    if targets is None or getattr(targets, "ndim", 1) != 1 or len(targets) != len(dataset):
        return None
    return targets.tolist() if hasattr(targets, "tolist") else targets


def create_sub_dataset(
    source_dir: str | PathLike[str],
    target_dir: str | PathLike[str],
    ratio: float,
    use_soft_link: bool = True,
    randomly: bool = False,
) -> None:
    """A folder tree like ``source_dir``, with a part of the files of each folder.

    Of the :math:`n` files of a folder there are :math:`n` times ``ratio``, rounded down, but at least one.

    :param source_dir: the folder to take files from
    :param target_dir: the folder to make; must not exist or be empty, and lie outside ``source_dir``
    :param ratio: the share of files, above 0 and at most 1
    :param use_soft_link: whether to make links, relative ones, so that both folders can be moved together; else files
        are copied. Default True
    :param randomly: whether to choose at random, by NumPy's global generator; default False: the first by name
    :raises FileNotFoundError: if there is no ``source_dir``
    :raises FileExistsError: if ``target_dir`` holds something already
    :raises ValueError: if ``ratio`` is not in (0, 1] or ``target_dir`` lies in ``source_dir``
    """
    source, target = Path(source_dir).resolve(), Path(target_dir).resolve()
    if not 0 < ratio <= 1:
        raise ValueError(f"ratio must be above 0 and at most 1, but {ratio!r} was given.")
    if not source.is_dir():
        raise FileNotFoundError(f"There is no folder {source} to take files from.")
    if target.is_relative_to(source):
        raise ValueError(f"The new folder {target} must not lie in {source}, which it is made of.")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(f"{target} exists already and is not an empty folder. Choose another one or delete it.")
    for folder, subfolders, names in os.walk(source):
        subfolders.sort()  # the order in which random numbers are drawn must not depend on the disk
        to = target / Path(folder).relative_to(source)
        to.mkdir(parents=True, exist_ok=True)
        for name in _chosen(sorted(names), ratio, randomly):
            _place(Path(folder) / name, to / name, use_soft_link)


def _chosen(names: list[str], ratio: float, randomly: bool) -> list[str]:
    count = max(int(len(names) * ratio), min(len(names), 1))
    return np.random.permutation(names)[:count].tolist() if randomly else names[:count]


def _place(source: Path, target: Path, as_link: bool) -> None:
    if as_link:
        target.symlink_to(os.path.relpath(source, target.parent))
    else:
        shutil.copyfile(source, target)


def create_same_directory_structure(source_dir: str | PathLike[str], target_dir: str | PathLike[str]) -> None:
    """The folders of ``source_dir`` once more below ``target_dir``, without files; what is there already stays.

    :param source_dir: the folder to take the structure from
    :param target_dir: the folder to make; must not lie in ``source_dir``
    :raises FileNotFoundError: if there is no ``source_dir``
    :raises ValueError: if ``target_dir`` lies in ``source_dir``
    """
    source, target = Path(source_dir).resolve(), Path(target_dir).resolve()
    if not source.is_dir():
        raise FileNotFoundError(f"There is no folder {source} to take folders from.")
    if target.is_relative_to(source):
        raise ValueError(f"The new folder {target} must not lie in {source}, which it is made of.")
    target.mkdir(parents=True, exist_ok=True)
    for folder in sorted(path for path in source.rglob("*") if path.is_dir()):
        (target / folder.relative_to(source)).mkdir(exist_ok=True)
