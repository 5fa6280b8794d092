"""TorchScript knows no state: scripts are refused, traces take whole sequences."""

import warnings

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron


def network(backend: str, step_mode: str = "m") -> nn.Module:
    net = nn.Sequential(layer.Linear(8, 200), neuron.LIFNode(backend=backend))
    functional.set_step_mode(net, step_mode)
    return net


def traced(net: nn.Module, x: torch.Tensor) -> torch.jit.ScriptModule:
    with warnings.catch_warnings():  # PyTorch's own: that it is deprecated, and on branches that only look at shapes
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", "`torch.jit.trace", category)
        warnings.filterwarnings("ignore", message="Converting a tensor to a Python")
        return torch.jit.trace(net, x, check_trace=False)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated", "ignore:.*torch.jit.script.*:DeprecationWarning")
def test_a_script_is_refused_with_what_to_take_instead() -> None:
    with pytest.raises(NotImplementedError, match=r"torch.jit.script can't compile LIFNode.*torch.compile\(net\)"):
        torch.jit.script(network("torch"))


@pytest.mark.parametrize("backend", ["torch", "cpp"])
def test_a_traced_sequence_computes_what_the_network_computes(backend: str) -> None:
    net = network(backend)
    trace = traced(net, torch.rand(4, 64, 8))
    functional.reset_net(net)
    x = 9 * torch.rand(4, 64, 8)
    with torch.no_grad():
        expected = net(x)
        assert expected.any()
        assert torch.equal(trace(x), expected)
        assert torch.equal(trace(x), expected)  # from reset again


def test_a_state_that_a_trace_would_lose_is_warned_of() -> None:
    with pytest.warns(torch.jit.TracerWarning, match="LIFNode: torch.jit.trace records no state"):
        traced(network("torch", "s"), torch.rand(64, 8))
    net = network("torch").requires_grad_(False)
    net(torch.rand(4, 64, 8))
    with pytest.warns(torch.jit.TracerWarning, match="LIFNode: torch.jit.trace records no state"):
        traced(net, torch.rand(4, 64, 8))
