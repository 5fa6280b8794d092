"""The networks of that name in ``activation_based.model`` with the names of the parts that they had here.

``conv1``, ``bn1``, ``sn1``, ``pool1``, ... ``dp3``, ``fc3``, ``sn3``, ... are numbered; ``MultiStep...`` takes
sequences, and those for static images take an image and a number of time steps.

Source: Fang et al., "Incorporating Learnable Membrane Time Constant to Enhance Learning of Spiking Neural Networks",
ICCV 2021.
"""

from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based.layer import VotingLayer
from spikingjelly.activation_based.model import parametric_lif_net as today
from spikingjelly.activation_based.model._neurons import Neuron, neuron_maker
from spikingjelly.clock_driven import functional, layer

__all__ = [
    "CIFAR10DVSNet",
    "CIFAR10Net",
    "DVSGestureNet",
    "FashionMNISTNet",
    "MNISTNet",
    "MultiStepCIFAR10DVSNet",
    "MultiStepCIFAR10Net",
    "MultiStepDVSGestureNet",
    "MultiStepFashionMNISTNet",
    "MultiStepMNISTNet",
    "MultiStepNMNISTNet",
    "NMNISTNet",
    "VotingLayer",
]

_VOTERS = 10


class _Network(nn.Module):
    """``[N, C, H, W]`` to firing rates ``[N, classes]`` of the voters, one time step a call."""

    sizes: Any  # the network of today
    has_bias = False  # of the convolutions

    def __init__(self, channels: int, neuron: Neuron | None, keywords: dict[str, Any]) -> None:
        super().__init__()
        make_neuron = neuron_maker(type(self).__name__, neuron, keywords)
        self.order: list[str] = []
        sizes, before = self.sizes, self.sizes.in_channels
        for number in range(1, sizes.stages * sizes.convolutions + 1):
            conv = nn.Conv2d(before, channels, kernel_size=3, padding=1, bias=self.has_bias)
            self._add(number, conv=conv, bn=nn.BatchNorm2d(channels), sn=make_neuron())
            if number % sizes.convolutions == 0:
                self._add(number, pool=nn.MaxPool2d(2, 2))
            before = channels
        features = channels * (sizes.size >> sizes.stages) ** 2
        self._add(number + 1, dp=layer.Dropout(0.5), fc=nn.Linear(features, sizes.hidden), sn=make_neuron())
        voters = nn.Linear(sizes.hidden, _VOTERS * sizes.classes)
        self._add(number + 2, dp=layer.Dropout(0.5), fc=voters, sn=make_neuron())
        self.voting = VotingLayer(_VOTERS)

    def _add(self, number: int, **parts: nn.Module) -> None:
        for name, part in parts.items():
            self.add_module(f"{name}{number}", part)
            self.order.append(f"{name}{number}")

    def _run(self, x: torch.Tensor, names: list[str]) -> torch.Tensor:
        for name in [*names, "voting"]:
            x = self._part(name, x.flatten(-3) if name.startswith("dp") and x.dim() > 3 else x)
        return x

    def _part(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return self.get_submodule(name)(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The share of the voters of each class that fire."""
        return self._run(x, self.order)


class _Sequences(_Network):
    """``[T, N, C, H, W]`` to ``[T, N, classes]``."""

    def __init__(self, channels: int = 128, multi_step_neuron: Neuron | None = None, **kwargs: Any) -> None:
        super().__init__(channels, multi_step_neuron, **kwargs)  # type: ignore[call-arg]
        for name in [name for name in self.order if name.startswith("dp")]:
            delattr(self, name)
            self.add_module(name, layer.MultiStepDropout(0.5))

    def _part(self, name: str, x: torch.Tensor) -> torch.Tensor:
        part = self.get_submodule(name)
        return part(x) if name.startswith(("sn", "dp")) else functional.seq_to_ann_forward(x, part)


class _Images(_Sequences):
    """An image ``[N, C, H, W]``, the same in all ``T`` time steps, to ``[T, N, classes]``."""

    def forward(self, x: torch.Tensor, T: int) -> torch.Tensor:  # type: ignore[override]
        """The share of the voters of each class that fire, at each time step."""
        currents = self.get_submodule("bn1")(self.get_submodule("conv1")(x))
        return self._run(currents.expand(T, *currents.shape), self.order[2:])


class MNISTNet(_Network):
    """For MNIST: the network of :class:`spikingjelly.activation_based.model.parametric_lif_net.MNISTNet`.

    :param channels: channels of each convolution
    :param single_step_neuron: class of the neurons, in the others ``multi_step_neuron``
    :param kwargs: keywords of the neurons
    """

    sizes: Any = today.MNISTNet

    def __init__(self, channels: int = 128, single_step_neuron: Neuron | None = None, **kwargs: Any) -> None:
        super().__init__(channels, single_step_neuron, kwargs)


class FashionMNISTNet(MNISTNet):
    """For Fashion-MNIST; the network of :class:`MNISTNet`."""


class NMNISTNet(MNISTNet):
    """For N-MNIST. A seed gives the published weights, of which ``conv1`` and ``fc3`` are drawn last."""

    def __init__(self, channels: int = 128, single_step_neuron: Neuron | None = None, **kwargs: Any) -> None:
        super().__init__(channels, single_step_neuron, **kwargs)
        del self.conv1, self.fc3  # type: ignore[has-type]
        self.conv1 = nn.Conv2d(2, channels, kernel_size=3, padding=1, bias=False)
        self.fc3 = nn.Linear(channels * 8 * 8, 2048)


class CIFAR10Net(MNISTNet):
    """For CIFAR-10; the parameters are those of :class:`MNISTNet`."""

    sizes = today.CIFAR10Net

    def __init__(self, channels: int = 256, single_step_neuron: Neuron | None = None, **kwargs: Any) -> None:
        super().__init__(channels, single_step_neuron, **kwargs)


class CIFAR10DVSNet(MNISTNet):
    """For CIFAR10-DVS; the parameters are those of :class:`MNISTNet`."""

    sizes = today.CIFAR10DVSNet
    has_bias = True


class DVSGestureNet(MNISTNet):
    """For DVS128 Gesture; the parameters are those of :class:`MNISTNet`."""

    sizes = today.DVSGestureNet
    has_bias = True


class MultiStepMNISTNet(_Images, MNISTNet):
    """:class:`MNISTNet` for all time steps of an image: ``net(x, T)``."""


class MultiStepFashionMNISTNet(_Images, FashionMNISTNet):
    """:class:`FashionMNISTNet` for all time steps of an image: ``net(x, T)``."""


class MultiStepNMNISTNet(_Sequences, NMNISTNet):
    """:class:`NMNISTNet` for sequences."""


class MultiStepCIFAR10Net(_Images, CIFAR10Net):
    """:class:`CIFAR10Net` for all time steps of an image: ``net(x, T)``."""

    def __init__(self, channels: int = 256, multi_step_neuron: Neuron | None = None, **kwargs: Any) -> None:
        super().__init__(channels, multi_step_neuron, **kwargs)


class MultiStepCIFAR10DVSNet(_Sequences, CIFAR10DVSNet):
    """:class:`CIFAR10DVSNet` for sequences."""


class MultiStepDVSGestureNet(_Sequences, DVSGestureNet):
    """:class:`DVSGestureNet` for sequences."""
