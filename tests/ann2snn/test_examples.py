"""The programs run, draw, and say what is wrong with their arguments; their helpers do what they say."""

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.activation_based import ann2snn
from spikingjelly.activation_based.ann2snn.examples import cifar10_binary, cnn_mnist, compare, resnet18_cifar10
from spikingjelly.activation_based.ann2snn.sample_models import cifar10_resnet, mnist_cnn
from spikingjelly.activation_based.examples.common import ann_training, curves

PNG = b"\x89PNG"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A network that was not trained, in place of a training."""
    torch.manual_seed(0)
    path = tmp_path / "weights.pth"
    torch.save(mnist_cnn.CNN(channels=4).state_dict(), path)
    return path


def test_cnn_mnist_learns_the_subset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["-T", "16", "-epochs", "2", "-b", "100", "-channels", "6", "-calibration", "300", "-device", "cpu"]
    results = cnn_mnist.main([*flags, "-lr", "2e-2", "-limit", "4", "-seed", "1", "-out-dir", str(tmp_path)])
    assert list(results) == ["max", "99.9%", "1/2", "1/3", "1/4", "1/5", "opi", "bias"]
    out = capsys.readouterr().out
    assert "using the subset of MNIST that comes along" in out
    saved = json.loads((tmp_path / "accuracy.json").read_text())
    assert saved["ann"] > 0.6
    assert min(results[name][16] for name in ("opi", "bias")) > saved["ann"] - 0.1
    assert saved["snn"]["opi"]["16"] == results["opi"][16]
    assert f"ANN: test accuracy {saved['ann']:.2%}" in out
    assert saved["published"]["1/2"] == 0.9844
    assert saved["data"] == "the subset of MNIST that comes along"
    assert "examples.cnn_mnist -T 16 -epochs 2" in saved["command"]
    assert saved["date"] >= "2026"
    assert saved["flags"]["levels"] == 25
    assert (tmp_path / "accuracy.png").read_bytes()[:4] == PNG
    again = ["-T", "2", "-channels", "6", "-calibration", "100", "-ann", str(tmp_path / "ann.pth"), "-device", "cpu"]
    cnn_mnist.main([*again, "-out-dir", str(tmp_path / "again")])
    assert json.loads((tmp_path / "again" / "accuracy.json").read_text())["ann"] == saved["ann"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-T", "0"], "-T must be at least 1, but 0 was given"),
        (["-calibration", "0"], "-calibration must be at least 1"),
        (["-clip", "0"], "-clip must be greater than 0 and at most 1, but 0.0 was given"),
        (["-levels", "-1"], "-levels must be at least 0, but -1 was given"),
        (["-limit-weight", "-0.5"], "-limit-weight must be at least 0, but -0.5 was given"),
        (["-download"], "-download needs -data-dir"),
        (["-ann", "nowhere.pth"], "-ann: there is no file nowhere.pth"),
    ],
)
def test_wrong_flags_of_cnn_mnist(flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cnn_mnist.parse(flags)
    assert message in capsys.readouterr().err


def test_compare_makes_a_table(tmp_path: Path, weights: Path) -> None:
    flags = [
        "-steps",
        "1",
        "3",
        "-qcfs-epochs",
        "1",
        "-L",
        "3",
        "-channels",
        "4",
        "-calibration",
        "60",
        "-test-images",
        "90",
    ]
    found = compare.main(
        [*flags, "-mnist-ann", str(weights), "-device", "cpu", "-seed", "3", "-out-dir", str(tmp_path)]
    )
    results = found["MNIST (subset)"]
    assert results["test_images"] == 90
    assert results["snn"]["qcfs_delayed"][3] == pytest.approx(results["quantised_ann"], abs=1.5 / 90)
    table = (tmp_path / "ann2snn.md").read_text()
    assert "| method | T=1 | T=3 |" in table
    assert f"| opi | {100 * results['snn']['opi'][1]:.2f} |" in table
    saved = json.loads((tmp_path / "ann2snn.json").read_text())
    assert saved["settings"]["L"] == 3
    assert set(saved["results"]["MNIST (subset)"]["snn"]) == set(ann2snn.METHODS)
    assert (tmp_path / "ann2snn.png").read_bytes()[:4] == PNG


def test_compare_goes_on_where_it_was_killed(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = [
        "-steps",
        "2",
        "-qcfs-epochs",
        "1",
        "-L",
        "3",
        "-channels",
        "4",
        "-calibration",
        "40",
        "-test-images",
        "30",
    ]
    flags += ["-mnist-ann", str(weights), "-device", "cpu", "-out-dir", str(tmp_path)]
    monkeypatch.setattr(compare, "RELU_METHODS", ("max", "opi", "bias"))
    monkeypatch.setattr(compare, "trained_with_qcfs", compare.with_qcfs)
    whole = compare.main(flags)
    computed: list[str] = []
    plain = compare.accuracies

    def accuracies(ann: nn.Module, name: str, *rest: object) -> dict[int, float]:
        if name == "bias" and "bias" not in computed:
            computed.append(name)
            raise KeyboardInterrupt
        computed.append(name)
        return plain(ann, name, *rest)

    monkeypatch.setattr(compare, "accuracies", accuracies)
    with pytest.raises(KeyboardInterrupt):
        compare.main(flags)
    checkpoint = ["-resume", str(tmp_path / "checkpoint.pth")]
    monkeypatch.setattr(compare, "trained_with_qcfs", None)
    assert compare.main([*flags, *checkpoint]) == whole
    assert computed == ["max", "opi", "bias", "bias", "qcfs", "qcfs_delayed"]
    with pytest.raises(ValueError, match="is of a run with other values of -L, -seed: give the same flags"):
        compare.main([*flags, *checkpoint, "-L", "4", "-seed", "3"])


def test_qcfs_learns_for_few_and_many_time_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    args = compare.parse(["-L", "3", "-qcfs-epochs", "1", "-channels", "4", "-calibration", "50", "-device", "cpu"])
    (task,) = compare.tasks(args)
    task = replace(task, train=tuple(part[:384] for part in task.train))
    seen = []
    plain = ann2snn.QCFS.forward

    def forward(self: ann2snn.QCFS, x: torch.Tensor) -> torch.Tensor:
        seen.append(self.L)
        return plain(self, x)

    monkeypatch.setattr(ann2snn.QCFS, "forward", forward)
    quantised = compare.trained_with_qcfs(mnist_cnn.CNN(channels=4), task, args)
    assert seen == [3] * 3 + [48] * 3 + [3] * 3
    assert [m.L for m in quantised.modules() if isinstance(m, ann2snn.QCFS)] == [3] * 3


def test_data_sets_of_compare(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = ["-mnist", str(shared_data / "mnist"), "-fashion", str(shared_data / "fashion-mnist")]
    tasks = compare.tasks(compare.parse([*folders, "-test-images", "70", "-epochs", "5"]))
    assert [task.name for task in tasks] == ["MNIST", "Fashion-MNIST"]
    assert [(len(task.train[1]), len(task.test[1]), task.recipe.epochs) for task in tasks] == [(60000, 70, 5)] * 2
    for flags, message in (
        (["-steps", "0"], "-steps must be at least 1"),
        (["-qcfs-epochs", "0"], "-qcfs-epochs must be"),
    ):
        with pytest.raises(SystemExit):
            compare.parse(flags)
        assert message in capsys.readouterr().err


@pytest.fixture
def cifar10(tmp_path: Path) -> Path:
    """A few images whose class shows in their first channel."""
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name in (*cifar10_binary.TRAIN_FILES, *cifar10_binary.TEST_FILES):
        records = generator.integers(0, 256, (20, 3073), dtype=np.uint8)
        records[:, 0] = np.arange(20) % 10
        records[:, 1:1025] = 25 * records[:, :1]
        records.tofile(folder / name)
    return tmp_path


def test_resnet18_cifar10(cifar10: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out_dir = cifar10 / "out"
    flags = ["-data-dir", str(cifar10), "-T", "3", "-epochs", "1", "-b", "20", "-width", "2", "-calibration", "10"]
    flags += ["-device", "cpu", "-lr", "1e-3", "-seed", "4", "-out-dir", str(out_dir)]
    results = resnet18_cifar10.main([*flags, "-mode", "0.5", "-methods", "opi"])
    assert {name: list(curve) for name, curve in results.items()} == {"0.5": [1, 2, 3], "opi": [1, 2, 3]}
    assert (out_dir / "accuracy.png").read_bytes()[:4] == PNG
    assert "T=3" in capsys.readouterr().out
    loaded = resnet18_cifar10.main([*flags, "-ann", str(out_dir / "ann.pth"), "-mode", "max", "-methods"])
    assert list(loaded) == ["max"]
    with pytest.raises(SystemExit):
        resnet18_cifar10.parse([*flags, "-width", "0"])
    assert "-width must be at least 1" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        resnet18_cifar10.parse([*flags, "-ann", "nowhere"])
    assert "there is no file nowhere" in capsys.readouterr().err


def test_reading_cifar10(cifar10: Path) -> None:
    images, labels = cifar10_binary.read(cifar10, train=True)
    assert images.shape == (100, 3, 32, 32)
    assert images.dtype == torch.uint8
    assert labels.tolist() == [i % 10 for i in range(100)]
    assert (images[:, 0] == 25 * labels.view(-1, 1, 1)).all()
    folder = cifar10 / "cifar-10-batches-bin"
    assert cifar10_binary.read(folder, train=False)[0].shape == (20, 3, 32, 32)
    (folder / "data_batch_3.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"data_batch_3.bin not found in .*cifar-10-binary.tar.gz"):
        cifar10_binary.read(cifar10, train=True)
    (folder / "test_batch.bin").write_bytes(b"\1" * 3074)
    with pytest.raises(ValueError, match="expected records of 3073 bytes, but the file has 3074 bytes"):
        cifar10_binary.read(cifar10, train=False)
    (folder / "test_batch.bin").write_bytes(b"\x0a" * 3073)
    with pytest.raises(ValueError, match="labels must be below 10, but 10 was found"):
        cifar10_binary.read(cifar10, train=False)


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (cifar10_resnet.ResNet18, 11_173_962),
        (cifar10_resnet.ResNet34, 21_282_122),
        (cifar10_resnet.ResNet50, 23_520_842),
        (cifar10_resnet.ResNet101, 42_512_970),
        (cifar10_resnet.ResNet152, 58_156_618),
    ],
)
def test_residual_networks_have_the_usual_size(make, parameters: int) -> None:
    with torch.device("meta"):
        net = make()
        assert net(torch.empty(2, 3, 32, 32)).shape == (2, 10)
        assert make(num_classes=7).fc.out_features == 7
    assert sum(p.numel() for p in net.parameters()) == parameters


def test_moved_images() -> None:
    image = torch.zeros(40, 1, 9, 9)
    image[:, 0, 4, 4] = 1
    shifted = ann_training.moved(image, ann_training.Recipe(shift=2.0))
    torch.testing.assert_close(shifted.sum((1, 2, 3)), torch.ones(40))
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    centres = torch.stack([(shifted * axis).sum((1, 2, 3)) for axis in (rows, columns)])
    assert (centres - 4).abs().max() <= 2.0001
    assert centres.std() > 0.5
    assert ann_training.moved(image, ann_training.Recipe(shift=0.0)) is image
    ramp = torch.arange(9.0).expand(60, 1, 9, 9)
    flipped = ann_training.moved(ramp, ann_training.Recipe(shift=0.0, flip=True))
    mirrored = [torch.allclose(x, ramp[0].flip(2), atol=1e-4) for x in flipped]
    assert 10 < sum(mirrored) < 50
    assert all(m or torch.allclose(x, ramp[0], atol=1e-4) for m, x in zip(mirrored, flipped, strict=True))
    turned = ann_training.moved(ramp, ann_training.Recipe(shift=0.0, rotation=30.0))
    assert (turned[:, 0, 4, 4] - 4).abs().max() < 1e-4
    assert turned[:, 0, 2, 4].std() > 0.3


def test_training_and_accuracy() -> None:
    images = torch.randint(0, 256, (200, 1, 4, 4), dtype=torch.uint8)
    labels = (images[:, 0, 0, 0] > 127).long()
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    recipe = ann_training.Recipe(epochs=30, batch_size=50, lr=0.05, weight_decay=0.0, shift=0.0)
    numbers: list[int] = []
    ann_training.train(net, images, labels, recipe, before_batch=numbers.append)
    assert numbers == list(range(120))
    assert ann_training.accuracy(net, images, labels) > 0.95
    assert ann_training.accuracy(net, images, 1 - labels) < 0.05
    assert not net.training


def test_large_activations_are_punished() -> None:
    images, labels = torch.rand(100, 1, 4, 4), torch.arange(100) % 2
    largest = {}
    for limit, weight in ((None, 1e-2), (0.5, 0.0), (0.5, 1.0)):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 2))
        recipe = ann_training.Recipe(30, 50, 0.05, shift=0.0, activation_limit=limit, activation_weight=weight)
        ann_training.train(net, images, labels, recipe)
        largest[limit, weight] = net[:3](images).max().item()
        assert not net[2]._forward_hooks
    assert largest[None, 1e-2] == largest[0.5, 0.0]
    assert largest[0.5, 1.0] < 0.8 * largest[None, 1e-2]


def test_half_of_the_batches_are_clipped_at_random_parts_of_the_limit() -> None:
    class Largest(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[float] = []

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.seen.append(x.max().item())
            return x

    torch.manual_seed(0)
    largest = Largest()
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.ReLU(), largest, nn.Linear(32, 2))
    with torch.no_grad():
        net[1].bias.fill_(50.0)
    images, labels = torch.rand(200, 1, 4, 4), torch.randint(2, (200,))
    recipe = ann_training.Recipe(20, 20, 1e-6, shift=0.0, activation_limit=4.0, activation_weight=0.0, clip=0.25)
    ann_training.train(net, images, labels, recipe)
    clipped = [value for value in largest.seen if value < 40]
    assert 0.4 < len(clipped) / len(largest.seen) < 0.6
    assert all(0.999 <= value <= 4.001 for value in clipped)
    assert 0.35 < sum(value < 2 for value in clipped) / len(clipped) < 0.65  # the logarithm is uniform
    with pytest.raises(ValueError, match=r"clip=0.5 is a part of activation_limit"):
        ann_training.train(net, images, labels, ann_training.Recipe(clip=0.5))


def test_the_learning_rate_rises_and_falls_to_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = torch.optim.AdamW.step

    def record(self: torch.optim.AdamW) -> None:
        rates.append(self.param_groups[0]["lr"])
        step(self)

    monkeypatch.setattr(torch.optim.AdamW, "step", record)
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    images, labels = torch.rand(100, 1, 4, 4), torch.randint(2, (100,))
    ann_training.train(net, images, labels, ann_training.Recipe(20, 20, 0.5, shift=0.0))
    assert rates[:10] == pytest.approx([0.05 * n for n in range(1, 11)])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(0.25)  # half way down
    assert 0 < rates[-1] < 5e-4


def test_clipped_activations_are_rounded_down_as_rates_are() -> None:
    class Kept(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[torch.Tensor] = []

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.seen.append(x.detach())
            return x

    torch.manual_seed(0)
    kept = Kept()
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.ReLU(), kept, nn.Linear(32, 2))
    images, labels = torch.rand(100, 1, 4, 4), torch.randint(2, (100,))
    recipe = ann_training.Recipe(
        10, 50, 1e-6, shift=0.0, activation_limit=0.5, activation_weight=0.0, clip=0.5, levels=4
    )
    before = net[1].weight.clone()
    ann_training.train(net, images, labels, recipe)
    rounded = [x for x in kept.seen if len(x.unique()) <= 5]
    assert 4 <= len(rounded) <= 16
    for x in rounded:
        torch.testing.assert_close(x.unique(), torch.arange(5) * x.max() / 4)
        assert 0.25 <= x.max() <= 0.5001
    assert not torch.equal(net[1].weight, before)


def test_tables() -> None:
    table = curves.markdown_table("name", {"a": {1: 0.5, 2: 0.75}, "b": {2: 1.0}}, [1, 2])
    assert table.splitlines() == ["| name | T=1 | T=2 |", "|---|---|---|", "| a | 50.00 | 75.00 |", "| b |  | 100.00 |"]


class Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", "9" if self.path == "/cut" else "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def test_download(server: str, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    assert ann2snn.utils.download_url(f"{server}/whole", path) == 5
    assert path.read_bytes() == b"hello"
    path.write_bytes(b"kept")
    assert ann2snn.utils.download_url(f"{server}/whole", str(path)) == 4
    for name, message in (("missing", "can't be fetched: HTTP Error 404"), ("cut", "ended after 5 of 9 bytes")):
        with pytest.raises(ConnectionError, match=message):
            ann2snn.utils.download_url(f"{server}/{name}", tmp_path / name)
    with pytest.raises(ValueError, match=r"must begin with http:// or https://, but 'file:///etc/hosts'"):
        ann2snn.utils.download_url("file:///etc/hosts", tmp_path / "hosts")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.slow
def test_reaches_the_published_accuracies_on_the_whole_mnist(tmp_path: Path, shared_data: Path) -> None:
    """All six of one training with the defaults, and the network before it is converted."""
    results = cnn_mnist.main(["-device", "cpu", "-out-dir", str(tmp_path), "-data-dir", str(shared_data / "mnist")])
    reached = {name: results[name][50] for name in cnn_mnist.MODES}
    reached["ann"] = json.loads((tmp_path / "accuracy.json").read_text())["ann"]
    published = {
        "max": 0.9777,
        "99.9%": 0.9841,
        "1/2": 0.9844,
        "1/3": 0.9828,
        "1/4": 0.9747,
        "1/5": 0.9487,
        "ann": 0.987,
    }
    assert {name: reached[name] > accuracy for name, accuracy in published.items()} == dict.fromkeys(published, True)
    assert max(reached[name] for name in cnn_mnist.MODES) >= 0.9875
    assert results["opi"][16] >= 0.98
