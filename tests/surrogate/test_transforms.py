"""Networks under the transforms of `torch.func`: the same numbers as one call after the other."""

import logging
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, stack_module_state, vmap

from spikingjelly.activation_based import encoding, functional, layer, neuron, surrogate
from spikingjelly.fusion import choice, dispatch
from tests.cases import NEURONS, SURROGATES, NeuronCase, SurrogateCase
from tests.versions import needs_torch

# What PyTorch imports for the forward mode says so of itself, from 2.14 on with a FutureWarning.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
ONE_OF_A_KIND = {case.cls: case for case in NEURONS}


def slope(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x)[0]


@pytest.mark.parametrize("case", SURROGATES, ids=str)
def test_slopes_under_each_transform(case: SurrogateCase) -> None:
    x = torch.linspace(-1.9, 1.9, 12, dtype=torch.float64).view(3, 4)
    function = case.make()
    expected = slope(function, x)
    same = torch.testing.assert_close
    same(grad(lambda x: function(x).sum())(x), expected)
    same(vmap(vmap(grad(function)))(x), expected)
    spikes, tangents = jvp(function, (x,), (torch.full_like(x, 0.5),))
    assert torch.equal(spikes, function(x))
    same(tangents, expected * 0.5)
    for jacobian in (jacrev, jacfwd):
        same(jacobian(function)(x[0]), expected[0].diag())
    with forward_ad.dual_level():
        same(forward_ad.unpack_dual(function(forward_ad.make_dual(x, torch.ones_like(x)))).tangent, expected)


def test_a_second_derivative_is_the_slope_of_the_slope() -> None:
    x = torch.linspace(-0.8, 0.8, 5, dtype=torch.float64)
    function = surrogate.Sigmoid(3.0)
    expected = slope(lambda x: surrogate.Sigmoid.backward(torch.ones_like(x), x, 3.0), x)
    torch.testing.assert_close(hessian(lambda x: function(x).sum())(x), expected.diag())


def test_parameters_by_name() -> None:
    x = torch.tensor([-0.3, 0.4])
    expected = slope(surrogate.ATan(3.0), x)
    assert torch.equal(grad(lambda x: surrogate.ATan.spiking_function(x, alpha=3.0).sum())(x), expected)


@needs_torch("2.13", "torch.compile of a transform with a surrogate inside")
def test_compiled_transforms_have_the_slope_too() -> None:
    function, x = surrogate.Sigmoid(3.0), torch.tensor([-0.3, 0.4])
    compiled = torch.compile(lambda x: vmap(grad(function))(x), backend="eager")
    torch.testing.assert_close(compiled(x), slope(function, x))


def network(backend: str) -> nn.Module:
    torch.manual_seed(0)
    hidden = neuron.LIFNode(tau=1.7, v_threshold=0.2, v_reset=None, detach_reset=True, backend=backend)
    net = nn.Sequential(
        layer.Linear(4, 6), hidden, layer.Linear(6, 2), neuron.IFNode(0.3, backend=backend, store_v_seq=True)
    )
    for weight in net.parameters():
        nn.init.uniform_(weight, -0.2, 0.6)  # so that the last neurons fire
    functional.set_step_mode(net, "m")
    return net


def loss(net: nn.Module, weights: dict[str, torch.Tensor], x_seq: torch.Tensor) -> torch.Tensor:
    functional.reset_net(net)
    return functional_call(net, weights, (x_seq,)).mean((0, 1)).square().sum()


def weights_of(net: nn.Module) -> dict[str, torch.Tensor]:
    return {name: weight.detach() for name, weight in net.named_parameters()}


def loss_gradients(net: nn.Module, x_seq: torch.Tensor) -> dict[str, torch.Tensor]:
    names, parameters = zip(*net.named_parameters(), strict=True)
    gradients = torch.autograd.grad(loss(net, dict(net.named_parameters()), x_seq), parameters)
    return dict(zip(names, gradients, strict=True))


@pytest.mark.parametrize("backend", ["torch", "cpp", "auto"])
def test_gradients_of_each_sample(backend: str) -> None:
    net = network(backend)
    x_seq = torch.rand(5, 3, 4, generator=torch.Generator().manual_seed(1)) * 2
    per_sample = vmap(grad(lambda weights, x: loss(net, weights, x.unsqueeze(1))), in_dims=(None, 1))
    found = per_sample(weights_of(net), x_seq)
    for n in range(3):
        for name, expected in loss_gradients(net, x_seq[:, n : n + 1]).items():
            torch.testing.assert_close(found[name][n], expected)
    assert any(bool(gradient.any()) for gradient in found.values())


@pytest.mark.parametrize("backend", ["torch", "cpp"])
def test_an_ensemble(backend: str) -> None:
    nets = [network(backend) for _ in range(3)]
    for number, net in enumerate(nets):
        nn.init.uniform_(net[2].weight, -0.3, 0.1 + 0.1 * number)
    weights, _ = stack_module_state(nets)
    x_seq = torch.rand(5, 3, 4, generator=torch.Generator().manual_seed(1)) * 2
    found = vmap(lambda one: loss(nets[0], one, x_seq))(weights)
    torch.testing.assert_close(found, torch.stack([loss(net, weights_of(net), x_seq) for net in nets]))
    assert found.unique().numel() > 1


@pytest.mark.parametrize("case", ONE_OF_A_KIND.values(), ids=lambda case: case.cls)
def test_each_neuron_under_grad_and_vmap(case: NeuronCase) -> None:
    node = case.make().eval()
    x_seq = case.input(torch.float64)
    node.double()

    def total(x_seq: torch.Tensor) -> torch.Tensor:
        node.reset()
        return node(x_seq).sum()

    expected = slope(total, x_seq)
    torch.testing.assert_close(grad(total)(x_seq), expected)
    by_sample = vmap(grad(lambda x: total(x.unsqueeze(1))), in_dims=1, out_dims=1)(x_seq)
    torch.testing.assert_close(by_sample.squeeze(2), expected)


def test_rates_of_dsr_neurons_and_random_populations() -> None:
    node = neuron.DSRIFNode(T=5, v_threshold=0.9)
    x_seq = torch.rand(5, 3, 4)
    weights = torch.rand(3, 4)
    expected = slope(lambda x: node(x).sum(0) * weights, x_seq)
    torch.testing.assert_close(grad(lambda x: (node(x).sum(0) * weights).sum())(x_seq), expected)
    encoder = encoding.PopSpikeEncoderRandom(2, 3, 4, (-1.0, 1.0), 0.5)
    obs = torch.rand(5, 2)
    drive = encoding.PopEncoder(2, 3, 4, (-1.0, 1.0), 0.5)
    torch.testing.assert_close(grad(lambda obs: encoder(obs).sum())(obs), slope(drive, obs))


def test_it_is_said_once_that_the_loop_runs(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_said", set())
    monkeypatch.setattr(dispatch, "SMALLEST", {})
    node = neuron.IFNode(step_mode="m", backend="cpp")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            node.reset()
            vmap(node)(torch.rand(2, 4, 3))
    (record,) = caplog.records
    assert "torch.func" in record.message
    assert record.message.endswith("The eager PyTorch loop runs.")


def test_a_transform_leaves_the_kernel_to_later_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    node = neuron.IFNode(v_threshold=0.123, step_mode="m", backend="cpp")
    x_seq = torch.rand(4, 3)
    vmap(node, in_dims=1)(x_seq)
    node.reset()
    node(x_seq)  # makes the plan
    node.reset()

    def not_expected(x: torch.Tensor) -> torch.Tensor:
        raise AssertionError("the loop runs")

    monkeypatch.setattr(node, "_eager_loop", not_expected)
    assert node(x_seq).shape == (4, 3)
    node.reset()
    with pytest.raises(AssertionError, match="the loop runs"):
        vmap(node, in_dims=1)(x_seq)


def test_a_state_of_a_transform_is_not_carried_out_of_it() -> None:
    node = neuron.IFNode(step_mode="m", backend="cpp")
    x_seq = torch.rand(4, 3)
    vmap(node, in_dims=1)(x_seq.unsqueeze(2))
    with pytest.raises(RuntimeError, match="IFNode still carries the state of a call inside a transform of torch.func"):
        node(x_seq[:, :1])
    node.reset()
    assert node(x_seq).shape == (4, 3)
