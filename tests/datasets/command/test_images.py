"""MNIST and its kind go through the commands too."""

import dataclasses
import gzip
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("typer")

from spikingjelly.datasets import MNIST
from spikingjelly.datasets._command import registry
from tests.datasets.command.runs import run
from tests.datasets.idx_writer import fake_images, write_both_splits, write_idx


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """20 and 8 images of nine classes each."""
    write_both_splits(tmp_path / "MNIST" / "raw")
    numbers = {
        name: len(set(fake_images(count, seed)[1].tolist())) for name, count, seed in (("train", 20, 1), ("test", 8, 2))
    }
    splits = {
        "train": registry.Split({"train": True}, 20),
        "test": registry.Split({"train": False}, 8),
    }
    entry = dataclasses.replace(registry.find("mnist"), splits=splits, classes=numbers["train"])
    monkeypatch.setattr(registry, "ENTRIES", [entry])
    return tmp_path


def make_hashes_fit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    files = (root / "MNIST" / "raw").iterdir()
    monkeypatch.setattr(MNIST, "sha256", {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files})


def test_list_and_info() -> None:
    rows = [" ".join(line.split()) for line in run("list").splitlines()]
    assert "MNIST 10 60,000 / 10,000 28 x 28 12 MB yes ?" in rows
    assert "Fashion-MNIST 10 60,000 / 10,000 28 x 28 31 MB yes MIT" in rows
    text = run("info", "fashionmnist")
    assert "FashionMNIST/raw/    the files above" in text
    assert "train-images-idx3-ubyte.gz (sha256 3aede38d61863908" in text
    assert "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/" in text


def test_example_of_info_runs(root: Path) -> None:
    code = run("info", "mnist").split("Example:\n")[1].replace("path/to/MNIST", root.as_posix())
    names: dict = {}
    exec("\n".join(line[4:] for line in code.splitlines()), names)
    assert list(names["image"].shape) == [1, 28, 28]
    assert "# [1, 28, 28]" in code


def test_prepare_counts_images(root: Path) -> None:
    lines = [" ".join(line.split()) for line in run("prepare", "mnist", "--root", root, "--no-download").splitlines()]
    labels = fake_images(20, 1)[1].tolist()
    assert f"train: 20 samples of {len(set(labels))} classes" in lines
    assert f"{MNIST.classes[labels[0]]} {labels.count(labels[0])}" in lines
    assert any(line.startswith("MNIST 4 files ") for line in lines)
    text = run("prepare", "mnist", "--root", root, "--frames-number", 3, code=2)
    assert "MNIST holds pictures: no options for frames" in " ".join(text.split())
    assert "were not found" in run("prepare", "mnist", "--root", root / "other", "--no-download", code=1)


def test_verify(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sound, files of other bytes, unpacked ones, one that is damaged, and none at all."""
    raw = root / "MNIST" / "raw"
    text = run("verify", "mnist", "--root", root, code=1)
    assert f"{raw / 't10k-labels-idx1-ubyte.gz'}: its sha256 is" in text
    make_hashes_fit(root, monkeypatch)
    text = run("verify", "mnist", "--root", root, code=1)  # the test images lack a class
    assert text.count("sha256") == 0
    classes = {len(set(fake_images(count, seed)[1].tolist())) for count, seed in ((20, 1), (8, 2))}
    assert f"holds {min(classes)} classes, and {max(classes)} are published" in text
    images, _ = fake_images(8, 2)
    write_idx(raw / "t10k-labels-idx1-ubyte.gz", np.arange(8, dtype=np.uint8))
    write_idx(raw / "train-images-idx3-ubyte.gz", images)
    assert "holds 8 images, but" in run("verify", "mnist", "--root", root, code=1)
    (raw / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"no images"))
    assert str(raw / "train-images-idx3-ubyte.gz") in run("verify", "mnist", "--root", root, code=1)
    for file in raw.iterdir():
        file.unlink()
    text = run("verify", "mnist", "--root", root, code=1)
    assert "nothing of the data set is there" in text
    assert "test: its files are not there" in text


def test_verify_is_content(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_hashes_fit(root, monkeypatch)
    entry = registry.ENTRIES[0]
    monkeypatch.setattr(registry, "ENTRIES", [dataclasses.replace(entry, splits={"train": entry.splits["train"]})])
    assert f"MNIST: no fault was found in {root}" in run("verify", "mnist", "--root", root)
    packed = root / "MNIST" / "raw" / "train-labels-idx1-ubyte.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    text = run("verify", "mnist", "--root", root)
    assert "raw: train-labels-idx1-ubyte.gz is not there, so it was not checked" in text


def test_show(root: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    images, labels = fake_images(8, 2)
    text = run("show", "mnist", 3, "--root", root, "--out", root / "a.png", "--test")
    assert f"sample 3 of test, class {MNIST.classes[labels[3]]}" in text
    assert "events" not in text
    factor = 256 // 28
    with image.open(root / "a.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), images[3].repeat(factor, 0).repeat(factor, 1))
    assert "does not move" in run("show", "mnist", 3, "--root", root, "--out", root / "a.gif", code=2)
    assert "train has the samples 0 to 19" in run("show", "mnist", 20, "--root", root, "--out", root / "a.png", code=2)
