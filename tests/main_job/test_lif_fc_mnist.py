"""The README's program: learns, resumes, draws, and says what is wrong with its arguments."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from spikingjelly.activation_based.examples import lif_fc_mnist
from spikingjelly.activation_based.examples.common import batches, pictures, run_folder

QUICK = ["-T", "8", "-b", "128", "-device", "cpu", "-lr", "1e-2"]


def test_learns_the_shipped_subset_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accuracy = lif_fc_mnist.main([*QUICK, "-epochs", "2", "-out-dir", str(tmp_path)])
    assert accuracy > 0.75
    out = capsys.readouterr().out
    assert "training on the subset of MNIST that comes along" in out
    assert out.count("test accuracy") == 2
    (picture,) = tmp_path.rglob("sample.png")
    assert str(picture) in out
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert {path.name for path in tmp_path.rglob("*.pth")} == {"checkpoint_latest.pth", "checkpoint_max.pth"}
    assert list(tmp_path.rglob("events.out.tfevents*"))


def test_a_resumed_run_ends_where_the_whole_run_ends(tmp_path: Path) -> None:
    runs = {}
    for name, legs in {"whole": [["2"]], "resumed": [["1"], ["2", "-resume"]]}.items():
        folder = tmp_path / name
        for epochs, *resume in legs:
            latest = [str(next(folder.rglob("checkpoint_latest.pth")))] if resume else []
            lif_fc_mnist.main([*QUICK, "-out-dir", str(folder), "-epochs", epochs, *resume, *latest])
        runs[name] = run_folder.load_checkpoint(next(folder.rglob("checkpoint_latest.pth")))
    assert runs["whole"]["accuracy"] == runs["resumed"]["accuracy"]
    assert torch.equal(runs["whole"]["net"]["layer.1.weight"], runs["resumed"]["net"]["layer.1.weight"])


@pytest.mark.parametrize(
    "flags", [["-opt", "sgd", "-momentum", "0.5", "-lr", "0.5"], ["-amp"], ["-j", "1"], ["-tau", "3.0"]]
)
def test_every_flag_runs(tmp_path: Path, flags: list[str]) -> None:
    args = ["-T", "4", "-b", "500", "-device", "cpu", "-epochs", "1", "-out-dir", str(tmp_path)]
    assert lif_fc_mnist.main([*args, "-lr", "1e-2", *flags]) > 0.3


def test_trains_on_a_folder_of_mnist(tmp_path: Path, shared_data: Path) -> None:
    args = lif_fc_mnist.parse(["-data-dir", str(shared_data / "mnist"), "-device", "cpu"])
    train_loader, test_loader = lif_fc_mnist.load_data(args)
    assert (len(train_loader), len(test_loader)) == (937, 157)
    images, labels = next(iter(train_loader))
    assert images.shape == (64, 1, 28, 28)
    assert images.dtype == torch.float32
    assert images.max() <= 1
    assert labels.shape == (64,)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-T", "0"], "-T must be at least 1, but 0 was given"),
        (["-b", "-3"], "-b must be at least 1"),
        (["-epochs", "0"], "-epochs must be at least 1"),
        (["-tau", "1.0"], "-tau must be greater than 1 time step, but 1.0 was given"),
        (["-opt", "lbfgs"], "invalid choice: 'lbfgs'"),
        (["-download"], "-download needs -data-dir"),
        (["-device", "cuda:0"], "this PyTorch finds no CUDA device; use -device cpu"),
    ],
)
def test_wrong_flags(flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    if "cuda:0" in flags and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(SystemExit):
        lif_fc_mnist.parse(flags)
    assert message in capsys.readouterr().err


def test_the_command_says_what_is_missing_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", lif_fc_mnist.__name__, "-epochs", "1", "-device", "cpu", "-out-dir", str(tmp_path)]
    for flags, message in (
        (["-data-dir", str(tmp_path / "nowhere")], "Here, download=True is the flag -download."),
        (["-resume", str(tmp_path / "none.pth")], "there is no checkpoint at"),
    ):
        result = subprocess.run([*command, *flags], capture_output=True, text=True, check=False)
        assert result.returncode == 1
        assert message in result.stderr
        assert "Traceback" not in result.stderr


def test_a_missing_data_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        lif_fc_mnist.main([*QUICK, "-data-dir", str(tmp_path / "nowhere"), "-out-dir", str(tmp_path)])


def test_a_wrong_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no checkpoint at .*none.pth; -resume takes"):
        run_folder.load_checkpoint(tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("no checkpoint")
    with pytest.raises(ValueError, match="can't be read as a checkpoint"):
        run_folder.load_checkpoint(tmp_path / "text.pth")
    torch.save({"net": {}}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="it lacks epoch, optimizer"):
        run_folder.load_checkpoint(tmp_path / "other.pth")


class Payload:
    def __reduce__(self) -> tuple:
        return (logging.critical, ("this ran",))


def test_a_checkpoint_executes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.save({"net": Payload()}, tmp_path / "evil.pth")
    with pytest.raises(ValueError, match="can't be read"):
        run_folder.load_checkpoint(tmp_path / "evil.pth")
    assert not caplog.records


def test_an_interrupted_write_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    run_folder.save_checkpoint(path, {"net": {}, "optimizer": {}, "epoch": 3})
    with pytest.raises(AttributeError):
        run_folder.save_checkpoint(path, {"net": lambda: None})
    assert run_folder.load_checkpoint(path)["epoch"] == 3


def test_without_matplotlib_or_tensorboard_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    assert pictures.matplotlib_is_missing()
    run_folder.Scalars(tmp_path, purge_step=0).add(0, loss=1.0)
    out = capsys.readouterr().out
    assert 'pip install "spikingjelly[plot]"' in out
    assert 'pip install "spikingjelly[tensorboard]"' in out


def test_a_batch_larger_than_the_training_set() -> None:
    with pytest.raises(ValueError, match="has 3 images, fewer than one batch of 4"):
        batches.loader(torch.zeros(3, 28, 28, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64), 4, train=True)


@pytest.mark.slow
def test_reaches_92_percent_on_the_whole_mnist(tmp_path: Path, shared_data: Path) -> None:
    args = ["-tau", "2.0", "-T", "100", "-device", "cpu", "-b", "64", "-epochs", "10", "-opt", "adam", "-lr", "1e-3"]
    assert lif_fc_mnist.main([*args, "-data-dir", str(shared_data / "mnist"), "-out-dir", str(tmp_path)]) >= 0.92
