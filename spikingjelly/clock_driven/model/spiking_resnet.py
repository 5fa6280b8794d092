"""The networks of that name in ``activation_based.model``, and ``MultiStep...`` for sequences."""

import functools

from spikingjelly.activation_based.model import spiking_resnet
from spikingjelly.activation_based.model._resnet import build
from spikingjelly.activation_based.model.spiking_resnet import conv1x1, conv3x3
from spikingjelly.clock_driven.model._classes import MultiStep, MultiStepResNet, SingleStep, former_class
from spikingjelly.clock_driven.model._constructors import former_constructors

BasicBlock = former_class(SingleStep, spiking_resnet.BasicBlock, __name__)
Bottleneck = former_class(SingleStep, spiking_resnet.Bottleneck, __name__)
SpikingResNet = former_class(SingleStep, spiking_resnet.SpikingResNet, __name__)
MultiStepBasicBlock = former_class(MultiStep, spiking_resnet.BasicBlock, __name__)
MultiStepBottleneck = former_class(MultiStep, spiking_resnet.Bottleneck, __name__)
MultiStepSpikingResNet = former_class(MultiStepResNet, spiking_resnet.SpikingResNet, __name__)

_CONSTRUCTORS = former_constructors(
    spiking_resnet,
    "spiking_",
    functools.partial(build, SpikingResNet, BasicBlock, Bottleneck),
    functools.partial(build, MultiStepSpikingResNet, MultiStepBasicBlock, MultiStepBottleneck),
)
globals().update(_CONSTRUCTORS)
__all__ = [
    "BasicBlock",
    "Bottleneck",
    "MultiStepBasicBlock",
    "MultiStepBottleneck",
    "MultiStepSpikingResNet",
    "SpikingResNet",
    "conv1x1",
    "conv3x3",
    *_CONSTRUCTORS,
]
