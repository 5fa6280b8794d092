"""The example with Lightning's loop: it learns, logs firing rates, starts each batch at rest and goes on from its checkpoint."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from spikingjelly.activation_based import neuron
from spikingjelly.activation_based.examples import lightning_mnist
from spikingjelly.datasets import MNISTSubset

needs_lightning = pytest.mark.skipif(
    importlib.util.find_spec("lightning") is None, reason='needs Lightning: pip install "spikingjelly[lightning]"'
)
# Warnings of Lightning's own, for example about the number of loader processes.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """640 images, and 200 for the test."""
    whole = lightning_mnist.TensorDataset

    def few(images: torch.Tensor, labels: torch.Tensor) -> Any:
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
        order = order[: 640 if len(labels) == 6000 else 200]
        return whole(images[order], labels[order])

    monkeypatch.setattr(lightning_mnist, "TensorDataset", few)


def run(folder: Path, *more: str) -> dict[str, float]:
    return lightning_mnist.main(
        ["-T", "2", "-channels", "4", "-b", "32", "-accelerator", "cpu", "-out-dir", str(folder), *more]
    )


@needs_lightning
def test_it_learns_and_goes_on_from_a_checkpoint(
    few_images: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    straight = run(tmp_path / "straight", "-epochs", "2", "-lr", "0.01")
    assert straight["test_accuracy"] > 0.5
    assert f"test_accuracy: {straight['test_accuracy']:.4f}" in capsys.readouterr().out
    rates = {name: rate for name, rate in straight.items() if name.startswith("rate/")}
    assert list(rates) == ["rate/net.layers.2", "rate/net.layers.6"]
    assert all(0 < rate < 1 for rate in rates.values())
    (scalars,) = (tmp_path / "straight").rglob("metrics.csv")
    assert "rate/net.layers.2" in scalars.read_text()
    run(tmp_path / "first", "-epochs", "1", "-lr", "0.01")
    (checkpoint,) = (tmp_path / "first").rglob("*.ckpt")
    names = torch.load(checkpoint, weights_only=True)["state_dict"]
    assert "net.layers.5.weight" in names
    assert not [name for name in names if name.endswith(".v")]
    resumed = run(tmp_path / "second", "-epochs", "2", "-lr", "0.01", "-resume", str(checkpoint))
    assert epochs(tmp_path / "straight") == {"0", "1"}
    assert epochs(tmp_path / "first") == {"0"}
    assert epochs(tmp_path / "second") == {"1"}
    assert resumed["train_loss"] < straight["train_loss"] + 0.2


def epochs(folder: Path) -> set[str]:
    (scalars,) = folder.rglob("metrics.csv")
    names, *rows = [line.split(",") for line in scalars.read_text().splitlines()]
    return {row[names.index("epoch")] for row in rows}


@needs_lightning
def test_flags_decide(few_images: None, tmp_path: Path) -> None:
    losses = [
        run(tmp_path / str(number), "-epochs", "1", *more)["train_loss"]
        for number, more in enumerate(([], ["-seed", "1"], ["-lr", "0.1"], ["-T", "3"], ["-channels", "3"]))
    ]
    assert len(set(losses)) == len(losses)


@needs_lightning
def test_each_batch_starts_at_rest() -> None:
    net = lightning_mnist.CSNN(T=3, channels=2)
    classifier = lightning_mnist.make_classifier(net, 0.125).eval()
    x = 3 * torch.rand(5, 1, 28, 28)
    first = classifier(x)
    assert torch.equal(classifier(x), first)
    assert any((m.v != 0).any() for m in net.modules() if isinstance(m, neuron.LIFNode))
    assert classifier(x[:2]).shape == (2, 10)  # another number of samples
    assert classifier.configure_optimizers().param_groups[0]["lr"] == 0.125


def test_loaders() -> None:
    train, test = lightning_mnist.load_data(500, workers=1)
    assert (len(train), len(test), train.num_workers) == (12, 2, 1)
    x, labels = next(iter(lightning_mnist.load_data(500)[1]))
    assert x.shape == (500, 1, 28, 28)
    assert labels.tolist() == MNISTSubset(False).targets[:500].tolist()


def test_without_lightning_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightning", None)
    with pytest.raises(SystemExit, match=r"Lightning is missing: pip install \"spikingjelly\[lightning\]\""):
        lightning_mnist.main(["-epochs", "1"])
