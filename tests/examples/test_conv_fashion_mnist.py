"""Fashion-MNIST: what -save-es draws, what -no-augment leaves out, and what the network learns."""

import functools
from pathlib import Path

import pytest

from spikingjelly.activation_based.examples import conv_fashion_mnist
from spikingjelly.activation_based.examples.common import images, run_folder, training
from spikingjelly.activation_based.examples.common.classifier import Classifier

QUICK = ("-T", "2", "-b", "5", "-channels", "3", "-device", "cpu", "-epochs", "1")


def test_the_first_layers_spikes_are_drawn_after_the_training_or_of_a_finished_run(
    tmp_path: Path, images_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [*QUICK, "-data-dir", str(images_folder), "-out-dir", str(tmp_path)]
    conv_fashion_mnist.main([*flags, "-save-es", str(tmp_path / "es")])
    assert f"Pictures of the first layer's spikes: {tmp_path / 'es'}" in capsys.readouterr().out
    first = {path.name: path.read_bytes() for path in (tmp_path / "es").iterdir()}
    assert sorted(first) == ["0.png", "1.png", "2.png", "3.png"]

    (latest,) = tmp_path.rglob("checkpoint_latest.pth")
    conv_fashion_mnist.main([*flags, "-resume", str(latest), "-save-es", str(tmp_path / "again")])
    out = capsys.readouterr().out
    assert "epoch 0: train" not in out
    assert "after 1 epochs" in out
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == first


def augmentation(monkeypatch: pytest.MonkeyPatch, *flags: str) -> functools.partial | None:
    seen = []

    def stop(_args: object, _folder: Path, classifier: Classifier, *_more: object) -> None:
        seen.append(classifier.augment)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        conv_fashion_mnist.main([*QUICK, *flags])
    return seen[0]


def test_training_images_are_augmented_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for flags, pixels in (([], 2), (["-shift", "3"], 3)):
        augment = augmentation(monkeypatch, *flags)
        assert augment is not None
        assert augment.func is images.flip_and_shift
        assert augment.keywords == {"pixels": pixels}
    assert augmentation(monkeypatch, "-no-augment") is None


@pytest.mark.usefixtures("no_pictures")
def test_learns_digits(tmp_path: Path) -> None:
    flags = ["-T", "2", "-b", "50", "-channels", "4", "-device", "cpu", "-epochs", "1", "-no-augment"]
    assert conv_fashion_mnist.main([*flags, "-out-dir", str(tmp_path)]) > 0.6
    state = run_folder.load_checkpoint(next(tmp_path.rglob("checkpoint_latest.pth")))
    assert state["history"][0]["train_speed"] > 0
    assert state["best"] == state["accuracy"]


@pytest.mark.slow
def test_learns_fashion(tmp_path: Path, shared_data: Path) -> None:
    flags = ["-b", "128", "-channels", "16", "-device", "cpu", "-epochs", "2", "-amp", "-no-augment"]
    accuracy = conv_fashion_mnist.main(
        [*flags, "-data-dir", str(shared_data / "fashion-mnist"), "-out-dir", str(tmp_path)]
    )
    assert accuracy > 0.85
