"""The networks of that name in ``activation_based.model``, and ``multi_step_...`` for sequences."""

from spikingjelly.activation_based.model import spiking_vgg
from spikingjelly.activation_based.model.spiking_vgg import *  # noqa: F403
from spikingjelly.clock_driven.model._constructors import former_constructors

_CONSTRUCTORS = former_constructors(spiking_vgg)
globals().update(_CONSTRUCTORS)
__all__ = sorted({*spiking_vgg.__all__, *_CONSTRUCTORS})
