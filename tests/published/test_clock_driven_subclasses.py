"""Subclasses of the classes of clock_driven, in the style of published programs."""

import math

import pytest
import torch
from torch import nn

from spikingjelly.clock_driven import base, neuron, surrogate
from spikingjelly.clock_driven.neuron import *  # noqa: F403
from tests.parity.compare import counted

T = 6


class FiresTwice(neuron.MultiStepLIFNode):
    """Another `neuronal_fire`; all arguments passed on by position."""

    def __init__(
        self, tau=2.0, decay_input=True, v_threshold=1.0, v_reset=0.0,
        surrogate_function=surrogate.Sigmoid(), detach_reset=False, backend="torch",  # noqa: B008
    ):  # fmt: skip
        super().__init__(tau, decay_input, v_threshold, v_reset, surrogate_function, detach_reset, backend)

    def neuronal_fire(self):
        return self.surrogate_function(self.v - self.v_threshold) + self.surrogate_function(
            self.v - 2 * self.v_threshold
        )


def test_an_overridden_fire_counts_in_both_backends() -> None:
    x, results = torch.rand(T, 3, 4) * 6, []
    for backend in ("torch", "cupy"):
        node, leaf = FiresTwice(1.5, True, 0.8, 0.0, surrogate.ATan(), False, backend), x.clone().requires_grad_()
        with counted() as kernels:
            y = node(leaf)
        assert len(kernels) == (backend == "cupy")
        results.append([y, node.v_seq, torch.autograd.grad((y * torch.arange(4)).sum(), leaf)[0]])
    assert set(results[0][0].unique().tolist()) == {0.0, 1.0, 2.0}
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-6)


class AdaptiveThreshold(neuron.BaseNode):
    """A threshold that rises with each spike, kept in the memory `v_threshold`; four arguments by position."""

    def __init__(self, tau=2.0, v_threshold=1.0, v_reset=0.0, surrogate_function=surrogate.ATan(), detach_reset=True):  # noqa: B008
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset)
        self.tau = tau

    def extra_repr(self):
        return f"v_threshold={self.v_threshold}, tau={self.tau}"

    def neuronal_charge(self, x):
        self.v = self.v + (x - self.v) / self.tau

    def neuronal_fire(self):
        spike = self.surrogate_function(self.v - self.v_threshold)
        self.v_threshold = self.v_threshold + 0.5 * spike.detach() - 0.1
        return spike


def by_hand(x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    v, threshold, spikes = torch.zeros_like(x[0]), torch.ones_like(x[0]), []
    for step in x:
        v = v + (step - v) / 2.0
        spikes.append((v >= threshold).float())
        threshold = threshold + 0.5 * spikes[-1] - 0.1
        v = (1 - spikes[-1]) * v
    return spikes, threshold


def test_a_threshold_that_adapts_is_a_memory() -> None:
    x = torch.rand(T, 3, 4000) * 4
    node = AdaptiveThreshold()
    assert repr(node).startswith("AdaptiveThreshold(\n  v_threshold=1.0, tau=2.0")
    with counted() as kernels:
        spikes = [node(step) for step in x]
    assert len(kernels) == 0, "'auto' leaves single steps of this size to the loop"
    expected, threshold = by_hand(x)
    assert all(torch.equal(*pair) for pair in zip(spikes, expected, strict=True))
    torch.testing.assert_close(node.v_threshold, threshold)
    node.reset()
    assert node.v_threshold == 1.0
    node.backend = "cpp"
    with counted() as kernels:
        spikes = [node(step) for step in x]
    assert len(kernels) == T
    assert all(torch.equal(*pair) for pair in zip(spikes, expected, strict=True))
    torch.testing.assert_close(node.v_threshold, threshold)


def test_five_arguments_by_position() -> None:
    class Recording(neuron.BaseNode):
        def __init__(self):
            super().__init__(1.0, None, surrogate.ATan(), False, True)

        def neuronal_charge(self, x):
            self.v = self.v + x

    node = Recording()
    node(torch.full((2,), 1.25))
    assert node.monitor["h"][0].tolist() == [1.25, 1.25]
    assert node.monitor["v"][0].tolist() == [0.25, 0.25]


class OwnForward(LIFNode):  # noqa: F405
    """Its own `forward` from the base's parts; `self.spike` kept by itself."""

    def forward(self, dv):
        self.neuronal_charge(dv)
        self.spike = self.neuronal_fire()
        self.neuronal_reset(self.spike)
        return self.spike, self.v


def test_a_forward_of_its_own() -> None:
    node, twin = OwnForward(2.0, True, 0.6, 0.0, surrogate.ATan(), True, False), neuron.LIFNode(v_threshold=0.6)
    for x in torch.rand(T, 3, 4) * 2:
        spike, v = node(x)
        assert torch.equal(spike, twin(x))
        assert torch.equal(v, twin.v)
        assert node.spike is spike


class CallsSuper(neuron.LIFNode):
    def forward(self, x):
        return super().forward(2.0 * x) * 0.5


def test_a_forward_around_the_base() -> None:
    node, twin = CallsSuper(), neuron.LIFNode()
    for x in torch.rand(T, 3):
        assert torch.equal(node(x), twin(2 * x) * 0.5)


class LearnableTau(neuron.BaseNode):
    def __init__(self, init_tau, v_threshold=1.0, v_reset=0.0, surrogate_function=surrogate.ATan(), detach_reset=False):  # noqa: B008
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset)
        self.w = nn.Parameter(torch.as_tensor(-math.log(init_tau - 1)))

    @property
    def tau(self):
        return 1 / self.w.sigmoid().item()

    def neuronal_charge(self, x):
        self.v = self.v + (x - (self.v - self.v_reset)) * self.w.sigmoid()


def test_a_property_tau_and_a_parameter() -> None:
    node, published = LearnableTau(3.0), neuron.ParametricLIFNode(3.0, surrogate_function=surrogate.ATan())
    assert node.tau == pytest.approx(3.0)
    assert list(node.state_dict()) == ["w"]
    x, grads = torch.rand(T, 5) * 3, []
    for module in (node, published):
        torch.stack([module(step) for step in x]).sum().backward()
        grads.append(module.w.grad)
    torch.testing.assert_close(*grads)


class Passive(neuron.ParametricLIFNode):
    def __init__(self, *args):
        super().__init__(*args)
        self.register_buffer("scale", torch.tensor(0.5))

    def neuronal_charge(self, x):
        super().neuronal_charge(self.scale * x)


def test_six_arguments_by_position_and_a_buffer() -> None:
    node = Passive(2.0, False, 0.9, None, surrogate.ATan(), True)
    assert node(torch.tensor([1.0, 2.0])).tolist() == [0.0, 1.0]
    assert sorted(node.state_dict()) == ["scale", "w"]


class FromMemoryModule(base.MemoryModule):
    """A neuron on the plain base: attributes set before and after, a backend as a plain word, own `forward`."""

    def __init__(self, v_threshold=1.0, backend="cupy"):
        super().__init__()
        self.register_memory("v", 0.0)
        self.register_memory("v_threshold", v_threshold)
        self.backend = backend

    def neuronal_charge(self, x):
        self.v = self.v + x

    def neuronal_fire(self):
        return (self.v >= self.v_threshold).float()

    def neuronal_reset(self, spike):
        self.v = self.v - spike * self.v_threshold

    def extra_repr(self):
        return f"v_threshold={self.v_threshold}"

    def forward(self, x_seq):
        spikes = []
        for x in x_seq:
            self.neuronal_charge(x)
            spike = self.neuronal_fire()
            self.neuronal_reset(spike)
            spikes.append(spike)
        return torch.stack(spikes)


def test_a_neuron_on_the_plain_base() -> None:
    node = FromMemoryModule()
    assert node.backend == "cupy"
    x = torch.rand(T, 3)
    assert torch.equal(node(x), neuron.MultiStepIFNode(v_reset=None)(x))
    node.reset()
    assert node.v == 0.0


class Boxcar(surrogate.SurrogateFunctionBase):
    """A surrogate with two methods, as published ones are written."""

    def __init__(self, alpha=1.0, spiking=True):
        super().__init__(alpha, spiking)

    @staticmethod
    def spiking_function(x, alpha):
        return surrogate.piecewise_quadratic.apply(x, alpha)

    @staticmethod
    def primitive_function(x, alpha):
        return torch.clamp(alpha * x + 0.5, 0, 1)

    def cuda_code(self, x, y, dtype="fp32"):
        raise AssertionError("kernels are derived; this is not called")


def test_a_surrogate_of_its_own() -> None:
    x = torch.linspace(-1.5, 1.5, 13, requires_grad=True)
    y = Boxcar(0.8)(x)
    assert torch.equal(y, surrogate.heaviside(x))
    expected = torch.autograd.grad(surrogate.PiecewiseQuadratic(0.8)(x).sum(), x)[0]
    torch.testing.assert_close(torch.autograd.grad(y.sum(), x)[0], expected)
    soft = Boxcar(0.8, spiking=False)(x)
    torch.testing.assert_close(soft, (0.8 * x + 0.5).clamp(0, 1))
    results = []
    for backend in ("torch", "cupy"):
        node, leaf = (
            neuron.MultiStepLIFNode(surrogate_function=Boxcar(), backend=backend),
            torch.ones(T, 3, requires_grad=True),
        )
        results.append(torch.autograd.grad(node(leaf * 2).sum(), leaf)[0])
    torch.testing.assert_close(*results)


class OwnFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return surrogate.heaviside(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x.abs() < 0.5).float()


def test_a_plain_function_as_surrogate() -> None:
    grads = []
    for backend in ("torch", "cupy"):
        node = neuron.MultiStepIFNode(surrogate_function=OwnFunction.apply, backend=backend)
        x = torch.full((T, 3), 0.4, requires_grad=True)
        with counted() as kernels:
            y = node(x)
        assert len(kernels) == (backend == "cupy")
        grads.append(torch.autograd.grad(y.sum(), x)[0])
    torch.testing.assert_close(*grads)
    assert grads[0].abs().sum() > 0


class OldestStyle(neuron.LIFNode):
    """`neuronal_fire` sets `self.spike`, `neuronal_reset` takes no argument, `forward` calls all three."""

    def neuronal_fire(self):
        self.spike = self.surrogate_function(self.v - 0.5 * self.v_threshold)

    def neuronal_reset(self):
        self.v = self.v - self.spike.detach() * 0.25


class OldestForward(neuron.LIFNode):
    def forward(self, dv):
        self.neuronal_charge(dv)
        self.neuronal_fire()
        self.neuronal_reset()
        return self.spike


class OldestReset(neuron.MultiStepLIFNode):
    def neuronal_reset(self):
        self.v = self.v * (1.0 - self.spike)


def test_fire_and_reset_without_arguments() -> None:
    x, v = torch.rand(T, 3) * 3, torch.zeros(3)
    node = OldestStyle()
    for step in x:
        v = v + (step - v) / 2.0
        spike = (v >= 0.5).float()
        v = v - 0.25 * spike
        assert torch.equal(node(step), spike)
        assert torch.equal(node.spike, spike)
        assert torch.equal(node.v, v)
    assert spike.sum() > 0


def test_a_forward_without_arguments() -> None:
    node, twin = OldestForward(v_reset=-0.1), neuron.LIFNode(v_reset=-0.1)
    for step in torch.rand(T, 3) * 3:
        assert torch.equal(node(step), twin(step))
        assert torch.equal(node.v, twin.v)


def test_a_reset_without_arguments_in_a_sequence() -> None:
    x = torch.rand(T, 2, 3) * 3
    nodes = [OldestReset(backend="torch"), OldestReset(backend="cupy"), neuron.MultiStepLIFNode(backend="torch")]
    results = [[node(x), node.v, node.v_seq, node.spike_seq, node.spike] for node in nodes]
    for result in results[1:]:
        for one, other in zip(result, results[0], strict=True):
            torch.testing.assert_close(one, other)


class KeepsItsPotential(neuron.MultiStepLIFNode):
    """Leaves a tensor of the graph in a plain attribute, for a loss on the potential."""

    def forward(self, x_seq):
        y = super().forward(x_seq)
        self.last = self.v_seq[-1]
        return y


def test_a_tensor_that_an_earlier_batch_left_in_an_attribute() -> None:
    results = []
    for backend in ("torch", "cupy"):
        torch.manual_seed(3)
        fc, node = nn.Linear(6, 8), KeepsItsPotential(1.5, v_threshold=0.7, detach_reset=True, backend=backend)
        for _ in range(3):
            loss = node(fc(torch.rand(T, 3, 6) * 4)).mean() + node.last.square().mean()
            fc.zero_grad()
            loss.backward()
            node.reset()
        results.append([loss, fc.weight.grad])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one)


def test_an_encoder_that_writes_encode() -> None:
    from spikingjelly.clock_driven import encoding

    class Ramp(encoding.StatefulEncoder):
        def encode(self, x):
            self.spike = torch.stack([x, 2 * x, 3 * x])

    encoder = Ramp(3)
    assert [encoder(torch.ones(1)).item(), encoder().item(), encoder().item()] == [1, 2, 3]
    latency = encoding.LatencyEncoder(3)
    latency.encode(torch.tensor([0.5]))
    assert latency.spike.flatten().tolist() == [0, 1, 0]
    assert isinstance(latency, encoding.StatefulEncoder)
