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
from tests.versions import needs_torch

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


def small_vgg(cls: Any, **own: Any) -> Any:
    net = cls([8, "M", 512, "M"], num_classes=4, init_weights=False, **own)
    for place in (0, 3, 6):
        net.classifier[place] = nn.Linear(512 * 49 if place == 0 else 16, 4 if place == 6 else 16)
    for p in net.parameters():
        p.data = torch.linspace(-1, 1.4, p.numel()).view_as(p) * 0.05
    return net


@needs_torch("2.8", "Dropout with the random numbers of the record")
@pytest.mark.parametrize("multi", [True, False])
def test_dropout_of_a_vgg_draws_anew_at_each_step(multi: bool) -> None:
    if multi:
        net = small_vgg(spiking_vgg.MultiStepSpikingVGG, multi_step_neuron=neuron.MultiStepIFNode)
    else:
        net = small_vgg(spiking_vgg.SpikingVGG, single_step_neuron=neuron.IFNode)
    torch.manual_seed(1)
    x = torch.rand(3, 2, 3, 32, 32) * 3
    y = net(x) if multi else torch.stack([net(step) for step in x])
    assert y.sum().item() == pytest.approx(1.04380965 if multi else 1.52, abs=1e-5)  # recorded


class Quarter(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.full_like(x, 0.25)


def test_joins_with_the_shortcut() -> None:
    x = torch.full((3, 2, 8, 4, 4), 0.5)
    single = sew_resnet.Bottleneck(8, 2, cnf="IAND", single_step_neuron=Quarter)
    assert single(x[0]).mean().item() == 0.125
    for cnf, recorded in {"ADD": 0.75, "AND": 0.125, "IAND": 0.375}.items():
        block = sew_resnet.MultiStepBottleneck(8, 2, cnf=cnf, multi_step_neuron=Quarter)
        assert block(x).mean().item() == recorded


def test_layers_of_torch_take_the_place_of_layers() -> None:
    net = sew_resnet.multi_step_sew_resnet18(
        T=T, cnf="ADD", num_classes=4, multi_step_neuron=neuron.MultiStepIFNode, norm_layer=nn.BatchNorm2d
    )
    conv = nn.Conv2d(2, 64, 3, padding=1, bias=False)
    net.conv1, net.maxpool = conv, nn.Identity()
    net.layer4 = nn.Sequential(nn.Sequential(nn.Conv2d(256, 8, 1), nn.BatchNorm2d(8)), neuron.MultiStepIFNode())
    net.fc = nn.Linear(8, 4)
    keys = list(net.state_dict())
    x = torch.rand(T, 2, 2, 8, 8)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net(x).sum().backward()
    before = conv.weight.detach().clone()
    assert conv.weight.grad is not None
    optimizer.step()
    assert isinstance(net.conv1, nn.Conv2d)
    assert net.conv1.weight is conv.weight
    assert not torch.equal(conv.weight, before)
    assert list(net.state_dict()) == keys
    functional.reset_net(net.eval())
    with torch.no_grad():
        y = net(x)
        functional.reset_net(net)
        flat = net.sn1(net.bn1(net.conv1(x)))
        assert flat.shape == (T, 2, 64, 8, 8)
    assert y.shape == (T, 2, 4)


def test_a_plain_layer_in_the_features_of_a_vgg() -> None:
    net = small_vgg(spiking_vgg.MultiStepSpikingVGG, T=T, multi_step_neuron=neuron.MultiStepIFNode).eval()
    net.features[0] = nn.Conv2d(2, 8, 3, padding=1)
    reference = nn.Sequential(*net.features)
    x = torch.rand(T, 2, 2, 16, 16)
    with torch.no_grad():
        assert net(x).shape == (T, 2, 4)
        functional.reset_net(net)
        expected = reference[0](x.flatten(0, 1)).unflatten(0, (T, 2))
        torch.testing.assert_close(net.features[0](x), expected)
