"""The part of MNIST that comes with the package, and the tool that makes it."""

import hashlib
import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from spikingjelly import datasets
from spikingjelly.datasets import mnist
from tests.datasets.idx_writer import write_idx

_TOOL = Path(__file__).resolve().parents[2] / "tools" / "make_mnist_subset.py"
_SPLITS = [(True, 600), (False, 100)]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    if not _TOOL.is_file():
        pytest.skip(f"needs the tool {_TOOL}, which is not part of an installation")
    spec = importlib.util.spec_from_file_location("make_mnist_subset", _TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("train", "per_class"), _SPLITS)
def test_subset_is_balanced(train: bool, per_class: int) -> None:
    dataset = datasets.MNISTSubset(train)
    assert dataset.data.shape == (10 * per_class, 28, 28)
    assert dataset.targets.bincount().tolist() == [per_class] * 10
    assert dataset.classes == datasets.MNIST.classes
    assert repr(dataset).startswith(f"Dataset MNISTSubset\n    Number of datapoints: {10 * per_class}\n")


def test_subset_takes_transforms() -> None:
    dataset = datasets.MNISTSubset(False, lambda pixels: int(pixels.sum()), lambda label: -label)
    assert dataset[0] == (int(dataset.data[0].sum()), -7)
    assert datasets.MNISTSubset()[0][0].shape == (1, 28, 28)


@pytest.mark.parametrize(
    ("train", "digest"),
    [
        (True, "d8660740428cf7be0523c4092d5eaa8d48e90206c1b68b923aea227c866a0013"),
        (False, "c2607999153c1b75b505480f806c0645f9d7fba021a52ca3a5835bb478c728ae"),
    ],
)
def test_subset_is_what_results_were_published_with(train: bool, digest: str) -> None:
    dataset = datasets.MNISTSubset(train)
    content = dataset.data.numpy().tobytes() + dataset.targets.numpy().astype(np.uint8).tobytes()
    assert hashlib.sha256(content).hexdigest() == digest


@pytest.mark.parametrize(("train", "per_class"), _SPLITS)
def test_subset_is_the_first_of_each_class_in_the_order_of_mnist(real_mnist: Path, train: bool, per_class: int) -> None:
    full, part = datasets.MNIST(real_mnist, train), datasets.MNISTSubset(train)
    seen: Counter[int] = Counter()
    chosen = []
    for index, label in enumerate(full.targets.tolist()):
        seen[label] += 1
        if seen[label] <= per_class:
            chosen.append(index)
    assert torch.equal(part.data, full.data[chosen])
    assert torch.equal(part.targets, full.targets[chosen])


def test_tool_makes_the_files_of_the_package(tool: ModuleType, real_mnist: Path, tmp_path: Path) -> None:
    tool.make_subset(real_mnist, tmp_path)
    for train, _ in _SPLITS:
        made, shipped = datasets.MNIST(tmp_path, train), datasets.MNISTSubset(train)
        assert torch.equal(made.data, shipped.data)
        assert torch.equal(made.targets, shipped.targets)
    for path in tmp_path.iterdir():
        assert path.read_bytes()[3:8] == bytes(5), "gzip header: no name, no time"


def test_tool_needs_enough_images_of_each_class(tool: ModuleType, tmp_path: Path) -> None:
    labels = np.repeat(np.arange(10, dtype=np.uint8), 600)[:-1]
    write_idx(tmp_path / "train-labels-idx1-ubyte", labels)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(
        bytes.fromhex("00000803 0000176f 0000001c 0000001c") + bytes(5999 * 28 * 28)
    )
    with pytest.raises(ValueError, match=r"Class 9 has only 599 images, 600 are needed"):
        tool.make_subset(tmp_path, tmp_path / "out")


def test_size_and_attribution() -> None:
    files = list(mnist._SUBSET_FOLDER.iterdir())
    assert sum(path.stat().st_size for path in files) < 1_300_000
    assert "Corinna Cortes" in (mnist._SUBSET_FOLDER / "README.txt").read_text()


def test_incomplete_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "_SUBSET_FOLDER", tmp_path / "gone")
    with pytest.raises(datasets.DatasetNotFoundError, match="MNISTSubset: the training files") as caught:
        datasets.MNISTSubset()
    assert str(caught.value).endswith("so the installation is incomplete: install spikingjelly again.")
    assert "download=True" not in str(caught.value)
