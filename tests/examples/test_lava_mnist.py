"""MNIST in Loihi's fixed point: float and eight-bit accuracy, the file for netx, the flags of its own."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from spikingjelly.activation_based import functional
from spikingjelly.activation_based.examples import lava_mnist
from spikingjelly.activation_based.examples.common import images, run_folder
from tests.exchange.loihi import run_file

QUICK = ("-T", "3", "-b", "5", "-channels", "2", "-device", "cpu", "-epochs", "2", "-opt", "adam", "-lr", "0.01")
without_pictures = pytest.mark.usefixtures("no_pictures")


@without_pictures
def test_the_file_holds_the_network_that_was_tested(
    tmp_path: Path, images_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    h5py = pytest.importorskip("h5py")
    lava_mnist.main([*QUICK, "-data-dir", str(images_folder), "-out-dir", str(tmp_path)])
    out = capsys.readouterr().out
    (record,) = tmp_path.rglob("run.json")
    accuracy = json.loads(record.read_text())["accuracy_8bit"]
    assert f"with weights of eight bits: {accuracy:.2%}" in out

    net = lava_mnist.LavaNet(T=3, channels=2)
    net.load_state_dict(run_folder.load_checkpoint(record.parent / "checkpoint_latest.pth")["net"])
    x = torch.rand(2, 1, 28, 28)
    rates = net(x)
    functional.reset_net(net)
    spikes = net.encoder(x.expand(3, *x.shape)).numpy()
    with h5py.File(record.parent / "network.net") as file:
        for sample in range(2):
            found = run_file(file, spikes[:, sample]).mean(0)
            assert np.array_equal(found.astype(np.float32), rates[sample].detach().numpy())


@without_pictures
def test_last_epochs_train_with_rounded_weights(
    tmp_path: Path, images_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounded = []
    original = lava_mnist.LavaNet.forward

    def forward(net: lava_mnist.LavaNet, x: torch.Tensor) -> torch.Tensor:
        rounded.append(net.blocks[0].quantize)
        return original(net, x)

    monkeypatch.setattr(lava_mnist.LavaNet, "forward", forward)
    lava_mnist.main([*QUICK, "-train-8bit", "1", "-data-dir", str(images_folder), "-out-dir", str(tmp_path)])
    assert rounded == sorted(rounded)
    assert 0 < sum(rounded) < len(rounded)
    (record,) = tmp_path.rglob("run.json")
    assert record.parent.name.endswith("c2_shift1_8bit1")
    content = json.loads(record.read_text())
    assert content["accuracy_8bit"] == content["epochs"][-1]["test_acc"]


@without_pictures
def test_training_images_are_shifted_unless_told_otherwise(
    tmp_path: Path, images_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels: list[int] = []
    monkeypatch.setattr(images, "shift", lambda x, pixels, seen=pixels: seen.append(pixels) or x)
    for more in ((), ("-shift", "3"), ("-shift", "0")):
        lava_mnist.main([*QUICK, *more, "-data-dir", str(images_folder), "-out-dir", str(tmp_path)])
    assert sorted(set(pixels)) == [1, 3]
    assert (tmp_path / "T3_b5_adam_lr0.01_c2").is_dir()


@without_pictures
def test_without_h5py_the_file_is_left_out(
    tmp_path: Path, images_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    lava_mnist.main([*QUICK, "-data-dir", str(images_folder), "-out-dir", str(tmp_path)])
    assert "No network.net: export_hdf5 needs h5py" in capsys.readouterr().out
    assert not list(tmp_path.rglob("*.net*"))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("-train-8bit", "3"), "-train-8bit must be from 0 to -epochs, but 3 was given"),
        (("-shift", "-1"), "-shift must be at least 0, but -1 was given"),
        (("-channels", "0"), "-channels must be at least 1"),
    ],
)
def test_bad_flags(more: tuple, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        lava_mnist.parse([*QUICK, *more])
    assert message in capsys.readouterr().err


@without_pictures
def test_learns_digits(tmp_path: Path) -> None:
    flags = ("-T", "3", "-b", "50", "-channels", "4", "-device", "cpu", "-epochs", "1", "-opt", "adam", "-lr", "0.005")
    assert lava_mnist.main([*flags, "-out-dir", str(tmp_path)]) > 0.7
    (record,) = tmp_path.rglob("run.json")
    assert json.loads(record.read_text())["accuracy_8bit"] > 0.7
