"""The networks of that name in ``activation_based.model``, and ``MultiStep...`` for sequences."""

import functools

from spikingjelly.activation_based.model import spiking_vgg
from spikingjelly.activation_based.model.spiking_vgg import build, cfgs
from spikingjelly.clock_driven.model._classes import MultiStepVGG, SingleStepVGG, former_class
from spikingjelly.clock_driven.model._constructors import former_constructors

SpikingVGG = former_class(SingleStepVGG, spiking_vgg.SpikingVGG, __name__)
MultiStepSpikingVGG = former_class(MultiStepVGG, spiking_vgg.SpikingVGG, __name__)

_CONSTRUCTORS = former_constructors(
    spiking_vgg,
    "spiking_",
    functools.partial(build, SpikingVGG),
    functools.partial(build, MultiStepSpikingVGG),
)
globals().update(_CONSTRUCTORS)
__all__ = ["MultiStepSpikingVGG", "SpikingVGG", "cfgs", *_CONSTRUCTORS]
