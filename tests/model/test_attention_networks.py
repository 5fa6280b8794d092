"""MA-SNN and Att-MS-ResNet, whose numbers tests/release_2 compares: inputs, step modes, starts and errors."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, model, neuron
from spikingjelly.activation_based.model import ms_resnet
from spikingjelly.activation_based.model.masnn import MASNN, AttMSResNet
from spikingjelly.activation_based.model.maxformer import MaxFormer

NETS: dict[str, Callable[..., nn.Module]] = {
    "masnn": lambda **k: MASNN(4, 2, 5, (8, 8), (8, 16), (2, 1), 12, 2, 4, **k),
    "att": lambda **k: AttMSResNet(4, 2, 5, (1, 1, 1), 8, 3, 1, reduction_c=4, dropout=0.0, **k),
}


@pytest.mark.parametrize("name", NETS)
def test_an_image_is_repeated_over_time(name: str) -> None:
    net = NETS[name](spiking_neuron=neuron.IFNode, v_threshold=0.3)
    assert {type(m) for m in net.modules() if isinstance(m, neuron.BaseNode)} == {neuron.IFNode}
    x = 2 * torch.rand(3, 2, 8, 8)
    once = net.eval()(x)
    functional.reset_net(net)
    torch.testing.assert_close(once, net(x.expand(4, -1, -1, -1, -1)))
    assert once.shape == (3, 5)


@pytest.mark.parametrize("name", NETS)
def test_time_steps_one_by_one_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="step_mode"):
        NETS[name]().step_mode = "s"


def test_features_are_dropped_in_training() -> None:
    net = AttMSResNet(1, 2, 5, (1, 1, 1), 8, 3, 1, reduction_c=4, dropout=1.0)
    x = torch.rand(3, 2, 8, 8)
    assert torch.equal(net(x), net.head.bias.expand(3, 5))


def test_start_values() -> None:
    net = NETS["att"]()
    starts = {name: m.weight.unique().tolist() for name, m in net.named_modules() if isinstance(m, nn.BatchNorm2d)}
    assert starts["layer1.0.bn2"] == [pytest.approx(0.1)]
    assert starts["stem.1"] == starts["layer1.0.bn1"] == [0.5]


def test_names_of_the_package() -> None:
    assert model.MASNN is MASNN
    assert model.MaxFormer is MaxFormer
    assert ms_resnet.MaxResNet is model.MaxResNet
    assert ms_resnet.max_resnet18 is model.max_resnet18
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        ms_resnet.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MASNN(4, channels=(8, 8), pools=(1,), reduction_t=2), "pools must be one number for each of channels"),
        (lambda: MASNN(4, pools=(0, 1, 1), reduction_t=2), "a size in pools must be at least 1"),
        (lambda: MASNN(4), "reduction_t=5 is greater than T=4"),
        (lambda: NETS["masnn"]()(torch.rand(3, 2, 2, 8, 8)), "expected a sequence with T=4"),
        (lambda: MaxFormer(embed_dims=12), "embed_dims must be a multiple of 8"),
        (lambda: MaxFormer(depths=(1, 2)), "depths must be three numbers"),
        (lambda: MaxFormer(mlp_ratio=0.0), "mlp_ratio must be greater than 0"),
    ],
)
def test_errors(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
