"""Networks in the style of published programs for activation_based, and what a later release of that package broke."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based import base, encoding, functional, layer, monitor, neuron, surrogate
from tests.parity.compare import counted

T, N = 4, 6
BACKENDS = ("torch", "cupy")


def both(make, x: torch.Tensor, kernels: int, tolerance: float = 1e-5) -> list[torch.Tensor]:
    """Output and gradients of a network in the loop and in kernels."""
    results = []
    for backend in BACKENDS:
        torch.manual_seed(0)
        net, leaf = make(), x.clone().requires_grad_()
        functional.set_step_mode(net, "m")
        functional.set_backend(net, backend)
        with counted() as calls:
            y = net(leaf)
        assert len(calls) == (kernels if backend == "cupy" else 0)
        grads = torch.autograd.grad((y * torch.arange(y.shape[-1])).sum(), [leaf, *net.parameters()])
        results.append([y, *grads])
        functional.reset_net(net)
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=tolerance, atol=tolerance)
    return results[0]


class Classifier(nn.Module):
    """conv - bn - neuron - pool stages, a head with dropout and votes."""

    def __init__(self, spiking_neuron, **kwargs):
        super().__init__()
        self.conv_fc = nn.Sequential(
            layer.Conv2d(2, 4, kernel_size=3, padding=1, bias=False), layer.BatchNorm2d(4), spiking_neuron(**kwargs),
            layer.MaxPool2d(2, 2), layer.Conv2d(4, 4, 3, stride=1, padding=1, groups=2), layer.GroupNorm(2, 4),
            spiking_neuron(**kwargs), layer.AvgPool2d(kernel_size=2, stride=2), layer.Flatten(),
            layer.Linear(4 * 2 * 2, 20, bias=False), spiking_neuron(**kwargs), layer.VotingLayer(10),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv_fc(x)


@pytest.mark.parametrize(
    ("spiking_neuron", "kwargs"),
    [
        (neuron.LIFNode, {"tau": 2.0, "v_threshold": 0.1, "detach_reset": True}),
        (neuron.IFNode, {"v_threshold": 0.5, "v_reset": None}),
        (neuron.ParametricLIFNode, {"init_tau": 1.5, "decay_input": False, "v_threshold": 0.1}),
        (neuron.KLIFNode, {"v_reset": None, "v_threshold": 0.1}),
        (neuron.EIFNode, {"v_threshold": 0.4}),
        (neuron.IzhikevichNode, {"v_threshold": 0.4}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_classifier_with_every_published_neuron(spiking_neuron: type, kwargs: dict) -> None:
    y = both(
        lambda: Classifier(spiking_neuron, surrogate_function=surrogate.ATan(), **kwargs).double(),
        torch.rand(T, N, 2, 8, 8, dtype=torch.float64) * 3,
        kernels=3,
        tolerance=1e-9,
    )[0]
    assert y.shape == (T, N, 2)
    assert 0 < y.mean() < 1


def test_keys_of_a_checkpoint() -> None:
    keys = list(Classifier(neuron.ParametricLIFNode).state_dict())
    norm = [f"conv_fc.1.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")]
    assert keys == [
        "conv_fc.0.weight", *norm, "conv_fc.2.w", "conv_fc.4.weight", "conv_fc.4.bias", "conv_fc.5.weight", "conv_fc.5.bias",
        "conv_fc.6.w", "conv_fc.9.weight", "conv_fc.10.w",
    ]  # fmt: skip


class AutoEncoder(nn.Module):
    """Convolutions down and up; the membrane potential of the last neuron is the image."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(
            layer.Conv2d(1, 4, 3, 2, 1), neuron.IFNode(surrogate_function=surrogate.ATan(alpha=5.0))
        )
        self.up = layer.ConvTranspose2d(4, 1, kernel_size=3, stride=2, padding=1, output_padding=1, bias=False)
        self.out = neuron.LIFNode(v_threshold=float("inf"), store_v_seq=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spikes = self.out(self.up(self.down(x)))
        assert spikes.sum() == 0
        assert torch.equal(self.out.v, self.out.v_seq[-1])
        return self.out.v_seq.max(0).values


def test_the_membrane_is_the_output() -> None:
    y = both(AutoEncoder, torch.rand(T, N, 1, 8, 8) * 4, kernels=2)[0]
    assert y.shape == (N, 1, 8, 8)
    assert y.isfinite().all()


class Residual(nn.Module):
    """Threshold-dependent normalisation with ints and keywords, a shortcut, a pooled head; step mode in the constructor."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = layer.SeqToANNContainer(nn.Conv2d(2, 4, 3, padding=1, bias=False))
        self.bn1 = layer.ThresholdDependentBatchNorm2d(num_features=4, alpha=1, v_th=0.5, affine=True)
        self.sn1 = neuron.LIFNode(v_threshold=0.5, step_mode="m")
        self.conv2 = layer.Conv2d(4, 4, 1, bias=False, step_mode="m")
        self.bn2 = layer.ThresholdDependentBatchNorm2d(num_features=4, alpha=0.5**0.5, v_th=0.5)
        self.sn2 = neuron.LIFNode(v_threshold=0.5, step_mode="m")
        self.pool = layer.AdaptiveAvgPool2d((1, 1), "m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.sn1(self.bn1(self.conv1(x)))
        return self.pool(self.sn2(self.bn2(self.conv2(y)) + y)).flatten(2)


def test_residual_block() -> None:
    results = []
    for backend in BACKENDS:
        torch.manual_seed(0)
        net = Residual()
        assert torch.equal(net.bn1.weight, torch.full((4,), 0.5))
        functional.set_backend(net, backend, instance=neuron.LIFNode)
        y = net(torch.rand(T, N, 2, 6, 6))
        results.append([y, *torch.autograd.grad(y.square().sum(), list(net.parameters()))])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)


def test_step_modes_mixed_by_assignment() -> None:
    net = nn.Sequential(
        layer.Linear(3, 5), neuron.LIFNode(v_threshold=0.3), layer.Linear(5, 2), neuron.IFNode(v_threshold=0.3)
    )
    x = torch.rand(T, N, 3)
    steps = torch.stack([net(step) for step in x])
    functional.reset_net(net)
    for module in net:
        module.step_mode = "m"
    assert torch.equal(net(x), steps)
    functional.reset_net(net)
    net[2].step_mode = net[3].step_mode = "s"
    hidden = net[:2](x)
    assert torch.equal(torch.stack([net[2:](step) for step in hidden]), steps)


def test_set_backend_with_classes_by_keyword(caplog: pytest.LogCaptureFixture) -> None:
    net = nn.Sequential(layer.Linear(3, 5), neuron.LIFNode(), neuron.IFNode(), layer.Dropout(0.5))
    functional.set_backend(net, "cupy", instance=neuron.LIFNode)
    assert [net[1].backend, net[2].backend] == ["cupy", "auto"]
    functional.set_backend(net, backend="torch", instance=(neuron.IFNode,))
    assert [net[1].backend, net[2].backend] == ["cupy", "torch"]
    functional.set_backend(net, "cupy", (nn.Module,))
    assert net[3].backend == "torch"
    assert "Dropout '3' keeps backend='torch'" in caplog.text
    for name in ("torch", "cupy"):
        base.check_backend_library(name)


def test_heterogeneous_thresholds_and_margins() -> None:
    results = []
    for backend in BACKENDS:
        torch.manual_seed(0)
        net = nn.Sequential(layer.Linear(3, 4), neuron.LIFNode(step_mode="m", backend=backend))
        labels = torch.tensor([0, 3, 1, 2, 0, 1])
        functional.set_threshold_margin(net[1], F.one_hot(labels, 4), threshold0=0.2, threshold1=0.4)
        assert torch.equal(net[1].v_threshold, 0.2 + 0.2 * F.one_hot(labels, 4))
        y = net(torch.rand(T, N, 3) * 3)
        results.append([y, *torch.autograd.grad((y * torch.arange(4)).sum(), list(net.parameters()))])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-5)
    net.eval()
    functional.set_threshold_margin(net[1], F.one_hot(labels, 4), eval_threshold=0.7)
    assert net[1].v_threshold == 0.7


def test_a_threshold_that_is_replaced_by_a_tensor() -> None:
    x = torch.full((2, 1, 3), 0.6)
    for backend in BACKENDS:
        node = neuron.IFNode(step_mode="m", backend=backend)
        assert node(x)[:, 0].tolist() == [[0, 0, 0], [1, 1, 1]]
        node.v_threshold = torch.tensor([0.5, 1.0, 10.0])
        assert node(x)[:, 0].tolist() == [[1, 0, 0], [1, 1, 0]]
        node.v_threshold = 2.0
        node.reset()
        assert node(x).sum() == 0


def test_gradients_in_evaluation() -> None:
    node = neuron.LIFNode(step_mode="m", backend="cupy").eval()
    x = torch.rand(T, 3, requires_grad=True)
    node(x).sum().backward()
    assert x.grad.abs().sum() > 0


def test_monitors() -> None:
    net = Classifier(neuron.LIFNode, store_v_seq=True)
    functional.set_step_mode(net, "m")
    spikes = monitor.OutputMonitor(net, neuron.LIFNode)
    inputs = monitor.InputMonitor(net, instance=neuron.LIFNode)
    potentials = monitor.AttributeMonitor("v_seq", False, net, neuron.LIFNode)
    net(torch.rand(T, N, 2, 8, 8))
    names = ["conv_fc.2", "conv_fc.6", "conv_fc.10"]
    assert spikes.monitored_layers == inputs.monitored_layers == names
    assert [len(spikes.name_records_index[name]) for name in names] == [1, 1, 1]
    assert torch.equal(spikes.records[0], spikes["conv_fc.2"][0])
    assert potentials["conv_fc.10"][0].shape == (T, N, 20)
    for recorder in (spikes, inputs, potentials):
        recorder.clear_recorded_data()
        recorder.remove_hooks()
    functional.reset_net(net)
    net(torch.rand(T, N, 2, 8, 8))
    assert spikes.records == []


def test_encoders_and_losses() -> None:
    x = torch.rand(N, 500)
    assert encoding.PoissonEncoder()(x).mean().item() == pytest.approx(x.mean().item(), abs=0.05)
    latency, phase = encoding.LatencyEncoder(T=5), encoding.WeightedPhaseEncoder(K=3)
    assert torch.stack([latency(torch.tensor([0.0, 1.0])) for _ in range(5)]).argmax(0).tolist() == [4, 0]
    assert [phase(torch.tensor([0.5])).item() for _ in range(3)] == [1, 0, 0]
    y, labels = torch.rand(T, N, 3, requires_grad=True), torch.tensor([0, 1, 2, 0, 1, 2])
    loss = functional.temporal_efficient_training_cross_entropy(y, labels)
    torch.testing.assert_close(loss, F.cross_entropy(y.flatten(0, 1), labels.repeat(T)))


def test_recurrent_containers_and_synapses() -> None:
    x = torch.rand(T, N, 3)
    net = nn.Sequential(
        layer.LinearRecurrentContainer(neuron.LIFNode(v_threshold=0.2), 3, 3),
        layer.SynapseFilter(tau=4.0, learnable=True),
        layer.ElementWiseRecurrentContainer(neuron.IFNode(), lambda y, x: y + x),
    )
    functional.set_step_mode(net, "m")
    assert list(net.state_dict()) == ["0.rc.weight", "0.rc.bias", "1.w"]
    sequence = net(x)
    functional.reset_net(net)
    functional.set_step_mode(net, "s")
    assert torch.equal(sequence, torch.stack([net(step) for step in x]))


def test_signatures_that_a_later_release_changed() -> None:
    x = torch.rand(T, 2, 3, 6, 6)
    container = layer.StepModeContainer(False, nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    container.step_mode = "m"
    assert container(x).shape == (T, 2, 4, 4, 4)
    assert surrogate.LeakyKReLU(True, 0.1, 0.7).leak == 0.1
    assert layer.TemporalEffectiveBatchNorm2d(T, 3, step_mode="m")(x).shape == x.shape
    assert layer.DropConnectLinear(6, 2, state_mode="m")(x[:, :, 0, 0]).shape == (T, 2, 2)
    assert neuron.NonSpikingLIFNode()(torch.ones(T, 2)).shape == (2,)
    assert neuron.SlidingPSN(2, backend="conv", step_mode="m")(x).shape == x.shape
    conv, bn = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4).eval()
    torch.testing.assert_close(functional.fuse_convbn2d(conv, bn)(x[0]), bn(conv(x[0])))
    assert monitor.unpack_len1_tuple((x,)) is x
    node = neuron.LIFNode(store_v_seq=True, step_mode="m")
    assert [name for name, _ in node.named_memories()] == ["v", "v_seq"]


def test_arguments_by_position_in_the_published_order() -> None:
    sg = surrogate.ATan(2.0, True)
    common = (sg, True, "m", "torch", True)
    expected = {
        "surrogate_function": sg,
        "detach_reset": True,
        "step_mode": "m",
        "backend": "torch",
        "store_v_seq": True,
    }
    nodes = {
        neuron.IFNode(0.9, None, *common): {"v_threshold": 0.9, "v_reset": None},
        neuron.LIFNode(1.5, False, 0.9, -0.1, *common): {"tau": 1.5, "decay_input": False, "v_threshold": 0.9, "v_reset": -0.1},
        neuron.QIFNode(1.5, 0.7, 1.1, 0.9, 0.05, -0.2, *common): {"v_c": 0.7, "a0": 1.1, "v_rest": 0.05, "v_reset": -0.2},
        neuron.EIFNode(1.5, 0.9, 0.7, 0.9, 0.05, -0.2, *common): {"delta_T": 0.9, "theta_rh": 0.7, "v_rest": 0.05},
        neuron.KLIFNode(True, 1.5, False, 0.9, 0.0, *common): {"scale_reset": True, "tau": 1.5, "decay_input": False},
        neuron.IzhikevichNode(1.5, 0.7, 1.1, 0.9, -0.2, 0.05, 0.01, 3.0, 0.2, 0.1, *common): {
            "v_reset": -0.2, "v_rest": 0.05, "w_rest": 0.01, "tau_w": 3.0, "a": 0.2, "b": 0.1,
        },
    }  # fmt: skip
    for node, own in nodes.items():
        for name, value in {**expected, **own}.items():
            assert getattr(node, name) == value, (type(node), name)
    assert neuron.LIAFNode(torch.relu, True, 1.5, False, 0.9).tau == 1.5
