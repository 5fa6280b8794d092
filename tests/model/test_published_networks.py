"""The networks that papers publish: shapes, names of their parts, sizes, and what their blocks compute."""

from typing import Any

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.model import (
    parametric_lif_net,
    sew_resnet,
    spiking_resnet,
    spiking_vgg,
    spiking_vggws_ottt,
)

# Parameters of the networks without spikes, as torchvision publishes them; IF neurons have none.
RESNETS = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "resnext50_32x4d": 25_028_904,
    "resnext101_32x8d": 88_791_336,
    "wide_resnet50_2": 68_883_240,
    "wide_resnet101_2": 126_886_696,
}
VGGS = {
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg11_bn": 132_868_840,
    "vgg13_bn": 133_053_736,
    "vgg16_bn": 138_365_992,
    "vgg19_bn": 143_678_248,
}
NEURON: dict[str, Any] = {"spiking_neuron": neuron.LIFNode, "surrogate_function": surrogate.ATan(), "tau": 1.5}


def count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def without_dropout(net: nn.Module) -> nn.Module:
    for module in net.modules():
        if isinstance(module, layer.Dropout):
            module.p = 0.0
    return net


@pytest.mark.parametrize("name", RESNETS)
def test_resnets_have_the_sizes_of_the_papers(name: str) -> None:
    with torch.device("meta"):
        sew = getattr(sew_resnet, f"sew_{name}")(cnf="ADD", spiking_neuron=neuron.IFNode)
        plain = getattr(spiking_resnet, f"spiking_{name}")(spiking_neuron=neuron.IFNode)
    assert count(sew) == count(plain) == RESNETS[name]
    assert list(sew.state_dict()) == list(plain.state_dict())


@pytest.mark.parametrize("name", VGGS)
def test_vggs_have_the_sizes_of_the_paper(name: str) -> None:
    with torch.device("meta"):
        net = getattr(spiking_vgg, f"spiking_{name}")(spiking_neuron=neuron.IFNode)
    assert count(net) == VGGS[name]


@pytest.mark.parametrize(
    ("make", "shape", "classes"),
    [
        (lambda **k: sew_resnet.sew_resnet18(cnf="ADD", num_classes=5, **k), (3, 33, 40), 5),
        (lambda **k: sew_resnet.sew_resnext50_32x4d(cnf="IAND", num_classes=5, **k), (3, 33, 40), 5),
        (lambda **k: sew_resnet.sew_wide_resnet50_2(cnf="AND", num_classes=5, **k), (3, 32, 32), 5),
        (lambda **k: spiking_resnet.spiking_resnet34(num_classes=5, **k), (3, 33, 40), 5),
        (lambda **k: spiking_resnet.spiking_resnet50(num_classes=5, zero_init_residual=True, **k), (3, 33, 40), 5),
        (lambda **k: spiking_vgg.spiking_vgg11(num_classes=5, init_weights=False, **k), (3, 32, 32), 5),
        (lambda **k: spiking_vgg.spiking_vgg13_bn(num_classes=5, norm_layer=layer.BatchNorm2d, **k), (3, 32, 32), 5),
        (lambda **k: parametric_lif_net.MNISTNet(4, **k), (1, 28, 28), 10),
        (lambda **k: parametric_lif_net.FashionMNISTNet(channels=4, **k), (1, 28, 28), 10),
        (lambda **k: parametric_lif_net.NMNISTNet(4, **k), (2, 34, 34), 10),
        (lambda **k: parametric_lif_net.CIFAR10Net(4, **k), (3, 32, 32), 10),
        (lambda **k: parametric_lif_net.CIFAR10DVSNet(4, **k), (2, 128, 128), 10),
        (lambda **k: parametric_lif_net.DVSGestureNet(4, **k), (2, 128, 128), 11),
    ],
)
def test_one_step_after_the_other_is_all_steps_at_once(make: Any, shape: tuple[int, ...], classes: int) -> None:
    torch.manual_seed(3)
    net = without_dropout(make(**NEURON)).eval()
    x = 2 * torch.rand(3, 2, *shape)
    steps = torch.stack([net(step) for step in x])
    functional.reset_net(net)
    functional.set_step_mode(net, "m")
    sequence = net(x)
    assert sequence.shape == (3, 2, classes)
    torch.testing.assert_close(sequence, steps, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [sew_resnet.sew_resnet18, spiking_resnet.spiking_resnet18])
def test_every_parameter_is_reached_by_the_gradient(make: Any) -> None:
    torch.manual_seed(0)
    cnf = {"cnf": "ADD"} if make is sew_resnet.sew_resnet18 else {}
    net = make(num_classes=5, spiking_neuron=neuron.ParametricLIFNode, surrogate_function=surrogate.ATan(), **cnf)
    functional.set_step_mode(net, "m")
    net(2 * torch.rand(2, 4, 3, 48, 48)).square().sum().backward()
    assert not [name for name, p in net.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert net.sn1.w.grad != 0


def test_names_of_the_parts_of_a_sew_resnet() -> None:
    net = sew_resnet.sew_resnet18(cnf="ADD", spiking_neuron=neuron.ParametricLIFNode)
    own = [key for key in net.state_dict() if key.endswith(".w")]
    downsample = [f"layer{stage}.0.downsample_sn.w" for stage in (2, 3, 4)]
    blocks = [f"layer{stage}.{block}.sn{n}.w" for stage in (1, 2, 3, 4) for block in (0, 1) for n in (1, 2)]
    assert sorted(own) == sorted(["sn1.w", *blocks, *downsample])
    assert {"conv1.weight", "bn1.running_var", "layer2.0.downsample.1.weight", "fc.bias"} <= set(net.state_dict())


def test_pretrained_weights_of_a_file(tmp_path: Any) -> None:
    source = spiking_resnet.spiking_resnet18(num_classes=3, spiking_neuron=neuron.IFNode)
    torch.save(source.state_dict(), tmp_path / "net.pt")
    net = sew_resnet.sew_resnet18(tmp_path / "net.pt", cnf="ADD", num_classes=3, spiking_neuron=neuron.IFNode)
    assert all(torch.equal(value, net.state_dict()[key]) for key, value in source.state_dict().items())
    with pytest.raises(RuntimeError, match=r"weights are for 3 classes, the network has 7.*num_classes=3"):
        spiking_resnet.spiking_resnet18(str(tmp_path / "net.pt"), num_classes=7, spiking_neuron=neuron.IFNode)
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        spiking_resnet.spiking_resnet18(str(tmp_path / "none.pt"), spiking_neuron=neuron.IFNode)
    torch.save([1], tmp_path / "list.pt")
    with pytest.raises(RuntimeError, match="must hold a state dict, but holds list"):
        spiking_resnet.spiking_resnet18(tmp_path / "list.pt", spiking_neuron=neuron.IFNode)


def test_pretrained_without_a_network_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(url: str, **kwargs: Any) -> None:
        assert url == "https://download.pytorch.org/models/vgg11_bn-6002323d.pth"
        assert kwargs["check_hash"]
        assert not kwargs["progress"]
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", unreachable)
    with (
        torch.device("meta"),
        pytest.raises(RuntimeError, match=r'no route to host.*pretrained="vgg11_bn-6002323d.pth"'),
    ):
        spiking_vgg.spiking_vgg11_bn(True, progress=False, spiking_neuron=neuron.IFNode)


@pytest.mark.parametrize(("cnf", "expected"), [("ADD", [0, 1, 1, 2]), ("AND", [0, 0, 0, 1]), ("IAND", [0, 0, 1, 0])])
def test_functions_that_join_spikes(cnf: str, expected: list[int]) -> None:
    x, y = torch.tensor([0.0, 0, 1, 1]), torch.tensor([0.0, 1, 0, 1])
    assert sew_resnet.sew_function(x, y, cnf).tolist() == expected


@pytest.mark.parametrize(("block", "iand"), [(sew_resnet.BasicBlock, "shortcut"), (sew_resnet.Bottleneck, "silence")])
def test_a_silent_branch_leaves_the_shortcut(block: Any, iand: str) -> None:
    """With weight 0 in the last normalisation no neuron of the branch fires; a bottleneck joins in the other order."""
    channels = 8 * block.expansion
    x = (torch.rand(2, 3, channels, 5, 5) > 0.5).float()
    for cnf, expected in (("ADD", x), ("AND", 0 * x), ("IAND", x if iand == "shortcut" else 0 * x)):
        unit = block(channels, 8, cnf=cnf, spiking_neuron=neuron.IFNode)
        functional.set_step_mode(unit, "m")
        nn.init.zeros_((unit.bn3 if block is sew_resnet.Bottleneck else unit.bn2).weight)
        assert torch.equal(unit(x), expected)


def test_zero_init_residual_and_dilation() -> None:
    keywords = {"cnf": "ADD", "num_classes": 5, "spiking_neuron": neuron.IFNode}
    net = sew_resnet.sew_resnet50(
        zero_init_residual=True, replace_stride_with_dilation=[False, True, True], width_per_group=16, **keywords
    )
    assert not net.layer1[0].bn3.weight.any()
    assert net.layer1[0].bn2.weight.all()
    assert net.layer1[0].conv2.out_channels == 16
    x = torch.rand(1, 3, 64, 64)
    deep = net.layer4(net.layer3(net.layer2(net.layer1(net.maxpool(net.sn1(net.bn1(net.conv1(x))))))))
    assert deep.shape == (1, 2048, 8, 8)  # the last two stages keep the size
    assert net.layer4[1].conv2.dilation == (4, 4)


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cnf must be one of 'ADD', 'AND', 'IAND', but None was given"):
        sew_resnet.sew_resnet18(spiking_neuron=neuron.IFNode)
    with pytest.raises(NotImplementedError, match="'XOR' was given"):
        sew_resnet.sew_function(torch.zeros(1), torch.zeros(1), "XOR")
    with pytest.raises(TypeError, match=r"MNISTNet: spiking_neuron must be a class of neurons"):
        parametric_lif_net.MNISTNet()
    with pytest.raises(ValueError, match="BasicBlock has groups=1 and base_width=64 only"):
        sew_resnet.BasicBlock(4, 4, groups=2, cnf="ADD", spiking_neuron=neuron.IFNode)
    with pytest.raises(NotImplementedError, match="has no dilation, but dilation=2"):
        spiking_resnet.BasicBlock(4, 4, dilation=2, spiking_neuron=neuron.IFNode)
    with pytest.raises(ValueError, match=r"must be None or 3 truth values, but \[True\]"):
        spiking_resnet.spiking_resnet50(spiking_neuron=neuron.IFNode, replace_stride_with_dilation=[True])


@pytest.mark.parametrize("shape", [(2, 2, 64, 64), (2, 1, 128, 128), (2, 3, 2, 128, 64)])
def test_images_of_another_size_are_named(shape: tuple[int, ...]) -> None:
    net = parametric_lif_net.DVSGestureNet(2, neuron.IFNode)
    functional.set_step_mode(net, "m" if len(shape) == 5 else "s")
    with pytest.raises(ValueError, match=r"DVSGestureNet: expected images \[N, 2, 128, 128\].*Resize them") as caught:
        net(torch.rand(shape))
    assert str(list(shape)) in str(caught.value)


def test_an_error_of_another_kind_stays_as_it_is() -> None:
    net = parametric_lif_net.MNISTNet(2, neuron.IFNode)
    net(torch.rand(3, 1, 28, 28))
    with pytest.raises(RuntimeError, match="reset_net"):
        net(torch.rand(2, 1, 28, 28))


def test_each_neuron_has_its_own_surrogate() -> None:
    function = surrogate.ATan()
    net = parametric_lif_net.MNISTNet(2, spiking_neuron=neuron.IFNode, surrogate_function=function)
    functions = [m.surrogate_function for m in net.modules() if isinstance(m, neuron.IFNode)]
    assert len({id(f) for f in [*functions, function]}) == len(functions) + 1


def test_groups_of_neighbouring_outputs_vote() -> None:
    net = parametric_lif_net.DVSGestureNet(2, spiking_neuron=neuron.IFNode).eval()
    rates = net(torch.rand(3, 2, 128, 128))
    assert rates.shape == (3, 11)
    assert ((10 * rates) % 1 == 0).all()


def test_own_blocks_take_the_place_of_published_ones() -> None:
    class Half(spiking_resnet.BasicBlock):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(0.5 * x)

    class Net(spiking_resnet.SpikingResNet):
        def __init__(self) -> None:
            super().__init__(Half, [1, 1, 1, 1], 4, spiking_neuron=neuron.IFNode)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x).mean(0) if self.conv1.step_mode == "m" else super().forward(x)

    net = Net()
    functional.set_step_mode(net, "m")
    assert net(torch.rand(2, 3, 3, 32, 32)).shape == (3, 4)


@pytest.mark.parametrize(
    "make",
    [
        spiking_vgg.spiking_vgg11,
        spiking_resnet.spiking_resnet18,
        sew_resnet.sew_resnet18,
        spiking_vggws_ottt.ottt_spiking_vgg11,
    ],
    ids=lambda make: make.__name__,
)
def test_a_network_needs_a_class(make: Any) -> None:
    kind = {"cnf": "ADD"} if make is sew_resnet.sew_resnet18 else {}
    for number, error, message in (
        (0, ValueError, "at least 1, but 0"),
        (-3, ValueError, "but -3"),
        (2.0, TypeError, "an int"),
    ):
        with pytest.raises(error, match=f"(VGG|ResNet): num_classes must be .*{message}"):
            make(num_classes=number, spiking_neuron=neuron.IFNode, **kind)
