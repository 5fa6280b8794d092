"""Trainings in processes of their own: repeated, killed and resumed, and shared by two processes."""

import argparse
import builtins
import inspect
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from spikingjelly.activation_based import functional, neuron
from spikingjelly.activation_based.model.train_classify import Trainer
from spikingjelly.activation_based.model.train_imagenet_example import SResNetTrainer
from tests.model.training_program import SmallTrainer
from tests.versions import needs_torch

PROGRAM = Path(__file__).with_name("training_program.py")
ROOT = PROGRAM.parents[2]
needs_shards = needs_torch("2.8", "--fsdp")
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


HARDEST = ("-b", "4", "--noise", "0.3", "--model-ema", "--model-ema-steps", "2", "--model-ema-decay", "0.5",
           "--opt", "adamw", "--lr", "0.01", "--wd", "0.1", "--clip-grad-norm", "1.0", "--accumulation-steps", "2",
           "--amp-dtype", "bfloat16")  # fmt: skip


@pytest.mark.slow
def test_killed_in_the_middle_of_an_epoch_and_resumed(tmp_path: Path) -> None:
    """Mixed batches and noise at each look draw random numbers, which must be those of a training never stopped; the
    process dies between the two batches of an update."""
    options = (*HARDEST, "--epochs", "3")
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
@pytest.mark.parametrize("sharing", [(), pytest.param(("--fsdp",), marks=needs_shards)], ids=["copies", "shards"])
def test_two_processes_train_as_one_with_the_same_batch(sharing: tuple[str, ...], tmp_path: Path) -> None:
    options = ("--epochs", "2", "--mixup-alpha", "0", "--cutmix-alpha", "0", "--lr", "0.2", "--sync-bn")
    one = run(tmp_path / "one", *options, "-b", "8")
    assert one.returncode == 0, one.stderr
    two = run(tmp_path / "two", *options, *sharing, "-b", "4", processes=2)
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
    resumed = run(tmp_path / "two", *options, "-b", "8", "--epochs", "3", "--resume", "latest")
    assert resumed.returncode == 0, resumed.stderr
    assert "2 epochs are done" in resumed.stdout


@needs_shards
@pytest.mark.slow
def test_shards_killed_in_the_middle_of_an_epoch_and_resumed(tmp_path: Path) -> None:
    options = (*HARDEST, "--epochs", "2", "--fsdp", "-b", "2")
    straight = run(tmp_path / "straight", *options, processes=2)
    assert straight.returncode == 0, straight.stderr
    killed = run(tmp_path / "killed", *options, "--kill-in-epoch", "1", processes=2)
    assert killed.returncode != 0
    assert checkpoint(tmp_path / "killed")["epoch"] == 1
    resumed = run(tmp_path / "killed", *options, "--resume", "latest", processes=2)
    assert resumed.returncode == 0, resumed.stderr
    one, other = (checkpoint(tmp_path / name) for name in ("straight", "killed"))
    assert_same({**one, "args": None}, {**other, "args": None})


def train(folder: Path, *options: str, trainer: SmallTrainer | None = None) -> None:
    """In this process, with what it may change put back."""
    trainer = trainer or SmallTrainer()
    before = torch.backends.cudnn.deterministic, builtins.print
    try:
        trainer.main(
            trainer.get_args_parser().parse_args([*COMMON, "--disable-uda", "--output-dir", str(folder), *options])
        )
    finally:
        torch.backends.cudnn.deterministic, builtins.print = before


def as_one_of_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As torchrun would start it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, value in {"RANK": 0, "WORLD_SIZE": 1, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}.items():
        monkeypatch.setenv(name, str(value))


@pytest.mark.parametrize(
    "more",
    [(), ("--opt", "sgd_nesterov", "--amp-dtype", "float16"), pytest.param(("--fsdp",), marks=needs_shards)],
    ids=["bfloat16", "float16", "fsdp"],
)
def test_stopped_in_the_middle_of_an_epoch_and_resumed(
    more: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "--fsdp" in more:
        as_one_of_one_process(monkeypatch)
    options = (*HARDEST, *more, "--epochs", "2")
    train(tmp_path / "straight", *options)
    with monkeypatch.context() as patched:
        patched.setattr(SmallTrainer, "stop_in_epoch", 1)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "stopped", *options, "--resume", "latest")
    assert "there is no" in capsys.readouterr().out
    assert checkpoint(tmp_path / "stopped")["epoch"] == 1
    train(tmp_path / "stopped", *options, "--resume", "latest")
    one, other = (checkpoint(tmp_path / name) for name in ("straight", "stopped"))
    assert_same({**one, "args": None}, {**other, "args": None})
    assert one["args"]["noise"] == 0.3
    assert (one["scaler"] is not None) == ("float16" in more)


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
    assert trainer.get_tb_logdir_name(args).endswith("_seed=2020")
    args.accumulation_steps, args.amp_dtype, args.sync_bn = 4, "bfloat16", True
    assert trainer.get_tb_logdir_name(args).endswith("_seed=2020_accumulation_steps=4_amp_dtype=bfloat16_sync_bn")


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


def test_accumulated_batches_are_one_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """24 samples: updates from 10, 10 and 4, whether these come at once or in batches of five."""
    options = ("--without-norm", "--mixup-alpha", "0", "--cutmix-alpha", "0", "--epochs", "2", "--lr", "0.5")
    lines = []
    for name, more in {"one": ("-b", "10"), "more": ("-b", "5", "--accumulation-steps", "2")}.items():
        train(tmp_path / name, *options, *more)
        lines.append([line for line in capsys.readouterr().out.splitlines() if " train: " in line])
    assert lines[0] == lines[1] != []
    one, more = (checkpoint(tmp_path / name)["model"] for name in ("one", "more"))
    for name, value in one.items():
        torch.testing.assert_close(more[name], value, rtol=1e-5, atol=1e-6)
    train(tmp_path / "not", *options, "-b", "5")
    assert not torch.allclose(checkpoint(tmp_path / "not")["model"]["0.weight"], one["0.weight"], rtol=1e-3)
    with pytest.raises(ValueError, match="--accumulation-steps must be at least 1, but 0 was given"):
        train(tmp_path / "none", "--accumulation-steps", "0")


def test_moving_average_copies_in_the_warm_up_and_then_follows(tmp_path: Path) -> None:
    options = ("-b", "6", "--model-ema", "--model-ema-steps", "1", "--model-ema-decay", "0.9", "--lr", "0.5")
    train(tmp_path / "short", *options, "--epochs", "1")
    state = checkpoint(tmp_path / "short")
    assert state["model_ema"].pop("n_averaged") == 0
    assert_same({f"module.{name}": value for name, value in state["model"].items()}, dict(state["model_ema"]))
    train(tmp_path / "long", *options, "--epochs", "2")
    state = checkpoint(tmp_path / "long")
    assert state["model_ema"]["n_averaged"] == 4
    for name in ("0.weight", "1.running_mean", "2.w"):  # weights, buffers, time constants
        assert not torch.equal(state["model_ema"][f"module.{name}"], state["model"][name])
    assert not [name for name in state["model_ema"] if name.endswith(".v")]
    best = checkpoint(tmp_path / "long", "checkpoint_max_ema_test_acc1.pth")
    assert best["max_ema_test_acc1"] == state["max_ema_test_acc1"] > 0


@pytest.mark.parametrize(
    ("options", "dtype"), [((), torch.float32), (("--amp-dtype", "bfloat16"), torch.bfloat16),
                           (("--amp-dtype", "float16"), torch.float16)]
)  # fmt: skip
def test_mixed_precision(options: tuple[str, ...], dtype: torch.dtype, tmp_path: Path) -> None:
    dtypes = []

    class Watched(SmallTrainer):
        def process_model_output(self, args: Any, y: torch.Tensor) -> torch.Tensor:
            dtypes.append(y.dtype)
            return super().process_model_output(args, y)

    train(tmp_path, "-b", "12", "--epochs", "1", "--clip-grad-norm", "1.0", *options, trainer=Watched())
    assert dtypes == [dtype, dtype, torch.float32]  # tests are in float32
    state = checkpoint(tmp_path)
    assert all(value.dtype == torch.float32 for value in state["model"].values() if value.is_floating_point())
    assert (state["scaler"] is None) == (dtype is not torch.float16)
    first = SmallTrainer().load_model(None, 2)
    assert not torch.equal(first[0].weight, state["model"]["0.weight"])


def test_options_that_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--amp-dtype must be one of float16, bfloat16, but 'half' was given"):
        train(tmp_path, "--amp-dtype", "half")
    with pytest.raises(ValueError, match="--amp-dtype=bfloat16 and --disable-amp contradict each other"):
        train(tmp_path, "--amp-dtype", "bfloat16", "--disable-amp")
    with pytest.raises(ValueError, match="--fsdp and --amp-dtype=float16 do not go together.*bfloat16"):
        train(tmp_path, "--fsdp", "--amp-dtype", "float16")
    with pytest.raises(
        ValueError, match="--fsdp spreads the weights over processes, but there is only one: .*torchrun"
    ):
        train(tmp_path, "--fsdp")
    assert not list(tmp_path.iterdir())


@needs_shards
def test_shards_of_one_process_train_as_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("-b", "6", "--epochs", "1", "--clip-grad-norm", "0.1", "--opt", "adamw", "--wd", "0.1", "--lr", "0.1",
               "--norm-weight-decay", "0.01", "--model-ema")  # fmt: skip
    train(tmp_path / "plain", *options)
    blocks = []

    class Sharding(SmallTrainer):
        def blocks_to_shard(self, args: Any, model: torch.nn.Module) -> list[torch.nn.Module]:
            blocks.append(super().blocks_to_shard(args, model))
            return blocks[-1]

    as_one_of_one_process(monkeypatch)
    train(tmp_path / "shards", *options, "--fsdp", trainer=Sharding())
    assert [[type(b).__name__ for b in found] for found in blocks] == [
        ["FSDPConv2d", "FSDPBatchNorm2d", "FSDPLinear"]
    ] * 2
    plain, shards = (checkpoint(tmp_path / name) for name in ("plain", "shards"))
    for part in ("model", "model_ema"):
        for name, value in plain[part].items():
            torch.testing.assert_close(shards[part][name], value, rtol=1e-5, atol=1e-6)
    for number, values in plain["optimizer"]["state"].items():
        torch.testing.assert_close(shards["optimizer"]["state"][number], values, rtol=1e-4, atol=1e-6)
    train(tmp_path / "shards", *options, "--fsdp", "--test-only", "--resume", "latest")
    monkeypatch.undo()
    train(tmp_path / "shards", *options, "--epochs", "2", "--resume", "latest")  # and on without
    assert checkpoint(tmp_path / "shards")["epoch"] == 2


def test_shards_need_a_pytorch_that_knows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def of_an_older_release(module: torch.nn.Module, *, mesh: Any) -> None:
        raise AssertionError("not reached")

    as_one_of_one_process(monkeypatch)
    monkeypatch.setattr("torch.distributed.fsdp.fully_shard", of_an_older_release)
    with pytest.raises(RuntimeError, match=r"--fsdp needs PyTorch >= 2\.8, and this is 2\..*ignored_params"):
        train(tmp_path, "--fsdp")
    assert not torch.distributed.is_initialized()


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step")  # SequentialLR of PyTorch 2.6, of itself
def test_a_scheduler_of_ones_own_is_resumed_with_all_its_state(tmp_path: Path) -> None:
    class Sequence(SmallTrainer):
        def set_lr_scheduler(self, args: Any, optimizer: torch.optim.Optimizer) -> Any:
            parts = [torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma) for gamma in (0.5, 0.9)]
            return torch.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones=[2])

    for epochs in ("1", "3"):
        train(tmp_path / "resumed", "-b", "12", "--epochs", epochs, "--resume", "latest", trainer=Sequence())
    train(tmp_path / "straight", "-b", "12", "--epochs", "3", trainer=Sequence())
    one, other = (checkpoint(tmp_path / name) for name in ("straight", "resumed"))
    assert_same(one["lr_scheduler"], other["lr_scheduler"])
    assert_same(one["model"], other["model"])
    assert one["lr_scheduler"]["_schedulers"][1]["last_epoch"] == 1


def test_a_checkpoint_with_fewer_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As SpikingJelly 0.0.0.0.14 writes it, whose epoch is the last that is done."""
    train(tmp_path, "-b", "12", "--epochs", "1")
    state = checkpoint(tmp_path)
    old = {"model": state["model"], "optimizer": state["optimizer"], "lr_scheduler": {"last_epoch": 1, "_milestones": [5]},
           "epoch": 0, "args": argparse.Namespace(lr=0.1), "max_test_acc1": 12.5}  # fmt: skip
    torch.save(old, tmp_path / "old.pth")
    train(tmp_path, "-b", "12", "--epochs", "2", "--model-ema", "--resume", str(tmp_path / "old.pth"))
    out = capsys.readouterr().out
    assert "The checkpoint has no model_ema, which starts anew." in out
    assert "1 epochs are done" in out
    assert "Epoch 1 train" in out


# Options of SpikingJelly 0.0.0.0.14 and their defaults, but for those that depend on the machine.
PUBLISHED_DEFAULTS = {
    "model": "resnet18", "batch_size": 32, "epochs": 90, "workers": 16, "opt": "sgd", "lr": 0.1, "momentum": 0.9,
    "weight_decay": 0.0, "norm_weight_decay": None, "label_smoothing": 0.1, "mixup_alpha": 0.2, "cutmix_alpha": 1.0,
    "lr_scheduler": "cosa", "lr_warmup_epochs": 5, "lr_warmup_method": "linear", "lr_warmup_decay": 0.01,
    "lr_step_size": 30, "lr_gamma": 0.1, "output_dir": "./logs", "resume": None, "start_epoch": 0,
    "cache_dataset": False, "sync_bn": False, "test_only": False, "pretrained": False, "auto_augment": "ta_wide",
    "random_erase": 0.1, "world_size": 1, "dist_url": "env://", "model_ema": False, "model_ema_steps": 32,
    "model_ema_decay": 0.99998, "interpolation": "bilinear", "val_resize_size": 232, "val_crop_size": 224,
    "train_crop_size": 176, "clip_grad_norm": None, "ra_sampler": False, "ra_reps": 4, "prototype": False,
    "weights": None, "seed": 2020, "print_logdir": False, "clean": False, "disable_pinmemory": False,
    "disable_amp": False, "disable_uda": False,
}  # fmt: skip
PUBLISHED_METHODS = {
    "before_test_one_epoch": "args, model, epoch",
    "before_train_one_epoch": "args, model, epoch",
    "cal_acc1_acc5": "output, target",
    "evaluate": "args, model, criterion, data_loader, device, log_suffix",
    "get_args_parser": "add_help",
    "get_tb_logdir_name": "args",
    "load_CIFAR10": "args",
    "load_ImageNet": "args",
    "load_data": "args",
    "load_model": "args, num_classes",
    "main": "args",
    "preprocess_test_sample": "args, x",
    "preprocess_train_sample": "args, x",
    "process_model_output": "args, y",
    "set_lr_scheduler": "args, optimizer",
    "set_optimizer": "args, parameters",
    "train_one_epoch": "model, criterion, optimizer, data_loader, device, epoch, args, model_ema, scaler",
}


def test_published_options_and_methods(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer = Trainer()
    defaults = vars(trainer.get_args_parser().parse_args([]))
    assert {name: defaults[name] for name in PUBLISHED_DEFAULTS} == PUBLISHED_DEFAULTS
    for name, parameters in PUBLISHED_METHODS.items():
        assert ", ".join(inspect.signature(getattr(trainer, name)).parameters) == parameters
    assert trainer.get_args_parser().parse_args(["--weights", "IMAGENET1K_V2"]).weights == "IMAGENET1K_V2"
    train(tmp_path, "--print-logdir", "--cache-dataset", "--prototype")
    out = capsys.readouterr().out
    assert "--cache-dataset has no effect: the folders of pictures are listed at each start." in out
    assert "--prototype has no effect: torchvision has no prototype models any more." in out


def test_options_that_a_published_trainer_has_not(tmp_path: Path) -> None:
    """Those with a parser of their own lack what came later."""

    class Old(SmallTrainer):
        def get_args_parser(self, add_help: bool = True) -> Any:
            parser = super().get_args_parser(add_help)
            parse = parser.parse_args

            def parse_old(argv: list[str]) -> argparse.Namespace:
                args = parse(argv)
                del args.accumulation_steps, args.amp_dtype, args.fsdp, args.weights, args.prototype, args.cache_dataset
                return args

            parser.parse_args = parse_old
            return parser

    train(tmp_path, "-b", "12", "--epochs", "1", trainer=Old())
    assert checkpoint(tmp_path)["epoch"] == 1
