"""The examples of plasticity learn, draw, and say what is wrong with their arguments."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from spikingjelly.activation_based.examples import mstdp, mstdpet, stdp_mnist, stdp_trace
from spikingjelly.activation_based.examples.common import feature_pictures, run_folder

PNG = b"\x89PNG"


def test_the_traces_at_a_synapse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["-T", "40", "-rate", "0.3", "-tau-pre", "4", "-tau-post", "6", "-lr", "0.03", "-seed", "5"]
    result = stdp_trace.main([*flags, "-out-dir", str(tmp_path)])
    x = y = 0.0
    w = 0.5
    for pre, trace_pre, post, trace_post, weight in result.tolist():
        x, y = x * (1 - 1 / 4) + pre, y * (1 - 1 / 6) + post
        w = min(max(w + 0.03 * (x * post - y * pre), 0.0), 1.0)
        assert (trace_pre, trace_post, weight) == pytest.approx((x, y, w), rel=1e-5)
    assert 0 < result[:, 0].mean() < 0.6
    assert (tmp_path / "stdp_trace.png").read_bytes()[:4] == PNG
    assert str(tmp_path) in capsys.readouterr().out


def test_learning_from_reward(tmp_path: Path) -> None:
    flags = [
        "-trials",
        "24",
        "-lr",
        "0.03",
        "-tau-pre",
        "1.5",
        "-tau-post",
        "3",
        "-seed",
        "1",
        "-out-dir",
        str(tmp_path),
    ]
    of_a, of_b = mstdp.main(flags)
    assert of_a > 0.9
    assert of_b < 0.3
    assert (tmp_path / "mstdp.png").read_bytes()[:4] == PNG


def test_late_reward_needs_the_trace(tmp_path: Path) -> None:
    flags = ["-trials", "20", "-delay", "6", "-tau-trace", "8", "-seed", "1", "-out-dir", str(tmp_path)]
    flags += ["-lr", "0.1", "-tau-pre", "1.5", "-tau-post", "3"]
    of_a, of_b = mstdpet.main(flags)
    assert of_a > 0.9
    assert of_b < 0.4
    of_a, of_b = mstdpet.main([*flags, "-without-trace"])
    assert of_b > 0.5
    assert {path.name for path in tmp_path.iterdir()} == {"mstdpet.png", "mstdpet_without_trace.png"}


@pytest.mark.parametrize("name", ["stdp_trace", "mstdp", "mstdpet"])
def test_names_of_the_2_0_releases(name: str) -> None:
    package = "spikingjelly.activation_based.examples"
    newer = importlib.import_module(f"{package}.plasticity.{name}")
    assert newer.main is importlib.import_module(f"{package}.{name}").main


@pytest.mark.parametrize(
    ("example", "flags", "message"),
    [
        (stdp_trace, ["-T", "0"], "-T must be at least 1, but 0 was given"),
        (stdp_trace, ["-rate", "1.5"], "-rate must be from 0 to 1, but 1.5 was given"),
        (mstdp, ["-trials", "1"], "-trials must be at least 2, but 1 was given"),
        (mstdpet, ["-delay", "0"], "-delay must be at least 1, but 0 was given"),
        (stdp_mnist, ["-n", "0"], "-n must be at least 1, but 0 was given"),
        (stdp_mnist, ["-epochs", "-1"], "-epochs must be at least 1"),
        (stdp_mnist, ["-tau", "1.0"], "-tau must be greater than 1 time step, but 1.0"),
        (stdp_mnist, ["-tau-trace", "0.5"], "-tau-trace must be greater than 1 time step, but 0.5"),
        (stdp_mnist, ["-download"], "-download needs -data-dir"),
        (stdp_mnist, ["-device", "cuda:0"], "this PyTorch finds no CUDA device; use -device cpu"),
    ],
)
def test_wrong_flags(example, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    if "cuda:0" in flags and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(SystemExit):
        example.parse(flags)
    assert message in capsys.readouterr().err


def test_at_most_one_neuron_fires_and_resets_all() -> None:
    node = stdp_mnist.WinnerTakesAllNode(3, tau=2.0, plasticity=0.3, step_mode="s")
    spike = node(torch.tensor([[1.0, 3.0, 2.0], [-1.0, -2.0, -3.0]]))
    assert spike.tolist() == [[0, 1, 0], [0, 0, 0]]
    assert node.v.tolist() == [[0, 0, 0], [-1, -2, -3]]
    torch.testing.assert_close(node.threshold, 0.3 * torch.tensor([-1.0, 2.0, -1.0]))
    node.eval()
    assert node(torch.tensor([[0.5, 0.7, 0.4], [0.0, 0.0, 0.0]])).tolist() == [[1, 0, 0], [0, 0, 0]]
    torch.testing.assert_close(node.threshold, 0.3 * torch.tensor([-1.0, 2.0, -1.0]))
    assert list(node.state_dict()) == ["threshold"]


def test_preferences_and_accuracy() -> None:
    counts = torch.tensor([[4.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 6.0, 0.0]])
    labels = torch.tensor([7, 7, 1])
    preference = stdp_mnist.preferences(counts, labels)
    assert preference[0, 7] == preference[1, 1] == 1
    assert not preference[2].any()
    mixed = stdp_mnist.preferences(torch.tensor([[1.0], [1.0], [4.0]]), labels)
    assert mixed[0, [7, 1]].tolist() == pytest.approx([1 / 5, 4 / 5])  # classes count alike, whatever their size
    assert stdp_mnist.accuracy_of(counts, torch.tensor([7, 0, 1]), preference) == pytest.approx(2 / 3)


QUICK = ["-T", "8", "-b", "100", "-n", "40", "-device", "cpu", "-lr", "3e-3"]


def test_features_of_the_shipped_subset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["-tau", "8", "-tau-trace", "4", "-depression", "0.3", "-plasticity", "1e-3", "-j", "0", "-seed", "3"]
    accuracy = stdp_mnist.main([*QUICK, *flags, "-epochs", "1", "-out-dir", str(tmp_path)])
    assert accuracy > 0.55
    out = capsys.readouterr().out
    assert "training on the subset of MNIST that comes along" in out
    (picture,) = tmp_path.rglob("features.png")
    assert str(picture) in out
    assert picture.read_bytes()[:4] == PNG
    assert {path.name for path in tmp_path.rglob("*.pth")} == {"checkpoint_latest.pth", "checkpoint_max.pth"}
    assert list(tmp_path.rglob("events.out.tfevents*"))
    record = json.loads(next(tmp_path.rglob("run.json")).read_text())
    assert record["flags"]["plasticity"] == 1e-3
    assert [row["test_acc"] for row in record["epochs"]] == [accuracy]


@pytest.fixture
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    class Few(stdp_mnist.MNISTSubset):
        def __init__(self, train: bool = True) -> None:
            super().__init__(train)
            self.data, self.targets = self.data[::20], self.targets[::20]

    monkeypatch.setattr(stdp_mnist, "MNISTSubset", Few)


def test_a_resumed_run_ends_where_the_whole_run_ends(tmp_path: Path, few_images: None) -> None:
    runs = {}
    for name, legs in {"whole": ["2"], "resumed": ["stopped", "2"]}.items():
        folder = tmp_path / name
        for leg in legs:
            latest = list(folder.rglob("checkpoint_latest.pth"))
            resume = ["-resume", str(latest[0])] if latest else []
            flags = [*QUICK, "-epochs", "2", "-out-dir", str(folder), *resume]
            if leg == "stopped":
                stop_after_one_epoch(flags)
            else:
                stdp_mnist.main(flags)
        runs[name] = run_folder.load_checkpoint(next(folder.rglob("checkpoint_latest.pth")))
    assert runs["whole"]["epoch"] == runs["resumed"]["epoch"] == 1
    histories = [run["history"] for run in runs.values()]
    for name in ("epoch", "weight_change", "train_acc", "test_acc"):
        whole, resumed = ([row[name] for row in history] for history in histories)
        assert whole == resumed
        assert len(whole) == 2
    for name, value in runs["whole"]["net"].items():
        assert torch.equal(value, runs["resumed"]["net"][name])


def stop_after_one_epoch(flags: list[str]) -> None:
    def learn_once(self, loader, title, lrs, learn=stdp_mnist.Features.learn_epoch):
        if title == "epoch 1":
            raise KeyboardInterrupt
        return learn(self, loader, title, lrs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stdp_mnist.Features, "learn_epoch", learn_once)
        with pytest.raises(KeyboardInterrupt):
            stdp_mnist.main(flags)


@torch.no_grad()
def test_a_test_changes_nothing(few_images: None) -> None:
    args = stdp_mnist.parse(QUICK)
    features = stdp_mnist.Features(args)
    train_loader, _, test_loader = stdp_mnist.load_data(args)
    change = features.learn_epoch(train_loader, "", (0.01, 0.01))
    assert change > 0.01
    torch.testing.assert_close(features.weight.norm(dim=1), torch.ones(40))
    assert (features.weight >= 0).all()
    before = {name: value.clone() for name, value in features.net.state_dict().items()}
    counts, labels = features.responses(test_loader, "")
    assert counts.shape == (50, 40)
    assert counts.sum() > 0
    assert len(labels) == 50
    for name, value in features.net.state_dict().items():
        assert torch.equal(value, before[name])


def test_weights_without_a_label_are_drawn_too(tmp_path: Path) -> None:
    preference = torch.zeros(3, 10)
    preference[1, 4] = 1
    feature_pictures.draw_features(tmp_path / "w.png", torch.rand(3, 28, 28), preference)
    assert (tmp_path / "w.png").read_bytes()[:4] == PNG


def test_a_folder_of_mnist(shared_data: Path) -> None:
    args = stdp_mnist.parse(["-data-dir", str(shared_data / "mnist"), "-device", "cpu"])
    assert [len(loader) for loader in stdp_mnist.load_data(args)] == [937, 235, 40]


def test_the_command_says_what_is_missing_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", stdp_mnist.__name__, "-device", "cpu", "-data-dir", str(tmp_path / "nowhere")]
    result = subprocess.run([*command, "-out-dir", str(tmp_path)], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "Here, download=True is the flag -download." in result.stderr
    assert "Traceback" not in result.stderr


def test_pictures_need_matplotlib_and_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    stdp_trace.main(["-T", "3", "-out-dir", str(tmp_path)])
    mstdp.main(["-trials", "2", "-out-dir", str(tmp_path)])
    mstdpet.main(["-trials", "2", "-out-dir", str(tmp_path)])
    assert capsys.readouterr().out.count('pip install "spikingjelly[plot]"') == 3
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_reaches_87_percent_on_the_whole_mnist(tmp_path: Path, shared_data: Path) -> None:
    args = ["-n", "100", "-T", "20", "-device", "cpu", "-b", "64", "-epochs", "1", "-out-dir", str(tmp_path)]
    assert stdp_mnist.main([*args, "-data-dir", str(shared_data / "mnist")]) >= 0.87
