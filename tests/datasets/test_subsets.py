"""Parts of data sets: equal shares of each class, without reading samples where labels are known."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset

from spikingjelly.datasets import (
    MNISTSubset,
    create_same_directory_structure,
    create_sub_dataset,
    fast_split_to_train_test_set,
    split_to_train_test_set,
)

_LABELS = [0, 1, 2, 0, 1, 0, 0, 2, 1, 0]


class Unreadable(Dataset):
    """Samples that can't be read, with labels under some name."""

    def __init__(self, length: int = len(_LABELS), **attributes: Any) -> None:
        self.length = length
        self.__dict__.update(attributes)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("a sample was read")


def indices(parts: tuple[Subset, Subset]) -> tuple[list[int], list[int]]:
    return list(parts[0].indices), list(parts[1].indices)


_EXPECTED = ([0, 3, 5, 1, 4, 2], [6, 9, 8, 7])
_PAIRS = [(f"{i}.npz", label) for i, label in enumerate(_LABELS)]


@pytest.mark.parametrize(
    "dataset",
    [
        Unreadable(targets=_LABELS),
        Unreadable(targets=torch.tensor(_LABELS)),
        Unreadable(targets=np.array(_LABELS, np.int8)),
        Unreadable(samples=_PAIRS),
        Unreadable(targets=[label + 5 for label in _LABELS], target_transform=lambda label: label - 5),
        Subset(Unreadable(length=11, targets=[2, *_LABELS]), range(1, 11)),
        ConcatDataset([Unreadable(length=4, targets=_LABELS[:4]), Unreadable(length=6, samples=_PAIRS[4:])]),
        TensorDataset(torch.zeros(10, 2), torch.tensor(_LABELS)),
        list(zip(range(10), _LABELS, strict=True)),
    ],
    ids=["list", "tensor", "array", "samples", "target_transform", "Subset", "ConcatDataset", "TensorDataset", "pairs"],
)
def test_split_takes_the_first_of_each_class(dataset: Any) -> None:
    """Where labels are at hand no sample is read, else all are; the parts are the same."""
    assert indices(split_to_train_test_set(0.5, dataset, 3)) == _EXPECTED
    assert indices(fast_split_to_train_test_set(0.5, dataset, 3)) == _EXPECTED


@pytest.mark.parametrize(
    "attributes", [{"targets": [0, 1]}, {"targets": torch.zeros(10, 2)}, {"samples": list("0123456789")}]
)
def test_what_is_not_a_label_for_each_sample_is_not_taken_for_one(attributes: dict) -> None:
    with pytest.raises(AssertionError, match="a sample was read"):
        split_to_train_test_set(0.5, Unreadable(**attributes), 3)


@given(st.lists(st.integers(0, 3), max_size=40), st.floats(0, 1), st.booleans())
def test_every_sample_is_in_one_part_and_shares_are_equal(labels: list[int], ratio: float, random_split: bool) -> None:
    train, test = indices(split_to_train_test_set(ratio, Unreadable(len(labels), targets=labels), 4, random_split))
    assert sorted(train + test) == list(range(len(labels)))
    for label in range(4):
        in_train = sum(labels[i] == label for i in train)
        assert in_train == math.ceil(labels.count(label) * ratio)
    for part in (train, test):
        assert [labels[i] for i in part] == sorted(labels[i] for i in part)
        if not random_split:
            assert part == sorted(part, key=lambda i: (labels[i], i))


def test_random_split_follows_the_seed_of_numpy() -> None:
    dataset = Unreadable(200, targets=[0] * 200)
    np.random.seed(1)
    first = indices(split_to_train_test_set(0.5, dataset, 1, random_split=True))
    second = indices(split_to_train_test_set(0.5, dataset, 1, random_split=True))
    np.random.seed(1)
    assert indices(split_to_train_test_set(0.5, dataset, 1, random_split=True)) == first
    assert first != second


def test_split_of_a_real_data_set() -> None:
    train, test = split_to_train_test_set(0.9, MNISTSubset(train=False), 10)
    assert (len(train), len(test)) == (900, 100)
    assert [test[i][1] for i in range(0, 100, 10)] == list(range(10))


def test_refused_splits() -> None:
    with pytest.raises(ValueError, match=r"label of sample 2 is 2, expected 0 to 1 \(num_classes = 2\)"):
        split_to_train_test_set(0.5, Unreadable(targets=_LABELS), 2)
    with pytest.raises(ValueError, match="train_ratio must be in 0 to 1, but 90 was given"):
        split_to_train_test_set(90, Unreadable(targets=_LABELS), 3)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """train/0 with 10 files, train/1 with 4, test/0 with 1 and test/1 with none."""
    for folder, count in (("train/0", 10), ("train/1", 4), ("test/0", 1), ("test/1", 0)):
        (tmp_path / "all" / folder).mkdir(parents=True)
        for i in range(count):
            (tmp_path / "all" / folder / f"{i}.npz").write_text(f"{folder} {i}")
    return tmp_path / "all"


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


_FIRST = ["test/0/0.npz", "train/0/0.npz", "train/0/1.npz", "train/0/2.npz", "train/1/0.npz"]


@pytest.mark.parametrize("use_soft_link", [True, False])
def test_sub_dataset_is_the_first_of_each_folder(tree: Path, tmp_path: Path, use_soft_link: bool) -> None:
    create_sub_dataset(tree, tmp_path / "part", 0.3, use_soft_link)
    assert _files(tmp_path / "part") == _FIRST
    assert (tmp_path / "part" / "test" / "1").is_dir()
    for name in _FIRST:
        assert (tmp_path / "part" / name).is_symlink() == use_soft_link
        assert (tmp_path / "part" / name).read_text() == (tree / name).read_text()


def test_links_survive_when_both_folders_are_moved(tree: Path, tmp_path: Path) -> None:
    create_sub_dataset(tree, tmp_path / "part", 1.0)
    (tmp_path / "elsewhere").mkdir()
    for name in ("all", "part"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    assert (tmp_path / "elsewhere" / "part" / "train" / "1" / "3.npz").read_text() == "train/1 3"


def test_sub_dataset_at_random(tree: Path, tmp_path: Path) -> None:
    chosen = set()
    for i in range(30):
        create_sub_dataset(tree, tmp_path / f"part{i}", 0.3, randomly=True)
        files = _files(tmp_path / f"part{i}")
        assert len(files) == len(_FIRST)
        chosen.update(files)
    assert chosen == set(_files(tree))
    np.random.seed(0)
    create_sub_dataset(tree, tmp_path / "one", 0.3, randomly=True)
    np.random.seed(0)
    create_sub_dataset(tree, tmp_path / "same", 0.3, randomly=True)
    assert _files(tmp_path / "one") == _files(tmp_path / "same")


def test_refused_sub_datasets(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="all exists already and is not an empty folder"):
        create_sub_dataset(tree / "train", tree, 0.5)
    with pytest.raises(ValueError, match="must not lie in"):
        create_sub_dataset(tree, tree / "part", 0.5)
    with pytest.raises(ValueError, match="ratio must be above 0 and at most 1, but 0 was given"):
        create_sub_dataset(tree, tmp_path / "part", 0)
    with pytest.raises(FileNotFoundError, match="There is no folder .*gone to take files from"):
        create_sub_dataset(tmp_path / "gone", tmp_path / "part", 0.5)
    assert len(_files(tmp_path)) == 15


def test_folders_without_files(tree: Path, tmp_path: Path) -> None:
    for _ in range(2):
        create_same_directory_structure(tree, tmp_path / "new" / "same")
    assert _files(tmp_path / "new") == []
    expected, made = (
        {path.relative_to(root) for path in root.rglob("*") if path.is_dir()}
        for root in (tree, tmp_path / "new" / "same")
    )
    assert made == expected
    with pytest.raises(ValueError, match="must not lie in"):
        create_same_directory_structure(tree, tree / "same")
    with pytest.raises(FileNotFoundError, match="There is no folder .*gone to take folders from"):
        create_same_directory_structure(tmp_path / "gone", tmp_path / "same")
