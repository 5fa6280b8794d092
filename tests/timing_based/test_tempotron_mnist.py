"""The program that trains tempotrons: learns, draws, and says what is wrong with its arguments."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from spikingjelly.datasets import MNISTSubset
from spikingjelly.timing_based.examples import tempotron_mnist

QUICK = ["-T", "20", "-m", "4", "-b", "50", "-device", "cpu", "-lr", "2e-4"]


class FewImages(MNISTSubset):
    """Every sixth training image, every fifth test image."""

    def __init__(self, train: bool) -> None:
        super().__init__(train)
        step = 6 if train else 5
        self.data, self.targets = self.data[::step], self.targets[::step]


@pytest.fixture
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempotron_mnist, "MNISTSubset", FewImages)


@pytest.mark.usefixtures("few_images")
def test_learns_digits_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accuracy = tempotron_mnist.main([*QUICK, "-epochs", "3", "-out-dir", str(tmp_path)])
    assert accuracy > 0.6
    out = capsys.readouterr().out
    assert "training on the subset of MNIST that comes along" in out
    assert out.count("train accuracy") == 3
    (picture,) = tmp_path.rglob("sample.png")
    assert str(picture) in out
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert list(tmp_path.rglob("events.out.tfevents*"))
    record = json.loads(next(tmp_path.rglob("run.json")).read_text())
    assert record["flags"]["m"] == 4
    assert [row["epoch"] for row in record["epochs"]] == [0, 1, 2]
    assert record["epochs"][-1]["test_acc"] == accuracy
    net = tempotron_mnist.Net(4, 20, 15.0)
    net.load_state_dict(torch.load(next(tmp_path.rglob("weights.pth")), weights_only=True))


def test_flags_reach_what_they_set(tmp_path: Path) -> None:
    args = tempotron_mnist.parse([*QUICK, "-tau", "8", "-margin", "0.25", "-lr", "0.1", "-epochs", "4", "-seed", "3"])
    classifier = tempotron_mnist.Classifier(args)
    tempotron = classifier.net.tempotron
    assert (tempotron.T, tempotron.tau, tempotron.tau_s) == (20, 8.0, 2.0)
    assert tempotron.fc.weight.shape == (10, 784 * 4)
    v_max = torch.full((2, 10), 0.8)
    v_max[0, 3] = 1.2
    loss = classifier.loss(v_max, torch.tensor([3, 4]))
    assert loss.item() == pytest.approx((18 * 0.05**2 + 0.05**2 + 0.45**2) / 2)


def test_tempotrons_that_have_fallen_silent_are_reported() -> None:
    classifier = tempotron_mnist.Classifier(tempotron_mnist.parse(QUICK))
    torch.nn.init.constant_(classifier.net.tempotron.fc.weight, -1.0)
    with pytest.raises(FloatingPointError, match="no potential rises above .* Use a smaller -lr"):
        classifier.train_epoch([(torch.rand(2, 1, 28, 28), torch.tensor([0, 1]))], 0)


def test_the_learning_rate_falls_to_0_along_a_cosine() -> None:
    classifier = tempotron_mnist.Classifier(tempotron_mnist.parse([*QUICK, "-lr", "0.5", "-epochs", "4"]))
    rates = []
    for epoch in range(4):
        classifier.train_epoch([(torch.rand(2, 1, 28, 28), torch.tensor([0, 1]))], epoch)
        rates.append(classifier.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.5, 0.5 * (2 + 2**0.5) / 4, 0.25, 0.5 * (2 - 2**0.5) / 4])


@pytest.mark.usefixtures("few_images")
def test_the_seed_decides(tmp_path: Path) -> None:
    accuracies = [
        tempotron_mnist.main([*QUICK, "-epochs", "1", "-seed", seed, "-out-dir", str(tmp_path)])
        for seed in ("1", "1", "2")
    ]
    assert accuracies[0] == accuracies[1] != accuracies[2]


def test_without_matplotlib_there_is_no_picture(
    few_images: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    tempotron_mnist.main([*QUICK, "-epochs", "1", "-b", "500", "-out-dir", str(tmp_path)])
    assert 'No picture at the end: pip install "spikingjelly[plot]"' in capsys.readouterr().out
    assert not list(tmp_path.rglob("*.png"))


def test_trains_on_a_folder_of_mnist(shared_data: Path) -> None:
    args = tempotron_mnist.parse(["-data-dir", str(shared_data / "mnist"), "-device", "cpu"])
    assert len(tempotron_mnist.images_of(args, train=True)) == 937
    assert len(tempotron_mnist.images_of(args, train=False)) == 157


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-T", "0"], "-T must be at least 1, but 0 was given"),
        (["-m", "2"], "-m must be at least 3, but 2 was given"),
        (["-b", "0"], "-b must be at least 1"),
        (["-epochs", "0"], "-epochs must be at least 1"),
        (["-tau", "0"], "-tau must be greater than 0, but 0.0"),
        (["-lr", "-1"], "-lr must be greater than 0, but -1.0"),
        (["-margin", "-0.1"], "-margin must be at least 0, but -0.1"),
        (["-download"], "-download needs -data-dir"),
        (["-device", "cuda:0"], "this PyTorch finds no CUDA device; use -device cpu"),
    ],
)
def test_wrong_flags(flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    if "cuda:0" in flags and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(SystemExit):
        tempotron_mnist.parse(flags)
    assert message in capsys.readouterr().err


def test_the_command_says_what_is_missing_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", tempotron_mnist.__name__, "-device", "cpu", "-out-dir", str(tmp_path)]
    result = subprocess.run(
        [*command, "-data-dir", str(tmp_path / "nowhere")], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "Here, download=True is the flag -download." in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_reaches_91_percent_on_the_whole_mnist(tmp_path: Path, shared_data: Path) -> None:
    args = ["-device", "cpu", "-epochs", "3", "-data-dir", str(shared_data / "mnist")]
    assert tempotron_mnist.main([*args, "-out-dir", str(tmp_path)]) >= 0.91
