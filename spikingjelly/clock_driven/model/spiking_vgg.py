"""The networks of that name in ``activation_based.model``, and ``MultiStep...`` for sequences."""

import functools
from typing import Any

from spikingjelly.activation_based.model import spiking_vgg
from spikingjelly.activation_based.model.spiking_vgg import build, cfgs, sequential_forward
from spikingjelly.clock_driven.model._classes import MultiStepVGG, SingleStepVGG, former_class
from spikingjelly.clock_driven.model._constructors import constructor_of_parts, former_constructors
from spikingjelly.clock_driven.model._signatures import MULTI_STEP, SINGLE_STEP

SpikingVGG = former_class(SingleStepVGG, spiking_vgg.SpikingVGG, __name__)
MultiStepSpikingVGG = former_class(MultiStepVGG, spiking_vgg.SpikingVGG, __name__)

_CONSTRUCTORS = former_constructors(
    spiking_vgg,
    "spiking_",
    functools.partial(build, SpikingVGG),
    functools.partial(build, MultiStepSpikingVGG),
)
globals().update(_CONSTRUCTORS)


def _named(cfg: str, batch_norm: bool) -> tuple[Any, bool]:
    return cfgs[cfg], batch_norm


# Programs with configurations of their own call these.
_spiking_vgg = constructor_of_parts(SpikingVGG, ["norm_layer", SINGLE_STEP], _named)
_multi_step_spiking_vgg = constructor_of_parts(MultiStepSpikingVGG, ["norm_layer", "T", MULTI_STEP], _named)
model_urls = spiking_vgg.model_urls
__all__ = ["MultiStepSpikingVGG", "SpikingVGG", "cfgs", "sequential_forward", *_CONSTRUCTORS]
