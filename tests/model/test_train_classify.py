"""Trainings in processes of their own: repeated, killed and resumed, and shared by two processes."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from spikingjelly.activation_based import functional, neuron
from spikingjelly.activation_based.model.train_imagenet_example import SResNetTrainer
from tests.model.training_program import SmallTrainer

PROGRAM = Path(__file__).with_name("training_program.py")
ROOT = PROGRAM.parents[2]
COMMON = ("--device", "cpu", "-j", "0", "--lr-warmup-epochs", "1", "--print-freq", "2")


def run(folder: Path, *options: str, processes: int = 1) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable]
    if processes > 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        launcher += ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", f"--master-port={port}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [*launcher, str(PROGRAM), *COMMON, "--output-dir", str(folder), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)


def checkpoint(folder: Path, name: str = "checkpoint_latest.pth") -> dict[str, Any]:
    return torch.load(folder / "T=2" / name, weights_only=True)


def assert_same(a: Any, b: Any) -> None:
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    else:
        assert a == b


@pytest.mark.slow
def test_killed_in_the_middle_of_an_epoch_and_resumed(tmp_path: Path) -> None:
    """Mixed batches and noise at each look draw random numbers, which must be those of a training never stopped."""
    options = ("-b", "6", "--epochs", "3", "--noise", "0.3", "--model-ema", "--model-ema-steps", "2",
               "--model-ema-decay", "0.5", "--opt", "adamw", "--lr", "0.01", "--wd", "0.1",
               "--clip-grad-norm", "1.0")  # fmt: skip
    straight = run(tmp_path / "straight", *options)
    assert straight.returncode == 0, straight.stderr
    killed = run(tmp_path / "killed", *options, "--kill-in-epoch", "2")
    assert killed.returncode == -9
    assert checkpoint(tmp_path / "killed")["epoch"] == 2
    resumed = run(tmp_path / "killed", *options, "--resume", "latest")
    assert resumed.returncode == 0, resumed.stderr
    assert "2 epochs are done" in resumed.stdout
    one, other = (checkpoint(tmp_path / name) for name in ("straight", "killed"))
    for part in ("model", "optimizer", "model_ema", "lr_scheduler", "epoch", "max_test_acc1"):
        assert_same(one[part], other[part])
    last = [[line for line in r.stdout.splitlines() if line.startswith("Epoch 2 train")] for r in (straight, resumed)]
    assert last[0] == last[1] != []
    assert any(name.name.startswith("events.") for name in (tmp_path / "straight" / "T=2").iterdir())
    assert "epochs: 3" in (tmp_path / "straight" / "T=2" / "args.txt").read_text()


@pytest.mark.slow
def test_two_processes_train_as_one_with_the_same_batch(tmp_path: Path) -> None:
    options = ("--epochs", "2", "--mixup-alpha", "0", "--cutmix-alpha", "0", "--lr", "0.2", "--sync-bn")
    one = run(tmp_path / "one", *options, "-b", "8")
    assert one.returncode == 0, one.stderr
    two = run(tmp_path / "two", *options, "-b", "4", processes=2)
    assert two.returncode == 0, two.stderr
    results = [
        [line for line in r.stdout.splitlines() if line.startswith("Epoch") and "loss" in line] for r in (one, two)
    ]
    results = [[line for line in lines if "train:" in line or "test:" in line] for lines in results]
    assert results[0] == results[1]
    assert len(results[0]) == 4
    a, b = (checkpoint(tmp_path / name)["model"] for name in ("one", "two"))
    assert a.keys() == b.keys()
    for name, value in a.items():
        torch.testing.assert_close(b[name], value, rtol=1e-4, atol=1e-6)
    moved = a["5.weight"] - checkpoint(tmp_path / "one", "checkpoint_max_test_acc1.pth")["model"]["5.weight"]
    assert a["1.num_batches_tracked"] == 6
    assert moved.isfinite().all()


def train(folder: Path, *options: str) -> None:
    """In this process, with what it may change put back."""
    trainer = SmallTrainer()
    before = torch.backends.cudnn.deterministic
    try:
        trainer.main(
            trainer.get_args_parser().parse_args([*COMMON, "--disable-uda", "--output-dir", str(folder), *options])
        )
    finally:
        torch.backends.cudnn.deterministic = before


def test_resumed_between_epochs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("-b", "6", "--noise", "0.3", "--epochs", "2", "--model-ema", "--opt", "sgd_nesterov")
    train(tmp_path / "straight", *options)
    SmallTrainer.stop_after = 1
    try:
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "stopped", *options, "--resume", "latest")
    finally:
        SmallTrainer.stop_after = None
    assert "there is no" in capsys.readouterr().out
    assert checkpoint(tmp_path / "stopped")["epoch"] == 1
    train(tmp_path / "stopped", *options, "--resume", "latest")
    one, other = (checkpoint(tmp_path / name) for name in ("straight", "stopped"))
    for part in ("model", "optimizer", "model_ema", "epoch", "max_test_acc1"):
        assert_same(one[part], other[part])
    assert one["args"]["noise"] == 0.3


def test_other_options_and_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "T=2").mkdir()
    (tmp_path / "T=2" / "old").write_text("left over")
    train(tmp_path, "-b", "6", "--epochs", "1", "--ra-sampler", "--ra-reps", "2", "--lr-scheduler", "step",
          "--norm-weight-decay", "0.0", "--wd", "0.1", "--clean", "--clip-grad-norm", "0.0")  # fmt: skip
    assert not (tmp_path / "T=2" / "old").exists()
    trained = checkpoint(tmp_path)
    assert [group["weight_decay"] for group in trained["optimizer"]["param_groups"]] == [0.1, 0.0]
    first = SmallTrainer().load_model(None, 2)
    first.load_state_dict(trained["model"])
    assert (first[1].weight == 1).all()  # a gradient of norm 0 moves nothing that does not decay
    capsys.readouterr()
    train(tmp_path, "-b", "6", "--test-only", "--resume", str(tmp_path / "T=2" / "checkpoint_latest.pth"))
    out = capsys.readouterr().out
    assert "train:" not in out
    assert "test: loss" in out
    train(tmp_path, "--print-logdir")
    assert capsys.readouterr().out.strip() == str(tmp_path / "T=2")
    with pytest.raises(FileNotFoundError, match=r"--resume=nowhere.pth: there is no such file"):
        train(tmp_path, "--resume", "nowhere.pth")


def test_a_trainer_without_network_or_data_says_so(tmp_path: Path) -> None:
    from spikingjelly.activation_based.model.train_classify import Trainer

    trainer = Trainer()
    args = trainer.get_args_parser().parse_args(["--model", "mine", "--output-dir", str(tmp_path)])
    with pytest.raises(
        NotImplementedError, match="Trainer has no network: define load_model.*'mine' and num_classes=7"
    ):
        trainer.load_model(args, 7)
    with pytest.raises(FileNotFoundError, match="--data-path=None must be a folder with the folders train and val"):
        trainer.load_data(args)
    (tmp_path / "train").mkdir()
    args.data_path = str(tmp_path)
    with pytest.raises(FileNotFoundError, match="val isn't there"):
        trainer.load_data(args)
    assert "model=mine_batch_size=32_epochs=90_opt=sgd_lr=0.1" in trainer.get_tb_logdir_name(args)
    assert (args.mixup_alpha, args.cutmix_alpha, args.random_erase, args.seed) == (0.2, 1.0, 0.1, 2020)


@pytest.mark.parametrize("name", ["spiking_resnet18", "sew_resnet34"])
def test_trainer_of_spiking_resnets(name: str) -> None:
    trainer = SResNetTrainer()
    args = trainer.get_args_parser().parse_args(["--model", name, "--T", "3", "--cupy"])
    net = trainer.load_model(args, 5)
    assert {(m.step_mode, m.backend, m.detach_reset) for m in net.modules() if isinstance(m, neuron.IFNode)} == {
        ("m", "cupy", True)
    }
    functional.set_backend(net, "auto", neuron.IFNode)
    x = trainer.preprocess_train_sample(args, torch.rand(2, 3, 32, 32))
    assert x.shape == trainer.preprocess_test_sample(args, torch.rand(2, 3, 32, 32)).shape == (3, 2, 3, 32, 32)
    assert trainer.process_model_output(args, net(x)).shape == (2, 5)
    assert trainer.get_tb_logdir_name(args).endswith("_T=3")
    args.model = "resnet18"
    with pytest.raises(ValueError, match="--model must be one of spiking_resnet18, .*sew_.*but 'resnet18'"):
        trainer.load_model(args, 5)
