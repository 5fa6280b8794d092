"""OTTTLIFNode and SLTTLIFNode: LIF without a graph through time."""

import copy
import pickle

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, neuron, surrogate
from spikingjelly.activation_based.neuron.online import OTTTLIFNode, SLTTLIFNode
from tests.neuron_v15.reference import assert_fires, by_steps, currents, simulate

RESETS = [0.0, -0.3, None]


def soft() -> surrogate.Sigmoid:
    return surrogate.Sigmoid(alpha=2.5, spiking=False)


def spikes_of(node: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return torch.stack([out[0] if isinstance(out, list) else out for out in map(node, x.unbind(0))])


@pytest.mark.parametrize("cls", [OTTTLIFNode, SLTTLIFNode])
@pytest.mark.parametrize("v_reset", RESETS)
@pytest.mark.parametrize("decay_input", [True, False])
def test_forward_by_hand(cls: type, v_reset: float | None, decay_input: bool) -> None:
    x, rest = currents(10, 3, 4), v_reset or 0.0
    expected, v = simulate(
        x, lambda v, x: v - (v - rest) / 1.6 + (x / 1.6 if decay_input else x), 0.7, v_reset, start=rest
    )
    assert_fires(expected)
    node = cls(1.6, decay_input, 0.7, v_reset)
    assert torch.equal(spikes_of(node, x), expected)
    torch.testing.assert_close(node.v, v)


@pytest.mark.parametrize("cls", [OTTTLIFNode, SLTTLIFNode])
@pytest.mark.parametrize("detach_reset", [False, True])
def test_gradients_see_one_time_step_only(cls: type, detach_reset: bool) -> None:
    x = currents(6, 3, 4).requires_grad_()
    node = cls(1.6, False, 0.7, None, soft(), detach_reset)
    outputs = spikes_of(node, x)
    (actual,) = torch.autograd.grad(outputs.square().sum(), x)
    # by hand: S = sigmoid(2.5 (V + X - 0.7)) with V given, so dS^2/dX = 2 S * 2.5 S (1 - S)
    s = outputs.detach()
    torch.testing.assert_close(actual, 2 * s * 2.5 * s * (1 - s))
    assert not node.v.requires_grad


@pytest.mark.parametrize("cls", [OTTTLIFNode, SLTTLIFNode])
def test_backward_at_each_time_step_without_a_hint(cls: type) -> None:
    x = currents(4, 3, 4).requires_grad_()
    node = cls(surrogate_function=soft())
    for step in x.unbind(0):
        out = node(step)
        (out[0] if isinstance(out, list) else out).sum().backward()
    assert x.grad is not None
    assert x.grad.flatten(1).any(1).all()


def test_ottt_trace_by_hand() -> None:
    x = currents(8, 3, 4)
    node = OTTTLIFNode(tau=1.6, v_threshold=0.7)
    trace = torch.zeros(3, 4)
    for step in x.requires_grad_().unbind(0):
        out = node(step)
        assert type(out) is list
        spike, a = out
        trace = trace * (1 - 1 / 1.6) + spike.detach()
        torch.testing.assert_close(a, trace.double())
        assert spike.requires_grad
        assert not a.requires_grad
    assert 0 < trace.max() < 1 / (1 / 1.6)


def test_ottt_eval_gives_spikes() -> None:
    x = currents(6, 3, 4)
    training, evaluation = OTTTLIFNode(v_threshold=0.7), OTTTLIFNode(v_threshold=0.7).eval()
    y = by_steps(evaluation, x)
    assert torch.equal(y, spikes_of(training, x))
    assert torch.equal(evaluation.trace, training.trace)


def test_ottt_keeps_its_state_in_evaluation_of_large_inputs() -> None:
    x = torch.randn(3, 40_000)
    training, evaluation = OTTTLIFNode(v_threshold=0.05), OTTTLIFNode(v_threshold=0.05).eval()
    for step in x:
        assert torch.equal(training(step)[0], evaluation(step))
        assert torch.equal(training.v, evaluation.v)
        assert torch.equal(training.trace, evaluation.trace)


def test_ottt_state_is_in_the_state_dict_from_the_first_step_to_the_reset() -> None:
    node = OTTTLIFNode()
    assert list(node.state_dict()) == []
    assert list(node.named_memories()) == []
    node(torch.rand(3, 4))
    assert set(node.state_dict()) == {"v", "trace"}
    assert {name for name, _ in node.named_buffers()} == {"v", "trace"}
    functional.reset_net(node)
    assert list(node.state_dict()) == []
    assert node.v is None
    assert node.trace is None
    node(torch.rand(5, 2))


def test_sltt_state_is_not_in_the_state_dict() -> None:
    node = SLTTLIFNode()
    node(torch.rand(3, 4))
    assert list(node.state_dict()) == []
    assert [name for name, _ in node.named_memories()] == ["v"]


@pytest.mark.parametrize("used_before", [0, 3, 5])
def test_ottt_state_dict_loads_into_any_node(used_before: int) -> None:
    """A fresh node, one with a state of the same batch size, one of another."""
    x = currents(6, 3, 4)
    net, other = nn.Sequential(OTTTLIFNode(1.7)), nn.Sequential(OTTTLIFNode(1.7))
    for step in x[:3]:
        net(step)
    if used_before:
        other(currents(used_before, 4, seed=1))
    other.load_state_dict(net.state_dict())
    for step in x[3:]:
        for mine, others in zip(net(step), other(step), strict=True):
            assert torch.equal(mine, others)
    assert net[0].v.data_ptr() != other[0].v.data_ptr()


def test_ottt_state_dict_without_state_resets() -> None:
    node = OTTTLIFNode()
    node(torch.rand(3, 4))
    node.load_state_dict(OTTTLIFNode().state_dict())
    assert node.v is None
    node(torch.rand(2, 4))
    with_potential_only = {"v": torch.full((2, 4), 0.9)}
    node.load_state_dict(with_potential_only)
    spike, trace = node(torch.full((2, 4), 0.6))
    assert torch.equal(spike, torch.ones(2, 4))
    assert torch.equal(trace, spike)


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda node: pickle.loads(pickle.dumps(node))])
def test_ottt_copies_go_on(copier) -> None:
    x = currents(4, 3, 4)
    node = OTTTLIFNode(surrogate_function=soft())
    node(x[0].requires_grad_())
    twin = copier(node)
    assert twin.v.data_ptr() != node.v.data_ptr()
    for mine, others in zip(node(x[1]), twin(x[1]), strict=True):
        assert torch.equal(mine, others)


def test_ottt_moves_with_its_state() -> None:
    node = OTTTLIFNode()
    node(torch.rand(3, 4))
    node.double()
    assert node.v.dtype == node.trace.dtype == torch.float64
    spike, trace = node(torch.rand(3, 4, dtype=torch.float64))
    assert spike.dtype == trace.dtype == torch.float64


def test_defaults() -> None:
    node = OTTTLIFNode()
    assert (node.tau, node.decay_input, node.v_threshold, node.v_reset, node.detach_reset) == (
        2.0,
        False,
        1.0,
        None,
        True,
    )
    node = SLTTLIFNode()
    assert (node.tau, node.decay_input, node.v_threshold, node.v_reset, node.detach_reset) == (
        2.0,
        True,
        1.0,
        0.0,
        True,
    )
    assert isinstance(node, neuron.LIFNode)


@pytest.mark.parametrize("cls", [OTTTLIFNode, SLTTLIFNode])
def test_errors(cls: type) -> None:
    with pytest.raises(ValueError, match=f"{cls.__name__}: step_mode must be 's', but 'm'"):
        cls(step_mode="m")
    with pytest.raises(ValueError, match="step_mode must be 's'"):
        cls().step_mode = "m"
    with pytest.raises(ValueError, match="tau must be greater than 1.0"):
        cls(tau=1.0)
    with pytest.raises(TypeError, match="detach_reset must be a bool"):
        cls(detach_reset=1)
    node = cls()
    node(torch.rand(1, 4))
    with pytest.raises(RuntimeError, match=f"{cls.__name__} still carries the state"):
        node(torch.rand(2, 4))
    node.reset()
    node(torch.rand(2, 4))
    node.to(torch.float64)
    with pytest.raises(RuntimeError, match="a membrane potential v of"):
        node(torch.rand(2, 4))
