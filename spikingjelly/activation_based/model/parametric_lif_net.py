"""The networks of the paper on learnable membrane time constants, one for each of its data sets.

All are one ``conv_fc`` of the same plan: stages of 3x3 convolutions with normalisation, neurons and a maximum pooling;
then two fully connected layers with dropout and neurons, the last with ten neurons for each class, which vote.

Source: Fang et al., "Incorporating Learnable Membrane Time Constant to Enhance Learning of Spiking Neural Networks",
ICCV 2021.
"""

from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based._checks import describe
from spikingjelly.activation_based.model._neurons import Neuron, neuron_maker

__all__ = ["CIFAR10DVSNet", "CIFAR10Net", "DVSGestureNet", "FashionMNISTNet", "MNISTNet", "NMNISTNet"]

_VOTERS = 10


class _Network(nn.Module):
    """``[N, C, H, W]`` (or ``[T, N, C, H, W]`` in step mode 'm') to firing rates ``[N, classes]`` of the voters.

    :param channels: channels of each convolution
    :param spiking_neuron: class of the neurons
    :param kwargs: keywords of the neurons
    """

    in_channels: int
    size: int  # height and width of the input
    stages: int
    convolutions = 1  # in each stage
    hidden: int
    classes = 10

    def __init__(self, channels: int, spiking_neuron: Neuron | None, keywords: dict[str, Any]) -> None:
        super().__init__()
        make_neuron = neuron_maker(type(self).__name__, spiking_neuron, keywords)
        parts: list[nn.Module] = []
        before = self.in_channels
        for _ in range(self.stages):
            for _ in range(self.convolutions):
                parts.append(layer.Conv2d(before, channels, kernel_size=3, padding=1, bias=False))
                parts += [layer.BatchNorm2d(channels), make_neuron()]
                before = channels
            parts.append(layer.MaxPool2d(2, 2))
        features = channels * (self.size >> self.stages) ** 2
        parts += [layer.Flatten(), layer.Dropout(0.5), layer.Linear(features, self.hidden), make_neuron()]
        parts += [layer.Dropout(0.5), layer.Linear(self.hidden, _VOTERS * self.classes), make_neuron()]
        self.conv_fc = nn.Sequential(*parts, layer.VotingLayer(_VOTERS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The share of the voters of each class that fire, at each time step.

        :raises ValueError: for images of another size or other channels
        """
        try:
            return self.conv_fc(x)
        except RuntimeError as error:
            self._explain(x, error)
            raise

    def _explain(self, x: torch.Tensor, error: RuntimeError) -> None:
        left = [size >> self.stages for size in x.shape[-2:]]
        if x.dim() < 4 or (x.shape[-3] == self.in_channels and left == [self.size >> self.stages] * 2):
            return
        raise ValueError(
            f"{type(self).__name__}: expected images [N, {self.in_channels}, {self.size}, {self.size}], in "
            f"step_mode='m' with T in front, but {describe(x)} was given. Resize them, or build a network of your own."
        ) from error


class MNISTNet(_Network):
    """For MNIST, ``[N, 1, 28, 28]``: two stages of one convolution, 2048 hidden neurons.

    :param channels: channels of each convolution
    :param spiking_neuron: class of the neurons, for example ``neuron.ParametricLIFNode``
    :param kwargs: keywords of the neurons, for example ``surrogate_function=surrogate.ATan(), detach_reset=True``

    :raises TypeError: if ``spiking_neuron`` is no class of neurons
    """

    in_channels, size, stages, hidden = 1, 28, 2, 2048

    def __init__(self, channels: int = 128, spiking_neuron: Neuron | None = None, **kwargs: Any) -> None:
        super().__init__(channels, spiking_neuron, kwargs)


class FashionMNISTNet(MNISTNet):
    """For Fashion-MNIST; the network of :class:`MNISTNet`."""


class NMNISTNet(MNISTNet):
    """For N-MNIST, ``[N, 2, 34, 34]``; otherwise the network of :class:`MNISTNet`.

    A seed gives the published weights, of which the first convolution and the first linear layer are drawn last.
    """

    def __init__(self, channels: int = 128, spiking_neuron: Neuron | None = None, **kwargs: Any) -> None:
        super().__init__(channels, spiking_neuron, **kwargs)
        self.in_channels, self.size = 2, 34
        self.conv_fc[0] = layer.Conv2d(2, channels, kernel_size=3, padding=1, bias=False)
        first = next(i for i, part in enumerate(self.conv_fc) if isinstance(part, layer.Linear))
        self.conv_fc[first] = layer.Linear(channels * 8 * 8, self.hidden)


class CIFAR10Net(_Network):
    """For CIFAR-10, ``[N, 3, 32, 32]``: two stages of three convolutions, 2048 hidden neurons.

    The parameters are those of :class:`MNISTNet`.
    """

    in_channels, size, stages, convolutions, hidden = 3, 32, 2, 3, 2048

    def __init__(self, channels: int = 256, spiking_neuron: Neuron | None = None, **kwargs: Any) -> None:
        super().__init__(channels, spiking_neuron, kwargs)


class CIFAR10DVSNet(MNISTNet):
    """For CIFAR10-DVS, ``[N, 2, 128, 128]``: four stages of one convolution, 512 hidden neurons.

    The parameters are those of :class:`MNISTNet`.
    """

    in_channels, size, stages, hidden = 2, 128, 4, 512


class DVSGestureNet(MNISTNet):
    """For DVS128 Gesture, ``[N, 2, 128, 128]``, 11 classes: five stages of one convolution, 512 hidden neurons.

    The parameters are those of :class:`MNISTNet`.
    """

    in_channels, size, stages, hidden, classes = 2, 128, 5, 512, 11
