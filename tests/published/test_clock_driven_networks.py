"""Networks in the style of published programs for clock_driven: outputs, gradients, keys; trained by the fused kernel."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based import functional as today_functional
from spikingjelly.activation_based import layer as today_layer
from spikingjelly.activation_based import neuron as today_neuron
from spikingjelly.activation_based import surrogate as today_surrogate
from spikingjelly.clock_driven import functional, layer, surrogate
from spikingjelly.clock_driven.layer import SeqToANNContainer
from spikingjelly.clock_driven.neuron import (
    BaseNode,
    IFNode,
    LIFNode,
    MultiStepEIFNode,
    MultiStepIFNode,
    MultiStepLIFNode,
    MultiStepParametricLIFNode,
    ParametricLIFNode,
)
from tests.parity.compare import counted

T, N = 4, 6


def same(results: list[list[torch.Tensor]], rtol: float = 1e-5, atol: float = 1e-5) -> None:
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=rtol, atol=atol)


def gradients(net: nn.Module, loss: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, list(net.parameters())))


class SpikingBlock(nn.Module):
    """A transformer's MLP: linear layers over [T*N, ...], neurons over [T, N, ...]."""

    def __init__(self, features: int, hidden: int, backend: str) -> None:
        super().__init__()
        self.fc1 = nn.Linear(features, hidden)
        self.bn1 = nn.BatchNorm1d(hidden)
        self.lif1 = MultiStepLIFNode(tau=2.0, detach_reset=True, backend=backend)
        self.fc2 = nn.Linear(hidden, features)
        self.bn2 = nn.BatchNorm1d(features)
        self.lif2 = MultiStepLIFNode(tau=2.0, v_threshold=0.5, detach_reset=True, backend=backend)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        T, B, L, C = x.shape
        y = self.bn1(self.fc1(x.flatten(0, 2)).unsqueeze(-1)).reshape(T, B, L, -1)
        y = self.fc2(self.lif1(y).flatten(0, 2))
        return x + self.lif2(self.bn2(y.unsqueeze(-1)).reshape(T, B, L, C))


def test_transformer_block_with_cupy_runs_fused_and_equals_the_loop() -> None:
    x, results = torch.randn(T, 2, 5, 8, dtype=torch.float64), []
    for backend in ("torch", "cupy"):
        torch.manual_seed(1)
        block = SpikingBlock(8, 16, backend).double()
        with counted() as kernels:
            y = block(x)
        assert kernels == ([] if backend == "torch" else [(T, 2, 5, 16), (T, 2, 5, 8)])
        results.append([y, *gradients(block, (y * torch.arange(8)).sum())])
    same(results, atol=1e-9)


class ConvNet(nn.Module):
    """The static convolution, then stages in containers; time is repeated after the first layers."""

    def __init__(self, backend: str) -> None:
        super().__init__()
        self.static_conv = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4))
        self.conv = nn.Sequential(
            MultiStepIFNode(surrogate_function=surrogate.ATan(), detach_reset=True, backend=backend),
            SeqToANNContainer(nn.MaxPool2d(2, 2), nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)),
            MultiStepLIFNode(tau=2.0, surrogate_function=surrogate.ATan(), backend=backend),
            SeqToANNContainer(nn.MaxPool2d(2, 2), nn.Flatten()),
        )
        self.fc = nn.Sequential(
            layer.MultiStepDropout(0.5),
            SeqToANNContainer(nn.Linear(4 * 2 * 2, 10, bias=False)),
            MultiStepParametricLIFNode(
                init_tau=2.0, detach_reset=True, surrogate_function=surrogate.ATan(), backend=backend
            ),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x_seq = self.static_conv(x).unsqueeze(0).repeat(T, 1, 1, 1, 1)
        return self.fc(self.conv(x_seq)).mean(0)


def test_keys_of_a_checkpoint() -> None:
    assert list(ConvNet("torch").state_dict()) == [
        "static_conv.0.weight",
        *(f"static_conv.1.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")),
        "conv.1.1.weight",
        *(f"conv.1.2.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")),
        "fc.1.0.weight",
        "fc.2.w",
    ]


def test_a_network_trains_on_a_cpu_through_the_kernel() -> None:
    torch.manual_seed(1)
    net, x = ConvNet("cupy"), torch.rand(N, 1, 8, 8)
    target = F.one_hot(torch.arange(N) % 3, 10).float()
    optimizer, losses = torch.optim.Adam(net.parameters(), 2e-2), []
    for _ in range(20):
        optimizer.zero_grad()
        with counted() as kernels:
            loss = F.mse_loss(net(x), target)
        assert len(kernels) == 3
        loss.backward()
        optimizer.step()
        functional.reset_net(net)
        losses.append(loss.item())
    assert sum(losses[-5:]) / 5 < 0.75 * losses[0]


def test_the_same_network_in_both_spellings() -> None:
    new = nn.Sequential(
        today_layer.Conv2d(1, 4, 3, bias=False), today_layer.BatchNorm2d(4),
        today_neuron.LIFNode(tau=1.5, surrogate_function=today_surrogate.ATan(), detach_reset=True),
        today_layer.Flatten(), today_layer.Linear(4 * 6 * 6, 10), today_neuron.IFNode(v_threshold=0.1),
    )  # fmt: skip
    today_functional.set_step_mode(new, "m")
    today_functional.set_backend(new, "cupy")
    old = nn.Sequential(
        SeqToANNContainer(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4)),
        MultiStepLIFNode(tau=1.5, surrogate_function=surrogate.ATan(), detach_reset=True, backend="cupy"),
        SeqToANNContainer(nn.Flatten(), nn.Linear(4 * 6 * 6, 10)), MultiStepIFNode(v_threshold=0.1, backend="cupy"),
    )  # fmt: skip
    old.load_state_dict(dict(zip(old.state_dict(), new.state_dict().values(), strict=True)))
    x = torch.rand(T, N, 1, 8, 8)
    results = [[y := net(x * 2), *gradients(net, (y * torch.arange(10)).sum())] for net in (new, old)]
    assert torch.equal(results[0][0], results[1][0])
    assert 0 < results[0][0].mean() < 1
    same(results)


class StepByStep(nn.Module):
    """A loop over time in the network, single-step neurons, spikes summed."""

    def __init__(self, v_reset: float | None, **kwargs) -> None:
        super().__init__()
        sg = surrogate.PiecewiseQuadratic()
        self.fc1, self.fc2, self.fc3 = nn.Linear(8, 12), nn.Linear(12, 12), nn.Linear(12, 3)
        self.n1 = LIFNode(tau=2.0, v_threshold=0.3, v_reset=v_reset, surrogate_function=sg, detach_reset=True)
        self.n2 = IFNode(v_threshold=0.1, v_reset=v_reset, surrogate_function=sg)
        self.n3 = ParametricLIFNode(init_tau=2.0, v_threshold=0.05, v_reset=v_reset, detach_reset=True)
        self.drop = layer.Dropout(0.2)

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        out = 0
        for x in x_seq:
            out = out + self.n3(self.fc3(self.drop(self.n2(self.fc2(self.n1(self.fc1(x)))))))
        return out / len(x_seq)


@pytest.mark.parametrize("v_reset", [0.0, None, -0.1])
def test_step_by_step_equals_all_steps_at_once(v_reset: float | None) -> None:
    torch.manual_seed(2)
    net, x = StepByStep(v_reset).eval(), torch.rand(T, N, 8) * 8
    sg, kwargs = surrogate.PiecewiseQuadratic(), {"v_reset": v_reset, "backend": "cupy"}
    at_once = nn.Sequential(
        layer.SeqToANNContainer(net.fc1),
        MultiStepLIFNode(tau=2.0, v_threshold=0.3, surrogate_function=sg, detach_reset=True, **kwargs),
        layer.SeqToANNContainer(net.fc2),
        MultiStepIFNode(v_threshold=0.1, surrogate_function=sg, **kwargs),
        layer.SeqToANNContainer(net.fc3),
        MultiStepParametricLIFNode(init_tau=2.0, v_threshold=0.05, detach_reset=True, **kwargs),
    )
    weights = [p for name, p in net.named_parameters() if name != "n3.w"]
    results = []
    for y, w in ((net(x), net.n3.w), (at_once(x).mean(0), at_once[5].w)):
        results.append([y, *torch.autograd.grad((y * torch.arange(3)).sum(), [*weights, w])])
    assert 0 < results[0][0].mean() < 1
    same(results)


def test_forgotten_reset_and_reset_by_hand() -> None:
    node, x = MultiStepLIFNode(tau=2.0), torch.rand(T, N, 3) * 2
    first = node(x)
    assert not torch.equal(node(x), first)
    for module in nn.Sequential(node).modules():
        if hasattr(module, "reset"):
            module.reset()
    assert torch.equal(node(x), first)
    with pytest.raises(RuntimeError, match="functional.reset_net"):
        node(torch.rand(T, N + 1, 3))


def test_the_membrane_is_the_output() -> None:
    x, leak = torch.rand(T, N, 3), 1 - 1 / 2.0
    expected = sum(step * leak ** (T - t) for t, step in enumerate(x))
    for v_threshold in (1e9, float("inf")):
        single, multi = LIFNode(2.0, v_threshold=v_threshold), MultiStepLIFNode(v_threshold=v_threshold, backend="cupy")
        for step in x:
            single(step)
        multi(x)
        torch.testing.assert_close(single.v, expected)
        torch.testing.assert_close(multi.v_seq[-1], expected)
        assert torch.equal(multi.v_seq[-1], multi.v)


def test_gradients_flow_from_v_seq() -> None:
    results = []
    for backend in ("torch", "cupy"):
        torch.manual_seed(1)
        fc, node = nn.Linear(3, 5), MultiStepLIFNode(v_threshold=1e9, backend=backend)
        node(fc(torch.rand(T, N, 3)))
        results.append([node.v_seq, *gradients(fc, node.v_seq.max(0).values.square().sum())])
    same(results)


def test_exponential_neurons_in_a_network() -> None:
    results = []
    for backend in ("torch", "cupy"):
        torch.manual_seed(1)
        net = nn.Sequential(
            SeqToANNContainer(nn.Linear(3, 5)),
            MultiStepEIFNode(tau=1.5, v_threshold=0.8, detach_reset=True, backend=backend),
        )
        y = net(torch.rand(T, N, 3) * 3)
        results.append([y, net[1].v_seq, *gradients(net, (y * torch.arange(5)).sum())])
    same(results)


def test_nodes_are_found_by_their_class_and_counted() -> None:
    net = ConvNet("torch").eval()
    rates: dict[str, torch.Tensor] = {}
    for name, module in net.named_modules():
        if isinstance(module, BaseNode):
            module.register_forward_hook(lambda m, i, o, name=name: rates.update({name: o.mean()}))
            assert isinstance(module, LIFNode | IFNode | ParametricLIFNode)
    net(torch.rand(N, 1, 8, 8))
    assert list(rates) == ["conv.0", "conv.2", "fc.2"]
    assert all(torch.equal(rates[name], net.get_submodule(name).spike_seq.mean()) for name in rates)


def test_functional_seq_to_ann_forward_inside_a_network() -> None:
    conv, bn, node = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), MultiStepLIFNode(backend="cupy")
    x = torch.rand(T, N, 2, 5, 5)
    y = node(functional.seq_to_ann_forward(x, [conv, bn]))
    twin = copy.deepcopy(node)
    twin.reset()
    bn.reset_running_stats()
    assert torch.equal(twin(bn(conv(x.flatten(0, 1))).view(T, N, 3, 3, 3)), y)


def test_half_of_a_network_in_double() -> None:
    net = nn.Sequential(SeqToANNContainer(nn.Linear(3, 5)), MultiStepLIFNode(backend="cupy")).double()
    y = net(torch.rand(T, N, 3, dtype=torch.float64) * 3)
    assert y.dtype == net[1].v.dtype == torch.float64
    net.float()
    assert net[1].v.dtype == torch.float32
