"""VGGs that are trained online."""

from typing import Any

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.model import spiking_vgg
from spikingjelly.activation_based.model import spiking_vggws_ottt as ottt

SMALL = [4, "M", 6, "A"]


@pytest.mark.parametrize("number", [11, 13, 16, 19])
def test_sizes(number: int) -> None:
    with torch.device("meta"):
        plain = getattr(ottt, f"ottt_spiking_vgg{number}")()
        standardised = getattr(ottt, f"ottt_spiking_vgg{number}_ws")()
        published = getattr(spiking_vgg, f"spiking_vgg{number}")(spiking_neuron=neuron.IFNode)
    count = [sum(p.numel() for p in net.parameters()) for net in (plain, standardised, published)]
    gains = sum(m.gain.numel() for m in standardised.modules() if getattr(m, "gain", None) is not None)
    assert count[0] == count[2]
    assert count[1] == count[0] + gains
    assert gains > 0


def test_the_network_of_the_paper() -> None:
    with torch.device("meta"):
        net = ottt.ottt_spiking_vggws(num_classes=10)
    channels = [m.out_channels for m in net.features if isinstance(m, layer.WSConv2d)]
    assert channels == [64, 128, 256, 256, 512, 512, 512, 512]
    assert [m.kernel_size for m in net.features if isinstance(m, layer.AvgPool2d)] == [2, 2, 2]
    assert [m.scale for m in net.features if isinstance(m, ottt.Scale)] == [2.74] * 8
    assert isinstance(net.classifier[-1], layer.Linear)


def test_spikes_of_a_standardised_layer_keep_the_variance() -> None:
    """2.74 is what a threshold of 1 takes from the variance of an input from N(0, 1)."""
    x = torch.randn(100_000)
    assert ottt.Scale(2.74)((x > 1).float()).var().item() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("light", [True, False])
@pytest.mark.parametrize("standardised", [True, False])
def test_training_and_evaluation_fire_alike(light: bool, standardised: bool) -> None:
    torch.manual_seed(0)
    keywords: dict[str, Any] = {"spiking_neuron": neuron.OTTTLIFNode, "v_threshold": 0.2, "tau": 1.5}
    net = ottt.OTTTSpikingVGG(SMALL, standardised, 5, init_weights=False, light_classifier=light, **keywords)
    for module in net.modules():
        if isinstance(module, layer.Dropout):
            module.p = 0.0
    x = torch.rand(3, 2, 3, 16, 16)
    trained = [net(step).detach() for step in x]
    functional.reset_net(net)
    net.eval()
    for step, expected in zip(x, trained, strict=True):
        assert torch.equal(net(step), expected)
    assert len({float(y.sum()) for y in trained}) == 3


def test_gradients_are_those_of_the_traces() -> None:
    """The last layer's weight gets the mean trace of its inputs times the error, at every time step."""
    torch.manual_seed(0)
    net = ottt.OTTTSpikingVGG(SMALL, True, 5, spiking_neuron=neuron.OTTTLIFNode, surrogate_function=surrogate.ATan())
    trace = torch.zeros(2, 6)
    for step in torch.rand(3, 2, 3, 16, 16):
        net.zero_grad()
        net(step).sum().backward()
        node = net.features[5]
        trace = 2.74 * layer.AvgPool2d(2, 2)(node.trace).mean((2, 3))
        torch.testing.assert_close(net.classifier[-1].weight.grad, trace.sum(0).expand(5, 6), rtol=1e-4, atol=1e-5)
    assert trace.any()
    assert all(p.grad.isfinite().all() for p in net.parameters())


def test_online_training_lowers_the_loss() -> None:
    torch.manual_seed(0)
    net = ottt.OTTTSpikingVGG(SMALL, True, 2, spiking_neuron=neuron.OTTTLIFNode, drop_rate=0.1)
    assert [m.p for m in net.features if isinstance(m, layer.Dropout)] == [0.1, 0.1]
    x, target = torch.rand(4, 8, 3, 8, 8), torch.arange(8) % 2
    x[:, target == 1, 0] *= 3
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)

    def loss() -> float:
        functional.reset_net(net)
        net.eval()
        with torch.no_grad():
            value = nn.functional.cross_entropy(torch.stack([net(step) for step in x]).mean(0), target)
        net.train()
        functional.reset_net(net)
        return float(value)

    before = loss()
    for _ in range(30):
        for step in x:
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(step), target).backward()
            optimizer.step()
        functional.reset_net(net)
    assert loss() < 0.5 * before


def test_what_is_refused() -> None:
    with pytest.raises(TypeError, match="OTTTSpikingVGG: spiking_neuron must be a class of neurons"):
        ottt.OTTTSpikingVGG(SMALL)
    with pytest.raises(ValueError, match="must have a convolution"):
        ottt.OTTTSpikingVGG(["M"], spiking_neuron=neuron.OTTTLIFNode)
    with pytest.raises(ValueError, match="channels, 'M' and 'A' only, but 'B'"):
        ottt.OTTTSpikingVGG([3, "B"], spiking_neuron=neuron.OTTTLIFNode)
    with pytest.raises(ValueError, match="drop_rate must be a probability"):
        ottt.OTTTSpikingVGG(SMALL, spiking_neuron=neuron.OTTTLIFNode, drop_rate=1.0)
    with pytest.raises(TypeError, match="Scale: scale must be a number"):
        ottt.Scale("2")
    assert repr(ottt.Scale(2)) == "Scale(scale=2.0)"
    net = ottt.OTTTSpikingVGG(SMALL, spiking_neuron=neuron.OTTTLIFNode)
    with pytest.raises(ValueError, match="only supports step_mode='s'"):
        functional.set_step_mode(net, "m")
