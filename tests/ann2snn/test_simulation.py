"""Runs over time, reports and folded factors."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from spikingjelly import products
from spikingjelly.activation_based import ann2snn, functional
from spikingjelly.activation_based.ann2snn import _linear, simulation
from spikingjelly.activation_based.ann2snn._spiking import SpikingMaxPool
from spikingjelly.activation_based.ann2snn.sample_models import cifar10_resnet, mnist_cnn
from spikingjelly.fusion import build
from spikingjelly.products import _convolution
from tests.ann2snn.networks import Residual, Shared, trained


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.fixture(scope="module")
def ann(x: torch.Tensor) -> nn.Module:
    torch.manual_seed(3)
    return trained(mnist_cnn.CNN(channels=4).double(), x)


@pytest.mark.parametrize("chunk", [1, 3, 10, None])
def test_chunks_change_nothing(chunk: int | None, ann: nn.Module, x: torch.Tensor) -> None:
    snn = ann2snn.convert(ann, [x], "opi")
    functional.set_step_mode(snn, "s")
    one_by_one = ann2snn.simulate(snn, x, 10)
    assert one_by_one.shape == (10, 8, 10)
    functional.set_step_mode(snn, "m")
    torch.testing.assert_close(ann2snn.simulate(snn, x, 10, chunk), one_by_one)
    torch.testing.assert_close(ann2snn.simulate(snn, x, 10, chunk), one_by_one)  # the state was reset


def test_large_batches_run_in_parts(ann: nn.Module, x: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ann2snn.simulate(ann2snn.convert(ann, [x], "opi"), x, 5)
    calls: list[torch.Size] = []
    monkeypatch.setattr(simulation, "_ROWS_AT_ONCE", 17)
    for method in ("opi", "delayed"):
        snn = ann2snn.convert(ann, [x], method, T=5)
        snn.register_forward_hook(lambda m, i, o: calls.append(o.shape[:2]))
        outputs = ann2snn.simulate(snn, x, 5)
        if method == "opi":
            torch.testing.assert_close(outputs, wanted)
        assert calls == [(5, 3), (5, 3), (5, 2)]
        calls.clear()
    monkeypatch.setattr(simulation, "_ROWS_AT_ONCE", 3)
    snn = ann2snn.convert(ann, [x], "opi")
    snn.register_forward_hook(lambda m, i, o: calls.append(o.shape[:2]))
    torch.testing.assert_close(ann2snn.simulate(snn, x[:2], 5), wanted[:, :2])
    assert calls == [(3, 1), (2, 1)] * 2


def test_networks_without_convolutions_take_more_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "_VECTORS_AT_ONCE", 20)
    torch.manual_seed(0)
    ann, x = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.rand(6, 3)
    calls: list[torch.Size] = []
    snn = ann2snn.convert(ann, [x])
    snn.register_forward_hook(lambda m, i, o: calls.append(o.shape[:2]))
    wanted = ann2snn.simulate(snn, x, 5, chunk=1)
    calls.clear()
    torch.testing.assert_close(ann2snn.simulate(snn, x, 5), wanted)
    assert calls == [(5, 4), (5, 2)]


def test_linear_layers_skip_the_zeros_of_spikes(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    ann = nn.Sequential(nn.Linear(8, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 4))
    x = torch.rand(32, 8)
    plain, snn = (ann2snn.convert(ann, [x], "max", fold=fold) for fold in (False, True))
    taken: list[bool] = []

    def linear(*args: torch.Tensor) -> torch.Tensor | None:
        y = original(*args)
        taken.append(y is not None)
        return y

    original = products.linear
    monkeypatch.setattr(products, "linear", linear)
    ann2snn.simulate(snn, x, 16)
    assert not taken
    monkeypatch.setattr(_linear, "FEWEST_ROWS", 32)
    monkeypatch.setattr(_convolution, "SMALLEST_WORK_OF_LINEAR", 1 << 24)
    outputs = ann2snn.simulate(snn, x, 16)
    # 8 inputs, then 512 rows of 256 spikes, then 4 outputs
    assert taken == [False, build.compiler() is not None, False]
    torch.testing.assert_close(outputs.mean(0), ann2snn.simulate(plain, x, 16).mean(0), atol=0.02, rtol=0.0)
    taken.clear()
    with functional.skip_zeros(False):
        ann2snn.simulate(snn, x, 16)
    assert taken == [False] * 3
    assert set(snn.state_dict()) < set(plain.state_dict())


def test_wrong_times(ann: nn.Module, x: torch.Tensor) -> None:
    snn = ann2snn.convert(ann, [x], "delayed", T=4)
    with pytest.raises(ValueError, match="delayed neurons need all steps at once: chunk must be None or at least T=4"):
        ann2snn.simulate(snn, x, 4, chunk=2)
    with pytest.raises(ValueError, match="T must be at least 1, but 0"):
        ann2snn.simulate(snn, x, 0)
    with pytest.raises(ValueError, match="chunk must be at least 1, but 0"):
        ann2snn.simulate(snn, x, 4, chunk=0)
    with pytest.raises(ValueError, match=r"delay must be in \[0, T\), but 3 was given for T = 3"):
        ann2snn.running_mean(torch.zeros(3, 1), delay=3)
    with pytest.raises(ValueError, match="the dataloader gave no batch"):
        ann2snn.accuracy_over_time(snn, [], 4)
    with pytest.raises(TypeError, match=r"must be \(images, labels\), but it is a Tensor"):
        ann2snn.accuracy_over_time(snn, [x], 4)


def test_the_running_mean() -> None:
    outputs = torch.randn(6, 3, 2)
    for delay in (0, 2):
        means = ann2snn.running_mean(outputs, delay)
        for t in range(delay, 6):
            torch.testing.assert_close(means[t - delay], outputs[delay : t + 1].mean(0))


@pytest.mark.parametrize("delay", [0, 3])
def test_accuracy_over_time_in_one_pass(delay: int, ann: nn.Module, x: torch.Tensor) -> None:
    labels = ann(x).argmax(1)
    labels[0] = (labels[0] + 1) % 10
    snn = ann2snn.convert(ann, [x], "robust")
    found = ann2snn.accuracy_over_time(snn, [(x[:5], labels[:5]), (x[5:], labels[5:])], 20, delay)
    outputs = ann2snn.simulate(snn, x, 20)
    for t in range(delay, 20):
        right = outputs[delay : t + 1].mean(0).argmax(1) == labels
        assert found[t - delay].item() == pytest.approx(right.double().mean().item())
    assert found.shape == (20 - delay,)


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("mode", ["s", "m"])
def test_a_report_of_every_layer(mode: str, fold: bool, ann: nn.Module, x: torch.Tensor, tmp_path: Path) -> None:
    snn = ann2snn.convert(ann, [x], ann2snn.Method(scale=0.5), fold=fold)
    functional.set_step_mode(snn, mode)
    report = ann2snn.report(ann, snn, x, T=12, times=(3, 12))
    assert [layer.path for layer in report.layers] == ["network.2", "network.6", "network.10", "(output)"]
    with torch.no_grad():
        wanted = ann.network[:3](x)
        scale = wanted.max() / 2
        current = ann.network[:2](x) / scale
        counts = {t: (t * current).floor().clamp(0, t) for t in (3, 12)}
        logits = ann(x)
    first, last = report.layers[0], report.layers[-1]
    for t, error in zip((3, 12), first.errors, strict=True):
        assert error == pytest.approx(((counts[t] / t * scale - wanted).norm() / wanted.norm()).item(), rel=1e-2)
    assert first.clipped == pytest.approx((wanted > scale).double().mean().item())
    assert first.rate == pytest.approx((counts[12].mean() / 12).item(), rel=1e-2)
    outputs = ann2snn.simulate(snn, x, 12).mean(0)
    assert last.errors[1] == pytest.approx(((outputs - logits).norm() / logits.norm()).item())
    lines = str(report).splitlines()
    assert lines[0].split() == ["relative", "error", "T=3", "T=12", "clipped", "spikes"]
    assert lines[1].split()[0] == "network.2"
    assert lines[1].split()[1] == f"{first.errors[0]:.4f}"
    picture = report.plot(tmp_path / "report.png")
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_a_report_on_more_images_than_run_at_once() -> None:
    torch.manual_seed(0)
    ann, many, T = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.rand(300, 3), 16
    snn = ann2snn.convert(ann, [many])
    report = ann2snn.report(ann, snn, many, T, times=[T])
    with torch.no_grad():
        wanted = ann(many)
        difference = ann2snn.simulate(snn, many, T, chunk=T).mean(0) - wanted
    assert report.layers[-1].errors[0] == pytest.approx((difference.norm() / wanted.norm()).item())
    assert 0 < report.layers[0].rate < 1


def test_default_times_and_wrong_reports(ann: nn.Module, x: torch.Tensor) -> None:
    snn = ann2snn.convert(ann, [x], fuse=False, fold=False)
    assert ann2snn.report(ann, snn, x, T=12, fuse=False).times == (1, 2, 4, 8, 12)
    with pytest.raises(ValueError, match=r"times must be in \[1, T = 4\], but \[5\] was given"):
        ann2snn.report(ann, snn, x, T=4, times=[5])
    with pytest.raises(ValueError, match="the activations of the two networks are not the same"):
        ann2snn.report(nn.Sequential(nn.ReLU()), snn, x, T=4)


@pytest.mark.parametrize(("method", "T"), [("robust", 6), ("bias", 6), ("delayed", 6)])
def test_a_report_leaves_the_folded_network_as_it_is(method: str, T: int, ann: nn.Module, x: torch.Tensor) -> None:
    folded, plain = (ann2snn.convert(ann, [x], method, T, fold=fold) for fold in (True, False))
    wanted = ann2snn.simulate(folded, x, T)
    found, expected = (ann2snn.report(ann, snn, x, T) for snn in (folded, plain))
    assert str(found) == str(expected)
    seen: list[torch.Size] = []
    folded.get_submodule("network.0").register_forward_hook(lambda m, i, o: seen.append(i[0].shape))
    assert torch.equal(ann2snn.simulate(folded, x, T), wanted)
    assert seen == [(8, 1, 22, 22)]  # pixels that nobody reads are left out again


@pytest.mark.parametrize(
    ("make", "method", "folded"),
    [
        (lambda: mnist_cnn.CNN(4), "opi", 6),
        (lambda: mnist_cnn.CNN(4), "bias", 5),
        (lambda: cifar10_resnet.ResNet(cifar10_resnet.BasicBlock, (1, 1), width=4), "robust", 7),
        (Residual, "robust", 5),
        (Residual, "bias", 4),
        (lambda: nn.Sequential(nn.Conv1d(1, 4, 3), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(4, 4, 2, groups=2)), "opi", 2),
        (
            lambda: nn.Sequential(nn.Conv1d(1, 4, 3), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(4, 4, 2, groups=2)),
            "local",
            1,
        ),
    ],
)
def test_folded_factors(make, method: str, folded: int) -> None:
    net = make().double()
    first = next(m for m in net.modules() if isinstance(m, nn.Conv1d | nn.Conv2d))
    side = 28 if isinstance(net, mnist_cnn.CNN) else 8
    shape = (first.in_channels, *[side] * (1 if isinstance(first, nn.Conv1d) else 2))
    x = torch.rand(6, *shape, dtype=torch.float64)
    ann = trained(net, x)
    snn = ann2snn.convert(ann, [x], method, T=8, fold=False)
    before = ann2snn.simulate(snn, x, 8)
    assert ann2snn.fold_scales(snn) == folded
    torch.testing.assert_close(ann2snn.simulate(snn, x, 8), before)
    assert ann2snn.fold_scales(snn) == 0
    neurons = [m for m in snn.modules() if hasattr(m, "if_node")]
    assert sum(isinstance(part, nn.Identity) for m in neurons for part in (m.scaler0, m.scaler1)) == folded


@pytest.mark.parametrize("method", ["opi", "bias", "potential", "signed", "delayed"])
def test_conversion_folds(method: str, ann: nn.Module, x: torch.Tensor) -> None:
    folded, plain = (ann2snn.convert(ann, [x], method, T=6, fold=fold) for fold in (True, False))
    torch.testing.assert_close(ann2snn.simulate(folded, x, 6), ann2snn.simulate(plain, x, 6))
    assert ann2snn.fold_scales(folded) == 0
    assert "network.2.scaler1.scale" in plain.state_dict()
    assert "network.2.scaler1.scale" not in folded.state_dict()
    copied = copy.deepcopy(folded).float()
    assert copied.get_submodule("network.2").spike_value.dtype == torch.float32
    torch.testing.assert_close(copied.get_submodule("network.2").spike_value.double(), plain.get_submodule("network.2").scaler1.scale)  # fmt: skip


def test_layers_that_are_called_twice_keep_their_weights() -> None:
    class Twice(Shared):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.third(self.relu(self.second(self.relu(self.second(self.relu(self.first(x)))))))

    x = torch.rand(6, 6, dtype=torch.float64)
    snn = ann2snn.convert(Twice().double().eval(), [x], "opi", fold=False)
    before, weight = ann2snn.simulate(snn, x, 8), snn.second.weight.clone()
    assert ann2snn.fold_scales(snn) == 2
    assert torch.equal(snn.second.weight, weight)
    torch.testing.assert_close(ann2snn.simulate(snn, x, 8), before)


@pytest.mark.parametrize("max_pool", ["rates", "spikes"])
def test_max_pooling_lets_factors_pass(max_pool: str) -> None:
    x = torch.rand(4, 1, 8, 8, dtype=torch.float64)
    snn = ann2snn.convert(trained(Residual().double(), x), [x], ann2snn.Method(max_pool=max_pool), fold=False)
    assert any(isinstance(m, SpikingMaxPool) for m in snn.modules()) is (max_pool == "rates")
    before = ann2snn.simulate(snn, x, 16)
    assert ann2snn.fold_scales(snn) == 5
    torch.testing.assert_close(ann2snn.simulate(snn, x, 16), before)
