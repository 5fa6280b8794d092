"""convert: every method, every parameter of a method, and the errors."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import ann2snn, functional
from spikingjelly.activation_based.ann2snn import _weights
from spikingjelly.activation_based.ann2snn.sample_models import mnist_cnn
from tests.ann2snn.networks import Residual, slow_simulation, trained


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return torch.rand(24, 1, 28, 28, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture(scope="module")
def ann(x: torch.Tensor) -> nn.Module:
    torch.manual_seed(1)
    return trained(mnist_cnn.CNN(channels=6, num_classes=4).double(), x)


def error(snn: nn.Module, ann: nn.Module, x: torch.Tensor, T: int) -> float:
    with torch.no_grad():
        return ((ann2snn.simulate(snn, x, T).mean(0) - ann(x)).norm() / ann(x).norm()).item()


def scales_of(snn: nn.Module) -> list[torch.Tensor]:
    return [m.scaler1.scale for m in snn.modules() if hasattr(m, "scaler1")]


def mean_output(snn: nn.Module, path: str, x: torch.Tensor, T: int) -> torch.Tensor:
    """Of one neuron module, over time: ``[N, *]``."""
    kept: list[torch.Tensor] = []
    with snn.get_submodule(path).register_forward_hook(lambda m, i, o: kept.append(o.unflatten(0, (T, -1)).mean(0))):
        ann2snn.simulate(snn, x, T)
    return kept[0]


@pytest.mark.parametrize("name", list(ann2snn.METHODS))
def test_more_steps_are_better(name: str, ann: nn.Module, x: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_weights, "_STEPS", 10)
    few, many = (error(ann2snn.convert(ann, [x], name, T), ann, x, T) for T in (4, 64))
    assert many < 0.5 * few
    assert many < (0.05 if name in ("max", "robust") else 0.02)


@pytest.mark.parametrize("name", ["opi", "local", "bias", "potential", "delayed", "signed"])
def test_few_steps_are_better_than_with_the_published_conversion(name: str, ann: nn.Module, x: torch.Tensor) -> None:
    published = error(ann2snn.convert(ann, [x], "max"), ann, x, 8)
    assert error(ann2snn.convert(ann, [x], name, 8), ann, x, 8) < 0.6 * published


def test_a_method_that_is_made_by_hand() -> None:
    torch.manual_seed(2)
    net = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    x = torch.rand(16, 6)
    snn = ann2snn.convert(net, [x], ann2snn.Method(scale=0.5, v_init=0.25), fold=False)
    with torch.no_grad():
        scales = [net[:2](x).max().item() / 2, net[:4](x).max().item() / 2]
        assert [s.item() for s in scales_of(snn)] == scales
        torch.testing.assert_close(ann2snn.simulate(snn, x, 12), slow_simulation(net, scales, x, 12, start=0.25))
        functional.set_step_mode(snn, "s")
        torch.testing.assert_close(ann2snn.simulate(snn, x, 12), slow_simulation(net, scales, x, 12, start=0.25))


@pytest.mark.parametrize(("scale", "part"), [("max", 1.0), (0.5, 0.5), ("50%", None)])
def test_scales_of_channels(scale: str | float, part: float | None, ann: nn.Module, x: torch.Tensor) -> None:
    snn = ann2snn.convert(ann, [x, 2 * x], ann2snn.Method(scale=scale, per_channel=True, momentum=0.5), fold=False)
    with torch.no_grad():
        batches = [ann.network[:3](batch).transpose(0, 1).flatten(1) for batch in (x, 2 * x)]
    rows = [b.quantile(0.5, dim=1) if part is None else b.amax(1) * part for b in batches]
    wanted = (rows[0] + rows[1]) / 2
    wanted = torch.where(wanted > 0, wanted, 1.0)
    torch.testing.assert_close(scales_of(snn)[0].flatten(), wanted)
    assert scales_of(snn)[0].shape == (6, 1, 1)


@pytest.mark.parametrize("per_channel", [False, True])
def test_local_scales_are_least_wrong(per_channel: bool, ann: nn.Module, x: torch.Tensor) -> None:
    T = 6
    snn = ann2snn.convert(ann, [x[:12], x[12:]], ann2snn.Method("local", per_channel, v_init=0.5), T=T, fold=False)
    scale = scales_of(snn)[0]
    with torch.no_grad():
        a = ann.network[:3](x)

    def wrong(s: torch.Tensor) -> torch.Tensor:
        squares = ((a * T / s + 0.5).floor().clamp(0, T) * s / T - a).square()
        return squares.sum((0, 2, 3)) if per_channel else squares.sum()

    for factor in (0.5, 0.8, 1.25, 2.0):
        assert (wrong(scale) <= wrong(scale * factor) + 1e-9).all()


def test_a_calibrated_current_makes_mean_rates_right(ann: nn.Module, x: torch.Tensor) -> None:
    method = replace(ann2snn.METHODS["bias"], scale="90%", per_channel=False, v_init=0.0)
    plain = ann2snn.convert(ann, [x], replace(method, calibrate=None), T=8, fold=False)
    calibrated = ann2snn.convert(ann, [x], method, T=8, fold=False)
    means = [mean_output(snn, "network.2", x, 8).mean((0, 2, 3)) for snn in (plain, calibrated)]
    with torch.no_grad():
        wanted = ann.network[:3](x).mean((0, 2, 3))
    assert (means[1] - wanted).norm() < 0.5 * (means[0] - wanted).norm()
    assert calibrated.get_submodule("network.2").offset.shape == (6, 1, 1)
    assert "network.2.offset" in calibrated.state_dict()


def test_a_calibrated_potential_is_one_for_each_neuron(ann: nn.Module, x: torch.Tensor) -> None:
    plain, calibrated = (ann2snn.convert(ann, [x], name, T=8, fold=False) for name in ("local", "potential"))
    with torch.no_grad():
        wanted = ann.network[:3](x).mean(0)
    start = calibrated.state_dict()["network.2.if_node.v_start"]
    assert start.shape == (6, 26, 26)
    error = wanted - mean_output(plain, "network.2", x, 8).mean(0)
    torch.testing.assert_close(start, 0.5 + 8 * error / scales_of(plain)[0])
    assert (wanted - mean_output(calibrated, "network.2", x, 8).mean(0)).norm() < 0.9 * error.norm()


def adam(value: torch.Tensor, gradient: torch.Tensor, moments: list[torch.Tensor], step: int, lr: float) -> None:
    """Kingma and Ba, 2015, with the usual constants."""
    moments[0] = 0.9 * moments[0] + 0.1 * gradient
    moments[1] = 0.999 * moments[1] + 0.001 * gradient**2
    mean, square = moments[0] / (1 - 0.9**step), moments[1] / (1 - 0.999**step)
    value -= lr * mean / (square.sqrt() + 1e-8)


def test_calibrated_weights_against_steps_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_weights, "_STEPS", 7)
    monkeypatch.setattr(_weights, "_STEP_SIZE", 0.02)
    monkeypatch.setattr(_weights, "_SAMPLES", 6)
    monkeypatch.setattr(_weights, "_error", lambda seen: 0.0)  # keep what comes out, better or not
    torch.manual_seed(0)
    T, x = 4, torch.rand(16, 5, dtype=torch.float64)
    net = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3)).double().eval()
    snn = ann2snn.convert(net, [x], "weights", T, fold=False)
    bias = ann2snn.convert(net, [x], "bias", T, fold=False)
    scale = bias.get_submodule("1").scaler1.scale
    weight, current = bias.get_submodule("0").weight.detach().clone(), bias.get_submodule("1").offset.clone()
    constant, wanted = net[0].bias.detach(), net[:2](x).detach()
    lr = 0.02 * weight.std().item(), 0.02 * scale.mean().item()
    moments = [[torch.zeros_like(value)] * 2 for value in (weight, current)]
    rows = [slice(0, 6), slice(6, 12), slice(12, 16)]
    for step in range(1, 8):
        few = rows[(step - 1) % 3]
        charge = (x[few] @ weight.T + constant + current) / scale
        rate = (torch.floor(T * charge + 0.5) / T).clamp(0, 1)
        inside = (torch.floor(T * charge + 0.5) >= 0) & (torch.floor(T * charge + 0.5) <= T)
        slope = 2 * (scale * rate - wanted[few]) * inside / rate.numel()
        adam(weight, slope.T @ x[few], moments[0], step, lr[0])
        adam(current, slope.sum(0), moments[1], step, lr[1])
    torch.testing.assert_close(snn.get_submodule("0").weight.detach(), weight)
    torch.testing.assert_close(snn.get_submodule("1").offset, current)


def test_calibrated_weights_are_kept_only_where_they_help(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    x = torch.rand(16, 1, 8, 8, dtype=torch.float64)
    net = trained(Residual().double(), x)
    bias, weights = (ann2snn.convert(net, [x], name, T=4, fold=False) for name in ("bias", "weights"))
    changed = [key for key, value in bias.state_dict().items() if not torch.equal(value, weights.state_dict()[key])]
    assert "hidden.weight" in changed
    assert "shortcut.weight" not in changed  # three branches are added up before the neurons
    assert error(weights, net, x, 4) < error(bias, net, x, 4)
    assert all(parameter.grad is None for parameter in weights.parameters())
    monkeypatch.setattr(_weights, "_STEP_SIZE", 10.0)
    spoilt = ann2snn.convert(net, [x], "weights", T=4, fold=False)
    assert all(torch.equal(value, bias.state_dict()[key]) for key, value in spoilt.state_dict().items())


@pytest.mark.parametrize("T", [2, 5, 16])
def test_delayed_neurons_give_the_ann_with_T_levels_exactly(T: int, x: torch.Tensor) -> None:
    """With residual sums, shared modules and max pooling: whatever the network, each layer's mean output is exact."""
    images = x[:6, :, :8, :8]
    ann = trained(Residual().double(), images)
    snn = ann2snn.convert(ann, [images], "delayed", T=T, fuse=False, fold=False)
    scales = {path: m.scaler1.scale for path, m in snn.named_modules() if hasattr(m, "scaler1")}
    assert list(scales) == ["relu", "relu_1", "relu_2", "relu_3"]

    class Quantised(Residual):
        def quantised(self, v: torch.Tensor, path: str) -> torch.Tensor:
            return (v * T / scales[path] + 0.5).floor().clamp(0, T) * scales[path] / T

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = self.quantised(self.stem(x), "relu")
            h = self.quantised(self.norm(self.conv(h)), "relu_1") + h + self.shortcut(x)
            h = nn.functional.max_pool2d(self.pool(self.quantised(h, "relu_2")), 2).flatten(1)
            return self.out(self.quantised(self.hidden(h), "relu_3"))

    quantised = Quantised().double().eval()
    quantised.load_state_dict(ann.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(ann2snn.simulate(snn, images, T).mean(0), quantised(images), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("L", [2, 4])
def test_networks_trained_with_qcfs_are_converted_exactly(L: int, ann: nn.Module, x: torch.Tensor) -> None:
    quantised = ann2snn.replace_activations(ann, L, dataloader=[x], mode="99%")
    with torch.no_grad():
        wanted = quantised(x)
    exact = ann2snn.convert(quantised, method="qcfs_delayed")
    torch.testing.assert_close(ann2snn.simulate(exact, x, L).mean(0), wanted, rtol=1e-9, atol=1e-9)
    plain = ann2snn.convert(quantised, method="qcfs", fold=False)
    assert (ann2snn.simulate(plain, x, L).mean(0) - wanted).abs().max() > 1e-3  # spikes that come unevenly
    assert [s.item() for s in scales_of(plain)] == [
        m.threshold.item() for m in quantised.network if isinstance(m, ann2snn.QCFS)
    ]


def test_replaced_activations(ann: nn.Module, x: torch.Tensor) -> None:
    quantised = ann2snn.replace_activations(ann.train(), L=3, threshold=2.5)
    ann.eval()
    activations = [m for m in quantised.modules() if isinstance(m, ann2snn.QCFS)]
    assert [(m.L, m.threshold.item()) for m in activations] == [(3, 2.5)] * 3
    assert type(quantised) is mnist_cnn.CNN
    assert quantised.training
    measured = ann2snn.replace_activations(ann, dataloader=[(x, 0)], mode="max")
    with torch.no_grad():
        assert measured.network[2].threshold.item() == pytest.approx(ann.network[:3](x).max().item())
    assert measured.network[2].L == 8
    for levels in (2, 16):
        fitted = ann2snn.replace_activations(ann, levels, dataloader=[x]).network[2].threshold.item()
        same = ann2snn.Method("local", v_init=0.5)
        assert fitted == pytest.approx(scales_of(ann2snn.convert(ann, [x], same, T=levels, fold=False))[0].item())
        assert fitted < measured.network[2].threshold.item()
    with pytest.raises(NotImplementedError, match="largest"):
        ann2snn.replace_activations(ann, dataloader=[x], mode="largest")
    with pytest.raises(ValueError, match="replace_activations: activations are NaN or infinite"):
        ann2snn.replace_activations(ann, dataloader=[x * float("nan")])
    optimizer = torch.optim.SGD(measured.parameters(), lr=0.1)
    before = measured.network[2].threshold.item()
    measured(x).square().sum().backward()
    optimizer.step()
    assert measured.network[2].threshold.item() != before
    with pytest.raises(ValueError, match="Linear has no module nn.ReLU or nn.ReLU6"):
        ann2snn.replace_activations(nn.Linear(2, 2))


def test_the_result_is_on_the_device_and_in_the_mode(ann: nn.Module, x: torch.Tensor) -> None:
    snn = ann2snn.convert(ann, [x], device="cpu", fuse=False)
    assert not snn.training
    assert any(isinstance(m, nn.BatchNorm2d) for m in snn.modules())
    assert {m.step_mode for m in snn.modules() if hasattr(m, "step_mode")} == {"m"}


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("method", ["max", "opi", "bias", "potential", "signed", "delayed"])
def test_the_dtype_stays(method: str, dtype: torch.dtype) -> None:
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3)).to(dtype)
    x = torch.rand(32, 6).to(dtype)
    snn = ann2snn.convert(net, [x], method, T=16)
    assert {v.dtype for v in (*snn.parameters(), *snn.buffers()) if v.is_floating_point()} == {dtype}
    assert ann2snn.simulate(snn, x, 16).dtype == dtype
    assert error(snn, net, x, 16) < 0.2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the compiler itself, about its own parts
def test_compiled_networks() -> None:
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    x = torch.rand(32, 6)
    snn = ann2snn.convert(net, [x])
    wanted = ann2snn.simulate(snn, x, 8)
    compiled = torch.compile(snn)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x.expand(8, 32, 6)), wanted)
        functional.reset_net(snn)
        torch.testing.assert_close(compiled(x.expand(5, 32, 6)), wanted[:5])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"method": "best"}, ValueError, r"method must be one of 'max', 'robust', .* or a Method, but 'best'"),
        ({"method": "local"}, ValueError, r"fits the network to its number of time steps; give T, such as T=16"),
        ({"method": "bias"}, ValueError, r"give T, such as"),
        ({"T": 0}, ValueError, r"T must be an int of at least 1, or None, but 0 was given"),
        ({"T": 2.5}, ValueError, r"T must be an int"),
        ({"dataloader": None}, ValueError, r"activations of 3 layers have to be measured, such as 'network.2'; give a"),
        ({"dataloader": None, "method": "bias", "T": 4}, ValueError, r"calibrate='bias' needs a dataloader"),
        ({"dataloader": iter([])}, TypeError, r"a generator can be run only once. Give a DataLoader, or a list"),
        ({"dataloader": []}, ValueError, r"the dataloader gave no batch"),
        ({"model": 3}, TypeError, r"model must be a torch.nn.Module, but a int was given"),
        ({"model": nn.Linear(2, 2)}, ValueError, r"Linear has no activation to convert. ReLU, ReLU6 and QCFS"),
    ],
)
def test_errors(arguments: dict, error: type, message: str, ann: nn.Module, x: torch.Tensor) -> None:
    with pytest.raises(error, match=message):
        ann2snn.convert(**{"model": ann, "dataloader": [x], **arguments})


@pytest.mark.parametrize("scale", ["local", "max"])
@pytest.mark.parametrize("per_channel", [True, False])
def test_bad_images(scale: str, per_channel: bool, ann: nn.Module, x: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="activations are NaN or infinite"):
        ann2snn.convert(ann, [x * float("inf")], ann2snn.Method(scale, per_channel), T=2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"scale": "most"}, NotImplementedError, r"Method: mode 'most' is not known. Choose 'max'"),
        ({"neuron": "lif"}, ValueError, r"neuron must be one of 'if', 'signed', 'delayed', but 'lif'"),
        ({"max_pool": "all"}, ValueError, r"max_pool must be one of 'rates', 'spikes', but 'all'"),
        ({"calibrate": "all"}, ValueError, r"calibrate must be one of None, 'bias', 'potential', 'weights', but 'all'"),
        ({"v_init": 1.0}, ValueError, r"v_init must be in \[0, 1\), but 1.0"),
        ({"momentum": -0.1}, ValueError, r"momentum must be in \[0, 1\], but -0.1"),
        ({"calibrate": "potential", "neuron": "signed"}, ValueError, r"calibrate='potential' needs neuron='if'"),
    ],
)
def test_wrong_methods(arguments: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        ann2snn.Method(**arguments)
