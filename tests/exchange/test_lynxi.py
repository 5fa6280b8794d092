"""Neurons without a state against those with one, layers for the vendor's compiler, and its absence."""

import logging
import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, lynxi_exchange, neuron

NEURONS = {
    "IF": ("IFNode", {"v_threshold": 0.8, "v_reset": 0.1}),
    "IF, soft": ("IFNode", {"v_reset": None}),
    "LIF": ("LIFNode", {"tau": 1.7, "v_threshold": 0.6, "v_reset": -0.2}),
    "LIF, whole input": ("LIFNode", {"tau": 2.5, "decay_input": False, "v_reset": 0.2}),
    "LIF, soft": ("LIFNode", {"tau": 2.5, "decay_input": False, "v_reset": None}),
}


@pytest.mark.parametrize("name", NEURONS)
def test_neurons_without_a_state_give_the_same_spikes(name: str) -> None:
    cls, arguments = NEURONS[name]
    x = torch.rand(6, 3, 5, dtype=torch.float64)
    node = getattr(neuron, cls)(**arguments, step_mode="m")
    expected, potential = node(x), node.v
    theirs = getattr(lynxi_exchange, cls)(**arguments, step_mode="m", T=6, return_v=True)
    spikes, v = theirs(x.flatten(0, 1))
    assert torch.equal(spikes, expected.flatten(0, 1))
    torch.testing.assert_close(v, potential)
    assert not list(theirs.state_dict())

    single, state, steps = getattr(lynxi_exchange, cls)(**arguments, return_v=True), None, []
    for x_t in x:
        spike, state = single(x_t, state)
        steps.append(spike)
    assert torch.equal(torch.stack(steps), expected)

    again, _ = theirs(x.flatten(0, 1), v)
    assert torch.equal(again, node(x).flatten(0, 1))
    without = getattr(lynxi_exchange, cls)(**arguments, step_mode="m", T=6)
    assert torch.equal(without(x.flatten(0, 1)), spikes)


def test_a_network_for_the_compiler() -> None:
    net = nn.Sequential(
        layer.Conv2d(1, 2, 3, bias=False), layer.BatchNorm2d(2), neuron.IFNode(v_threshold=0.3), layer.MaxPool2d(2),
        layer.AvgPool2d(1), layer.AdaptiveAvgPool2d(3), nn.Sequential(layer.Flatten(), layer.Linear(18, 4)),
        neuron.LIFNode(tau=3.0, v_threshold=0.2),
    ).eval()  # fmt: skip
    functional.set_step_mode(net, "m")
    x = torch.rand(4, 2, 1, 8, 8)
    plain = lynxi_exchange.to_lynxi_supported_modules(net, 4)
    assert [type(m) for m in plain[:2]] == [nn.Conv2d, nn.BatchNorm2d]
    assert type(plain[6][1]) is nn.Linear
    assert plain[0].weight is net[0].weight
    assert "step_mode" not in repr(plain[0])
    assert torch.equal(nn.Sequential(*plain)(x.flatten(0, 1)), net(x).flatten(0, 1))
    assert len(lynxi_exchange.to_lynxi_supported_modules((net[0],), 4)) == 1


def test_what_the_compiler_may_not_know_stays_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL):
        node = neuron.QIFNode()
        assert lynxi_exchange.to_lynxi_supported_module(node, 4) is node
    assert "QIFNode has no form for the compiler" in caplog.text
    relu = nn.ReLU()
    assert lynxi_exchange.to_lynxi_supported_module(relu, 4) is relu


def test_bad_arguments() -> None:
    with pytest.raises(TypeError, match=r"v_threshold must be a float"):
        lynxi_exchange.IFNode(v_threshold=1)
    with pytest.raises(ValueError, match=r"step_mode must be 's' or 'm'"):
        lynxi_exchange.IFNode(step_mode="t")
    with pytest.raises(TypeError, match=r"T must be an int, but None"):
        lynxi_exchange.IFNode(step_mode="m")
    with pytest.raises(ValueError, match=r"tau must be greater than 1\.0, but 1\.0"):
        lynxi_exchange.LIFNode(tau=1.0)
    with pytest.raises(ValueError, match=r"expects \[T \* N, \*\] with T=4, but a tensor .* \[6, 2\]"):
        lynxi_exchange.IFNode(step_mode="m", T=4)(torch.rand(6, 2))
    with pytest.raises(ValueError, match=r"v must have shape \[1, 2\], but"):
        lynxi_exchange.IFNode(step_mode="m", T=6)(torch.rand(6, 2), torch.rand(1, 3))
    with pytest.raises(NotImplementedError, match=r"does not define neuronal_charge"):
        lynxi_exchange.BaseNode()(torch.rand(2))
    with pytest.raises(TypeError, match=r"expected a module, but 3"):
        lynxi_exchange.to_lynxi_supported_module(3, 4)
    with pytest.raises(ValueError, match=r"T must be at least 1, but 0"):
        lynxi_exchange.to_lynxi_supported_module(nn.ReLU(), 0)
    with pytest.raises(TypeError, match=r"expected a list, tuple or Sequential"):
        lynxi_exchange.to_lynxi_supported_modules(nn.ReLU(), 4)
    with pytest.raises(ValueError, match=r"must be numbers, but one of them is a tensor"):
        lynxi_exchange.to_lynxi_supported_module(neuron.IFNode(v_threshold=torch.ones(2)), 4)


@pytest.mark.parametrize(
    ("call", "library"),
    [
        (lambda: lynxi_exchange.torch_tensor_to_lynxi(torch.rand(2)), "lynpy"),
        (lambda: lynxi_exchange.lynxi_tensor_to_torch(None), "lynpy"),
        (lambda: lynxi_exchange.load_lynxi_model(0, "model"), "lynpy"),
        (lambda: lynxi_exchange.compile_lynxi_model("out", nn.ReLU()), "lyngor"),
    ],
)
def test_without_the_vendors_software(call, library: str) -> None:
    with pytest.raises(ImportError, match=rf"needs {library}, part of Lynxi's software .* not on PyPI"):
        call()


def test_tensors_with_a_stand_in_for_the_vendors_library(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tensor:
        def __init__(self, dev_id: int) -> None:
            self.device, self.on_chip = dev_id, False

        def from_numpy(self, array: np.ndarray) -> "Tensor":
            self.array = array
            return self

        def apu(self) -> "Tensor":
            self.on_chip = True
            return self

        def cpu(self) -> "Tensor":
            return self

        def numpy(self) -> np.ndarray:
            return self.array

    monkeypatch.setitem(sys.modules, "lynpy", types.SimpleNamespace(Tensor=Tensor))
    x = torch.rand(2, 3, requires_grad=True)
    there = lynxi_exchange.torch_tensor_to_lynxi(x, device_id=2)
    assert (there.device, there.on_chip) == (2, True)
    assert not lynxi_exchange.torch_tensor_to_lynxi(x, to_apu=False).on_chip
    assert torch.equal(lynxi_exchange.lynxi_tensor_to_torch(there), x)
    back = lynxi_exchange.lynxi_tensor_to_torch(there, shape=[3, 2], dtype="float64")
    assert (back.shape, back.dtype) == ((3, 2), torch.float64)
    assert lynxi_exchange.lynxi_tensor_to_torch(there, dtype=torch.float16).dtype == torch.float16
