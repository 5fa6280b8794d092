"""SpikingJelly's interface: this repository's package or the upstream one, whichever the interpreter has installed.

``options`` are arguments of the neurons that only one of the two knows, such as ``backend``.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron, surrogate

from . import torchvision_operators

FIRING = neuron.BaseNode


class FromRest(nn.Sequential):
    """Every sequence starts from the reset state."""

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        functional.reset_net(self)
        return super().forward(x_seq)


class TwoStateNode(neuron.BaseNode):
    """A user's own neuron: a synaptic current that decays, feeding a potential that leaks."""

    current: Any

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.register_memory("current", 0.0)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.current = 0.6 * self.current + x
        self.v = 0.7 * self.v + 0.3 * self.current


KINDS: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
    "LIF": (neuron.LIFNode, {"tau": 2.0}),
    "PLIF": (neuron.ParametricLIFNode, {"init_tau": 2.0}),
    "QIF": (neuron.QIFNode, {"tau": 2.0}),
    "Izhikevich": (neuron.IzhikevichNode, {"tau": 2.0, "a": 0.2, "b": 0.1}),
    "user's own": (TwoStateNode, {}),
}


def neurons(kind: str, **options: Any) -> nn.Module:
    """A layer of neurons with the surrogate ATan over a sequence ``[T, N]``."""
    make, settings = KINDS[kind]
    return FromRest(make(**settings, surrogate_function=surrogate.ATan(), step_mode="m", **options))


def fashion_net(channels: int, **options: Any) -> nn.Module:
    """Two blocks of convolution, normalisation, IF neurons and pooling, then two fully connected layers of them."""

    def fire() -> nn.Module:
        return neuron.IFNode(surrogate_function=surrogate.ATan(), **options)

    def block(inputs: int) -> list[nn.Module]:
        convolution = layer.Conv2d(inputs, channels, kernel_size=3, padding=1, bias=False)
        return [convolution, layer.BatchNorm2d(channels), fire(), layer.MaxPool2d(2, 2)]

    net = FromRest(
        *block(1), *block(channels), layer.Flatten(),
        layer.Linear(channels * 7 * 7, channels * 4 * 4, bias=False), fire(),
        layer.Linear(channels * 4 * 4, 10, bias=False), fire(),
    )  # fmt: skip
    functional.set_step_mode(net, "m")
    return net


def packed_spikes() -> AbstractContextManager:
    """Ours only: spikes wait for the backward pass as one bit each."""
    return functional.packed_spikes()


def pytorchs_sums() -> AbstractContextManager:
    """Convolutions are PyTorch's own in both packages: ours sums in another order where that is quicker."""
    return functional.skip_zeros(False) if hasattr(functional, "skip_zeros") else nullcontext()


def published_net(name: str, T: int, side: int, level: int = 0, backend: str | None = None) -> nn.Module:
    """A network of :mod:`model` for ten classes and images of ``side`` pixels on each side.

    :param level: of :func:`memopt.optimize_memory`, which only ours has, as it has ``backend``
    """
    torchvision_operators.declare()
    from spikingjelly.activation_based.model import sew_resnet, spikformer, spiking_vgg

    torch.manual_seed(0)  # biases are not among the weights that are drawn later
    settings: dict[str, Any] = {
        "num_classes": 10, "spiking_neuron": neuron.LIFNode, "surrogate_function": surrogate.ATan(),
        "detach_reset": True,
    }  # fmt: skip
    net: Any
    if name == "sew_resnet18":
        net = sew_resnet.sew_resnet18(cnf="ADD", **settings)
    elif name == "spiking_vgg11_bn":
        net = spiking_vgg.spiking_vgg11_bn(**settings)
        net.avgpool, net.classifier = layer.AdaptiveAvgPool2d(1), layer.Linear(512, 10)
    else:
        assert name == "spikformer_4_384"
        net = spikformer.Spikformer(
            T=T, img_size_h=side, img_size_w=side, patch_size=4, num_classes=10, embed_dims=384, num_heads=12, depths=4
        )
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.constant_(module.weight, 2.0)  # with the usual 1 the attention is silent at first
    functional.set_step_mode(net, "m")
    if backend is not None:
        functional.set_backend(net, backend)
    if level:
        from spikingjelly.activation_based import memopt

        net = memopt.optimize_memory(net, level=level)
    return FromRest(net)


def vgg_blocks(width: int, foreign: bool = False, **options: Any) -> list[nn.Module]:
    """Six blocks of convolution, normalisation and LIF neurons, every second with pooling, and a linear layer.

    :param foreign: whether convolutions are PyTorch's own modules
    """
    blocks: list[nn.Module] = []
    inputs = 3
    for number in range(6):
        channels = width << number // 2
        fire = neuron.LIFNode(surrogate_function=surrogate.ATan(), **options)
        make = nn.Conv2d if foreign else layer.Conv2d
        convolution: nn.Module = make(inputs, channels, kernel_size=3, padding=1, bias=False)
        if foreign:
            convolution = layer.SeqToANNContainer(convolution)
        pool = [layer.MaxPool2d(2, 2)] if number % 2 else []
        blocks.append(FromRest(convolution, layer.BatchNorm2d(channels), fire, *pool))
        inputs = channels
    blocks.append(FromRest(layer.Flatten(), layer.Linear(4 * 4 * inputs, 10, bias=False)))
    for block in blocks:
        functional.set_step_mode(block, "m")
    return blocks


def shd_net(channels: int, hidden: int, classes: int, **options: Any) -> nn.Module:
    """Two hidden layers of neurons with a learned time constant, and the currents into the readout."""

    def fire() -> nn.Module:
        return neuron.ParametricLIFNode(
            init_tau=2.0, decay_input=False, v_reset=None, surrogate_function=surrogate.ATan(2.0), **options
        )

    net = FromRest(
        layer.Linear(channels, hidden, bias=False), fire(),
        layer.Linear(hidden, hidden, bias=False), fire(),
        layer.Linear(hidden, classes, bias=False),
    )  # fmt: skip
    functional.set_step_mode(net, "m")
    return net
