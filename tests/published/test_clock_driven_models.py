"""Networks of clock_driven.model: the constructors for sequences against those of activation_based."""

from typing import Any

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional as today_functional
from spikingjelly.activation_based import neuron as today_neuron
from spikingjelly.activation_based.model import sew_resnet as today_sew_resnet
from spikingjelly.activation_based.model import spiking_resnet as today_spiking_resnet
from spikingjelly.activation_based.model import spiking_vgg as today_spiking_vgg
from spikingjelly.clock_driven import functional, neuron, surrogate
from spikingjelly.clock_driven.model import sew_resnet, spiking_resnet, spiking_vgg

T = 3
NETWORKS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "sew_resnet18": (sew_resnet, today_sew_resnet, {"cnf": "ADD"}),
    "spiking_resnet18": (spiking_resnet, today_spiking_resnet, {}),
    "spiking_vgg11_bn": (spiking_vgg, today_spiking_vgg, {}),
}
COMMON = {"num_classes": 4, "v_threshold": 0.3, "surrogate_function": surrogate.ATan(), "detach_reset": True}


def networks(name: str, **former: Any) -> tuple[nn.Module, nn.Module]:
    """A network of clock_driven, and that of activation_based with the same weights."""
    module, today, own = NETWORKS[name]
    prefix = "multi_step_" if "multi_step_neuron" in former else ""
    net = getattr(module, f"{prefix}{name}")(pretrained=False, progress=True, **own, **former, **COMMON)
    twin = getattr(today, name)(spiking_neuron=today_neuron.LIFNode, **own, **COMMON)
    assert list(net.state_dict()) == list(twin.state_dict())
    twin.load_state_dict(net.state_dict())
    return net, twin  # in training: normalised inputs make the neurons fire


def nodes_that_fire(net: nn.Module) -> int:
    return sum(bool(m.spike_seq.any()) for m in net.modules() if isinstance(m, neuron.BaseNode))


@pytest.mark.parametrize(("name", "number"), [("sew_resnet18", 20), ("spiking_resnet18", 17)])
def test_sequences_and_images(name: str, number: int) -> None:
    net, twin = networks(name, T=T, multi_step_neuron=neuron.MultiStepLIFNode)
    today_functional.set_step_mode(twin, "m")
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        expected = twin(x.expand(T, 2, 3, 32, 32).clone())
        y = net(x)
        assert y.shape == (T, 2, 4)
        assert nodes_that_fire(net) > 1
        functional.reset_net(net)
        torch.testing.assert_close(y, expected)
        torch.testing.assert_close(net(x.expand(T, 2, 3, 32, 32)), expected)
    nodes = [m for m in net.modules() if isinstance(m, neuron.BaseNode)]
    assert len(nodes) == number
    assert all(isinstance(m, neuron.MultiStepLIFNode) and m.detach_reset for m in nodes)


def test_single_steps() -> None:
    net, twin = networks("sew_resnet18", single_step_neuron=neuron.LIFNode)
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        for _ in range(2):
            assert torch.equal(net(x), twin(x))


def test_arguments_by_position() -> None:
    net = sew_resnet.multi_step_sew_resnet18(False, True, T, "IAND", neuron.MultiStepIFNode, num_classes=4)
    assert isinstance(net.sn1, neuron.MultiStepIFNode)
    assert net.layer1[0].cnf == "IAND"
    vgg = spiking_vgg.multi_step_spiking_vgg11(
        multi_step_neuron=neuron.MultiStepIFNode, num_classes=4, init_weights=False
    )
    assert any(isinstance(m, neuron.MultiStepIFNode) for m in vgg.modules())
    assert "multi_step_spiking_vgg19_bn" in spiking_vgg.__all__
