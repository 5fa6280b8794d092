"""What release 0.0.0.0.14 gave for programs on activation_based, run with it on these inputs and written down here."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from spikingjelly import datasets
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.model import parametric_lif_net, sew_resnet, spiking_resnet, spiking_vgg
from spikingjelly.activation_based.model.tv_ref_classify import transforms
from spikingjelly.datasets import to_x_rep
from tests.parity.compare import counted

IF = neuron.IFNode


def test_a_seed_gives_the_weights_of_the_network_for_n_mnist() -> None:
    torch.manual_seed(0)
    net = parametric_lif_net.NMNISTNet(channels=4, spiking_neuron=IF)
    first = [net.conv_fc[i].weight.flatten()[0].item() for i in (0, 4, 10, 13)]
    assert first == pytest.approx([0.0518, -0.0973, 0.0154, 0.0165], abs=1e-4)


@pytest.mark.parametrize(
    ("make", "entries", "first", "last", "total"),
    [
        (
            lambda: sew_resnet.SEWResNet(
                sew_resnet.BasicBlock, [1] * 4, 4, zero_init_residual=True, cnf="ADD", spiking_neuron=IF
            ),
            74, 0.0210, 0.0247, 105091.9136,
        ),
        (
            lambda: spiking_resnet.SpikingResNet(
                spiking_resnet.Bottleneck, [1] * 4, 4, zero_init_residual=True, groups=2, width_per_group=16,
                spiking_neuron=IF,
            ),
            104, 0.0285, 0.0076, 150501.6066,
        ),
        (lambda: parametric_lif_net.CIFAR10Net(2, IF), 40, -0.0014, 0.0110, 13990.3001),
        (lambda: parametric_lif_net.DVSGestureNet(2, IF), 34, -0.0018, -0.0157, 2772.2792),
    ],
    ids=["sew_resnet", "spiking_resnet", "CIFAR10Net", "DVSGestureNet"],
)  # fmt: skip
def test_a_seed_gives_the_weights_of_a_model(make: Any, entries: int, first: float, last: float, total: float) -> None:
    torch.manual_seed(0)
    state = make().state_dict()
    weights = [value for value in state.values() if value.is_floating_point()]
    assert len(state) == entries
    ends = (weights[0].flatten()[0].item(), weights[-1].flatten()[-1].item())
    assert ends == pytest.approx((first, last), abs=1e-4)
    assert sum(value.abs().double().sum().item() for value in weights) == pytest.approx(total, rel=1e-7)


class Adaptive(neuron.AdaptBaseNode):
    def __init__(self, tau=2.0, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.tau = tau

    def neuronal_charge(self, x):
        self.v = self.v + (x - self.v - self.w) / self.tau


class OwnFire(Adaptive):
    def neuronal_fire(self):
        return self.surrogate_function(self.v - self.v_threshold - 0.1 * self.w)


class OwnStep(Adaptive):
    def single_step_forward(self, x):
        self.v_float_to_tensor(x)
        self.w_float_to_tensor(x)
        self.neuronal_charge(x)
        self.neuronal_adaptation()
        spike = self.neuronal_fire()
        self.neuronal_reset(spike)
        return spike


class OwnAdaptation(Adaptive):
    def neuronal_adaptation(self):
        self.w = self.jit_neuronal_adaptation(self.w, self.tau_w, 2 * self.a, self.v_rest, self.v)


@pytest.mark.parametrize("backend", ["torch", "cupy"])
@pytest.mark.parametrize(
    ("cls", "spikes", "v", "w", "gradient"),
    [
        (Adaptive, [3, 4], [0.4315, 0.5088], [0.4163, 0.6970], 3.6790),
        (OwnFire, [3, 3], [0.4315, 0.6888], [0.4163, 0.6980], 3.7537),
        (OwnStep, [3, 4], [0.4315, 0.5088], [0.4163, 0.6970], 3.6790),
        (OwnAdaptation, [3, 3], [0.2842, 0.5721], [0.5253, 0.9478], 3.1141),
    ],
)
def test_the_adaptation_is_a_phase_of_its_own(
    cls: type, spikes: list[int], v: list[float], w: list[float], gradient: float, backend: str
) -> None:
    x = (torch.arange(12.0).sin().abs() * 2).view(6, 1, 2).requires_grad_()
    sg = surrogate.ATan()
    node = cls(1.5, 0.6, None, 0.05, 0.0, 2.0, 0.4, 0.3, surrogate_function=sg, step_mode="m", backend=backend)
    with counted() as kernels:
        y = node(x)
    assert len(kernels) == (backend == "cupy")
    (y.sum() + node.v.sum()).backward()
    assert y.sum(0).flatten().tolist() == spikes
    assert node.v.flatten().tolist() == pytest.approx(v, abs=1e-4)
    assert node.w.flatten().tolist() == pytest.approx(w, abs=1e-4)
    assert x.grad.sum().item() == pytest.approx(gradient, abs=1e-3)


def test_an_adaptation_that_is_replaced_in_the_class_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> torch.Tensor:
        return neuron.IzhikevichNode(a=0.5, step_mode="m", backend="cupy")(torch.full((6, 8), 1.5))

    before = run()
    monkeypatch.setattr(neuron.IzhikevichNode, "neuronal_adaptation", lambda self: None)
    assert not torch.equal(run(), before)
    monkeypatch.undo()
    assert torch.equal(run(), before)


def test_heaviside_has_no_graph() -> None:
    x = torch.tensor([-0.5, 0.0, 0.3], requires_grad=True)
    assert not surrogate.heaviside(x).requires_grad
    slope = 0.5 * torch.exp(-(x**2))
    straight_through = surrogate.heaviside(x) + slope - slope.detach()
    assert straight_through.tolist() == [0.0, 1.0, 1.0]
    (grad,) = torch.autograd.grad(straight_through.sum(), x)
    torch.testing.assert_close(grad, -x.detach() * torch.exp(-(x.detach() ** 2)))


def test_parameters_of_a_surrogate_by_name() -> None:
    x = torch.tensor([-0.5, 0.0, 0.3], requires_grad=True)
    by_name = surrogate.S2NN.spiking_function(x=x, alpha=3.0, beta=2.0)
    assert by_name.tolist() == [0.0, 1.0, 1.0]
    (grad,) = torch.autograd.grad(by_name.sum(), x)
    (expected,) = torch.autograd.grad(surrogate.S2NN(3.0, 2.0)(x).sum(), x)
    assert torch.equal(grad, expected)
    assert surrogate.ATan.spiking_function(x, alpha=2.0).tolist() == [0.0, 1.0, 1.0]
    with pytest.raises(TypeError, match=r"ATan.spiking_function has no parameter 'beta', but alpha"):
        surrogate.ATan.spiking_function(x, alpha=2.0, beta=1.0)


class AsksForItsBackend(neuron.LIFNode):
    """Knows the two published backends."""

    def multi_step_forward(self, x_seq):
        if self.backend == "torch":
            return super().multi_step_forward(x_seq)
        if self.backend == "cupy":
            return super().multi_step_forward(2.0 * x_seq)
        raise ValueError(self.backend)


def test_a_class_that_asks_for_its_backend_is_told_a_published_one() -> None:
    x = torch.rand(3, 2, 4) * 2
    twin = neuron.LIFNode(step_mode="m")
    assert twin.backend == "auto"
    node = AsksForItsBackend(step_mode="m")
    assert node.backend == "torch"
    assert torch.equal(node(x), twin(x))
    twin.reset()
    node = AsksForItsBackend(step_mode="m", backend="cupy")
    assert torch.equal(node(x), twin(2.0 * x))


def test_a_seed_gives_the_box_of_cutmix() -> None:
    torch.manual_seed(0)
    images = torch.zeros(2, 1, 8, 12)
    images[0] = 1.0
    mixed, classes = transforms.RandomCutmix(num_classes=2, p=1.0, alpha=1.0)(images, torch.tensor([0, 1]))
    box = (mixed[0, 0] != 1).nonzero()
    assert [box.min(0).values.tolist(), box.max(0).values.tolist()] == [[3, 0], [6, 6]]
    assert classes[0].tolist() == pytest.approx([0.7083, 0.2917], abs=1e-4)


def test_a_seed_of_numpy_gives_the_steps_that_are_kept() -> None:
    np.random.seed(0)
    kept = datasets.random_temporal_delete(torch.arange(10).view(10, 1), 4, batch_first=False)
    assert kept.flatten().tolist() == [2, 4, 8, 9]


def test_layers_of_spikes_inside_a_network() -> None:
    from spikingjelly.activation_based import spike_op

    torch.manual_seed(0)
    ours = nn.Sequential(spike_op.SpikeConv2d(2, 3, 3, padding=1), nn.Flatten(), spike_op.SpikeLinear(192, 4))
    plain = nn.Sequential(layer.Conv2d(2, 3, 3, padding=1), layer.Flatten(), layer.Linear(192, 4))
    plain.load_state_dict(ours.state_dict())
    spikes = (torch.rand(5, 2, 8, 8) > 0.5).float()
    results = [
        [net(spikes), *torch.autograd.grad(net(spikes).square().sum(), net.parameters())] for net in (ours, plain)
    ]
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_a_sequence_through_layers_without_step_modes() -> None:
    net = nn.Sequential(nn.BatchNorm2d(1), neuron.IFNode(step_mode="m"), nn.Flatten())
    x = torch.rand(3, 2, 1, 2, 2) * 2
    y = spiking_vgg.sequential_forward(net, x)
    functional.reset_net(net)
    expected = net[1](net[0](x.flatten(0, 1)).view_as(x)).flatten(2)
    assert torch.equal(y, expected)


def test_binary_frames_as_the_bits_of_one() -> None:
    frames = np.array([1, 0, 1]).reshape(3, 1, 1, 1) * np.ones((3, 2, 1, 1))
    assert to_x_rep.bina_rep(frames).flatten().tolist() == pytest.approx([0.71428571] * 2)


def test_a_linear_layer_reads_its_weight_once_a_call() -> None:
    """spectral_norm takes a step of its power iteration at each reading."""
    net = layer.Linear(3, 4, step_mode="m")
    with torch.no_grad():
        net.weight.copy_(torch.arange(12.0).view(4, 3).sin())
        net.bias.zero_()
    spectral_norm(net)
    iteration = net.parametrizations.weight[0]
    iteration._u.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
    iteration._v.copy_(torch.tensor([0.0, 1.0, 0.0]))
    x = torch.ones(2, 1, 3)
    net(x)
    assert iteration._u.tolist() == pytest.approx([0.593762, -0.534018, 0.463586, -0.383874], abs=1e-6)
    assert net(x)[0, 0].tolist() == pytest.approx([0.72364, -0.65082, 0.56499, -0.46784], abs=1e-5)
    assert iteration._u.tolist() == pytest.approx([0.503523, -0.507887, 0.502086, -0.486236], abs=1e-6)


@pytest.mark.parametrize(
    ("make", "same", "names"),
    [
        (
            lambda: sew_resnet._sew_resnet("resnet18", sew_resnet.BasicBlock, [1] * 4, False, True, "IAND", IF),
            lambda: sew_resnet.SEWResNet(sew_resnet.BasicBlock, [1] * 4, cnf="IAND", spiking_neuron=IF),
            set(sew_resnet.model_urls) & {"resnet18", "wide_resnet101_2"},
        ),
        (
            lambda: spiking_resnet._spiking_resnet(
                "resnet50", spiking_resnet.Bottleneck, [1] * 4, False, True, IF, num_classes=3
            ),
            lambda: spiking_resnet.SpikingResNet(spiking_resnet.Bottleneck, [1] * 4, 3, spiking_neuron=IF),
            set(spiking_resnet.model_urls) & {"resnet50", "resnext50_32x4d"},
        ),
    ],
    ids=["sew_resnet", "spiking_resnet"],
)
def test_constructors_that_published_models_call(make: Any, same: Any, names: set[str]) -> None:
    torch.manual_seed(0)
    net = make()
    torch.manual_seed(0)
    expected = same().state_dict()
    assert len(names) == 2
    assert list(net.state_dict()) == list(expected)
    assert all(torch.equal(value, expected[key]) for key, value in net.state_dict().items())


def test_the_constructor_of_published_vggs() -> None:
    with torch.device("meta"):
        net = spiking_vgg._spiking_vgg("vgg11_bn", "A", True, False, True, layer.BatchNorm2d, IF, num_classes=2)
        same = spiking_vgg.spiking_vgg11_bn(spiking_neuron=IF, num_classes=2)
    shapes = [(key, value.shape) for key, value in net.state_dict().items()]
    assert shapes == [(key, value.shape) for key, value in same.state_dict().items()]
    assert list(spiking_vgg.model_urls)[-1] == "vgg19_bn"
    assert sew_resnet.model_urls["resnet18"] == "https://download.pytorch.org/models/resnet18-f37072fd.pth"


def test_weights_of_a_network_that_torchvision_has_not() -> None:
    with pytest.raises(ValueError, match="no weights of a network 'sew_resnet10'. Choose one of resnet18"):
        sew_resnet._sew_resnet("sew_resnet10", sew_resnet.BasicBlock, [1] * 4, True, False, "ADD", IF)


def test_a_margin_takes_no_labels_in_evaluation() -> None:
    node = IF().eval()
    functional.set_threshold_margin(node, None, eval_threshold=0.7)
    assert node.v_threshold == 0.7
    with pytest.raises(TypeError, match="label_one_hot must be a torch.Tensor, but None"):
        functional.set_threshold_margin(node.train(), None)
