"""Networks of clock_driven.model against numbers of release 0.0.0.0.14, computed with it on these weights (float64)."""

import inspect
import pickle
from typing import Any

import pytest
import torch
from torch import nn

from spikingjelly.clock_driven import functional, neuron, surrogate
from spikingjelly.clock_driven.model import parametric_lif_net, sew_resnet, spiking_resnet, spiking_vgg

NEURON: dict[str, Any] = {"v_threshold": 0.3, "surrogate_function": surrogate.ATan()}
IF, MULTI_STEP_IF = neuron.IFNode, neuron.MultiStepIFNode
BASIC, BOTTLENECK = sew_resnet.MultiStepBasicBlock, spiking_resnet.MultiStepBottleneck
STAGES = [1, 1, 1, 1]


@pytest.fixture(autouse=True)
def double() -> Any:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def fill(net: nn.Module) -> nn.Module:
    """Weights that no generator draws, and no dropout."""
    for number, parameter in enumerate(net.parameters()):
        wave = torch.cos(torch.arange(parameter.numel(), dtype=parameter.dtype) * (1.0 + 0.1 * number))
        scale = (2.0 / parameter[0].numel()) ** 0.5
        values = wave.view_as(parameter) * scale if parameter.dim() > 1 else 0.2 + 0.01 * number
        nn.init.zeros_(parameter).data.add_(values)
    for name, module in net.named_modules():
        if name.startswith("dp"):
            module.p = 0.0
    return net


def images(*shape: int) -> torch.Tensor:
    return (torch.arange(torch.Size(shape).numel()) * 0.37).double().sin().view(shape) + 0.5


# network, input, number of keys, and: weighted sum of the output, gradients of the first two parameters, variances
RECORDED: dict[str, Any] = {
    "NMNIST": (
        lambda: parametric_lif_net.MultiStepNMNISTNet(2, MULTI_STEP_IF, **NEURON), (2, 2, 2, 34, 34), 16,
        (0.60223, 0.0011, 0.0038, 1.81334),
    ),
    "DVSGesture": (
        lambda: parametric_lif_net.DVSGestureNet(2, IF, **NEURON), (2, 2, 128, 128), 39,
        (0.65549, 0.00064, 0.0, 2.09824),
    ),
    "CIFAR10": (
        lambda: parametric_lif_net.CIFAR10Net(2, single_step_neuron=IF, **NEURON), (2, 3, 32, 32), 40,
        (1.13153, 0.00038, 0.00003, 1.83207),
    ),
    "SEW ResNet, images": (
        lambda: sew_resnet.MultiStepSEWResNet(BASIC, STAGES, 4, T=2, cnf="IAND", multi_step_neuron=MULTI_STEP_IF, **NEURON),
        (2, 3, 32, 32), 74, (1.58072, 19.21073, 0.5844, 65.02813),
    ),
    "ResNet, by position": (
        lambda: spiking_resnet.MultiStepSpikingResNet(
            BOTTLENECK, STAGES, 4, False, 1, 16, None, None, 2, MULTI_STEP_IF, **NEURON
        ),
        (2, 3, 32, 32), 104, (0.67075, 27.17708, 0.68024, 65.02813),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDED)
def test_numbers(name: str) -> None:
    make, shape, keys, expected = RECORDED[name]
    net = fill(make())
    assert len(net.state_dict()) == keys
    y = net(images(*shape))
    total = (y * torch.cos(torch.arange(y.numel())).double().view_as(y)).sum()
    total.backward()
    gradients = [p.grad.abs().sum().item() for p in list(net.parameters())[:2]]
    assert [total.item(), *gradients, net.bn1.running_var.sum().item()] == pytest.approx(expected, abs=1e-5)


def test_a_seed_gives_the_published_weights() -> None:
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    net = parametric_lif_net.NMNISTNet(2, IF)
    first = [
        net.state_dict()[name].flatten()[0].item()
        for name in ("conv2.weight", "fc4.weight", "conv1.weight", "fc3.bias")
    ]
    assert first == pytest.approx([-0.15979, 0.00995, -0.20943, 0.06899], abs=1e-5)
    assert list(net.state_dict())[:2] + list(net.state_dict())[-2:] == [
        "bn1.weight",
        "bn1.bias",
        "fc3.weight",
        "fc3.bias",
    ]
    torch.manual_seed(0)
    resnet = sew_resnet.SEWResNet(sew_resnet.BasicBlock, STAGES, 4, cnf="ADD", single_step_neuron=IF)
    first = [value.flatten()[0].item() for value in list(resnet.state_dict().values())[::12]]
    assert first == pytest.approx([0.02104, 0.1187, -0.00377, 0.00397, -0.19841, -0.01194, 0.04284], abs=1e-5)


@pytest.mark.parametrize("name", ["MNISTNet", "FashionMNISTNet", "CIFAR10Net"])
def test_an_image_over_time_is_one_step_after_the_other(name: str) -> None:
    sequences = getattr(parametric_lif_net, f"MultiStep{name}")(3, neuron.MultiStepLIFNode, tau=1.5, **NEURON)
    steps = getattr(parametric_lif_net, name)(3, neuron.LIFNode, tau=1.5, **NEURON)
    fill(steps).eval()
    assert set(sequences.state_dict()) == set(steps.state_dict())
    sequences.load_state_dict(steps.state_dict())
    sequences.eval()
    x = 4 * images(2, *((3, 32, 32) if name == "CIFAR10Net" else (1, 28, 28)))
    y = sequences(x, 3)
    assert y.any()
    torch.testing.assert_close(y, torch.stack([steps(x) for _ in range(3)]))


def test_dropout_of_sequences_keeps_its_mask() -> None:
    net = parametric_lif_net.MultiStepCIFAR10DVSNet(channels=2, multi_step_neuron=MULTI_STEP_IF)
    assert type(net.dp5).__name__ == type(net.dp6).__name__ == "MultiStepDropout"
    assert net.conv4.bias is not None
    assert net.fc5.weight.shape == (512, 2 * 8 * 8)


def test_blocks_take_the_neuron_of_their_step_mode() -> None:
    x = images(3, 2, 4, 6, 6)
    block = fill(sew_resnet.MultiStepBasicBlock(4, 4, cnf="ADD", multi_step_neuron=MULTI_STEP_IF, v_threshold=0.3))
    single = fill(sew_resnet.BasicBlock(4, 4, cnf="ADD", single_step_neuron=IF, v_threshold=0.3))
    assert isinstance(block, sew_resnet.sew_resnet.BasicBlock)
    torch.testing.assert_close(block.eval()(x), torch.stack([single.eval()(step) for step in x]))
    with pytest.raises(TypeError, match="multiple values for argument 'planes'"):
        spiking_resnet.BasicBlock(4, 4, planes=4, single_step_neuron=IF)


def test_vgg_repeats_images() -> None:
    with torch.device("meta"):  # whose classifier has 120 million weights
        net = spiking_vgg.MultiStepSpikingVGG([8, "M", 512, "M"], True, None, 4, False, 2, MULTI_STEP_IF, **NEURON)
    net.classifier = nn.Identity()
    fill(net.to_empty(device="cpu"))
    x = images(1, 3, 16, 16)
    y = net(x)
    functional.reset_net(net)
    torch.testing.assert_close(net(x.expand(2, *x.shape)), y)
    assert (net.T, y.shape) == (2, (2, 1, 512 * 7 * 7))
    parts = spiking_vgg.SpikingVGG.make_layers([8, "M"], True, nn.BatchNorm2d, IF, v_threshold=0.5)
    assert [type(part).__name__ for part in parts] == ["Conv2d", "BatchNorm2d", "IFNode", "MaxPool2d"]
    assert parts[2].v_threshold == 0.5


def test_without_a_number_of_steps_there_are_no_images() -> None:
    net = sew_resnet.MultiStepSEWResNet(BASIC, STAGES, 4, cnf="ADD", multi_step_neuron=MULTI_STEP_IF)
    with pytest.raises(
        AssertionError, match=r"MultiStepSEWResNet: images \[N, C, H, W\] need .*, but T is None\. Give T"
    ):
        net(images(2, 3, 32, 32))


def test_signatures_and_pickles() -> None:
    vgg = inspect.signature(spiking_vgg.multi_step_spiking_vgg11_bn)
    assert list(vgg.parameters) == ["pretrained", "progress", "norm_layer", "T", "multi_step_neuron", "kwargs"]
    assert list(inspect.signature(sew_resnet.SEWResNet).parameters)[-3:] == ["cnf", "single_step_neuron", "kwargs"]
    net = pickle.loads(pickle.dumps(sew_resnet.MultiStepBasicBlock(2, 2, cnf="AND", multi_step_neuron=MULTI_STEP_IF)))
    assert type(net) is sew_resnet.MultiStepBasicBlock
