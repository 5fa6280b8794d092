"""A spiking VGG16 for small images: its 13 convolutions with batch norm, and one linear layer."""

from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.worker.contender.jelly import FromRest
from benchmarks.worker.contender.training import TrainingStep
from spikingjelly.activation_based import functional, layer, neuron, surrogate

CHANNELS, CLASSES = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0), 10  # 0: pool


def spiking_vgg16_bn(narrower: int, **options: Any) -> nn.Module:
    """Convolution, batch norm and LIF with ATan for each number, with ``1 / narrower`` of its channels."""
    layers: list[nn.Module] = []
    inputs = 3
    for channels in (number // narrower for number in CHANNELS):
        if channels == 0:
            layers.append(layer.MaxPool2d(2, 2))
            continue
        node = neuron.LIFNode(surrogate_function=surrogate.ATan(), **options)
        layers += [layer.Conv2d(inputs, channels, 3, padding=1, bias=False), layer.BatchNorm2d(channels), node]
        inputs = channels
    net = FromRest(*layers, layer.Flatten(), layer.Linear(inputs, CLASSES, bias=False))
    functional.set_step_mode(net, "m")
    return net


class VGGTraining(TrainingStep):
    """The same random image at all T steps, cross-entropy of the scores' mean over time."""

    def __init__(self, framework: ModuleType, T: int, batch: int, narrower: int, device: str, **options: Any) -> None:
        super().__init__(framework, spiking_vgg16_bn(narrower, **options).to(device), learning_rate=1e-3)
        generator = torch.Generator(device).manual_seed(0)
        self.T = T
        self.images = torch.randn(batch, 3, 32, 32, device=device, generator=generator)
        self.labels = torch.randint(CLASSES, (batch,), device=device, generator=generator)

    def loss(self) -> torch.Tensor:
        scores = self.net(self.images.unsqueeze(0).repeat(self.T, 1, 1, 1, 1))
        return F.cross_entropy(scores.mean(0), self.labels)
