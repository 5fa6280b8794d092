"""MNIST and Fashion-MNIST: finding, reading and fetching the files, and what the data sets give."""

import functools
import gzip
import hashlib
import inspect
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from spikingjelly import datasets
from spikingjelly.datasets._idx_images import IdxImages
from tests.datasets.conftest import Mirror
from tests.datasets.idx_writer import fake_images, write_both_splits, write_idx, write_split

AnyMNIST = type[datasets.MNIST] | type[datasets.FashionMNIST]
_BOTH: list[AnyMNIST] = [datasets.MNIST, datasets.FashionMNIST]
_FILES = [f"{prefix}-{kind}-ubyte.gz" for prefix in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]


def to_tensor(pixels: np.ndarray) -> torch.Tensor:
    """What torchvision documents of ToTensor: [H, W] array of uint8 to [1, H, W] in [0, 1]."""
    assert isinstance(pixels, np.ndarray)
    assert (pixels.dtype, pixels.shape) == (np.uint8, (28, 28))
    return torch.tensor(pixels[None].astype(np.float32) / np.float32(255))


def plus(value: Any, add: int) -> Any:
    return value + add


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Both splits, 20 and 8 images, as a plain folder."""
    write_both_splits(tmp_path)
    return tmp_path


# What it gives


@pytest.mark.parametrize("cls", _BOTH)
def test_signature_is_torchvisions(cls: type) -> None:
    parameters = inspect.signature(cls).parameters
    assert [(name, each.default) for name, each in parameters.items()] == [
        ("root", inspect.Parameter.empty),
        ("train", True),
        ("transform", None),
        ("target_transform", None),
        ("download", False),
    ]


@pytest.mark.parametrize(("train", "count", "seed"), [(True, 20, 1), (False, 8, 2)])
def test_items_without_transform(folder: Path, train: bool, count: int, seed: int) -> None:
    dataset = datasets.MNIST(str(folder), train)
    images, labels = fake_images(count, seed)
    assert len(dataset) == count
    assert dataset.data.dtype == torch.uint8
    assert dataset.targets.dtype == torch.int64
    np.testing.assert_array_equal(dataset.data.numpy(), images)
    np.testing.assert_array_equal(dataset.targets.numpy(), labels)
    items = list(dataset)
    assert len(items) == count
    for (image, label), pixels, target in zip(items, images, labels, strict=True):
        assert (type(label), label) == (int, int(target))
        assert image.dtype == torch.float32
        assert image.shape == (1, 28, 28)
        assert torch.equal(image, torch.tensor([[[p / 255 for p in row] for row in pixels.tolist()]]))


def test_transforms_get_pixels_and_label(folder: Path) -> None:
    plain = datasets.MNIST(folder)
    dataset = datasets.MNIST(folder, True, to_tensor, functools.partial(plus, add=100))
    for index in (0, 7, -1):
        image, label = dataset[index]
        expected_image, expected_label = plain[index]
        assert torch.equal(image, expected_image)
        assert label == expected_label + 100


def test_real_torchvision_transform(folder: Path) -> None:
    transforms = pytest.importorskip("torchvision.transforms", reason="torchvision is not installed")
    image, _ = datasets.MNIST(folder, transform=transforms.ToTensor())[3]
    assert torch.equal(image, datasets.MNIST(folder)[3][0])


def test_transform_in_place_leaves_the_data_alone(folder: Path) -> None:
    dataset = datasets.MNIST(folder, transform=lambda pixels: np.subtract(255, pixels, out=pixels))
    before = dataset.data.clone()
    np.testing.assert_array_equal(dataset[2][0], 255 - before[2].numpy())
    assert torch.equal(dataset.data, before)


def test_images_are_the_items_at_once(folder: Path) -> None:
    dataset = datasets.MNIST(folder, transform=to_tensor)
    images = dataset.images()
    assert images.dtype == torch.float32
    assert torch.equal(images, torch.stack([image for image, _ in dataset]))
    images.zero_()
    assert dataset.data.any()


@pytest.mark.parametrize("index", [20, -21])
def test_index_out_of_range(folder: Path, index: int) -> None:
    with pytest.raises(IndexError):
        datasets.MNIST(folder)[index]


@pytest.mark.parametrize("index", [np.int64(3), torch.tensor(3)])
def test_index_of_other_integer_types(folder: Path, index: Any) -> None:
    dataset = datasets.MNIST(folder)
    assert dataset[index][1] == dataset[3][1]


@pytest.mark.parametrize("index", [slice(2), 1.0, [1, 2]])
def test_index_that_is_no_integer(folder: Path, index: Any) -> None:
    with pytest.raises(TypeError, match=r"MNIST: the index must be an integer, but .* Take many .* from \.images\(\)"):
        datasets.MNIST(folder)[index]


def test_classes(folder: Path) -> None:
    mnist, fashion = datasets.MNIST(folder), datasets.FashionMNIST(folder)
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    assert mnist.classes == [f"{digit} - {word}" for digit, word in enumerate(words)]
    articles = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"
    assert ",".join(fashion.classes) == articles
    for dataset in (mnist, fashion):
        assert [dataset.class_to_idx[name] for name in dataset.classes] == list(range(10))


def test_repr(folder: Path) -> None:
    assert repr(datasets.MNIST(folder)) == (
        f"Dataset MNIST\n    Number of datapoints: 20\n    Root location: {folder}\n    Split: Train"
    )
    text = repr(datasets.FashionMNIST(folder, False, transform=len, target_transform=abs))
    assert text.startswith("Dataset FashionMNIST\n    Number of datapoints: 8\n")
    assert text.endswith(
        "Split: Test\n    Transform: <built-in function len>\n    Target transform: <built-in function abs>"
    )


def test_pickle(folder: Path) -> None:
    dataset = datasets.MNIST(folder, False, to_tensor, functools.partial(plus, add=1))
    copy = pickle.loads(pickle.dumps(dataset))
    assert repr(copy) == repr(dataset)
    assert all(torch.equal(a[0], b[0]) and a[1] == b[1] for a, b in zip(copy, dataset, strict=True))


def test_worker_processes(folder: Path) -> None:
    dataset = datasets.MNIST(folder, False, to_tensor)
    loader = DataLoader(dataset, batch_size=5, num_workers=1, multiprocessing_context="spawn")
    images, labels = zip(*loader, strict=True)
    assert torch.equal(torch.cat(images), dataset.images())
    assert torch.equal(torch.cat(labels), dataset.targets)


@pytest.mark.parametrize("name", ["train", "download"])
def test_flag_that_is_no_bool(folder: Path, name: str) -> None:
    with pytest.raises(TypeError, match=rf"MNIST: {name} must be True or False, but 'test' \(str\) was given"):
        datasets.MNIST(folder, **{name: "test"})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["transform", "target_transform"])
def test_transform_that_is_no_function(folder: Path, name: str) -> None:
    with pytest.raises(TypeError, match=rf"FashionMNIST: {name} must be a function or None, but 3 \(int\) was given"):
        datasets.FashionMNIST(folder, **{name: 3})  # type: ignore[arg-type]


# Finding and reading


@pytest.mark.parametrize("cls", _BOTH)
@pytest.mark.parametrize("below", ["{}/raw", "{}", "raw", "."])
def test_layouts(tmp_path: Path, cls: AnyMNIST, below: str) -> None:
    place = tmp_path / below.format(cls.__name__)
    write_both_splits(place)
    dataset = cls(tmp_path, train=False)
    assert len(dataset) == 8
    assert dataset.folder == place


def test_order_of_the_folders(tmp_path: Path) -> None:
    for count, below in enumerate([".", "raw", "FashionMNIST", "FashionMNIST/raw", "MNIST", "MNIST/raw"], start=1):
        write_split(tmp_path / below, "train", count, seed=count)
    found: list[int] = []
    while not found or found[-1] > 1:
        dataset = datasets.MNIST(tmp_path)
        found.append(len(dataset))
        (dataset.folder / "train-images-idx3-ubyte.gz").unlink()
    assert found == [6, 5, 2, 1]
    assert len(datasets.FashionMNIST(tmp_path)) == 4


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("mark", ["-", "."])
def test_names(tmp_path: Path, suffix: str, mark: str) -> None:
    write_split(tmp_path, "train", count=3, seed=1, suffix=suffix, mark=mark)
    assert torch.equal(datasets.MNIST(tmp_path).data, torch.tensor(fake_images(3, 1)[0]))


def test_folder_that_is_named_like_a_file(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").mkdir()
    write_split(tmp_path, "train", count=3, seed=1, mark=".")
    assert len(datasets.MNIST(tmp_path)) == 3


def test_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert len(datasets.MNIST("~")) == 20


@pytest.mark.parametrize("error", [FileNotFoundError, RuntimeError, datasets.DatasetNotFoundError])
def test_nothing_there(tmp_path: Path, error: type[Exception]) -> None:
    with pytest.raises(error, match="MNIST: the test files were not found") as caught:
        datasets.MNIST(tmp_path / "absent", train=False)
    message = str(caught.value)
    for name in ("t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte.gz", "t10k-labels.idx1-ubyte"):
        assert f" {name}" in message
    for below in ("MNIST/raw", "MNIST", "raw", "."):
        assert f"\n    {tmp_path / 'absent' / below} (no such folder)" in message
    assert f"Pass download=True to fetch them into {tmp_path / 'absent' / 'MNIST' / 'raw'}" in message
    assert 'pip install "spikingjelly[datasets]"' in message


def test_half_of_a_split_there(tmp_path: Path) -> None:
    write_both_splits(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    (tmp_path / "raw").mkdir()
    assert len(datasets.FashionMNIST(tmp_path, train=False)) == 8
    with pytest.raises(
        datasets.DatasetNotFoundError, match="FashionMNIST: the training files were not found"
    ) as caught:
        datasets.FashionMNIST(tmp_path)
    assert f"\n    {tmp_path} (lacks train-labels-idx1-ubyte)\n" in str(caught.value)
    assert "raw (lacks train-images-idx3-ubyte and train-labels-idx1-ubyte)\n" in str(caught.value)


def test_counts_of_images_and_labels_differ(folder: Path) -> None:
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", np.zeros(7, np.uint8))
    with pytest.raises(
        datasets.DatasetFormatError, match=r"t10k-images.* holds 8 images, but .*t10k-labels.* 7 labels"
    ):
        datasets.MNIST(folder, train=False)


def test_unknown_label(folder: Path) -> None:
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", np.array([0, 9, 1, 10, 2, 255, 3, 4], np.uint8))
    with pytest.raises(datasets.DatasetFormatError, match=r"t10k-labels\S+: label number 3 is 10, expected 0 to 9"):
        datasets.MNIST(folder, train=False)


def test_no_images(tmp_path: Path) -> None:
    write_split(tmp_path, "train", count=0, seed=0)
    with pytest.raises(datasets.DatasetFormatError, match=r"train-images\S+ holds no images, expected at least one"):
        datasets.MNIST(tmp_path)


def test_images_of_another_size(folder: Path) -> None:
    write_idx(folder / "train-images-idx3-ubyte.gz", np.zeros((20, 32, 32), np.uint8))
    with pytest.raises(datasets.DatasetFormatError, match="holds 20 x 32 x 32 items, expected N x 28 x 28"):
        datasets.MNIST(folder)


def test_swapped_files(folder: Path) -> None:
    write_idx(folder / "train-images-idx3-ubyte.gz", np.zeros(20, np.uint8))
    with pytest.raises(datasets.DatasetFormatError, match=r"1-dimensional uint8.* expected .*3-dimensional uint8"):
        datasets.MNIST(folder)


# Fetching


@pytest.fixture
def source(mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    """A mirror of a small MNIST below ``good/``; ``bad/`` is empty. ``datasets.MNIST`` asks bad, then good."""
    write_both_splits(tmp_path / "origin")
    contents = {path.name: path.read_bytes() for path in (tmp_path / "origin").iterdir()}
    mirror.files = {f"good/{name}": content for name, content in contents.items()}
    sums = {name: hashlib.sha256(contents[name]).hexdigest() for name in _FILES}
    monkeypatch.setattr(datasets.MNIST, "sha256", sums)
    monkeypatch.setattr(datasets.MNIST, "mirrors", (mirror.url + "bad/", mirror.url + "good/"))
    return mirror


def test_download(source: Mirror, tmp_path: Path) -> None:
    root = tmp_path / "root"
    dataset = datasets.MNIST(root, train=False, download=True)
    assert dataset.folder == dataset.raw_folder == root / "MNIST" / "raw"
    assert torch.equal(dataset.data, torch.tensor(fake_images(8, 2)[0]))
    assert sorted(path.name for path in dataset.folder.iterdir()) == sorted(_FILES)
    assert source.asked == [f"{mirror}/{name}" for name in _FILES for mirror in ("bad", "good")]
    assert len(datasets.MNIST(root)) == 20


def test_download_fetches_what_is_missing_only(source: Mirror, tmp_path: Path) -> None:
    raw = tmp_path / "root" / "MNIST" / "raw"
    write_both_splits(raw)
    packed = raw / "train-images-idx3-ubyte.gz"
    (raw / "train-images.idx3-ubyte").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    (raw / "t10k-labels-idx1-ubyte.gz").unlink()
    datasets.MNIST(tmp_path / "root", download=True)
    assert source.asked == ["bad/t10k-labels-idx1-ubyte.gz", "good/t10k-labels-idx1-ubyte.gz"]


@pytest.mark.parametrize("below", ["MNIST/raw", "MNIST", "raw", "."])
def test_download_with_all_files_there(
    source: Mirror, tmp_path: Path, below: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)
    write_both_splits(tmp_path / "root" / below)
    assert len(datasets.MNIST(tmp_path / "root", download=True)) == 20
    assert source.asked == []


def test_download_where_only_one_split_is_there(source: Mirror, tmp_path: Path) -> None:
    write_split(tmp_path / "root", "train", count=3, seed=5)
    assert len(datasets.MNIST(tmp_path / "root", download=True)) == 20
    assert len(source.asked) == 8


def test_failed_download(source: Mirror, tmp_path: Path) -> None:
    source.cut = {"good/t10k-images-idx3-ubyte.gz"}
    for error in (datasets.DownloadError, RuntimeError):
        with pytest.raises(error, match=r"t10k-images-idx3-ubyte\.gz could not be downloaded from any of 2 mirrors"):
            datasets.MNIST(tmp_path / "root", download=True)
    raw = tmp_path / "root/MNIST/raw"
    assert sorted(path.name for path in raw.iterdir()) == sorted([*_FILES[:2], "t10k-images-idx3-ubyte.gz.part"])
    source.cut = set()
    assert len(datasets.MNIST(tmp_path / "root", train=False, download=True)) == 8
    assert sorted(path.name for path in raw.iterdir()) == sorted(_FILES)


def test_download_without_requests(source: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests.exceptions", None)
    with pytest.raises(ImportError, match=r"train-images-idx3-ubyte\.gz needs requests") as caught:
        datasets.MNIST(tmp_path / "root", download=True)
    assert f"{source.url}good/train-images-idx3-ubyte.gz" in str(caught.value)


def test_import_needs_neither_requests_nor_torchvision() -> None:
    code = "import sys; sys.modules.update(requests=None, torchvision=None, PIL=None); "
    subprocess.run([sys.executable, "-c", code + "import spikingjelly.datasets"], check=True, timeout=60)


# The real ones


def _check_split(dataset: IdxImages, mean: float, histogram: list[int]) -> None:
    assert dataset.data.shape == (sum(histogram), 28, 28)
    assert dataset.data.numpy().mean() == pytest.approx(mean, abs=5e-5)
    assert (int(dataset.data.min()), int(dataset.data.max())) == (0, 255)
    assert dataset.targets.bincount().tolist() == histogram


def test_real_mnist(real_mnist: Path) -> None:
    train, test = datasets.MNIST(real_mnist), datasets.MNIST(real_mnist, train=False)
    _check_split(train, 33.3184, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
    _check_split(test, 33.7912, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])
    assert train.targets[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]


def test_real_fashion_mnist(real_fashion_mnist: Path) -> None:
    _check_split(datasets.FashionMNIST(real_fashion_mnist), 72.9404, [6000] * 10)
    _check_split(datasets.FashionMNIST(real_fashion_mnist, train=False), 73.1466, [1000] * 10)


@pytest.mark.parametrize("cls", _BOTH)
def test_real_files_have_the_checksums_that_a_download_is_checked_with(
    cls: AnyMNIST, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue("real_mnist" if cls is datasets.MNIST else "real_fashion_mnist")
    assert list(cls.sha256) == _FILES
    for name, expected in cls.sha256.items():
        assert hashlib.sha256((folder / "raw" / name).read_bytes()).hexdigest() == expected


def test_mirrors_are_asked_by_https_and_end_in_a_slash() -> None:
    for cls in (datasets.MNIST, datasets.FashionMNIST):
        assert len(set(cls.mirrors)) == 2
        assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in cls.mirrors)
