"""The parts of a training: averages, metrics, mixing, sampling, learning rates, seeds."""

import importlib.util
import math
import random
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.activation_based import layer, neuron
from spikingjelly.activation_based.model import train_classify
from spikingjelly.activation_based.model._training import precision, processes, schedule, sharding, updates
from spikingjelly.activation_based.model._training.sync_norm import SyncBatchNorm, synchronize_batch_norms
from spikingjelly.activation_based.model.tv_ref_classify import presets, sampler, transforms, utils


def test_moving_average_follows_weights_and_buffers() -> None:
    net = nn.BatchNorm1d(2)
    average = utils.ExponentialMovingAverage(net, 0.75)
    average.update_parameters(net)
    with torch.no_grad():
        net.weight.fill_(5.0)
        net.running_mean.fill_(8.0)
        net.num_batches_tracked.fill_(3)
    average.update_parameters(net)
    assert average.module.weight.tolist() == [2.0, 2.0]
    assert average.module.running_mean.tolist() == [2.0, 2.0]
    assert average.module.num_batches_tracked == 3
    with pytest.raises(ValueError, match="0 <= decay < 1, but 1.0"):
        utils.ExponentialMovingAverage(net, 1.0)


def test_moving_average_leaves_memories_alone() -> None:
    """They are of the samples that a network sees, and the average sees others."""
    net = nn.Sequential(layer.Linear(2, 3), neuron.ParametricLIFNode(v_threshold=9.0))
    average = utils.ExponentialMovingAverage(net, 0.5)
    net(torch.ones(4, 2))
    for _ in range(2):
        average.update_parameters(net)
    assert average.module[1].v == 0.0
    assert average(torch.ones(7, 2)).shape == (7, 3)
    assert net[1].v.shape == (4, 3)


def test_accuracy() -> None:
    output = torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4], [0.2, 0.3, 0.5]])
    assert [round(float(a), 3) for a in utils.accuracy(output, torch.tensor([1, 2, 0]), (1, 2))] == [33.333, 66.667]
    assert float(utils.accuracy(output, torch.eye(3)[[1, 0, 2]])[0]) == 100.0
    assert float(utils.accuracy(output, torch.tensor([0, 0, 0]), (5,))[0]) == 100.0


def test_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    value = utils.SmoothedValue(window_size=2, fmt="{value} {max} {avg} {median} {global_avg}")
    assert str(value) == "no value"
    for number, count in ((1.0, 1), (3.0, 2), (5.0, 1)):
        value.update(number, n=count)
    assert str(value) == "5.0 5.0 4.0 3.0 3.0"
    log = utils.MetricLogger(delimiter="; ")
    log.add_meter("rate", utils.SmoothedValue(fmt="{value:.1f}"))
    for number in log.log_every(iter([1, 2, 3]), 2, "Try"):
        log.update(rate=number, loss=torch.tensor(0.5))
    log.synchronize_between_processes()
    first, last = capsys.readouterr().out.splitlines()
    assert first == "Try [2/?] rate: 2.0; loss: 0.5000 (0.5000)"
    assert last.startswith("Try 3 batches in ")
    assert log.rate.global_avg == 2.0
    with pytest.raises(AttributeError, match="no meter 'acc', only rate, loss"):
        _ = log.acc


def test_one_process_is_the_main_one(tmp_path: Path) -> None:
    args = SimpleNamespace(device="cpu")
    utils.init_distributed_mode(args)
    assert args.distributed is False
    assert (utils.get_rank(), utils.get_world_size(), utils.is_main_process()) == (0, 1, True)
    assert utils.reduce_across_processes(3.5) == 3.5
    utils.mkdir(tmp_path / "a" / "b")
    utils.save_on_master({"x": 1}, tmp_path / "a" / "b" / "file.pth")
    assert torch.load(tmp_path / "a" / "b" / "file.pth", weights_only=True) == {"x": 1}


def test_saving_leaves_a_whole_file_when_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    utils.save_on_master({"x": 1}, str(path))
    with pytest.raises(AttributeError, match="local object|pickle"):
        utils.save_on_master({"x": lambda: None}, path)
    assert torch.load(path, weights_only=True) == {"x": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["file.pth"]


def test_mean_of_checkpoints(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.pth" for number in range(3)]
    for number, path in enumerate(paths):
        torch.save({"model": {"w": torch.full((2,), float(number)), "n": torch.tensor(number)}, "epoch": number}, path)
    mean = utils.average_checkpoints(paths)
    assert (mean["model"]["w"].tolist(), int(mean["model"]["n"]), mean["epoch"]) == ([1.0, 1.0], 2, 2)
    torch.save({"model": {"v": torch.zeros(2)}}, paths[1])
    with pytest.raises(ValueError, match=r"1\.pth have not the names"):
        utils.average_checkpoints(paths)
    with pytest.raises(ValueError, match="empty list"):
        utils.average_checkpoints([])


def test_normalisations_may_decay_by_themselves() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), layer.BatchNorm1d(3))
    (group,) = utils.set_weight_decay(net, 0.1)
    assert (len(group["params"]), group["weight_decay"]) == (6, 0.1)
    others, norms = utils.set_weight_decay(net, 0.1, 0.0)
    assert (len(others["params"]), len(norms["params"]), norms["weight_decay"]) == (2, 4, 0.0)


def test_mixup_mixes_pictures_and_classes_alike() -> None:
    torch.manual_seed(0)
    batch, target = torch.arange(3.0).reshape(3, 1, 1, 1).expand(3, 1, 2, 2).contiguous(), torch.tensor([0, 1, 2])
    mixed, weights = transforms.RandomMixup(3, p=1.0, alpha=2.0)(batch, target)
    share = float(weights[1, 1])
    assert 0 < share < 1
    torch.testing.assert_close(mixed[1, 0], torch.full((2, 2), share * 1.0))  # the other picture is 0
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert batch[1, 0, 0, 0] == 1.0
    transforms.RandomMixup(3, p=1.0, inplace=True)(batch, target)
    assert batch[1, 0, 0, 0] != 1.0
    same, whole = transforms.RandomMixup(3, p=0.0)(batch, target)
    assert torch.equal(same, batch)
    assert torch.equal(whole, torch.eye(3))


def test_cutmix_weighs_classes_by_area() -> None:
    torch.manual_seed(1)
    cut = transforms.RandomCutmix(2, p=1.0, alpha=1.0)
    shares = []
    for _ in range(20):
        mixed, weights = cut(torch.stack([torch.zeros(1, 10, 12), torch.ones(1, 10, 12)]), torch.tensor([0, 1]))
        assert mixed[0].mean().item() == pytest.approx(float(weights[0, 1]), abs=1e-6)
        inside = mixed[0, 0].nonzero()
        if len(inside):
            (top, left), (bottom, right) = inside.min(0).values.tolist(), inside.max(0).values.tolist()
            assert len(inside) == (bottom - top + 1) * (right - left + 1)  # one box
        shares.append(float(weights[0, 0]))
    assert len(set(shares)) > 10


@pytest.mark.parametrize("cls", [transforms.RandomMixup, transforms.RandomCutmix])
def test_what_mixing_refuses(cls: Any) -> None:
    for keywords in ({"num_classes": 0}, {"num_classes": 2, "p": 1.5}, {"num_classes": 2, "alpha": 0.0}):
        with pytest.raises(ValueError, match=f"{cls.__name__}: expected num_classes >= 1"):
            cls(**keywords)
    mix = cls(2, p=0.25, alpha=0.5, inplace=True)
    assert repr(mix) == f"{cls.__name__}(num_classes=2, p=0.25, alpha=0.5, inplace=True)"
    with pytest.raises(ValueError, match=r"floating-point images \[N, C, H, W\], but .*uint8"):
        mix(torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"class of each image, int64 \[N\], but .*\[3\]"):
        mix(torch.zeros(2, 1, 4, 4), torch.tensor([0, 1, 1]))


def test_repeated_augmentation_spreads_views_over_processes() -> None:
    parts = [sampler.RASampler(range(8), 2, rank, shuffle=True, seed=3, repetitions=2) for rank in (0, 1)]
    first = [list(part) for part in parts]
    assert [len(part) for part in parts] == [4, 4]
    assert first[0] == first[1]  # each process has one of two views
    parts[0].set_epoch(1)
    assert list(parts[0]) != first[0]
    assert list(sampler.RASampler(range(7), 2, 1, shuffle=False, repetitions=3)) == [0, 1, 1]
    with pytest.raises(ValueError, match="at least one sample for each of 4 processes.*and 3 samples"):
        sampler.RASampler(range(3), 4, 0)


def rates(**options: Any) -> list[float]:
    given = {"epochs": 6, "lr_warmup_epochs": 2, "lr_warmup_method": "linear", "lr_warmup_decay": 0.2,
             "lr_scheduler": "cosa", "lr_step_size": 2, "lr_gamma": 0.5, **options}  # fmt: skip
    args = SimpleNamespace(**given)
    return [round(schedule.factor(epoch, args), 4) for epoch in range(6)]


def test_learning_rates() -> None:
    assert rates() == [0.2, 0.6, 1.0, 0.8536, 0.5, 0.1464]
    assert rates(lr_scheduler="step", lr_warmup_epochs=0) == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    assert rates(lr_scheduler="exp", lr_warmup_method="constant") == [0.2, 0.2, 1.0, 0.5, 0.25, 0.125]


def test_rates_of_a_training_are_those_of_the_formula() -> None:
    r"""Warm-up: :math:`d + (1 - d) e / w` of the rate; then half a cosine over the epochs that are left."""
    trainer = train_classify.Trainer()
    args = trainer.get_args_parser().parse_args(
        ["--lr", "0.4", "--epochs", "12", "--lr-warmup-epochs", "4", "--lr-warmup-decay", "0.1"]
    )
    optimizer = trainer.set_optimizer(args, [nn.Parameter(torch.zeros(1))])
    scheduler = trainer.set_lr_scheduler(args, optimizer)
    for epoch in range(12):
        warm = 0.4 * (0.1 + 0.9 * epoch / 4)
        cosine = 0.4 * math.cos(0.5 * math.pi * (epoch - 4) / 8) ** 2
        assert optimizer.param_groups[0]["lr"] == pytest.approx(warm if epoch < 4 else cosine, rel=1e-12)
        optimizer.step()
        scheduler.step()


def test_half_precision_of_devices() -> None:
    """None is chosen on CPUs; float16 on GPUs, where shards get bfloat16."""
    cpu, gpu = torch.device("cpu"), torch.device("cuda", 0)

    def chosen(device: torch.device, **options: Any) -> Any:
        return precision.half_precision(SimpleNamespace(**{"disable_amp": False, **options}), device)

    assert (chosen(cpu), chosen(gpu), chosen(gpu, disable_amp=True)) == (None, torch.float16, None)
    assert chosen(gpu, fsdp=True) is chosen(cpu, amp_dtype="bfloat16") is torch.bfloat16
    assert chosen(gpu, amp_dtype="bfloat16") is torch.bfloat16
    args = SimpleNamespace(disable_amp=False)
    with precision.autocast(args, gpu, None):  # a train_one_epoch that is called without a scaler
        assert not torch.is_autocast_enabled("cuda")
    with precision.autocast(SimpleNamespace(disable_amp=False, amp_dtype="bfloat16"), cpu, None):
        assert torch.get_autocast_dtype("cpu") is torch.bfloat16
        assert torch.is_autocast_enabled("cpu")


def test_blocks_of_a_network_hold_at_most_half_of_it() -> None:
    inner = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.ModuleList([nn.Linear(3, 4), nn.Linear(4, 3)]))
    net = nn.Sequential(inner, neuron.ParametricLIFNode(), nn.Linear(3, 2))
    assert sharding.blocks_of(net) == [inner[0], inner[2][0], inner[2][1], net[2]]
    net = nn.Sequential(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)), nn.Sequential(nn.Linear(4, 9)))
    assert sharding.blocks_of(net) == [net[0], net[1][0]]


def test_groups_of_batches() -> None:
    loader = [(torch.zeros(count), None) for count in (3, 3, 2)]
    groups = updates.Groups(loader, 2)
    assert len(groups) == 2
    shares = [[(share, last) for share, _, last in updates.shares(group)] for group in groups]
    assert shares == [[(0.5, False), (0.5, True)], [(1.0, True)]]
    uneven = [share for share, _, _ in updates.shares(next(iter(updates.Groups(loader, 3))))]
    assert uneven == [0.375, 0.375, 0.25]


@pytest.mark.parametrize(("device", "backend"), [("cpu", "gloo"), ("cuda", "nccl"), ("cuda:1", "nccl")])
def test_processes_speak_nccl_on_gpus(device: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    joined, chosen = [], []
    for name, value in {"RANK": 3, "WORLD_SIZE": 8, "LOCAL_RANK": 1}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(
        torch.distributed, "init_process_group", lambda *args, **options: joined.append((args, options))
    )
    monkeypatch.setattr(torch.distributed, "barrier", lambda: None)
    monkeypatch.setattr("builtins.print", print)  # put back what becomes silent
    args = SimpleNamespace(device=device, dist_url="tcp://there:1")
    utils.init_distributed_mode(args)
    assert joined == [((backend,), {"init_method": "tcp://there:1", "world_size": 8, "rank": 3})]
    assert (args.distributed, args.rank, args.world_size, args.gpu, args.dist_backend) == (True, 3, 8, 1, backend)
    assert chosen == ([] if backend == "gloo" else [1])
    if backend == "nccl":
        monkeypatch.setenv("LOCAL_RANK", "2")
        with pytest.raises(RuntimeError, match="process 2 of this machine needs a GPU of its own, but there are 2"):
            utils.init_distributed_mode(args)


def test_processes_of_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"SLURM_PROCID": 5, "SLURM_NTASKS": 6, "SLURM_LOCALID": 1}.items():
        monkeypatch.setenv(name, str(value))
    assert processes._places() == (5, 6, 1)
    monkeypatch.setenv("SLURM_NTASKS", "1")
    assert not processes.processes_were_started()


def test_optimizers_and_schedulers_by_name() -> None:
    trainer = train_classify.Trainer()
    args = trainer.get_args_parser().parse_args(["--momentum", "0.7", "--wd", "0.2", "--lr", "0.3"])
    for name, cls in (
        ("sgd", "SGD"),
        ("sgd_nesterov", "SGD"),
        ("rmsprop", "RMSprop"),
        ("adam", "Adam"),
        ("adamw", "AdamW"),
    ):
        args.opt = name
        optimizer = trainer.set_optimizer(args, [nn.Parameter(torch.zeros(1))])
        assert type(optimizer).__name__ == cls
        assert optimizer.param_groups[0]["weight_decay"] == 0.2
        assert optimizer.param_groups[0].get("momentum", 0.7) == 0.7
        assert optimizer.param_groups[0].get("nesterov", name == "sgd_nesterov") == (name == "sgd_nesterov")
    assert trainer.set_lr_scheduler(args, optimizer).get_last_lr() == [pytest.approx(0.003)]
    args.opt = "lbfgs"
    with pytest.raises(ValueError, match="--opt must be sgd.*'lbfgs'"):
        trainer.set_optimizer(args, [])
    args.lr_scheduler = "cyclic"
    with pytest.raises(ValueError, match="--lr-scheduler must be one of cosa, step, exp, but 'cyclic'"):
        trainer.set_lr_scheduler(args, optimizer)
    args.lr_scheduler, args.lr_warmup_method = "cosa", "cubic"
    with pytest.raises(ValueError, match="--lr-warmup-method must be one of linear, constant, but 'cubic'"):
        trainer.set_lr_scheduler(args, optimizer)


def test_seeds() -> None:
    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(1))

    train_classify.set_deterministic(7, disable_uda=True)
    first = draw()
    assert not torch.are_deterministic_algorithms_enabled()
    train_classify.set_deterministic(7, disable_uda=True)
    assert draw() == first
    torch.manual_seed(11)
    train_classify.seed_worker(0)
    numbers = random.random(), float(np.random.rand())
    torch.manual_seed(11)
    train_classify.seed_worker(3)
    assert (random.random(), float(np.random.rand())) == numbers
    torch.backends.cudnn.deterministic = False


def test_synchronised_normalisation_keeps_weights_state_and_step_mode() -> None:
    net = nn.Sequential(layer.BatchNorm2d(3, eps=0.1, momentum=0.3, step_mode="m"), nn.Sequential(nn.BatchNorm1d(4)))
    nn.init.uniform_(net[0].weight)
    keys = list(net.state_dict())
    old, x = net[0], torch.rand(2, 4, 3, 5, 5)
    expected = old(x)
    after = {key: value.clone() for key, value in old.state_dict().items()}
    old.reset_running_stats()
    new = synchronize_batch_norms(net)
    assert list(new.state_dict()) == keys
    assert isinstance(new[0], SyncBatchNorm)
    assert isinstance(new[1][0], SyncBatchNorm)
    torch.testing.assert_close(new[0](x), expected)
    torch.testing.assert_close(dict(new[0].state_dict()), after)


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="torchvision is installed")
def test_augmentation_without_torchvision_says_what_to_do() -> None:
    for make in (presets.ClassificationPresetTrain, presets.ClassificationPresetEval):
        with pytest.raises(ImportError, match="pip install torchvision"):
            make(32)


class Recorded:
    """Stands for a class of torchvision; keeps what it was made with."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        self.args, self.keywords = args, keywords


@pytest.fixture
def torchvision(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A torchvision whose classes keep their arguments: what is tested is which of them are asked for."""
    package, transforms_module, datasets = (ModuleType(name) for name in ("torchvision", "transforms", "datasets"))
    for name in (
        "RandomResizedCrop", "RandomHorizontalFlip", "TrivialAugmentWide", "RandAugment", "AutoAugment", "ToTensor",
        "Normalize", "RandomErasing", "Resize", "CenterCrop", "Compose",
    ):  # fmt: skip
        setattr(transforms_module, name, type(name, (Recorded,), {}))
    transforms_module.InterpolationMode = transforms_module.AutoAugmentPolicy = str
    datasets.CIFAR10 = type("CIFAR10", (Recorded,), {"classes": ("a", "b"), "__len__": lambda self: 10})
    datasets.ImageFolder = type("ImageFolder", (Recorded,), {"classes": ("a", "b"), "__len__": lambda self: 12})
    package.transforms, package.datasets = transforms_module, datasets
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.transforms", transforms_module)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", datasets)
    return package


def steps_of(preset: Any) -> dict[str, Recorded]:
    return {type(step).__name__: step for step in preset.transforms.args[0]}


def test_pictures_are_augmented_as_the_options_say(torchvision: ModuleType, tmp_path: Path) -> None:
    for name in ("train", "val"):
        (tmp_path / name).mkdir()
    trainer = train_classify.Trainer()
    args = trainer.get_args_parser().parse_args(
        ["--data-path", str(tmp_path), "--train-crop-size", "20", "--val-crop-size", "24", "--val-resize-size", "28",
         "--random-erase", "0.4", "--interpolation", "bicubic", "--auto-augment", "ra"]
    )  # fmt: skip
    dataset, dataset_test, sampler_train, sampler_test = trainer.load_data(args)
    assert dataset.args[0] == str(tmp_path / "train")
    assert dataset_test.args[0] == str(tmp_path / "val")
    train, test = steps_of(dataset.args[1]), steps_of(dataset_test.args[1])
    assert list(train) == [
        "RandomResizedCrop",
        "RandomHorizontalFlip",
        "RandAugment",
        "ToTensor",
        "Normalize",
        "RandomErasing",
    ]
    assert list(test) == ["Resize", "CenterCrop", "ToTensor", "Normalize"]
    assert train["RandomResizedCrop"].args == (20,)
    assert train["RandomResizedCrop"].keywords == train["RandAugment"].keywords == {"interpolation": "bicubic"}
    assert train["RandomErasing"].args == (0.4,)
    assert (test["Resize"].args, test["CenterCrop"].args) == ((28,), (24,))
    assert sorted(sampler_train) == list(sampler_test) == list(range(12))


def test_cifar10_is_normalised_and_its_test_images_are_whole(torchvision: ModuleType, tmp_path: Path) -> None:
    trainer = train_classify.Trainer()
    args = trainer.get_args_parser().parse_args(
        ["--data-path", str(tmp_path), "--train-crop-size", "32", "--random-erase", "0.3", "--interpolation", "bicubic",
         "--auto-augment", "ra"]
    )  # fmt: skip
    dataset, dataset_test, sampler_train, sampler_test = trainer.load_CIFAR10(args)
    for part, train in ((dataset, True), (dataset_test, False)):
        assert (part.args, part.keywords["root"], part.keywords["train"]) == ((), str(tmp_path), train)
    steps = {type(step).__name__: step for step in dataset.keywords["transform"].transforms.args[0]}
    assert steps["RandomResizedCrop"].args == (32,)
    assert steps["RandAugment"].keywords == {"interpolation": "bicubic"}
    assert steps["RandomErasing"].args == (0.3,)
    of_test = {type(step).__name__: step for step in dataset_test.keywords["transform"].args[0]}
    assert list(of_test) == ["ToTensor", "Normalize"]
    assert steps["Normalize"].args == of_test["Normalize"].args == ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
    assert sorted(sampler_train) == list(sampler_test) == list(range(10))
    args.data_path = str(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="nowhere must be the folder with cifar-10-batches-py"):
        trainer.load_CIFAR10(args)


def test_other_ways_to_augment(torchvision: ModuleType) -> None:
    plain = steps_of(presets.ClassificationPresetTrain(8, mean=(0.5,), std=(0.25,), hflip_prob=0.0))
    assert list(plain) == ["RandomResizedCrop", "ToTensor", "Normalize"]
    assert plain["Normalize"].args == ((0.5,), (0.25,))
    wide = steps_of(presets.ClassificationPresetTrain(8, hflip_prob=0.3, auto_augment_policy="ta_wide"))
    assert wide["RandomHorizontalFlip"].args == (0.3,)
    assert "TrivialAugmentWide" in wide
    policy = steps_of(presets.ClassificationPresetTrain(8, auto_augment_policy="cifar10"))
    assert policy["AutoAugment"].keywords == {"policy": "cifar10", "interpolation": "bilinear"}
    test = steps_of(presets.ClassificationPresetEval(8, mean=(0.1,), std=(0.2,), interpolation="nearest"))
    assert test["Normalize"].args == ((0.1,), (0.2,))
    assert (test["Resize"].args, test["Resize"].keywords) == ((256,), {"interpolation": "nearest"})
