"""The published conversion: names, layout, modes, and that the spiking network computes what the ANN does."""

import copy
import functools
import io
import logging
import math
import re
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import fx, nn
from tqdm import tqdm

from spikingjelly.activation_based import ann2snn, functional, neuron
from spikingjelly.activation_based.ann2snn import _batches
from spikingjelly.activation_based.ann2snn.sample_models import cifar10_resnet, mnist_cnn
from tests.ann2snn.networks import Functional, Residual, Shared, slow_simulation, trained


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3)).eval()


@torch.no_grad()
def step_by_step(snn: nn.Module, x: torch.Tensor, T: int) -> torch.Tensor:
    functional.reset_net(snn)
    functional.set_step_mode(snn, "s")
    outputs = torch.stack([snn(x) for _ in range(T)])
    functional.reset_net(snn)
    return outputs


def scales_of(snn: nn.Module) -> list[float]:
    return [m.scaler1.scale.item() for m in snn.modules() if hasattr(m, "scaler1")]


def relative_error(outputs: torch.Tensor, wanted: torch.Tensor) -> float:
    return ((outputs.mean(0) - wanted).norm() / wanted.norm()).item()


def test_a_sequential_against_a_slow_simulation() -> None:
    ann, x = mlp(), torch.rand(16, 6)
    snn = ann2snn.Converter([(x, torch.zeros(16))])(ann)
    with torch.no_grad():
        activations = [ann[:2](x), ann[:4](x)]
        assert scales_of(snn) == [a.max().item() for a in activations]
        torch.testing.assert_close(step_by_step(snn, x, 30), slow_simulation(ann, scales_of(snn), x, 30))
        assert relative_error(step_by_step(snn, x, 500), ann(x)) < 0.02


def test_keys_types_and_names_of_the_result() -> None:
    ann = mlp()
    snn = ann2snn.Converter(mode="99.9%", dataloader=[torch.rand(16, 6)])(ann)
    assert isinstance(snn, fx.GraphModule)
    assert set(snn.state_dict()) == set(ann.state_dict()) | {f"{i}.scaler{k}.scale" for i in (1, 3) for k in (0, 1)}
    node = snn.get_submodule("1.if_node")
    assert type(node) is neuron.IFNode
    assert (node.v_threshold, node.v_reset, node.step_mode) == (1.0, None, "s")
    scalers = [snn.get_submodule(f"1.scaler{k}") for k in (0, 1)]
    assert all(type(scaler) is ann2snn.VoltageScaler for scaler in scalers)
    assert scalers[0].scale * scalers[1].scale == pytest.approx(1)


@pytest.mark.parametrize(
    "former",
    [
        ("snn tailor.{i}.0", "snn tailor.{i}.2"),
        ("{path}.0", "{path}.2"),
        ("spiking_{i}.scaler0", "spiking_{i}.scaler1"),
    ],
)
def test_keys_of_other_releases_can_be_loaded(former: tuple[str, str]) -> None:
    converter = ann2snn.Converter([torch.rand(16, 6)])
    ann = mlp()
    source, target = converter(ann), ann2snn.Converter([torch.rand(4, 6)])(ann)
    older = {}
    for key, value in source.state_dict().items():
        path, _, part = key.removesuffix(".scale").rpartition(".")
        if part.startswith("scaler"):
            key = former[int(part[-1])].format(i=("1", "3").index(path), path=path) + ".scale"
        older[key] = value
    assert not set(older) & {"1.scaler0.scale", "3.scaler1.scale"}
    for receiver in (target, copy.deepcopy(target)):
        receiver.load_state_dict(older)
        assert scales_of(receiver) == scales_of(source)


def test_the_ann_stays_as_it_is() -> None:
    ann = Residual().train()
    x = torch.rand(8, 1, 8, 8)
    before = copy.deepcopy(ann.state_dict())
    snn = ann2snn.Converter([x])(ann)
    assert ann.training
    assert all(module.training for module in ann.modules())
    assert ann.relu.inplace
    assert all(torch.equal(value, before[key]) for key, value in ann.state_dict().items())
    assert not snn.training
    assert not any(a is b for a in ann.modules() for b in snn.modules())


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("Max", lambda a: a.max().item()),
        ("mAX", lambda a: a.max().item()),
        ("99%", lambda a: np.percentile(a.numpy(), 99)),
        ("12.5%", lambda a: np.percentile(a.numpy(), 12.5)),
        (0.5, lambda a: a.max().item() / 2),
        (1.0, lambda a: a.max().item()),
    ],
)
def test_modes_and_momentum(mode: str | float, expected) -> None:
    hook = ann2snn.VoltageHook(momentum=0.25, mode=mode)
    batches = [torch.rand(40) * size for size in (1, 3, 2)]
    scale = None
    for batch in batches:
        assert hook(batch) is batch
        now = expected(batch)
        scale = now if scale is None else 0.75 * scale + 0.25 * now
    assert hook.scale.item() == pytest.approx(scale, rel=1e-6)
    assert list(hook.state_dict()) == ["scale"]
    assert f"scale={scale:.6f}"[:12] in repr(hook)
    snn = ann2snn.Converter([(batch[:36].view(6, 6), 0) for batch in batches], mode=mode, momentum=0.25)(
        nn.Sequential(nn.ReLU(), nn.Linear(6, 2))
    )
    assert scales_of(snn)[0] > 0


def test_the_converter_passes_momentum_on() -> None:
    batches = [torch.full((2, 6), value) for value in (1.0, 3.0)]
    snn = ann2snn.Converter(batches, momentum=0.5)(nn.Sequential(nn.ReLU(), nn.Linear(6, 2)))
    assert scales_of(snn) == [2.0]


@pytest.mark.parametrize("mode", ["Mix", "101%", "0%", "%", "x%", 0.0, 1.5, -0.5, 1, None, True])
def test_unknown_modes(mode: object) -> None:
    with pytest.raises(NotImplementedError, match="Choose 'max' .* a percentile such as '99.9%', or a float in"):
        ann2snn.Converter([], mode=mode)
    with pytest.raises(NotImplementedError, match=r"VoltageHook: mode .* is not known"):
        ann2snn.VoltageHook(mode=mode)


def test_voltage_scaler() -> None:
    scaler = ann2snn.VoltageScaler(2.5)
    assert torch.equal(scaler(torch.tensor([1.0, -2.0])), torch.tensor([2.5, -5.0]))
    assert repr(scaler) == "VoltageScaler(2.500000)"
    assert list(scaler.state_dict()) == ["scale"]
    assert repr(ann2snn.VoltageScaler(torch.ones(3, 1, 1))) == "VoltageScaler(<tensor [3, 1, 1]>)"


RELUS = {
    "F.relu": F.relu,
    "F.relu in place": lambda x: F.relu(x, inplace=True),
    "F.relu_": F.relu_,
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "x.relu": lambda x: x.relu(),
    "x.relu_": lambda x: x.relu_(),
    "F.relu6": F.relu6,
}


@pytest.mark.parametrize("name", RELUS)
def test_every_functional_form(name: str) -> None:
    ann, x = Functional(RELUS[name]).eval(), torch.rand(16, 6)
    snn = ann2snn.Converter([x])(ann)
    assert len(scales_of(snn)) == 1
    layers = nn.Sequential(ann.first, nn.ReLU(), ann.second)
    with torch.no_grad():
        torch.testing.assert_close(step_by_step(snn, x, 20), slow_simulation(layers, scales_of(snn), x, 20))


def test_a_shared_relu_is_two_neurons() -> None:
    ann, x = Shared().eval(), torch.rand(16, 6)
    snn = ann2snn.Converter([x])(ann)
    assert {"relu.scaler0.scale", "relu_1.scaler0.scale"} <= set(snn.state_dict())
    layers = nn.Sequential(ann.first, nn.ReLU(), ann.second, nn.ReLU(), ann.third)
    with torch.no_grad():
        torch.testing.assert_close(step_by_step(snn, x, 20), slow_simulation(layers, scales_of(snn), x, 20))


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (Residual, (1, 8, 8)),
        (lambda: mnist_cnn.CNN(channels=4, num_classes=5), (1, 28, 28)),
        (lambda: cifar10_resnet.ResNet(cifar10_resnet.BasicBlock, (1, 1), width=4), (3, 16, 16)),
        (lambda: cifar10_resnet.ResNet(cifar10_resnet.Bottleneck, (1, 1), num_classes=4, width=4), (3, 16, 16)),
        (lambda: nn.Sequential(nn.Linear(6, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, 3)), (6,)),
        (
            lambda: nn.Sequential(nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4, affine=False), nn.ReLU6(), nn.AvgPool1d(2)),
            (2, 8),
        ),
        (lambda: nn.Sequential(nn.Conv3d(1, 3, 2), nn.BatchNorm3d(3), nn.ReLU(), nn.MaxPool3d(2)), (1, 4, 4, 4)),
    ],
)
def test_whole_networks_in_both_step_modes(make, shape: tuple[int, ...], fuse: bool) -> None:
    x = torch.rand(6, *shape, dtype=torch.float64)  # in float32, convolutions of another batch size flip some spikes
    ann = trained(make().double(), x)
    snn = ann2snn.Converter([x], fuse_flag=fuse)(ann)
    assert any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in snn.modules()) is not fuse
    with torch.no_grad():
        one_by_one = step_by_step(snn, x, 16)
        functional.set_step_mode(snn, "m")
        static = snn(x.expand(16, *x.shape))
        functional.reset_net(snn)
        changing = snn(torch.stack([x] * 16))
        outputs, wanted = ann2snn.simulate(ann2snn.convert(ann, [x], "max", fuse=fuse), x, 128), ann(x)
    torch.testing.assert_close(static, one_by_one)
    torch.testing.assert_close(changing, one_by_one)
    assert relative_error(outputs, wanted) < 0.1
    assert relative_error(outputs, wanted) < 0.5 * relative_error(outputs[:16], wanted)


def test_a_sequence_that_changes_over_time() -> None:
    x_seq = torch.rand(12, 4, 1, 8, 8, dtype=torch.float64)
    snn = ann2snn.Converter([x_seq[0]])(trained(Residual().double(), x_seq[0]))
    with torch.no_grad():
        one_by_one = torch.stack([snn(x) for x in x_seq])
        functional.reset_net(snn)
        functional.set_step_mode(snn, "m")
        torch.testing.assert_close(snn(x_seq), one_by_one)


def test_gradients_of_a_repeated_input_reach_it() -> None:
    x = torch.rand(4, 6, requires_grad=True)
    snn = ann2snn.Converter([x.detach()])(mlp())
    functional.set_step_mode(snn, "m")
    snn(x.expand(5, 4, 6)).sum().backward()
    assert x.grad.abs().sum() > 0


def test_copies_and_pickles() -> None:
    x = torch.rand(4, 1, 8, 8, dtype=torch.float64)
    snn = ann2snn.Converter([x])(trained(Residual().double(), x))
    file = io.BytesIO()
    torch.save(snn, file)
    file.seek(0)
    wanted = step_by_step(snn, x, 8)
    for other in (copy.deepcopy(snn), torch.load(file, weights_only=False)):
        assert torch.equal(step_by_step(other, x, 8), wanted)
        functional.set_step_mode(other, "m")
        with torch.no_grad():
            torch.testing.assert_close(other(x.expand(8, *x.shape)), wanted)


class Pooled(nn.Module):
    """Max pooling of a ReLU, in a forward that torch.fx can follow or not."""

    def __init__(self, traceable: bool) -> None:
        super().__init__()
        self.relu, self.pool, self.traceable = nn.ReLU(), nn.MaxPool1d(2), traceable

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.traceable and x.sum() < 0:
            x = -x
        return self.pool(self.relu(x))


@pytest.mark.parametrize("traceable", [True, False])
def test_max_pooling_of_spikes_or_of_rates(traceable: bool, caplog: pytest.LogCaptureFixture) -> None:
    ann = Pooled(traceable).eval()
    x = torch.tensor([[[0.2, 0.7, 0.45, 0.4]], [[1.0, 0.9, 0.0, 0.3]]])
    with caplog.at_level(logging.INFO):
        published = ann2snn.Converter([x])(ann)
    assert "gives more than the largest rate: 'pool'. convert(...) pools rates" in caplog.text
    assert type(published.pool) is nn.MaxPool1d
    neurons = step_by_step(ann2snn.Converter([x])(nn.Sequential(nn.ReLU())), x, 20)
    wanted = torch.stack([ann.pool(spikes) for spikes in neurons])
    torch.testing.assert_close(step_by_step(published, x, 20), wanted)
    spikes = ann2snn.convert(ann, [x], ann2snn.Method(scale="max", max_pool="spikes"))
    torch.testing.assert_close(ann2snn.simulate(spikes, x, 20), wanted)

    outputs = ann2snn.simulate(ann2snn.convert(ann, [x], "max"), x, 20)
    torch.testing.assert_close(outputs.sum(0), torch.tensor([[[14.0, 9.0]], [[20.0, 6.0]]]), rtol=0, atol=1)
    assert set(outputs.unique().tolist()) <= {0.0, 1.0}
    assert (wanted.sum(0) > outputs.sum(0)).any()  # pooling single spikes is too much


def test_static_steps() -> None:
    """A repeated image passes the layers before the first neuron once."""
    ann = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3))
    x = torch.rand(3, 1, 8, 8)
    snn = ann2snn.Converter([x])(ann)
    functional.set_step_mode(snn, "m")
    rows = {}
    for name in "02":
        snn.get_submodule(name).register_forward_hook(lambda m, i, o, name=name: rows.update({name: len(o)}))
    with torch.no_grad():
        snn(x.expand(7, *x.shape))
    assert rows == {"0": 3, "2": 21}


def test_the_static_methods() -> None:
    x = torch.rand(8, 1, 28, 28)
    ann = trained(mnist_cnn.CNN(4), x)
    traced = ann2snn.Converter.fuse(fx.symbolic_trace(copy.deepcopy(ann)), fuse_flag=True)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in traced.modules())
    hooked = ann2snn.Converter.set_voltagehook(traced, mode=0.5, momentum=0.3)
    hooks = {n: m for n, m in hooked.named_modules() if isinstance(m, ann2snn.VoltageHook)}
    assert list(hooks) == ["network.2.voltage_hook_0", "network.6.voltage_hook_1", "network.10.voltage_hook_2"]
    assert {(m.mode, m.momentum) for m in hooks.values()} == {(0.5, 0.3)}
    with torch.no_grad():
        torch.testing.assert_close(hooked(x), ann(x))
    snn = ann2snn.Converter.replace_by_ifnode(hooked)
    assert torch.equal(step_by_step(snn, x, 4), step_by_step(ann2snn.Converter([x], mode=0.5)(ann), x, 4))
    unfused = ann2snn.Converter.fuse(fx.symbolic_trace(ann), fuse_flag=False)
    assert any(isinstance(m, nn.BatchNorm2d) for m in unfused.modules())
    with pytest.raises(ValueError, match="no activation to convert.*call set_voltagehook before"):
        ann2snn.Converter.replace_by_ifnode(unfused)


def test_layers_that_are_called_twice_are_not_fused() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.relu = nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(self.relu(self.norm(self.conv(x))))

    x = torch.rand(4, 2, 5, 5)
    ann = trained(Twice(), x)
    snn = ann2snn.Converter([x])(ann)
    assert isinstance(snn.norm, nn.BatchNorm2d)
    with torch.no_grad():
        assert relative_error(step_by_step(snn, x, 400), ann(x)) < 0.02


def test_an_operation_in_place_changes_what_is_read_later() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.relu = nn.Linear(6, 6), nn.ReLU(inplace=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = self.layer(x)
            self.relu(h)
            return h

    x = torch.rand(8, 6)
    ann = InPlace().eval()
    snn = ann2snn.Converter([x])(ann)
    with torch.no_grad():
        assert relative_error(step_by_step(snn, x, 400), ann(x)) < 0.02


def test_what_batches_may_be() -> None:
    x = torch.rand(8, 6)
    for loader in (
        [x],
        [(x, 1)],
        [[x, 1]],
        iter([(x, 1)]),
        torch.utils.data.DataLoader(list(zip(x, range(8), strict=True))),
    ):
        assert isinstance(ann2snn.Converter(loader)(mlp()), nn.Module)
    with pytest.raises(
        TypeError, match=r"must be \(images, labels\), or images alone, but it is a dict with the keys 'x'"
    ):
        ann2snn.Converter([{"x": x}])(mlp())
    with pytest.raises(TypeError, match="but it is a int"):
        ann2snn.Converter([3])(mlp())
    with pytest.raises(ValueError, match="the dataloader gave no batch"):
        ann2snn.Converter([])(mlp())
    with pytest.raises(TypeError, match=r"the dataloader must be a DataLoader or a list of batches, but a None"):
        ann2snn.Converter(None)(mlp())


class Scaled(nn.Module):
    """A forward with an optional factor, which may decide what happens."""

    def __init__(self, branches: bool = False) -> None:
        super().__init__()
        self.conv, self.bn, self.relu1 = nn.Conv1d(2, 4, 3, padding=1, bias=False), nn.BatchNorm1d(4), nn.ReLU()
        self.pool, self.fc, self.relu2 = nn.AvgPool1d(2), nn.Linear(12, 5), nn.ReLU(inplace=True)
        self.out, self.branches = nn.Linear(5, 2), branches

    def forward(self, x: torch.Tensor, gain: float = 1.0) -> torch.Tensor:
        x = self.pool(self.relu1(self.bn(self.conv(x))))
        x = self.out(self.relu2(self.fc(x.view(x.size(0), -1))))
        return x if self.branches and gain == 1.0 else x * gain


@pytest.mark.parametrize(
    ("mode", "means", "total", "with_gain"),
    [
        ("max", [0.06829, 0.79267, 0.01137, 0.72246], 4.89699, [-0.8, 0.745085]),
        ("90%", [0.07368, 0.79628, 0.0393, 0.75574], 5.0243, [-0.112273, 1.555828]),
        (0.5, [-0.06981, 0.61801, -0.06981, 0.61801], 3.30154, [-0.230805, 1.447221]),
    ],
)
def test_numbers_recorded_on_the_published_release(
    mode: str | float, means: list[float], total: float, with_gain: list[float]
) -> None:
    ann, x = Scaled(), golden(6, 2, 6)
    with torch.no_grad():
        for i, p in enumerate(ann.parameters()):
            p.copy_(golden(*p.shape) - 0.5 + 0.03 * i)
    ann.train()(x)
    snn = ann2snn.Converter([(x[:3], 0), (x[3:], 0)], mode=mode)(ann.eval())
    mean = step_by_step(snn, x, 8).mean(0)
    torch.testing.assert_close(mean[:2].flatten(), torch.tensor(means), rtol=0, atol=2e-5)
    assert mean.sum().item() == pytest.approx(total, abs=1e-4)
    functional.reset_net(snn)
    torch.testing.assert_close(snn(x[:1], 2.5)[0].detach(), torch.tensor(with_gain), rtol=0, atol=2e-5)


def golden(*shape: int) -> torch.Tensor:
    return (torch.arange(math.prod(shape)) * 0.618034 % 1).reshape(shape)


def test_a_forward_that_branches_on_a_factor_keeps_its_default() -> None:
    x = torch.rand(6, 2, 6)
    ann = Scaled(branches=True).eval()
    snn = ann2snn.Converter([x])(ann)
    with torch.no_grad():
        assert relative_error(step_by_step(snn, x, 400), ann(x)) < 0.02


def test_images_on_which_the_ann_fails() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied") as caught:
        ann2snn.Converter([torch.rand(8, 7)])(mlp())
    if sys.version_info >= (3, 11):
        (note,) = caught.value.__notes__
        assert re.search(r"batch of the dataloader, \[8, 7\] torch.float32 on cpu", note)


def test_a_second_argument_that_is_neither_device_nor_mode() -> None:
    with pytest.raises(
        ValueError, match=r"must be a device such as 'cuda:0', a mode such as 'max'.*None, but 'robust' was"
    ):
        ann2snn.Converter([torch.rand(8, 6)], "robust")


def test_what_can_not_be_converted() -> None:
    x = torch.rand(8, 6)
    with pytest.raises(TypeError, match="expected a torch.nn.Module to convert, but a function was given"):
        ann2snn.Converter([x])(lambda x: x)
    with pytest.raises(ValueError, match="there is no activation to convert. ReLU, ReLU6 and QCFS"):
        ann2snn.Converter([x])(nn.Linear(6, 2))
    with pytest.raises(ValueError, match="activations are NaN or infinite"):
        ann2snn.Converter([x * float("nan")])(mlp())
    with pytest.raises(ValueError, match="momentum must be in"):
        ann2snn.VoltageHook(momentum=1.5)
    indices = nn.Sequential(nn.ReLU(), nn.MaxPool1d(2, return_indices=True))
    with pytest.raises(ValueError, match="'1' is max pooling with return_indices=True"):
        ann2snn.convert(indices, [x.unsqueeze(1)])


def test_quantised_activations_bring_their_scale() -> None:
    ann = nn.Sequential(nn.Linear(6, 12), ann2snn.QCFS(L=4, threshold=1.25), nn.Linear(12, 2))
    assert scales_of(ann2snn.Converter([torch.rand(8, 6)])(ann)) == [1.25]


def test_what_is_left_is_named(caplog: pytest.LogCaptureFixture) -> None:
    class Curved(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before, self.relu, self.act = nn.Sigmoid(), nn.ReLU(), nn.Tanh()
            self.scale = nn.Parameter(torch.ones(6))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = self.relu(self.before(x)) * self.scale
            return torch.softmax(self.act(h) * h, dim=1)

    with caplog.at_level(logging.WARNING):
        ann2snn.Converter([torch.rand(4, 6)])(Curved())
    (record,) = caplog.records
    text = record.getMessage()
    assert "Tanh 'act'; mul (as 'mul_1'); softmax (as 'softmax')" in text
    assert "Sigmoid" not in text


def test_a_dead_layer_is_named_and_stays_silent(caplog: pytest.LogCaptureFixture) -> None:
    ann = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    nn.init.constant_(ann[0].weight, -1.0)
    nn.init.constant_(ann[0].bias, -1.0)
    x = torch.rand(8, 6)
    with caplog.at_level(logging.WARNING):
        snn = ann2snn.Converter([x])(ann)
    assert "'1': 1 of 1 scales are 0" in caplog.text
    assert torch.equal(step_by_step(snn, x, 5).mean(0), ann(x).detach())


def test_wrong_sequences() -> None:
    snn = ann2snn.Converter([torch.rand(8, 6)])(mlp())
    functional.set_step_mode(snn, "m")
    with pytest.raises(ValueError, match=r"expects a sequence \[T, N, \*\] with T >= 1, but a tensor of shape \[6\]"):
        snn(torch.rand(6))

    class Transposed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.relu(x.transpose(0, 1)).transpose(0, 1)

    snn = ann2snn.Converter([torch.rand(8, 7)])(Transposed())
    functional.set_step_mode(snn, "m")
    with pytest.raises(ValueError, match="time and batch are not the first dimension"):
        snn(torch.rand(4, 8, 7))


def test_what_disables_progress_bars_elsewhere_does_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the variable TQDM_DISABLE does, which tqdm reads when it is imported."""
    monkeypatch.setattr(_batches, "tqdm", functools.partial(tqdm, disable=True))
    ann2snn.Converter([torch.rand(4, 6)])(mlp())
    assert capsys.readouterr().err == ""
