"""The networks of that name in ``activation_based.model``, and ``multi_step_...`` for sequences."""

from spikingjelly.activation_based.model import sew_resnet
from spikingjelly.activation_based.model.sew_resnet import *  # noqa: F403
from spikingjelly.clock_driven.model._constructors import former_constructors

_CONSTRUCTORS = former_constructors(sew_resnet)
globals().update(_CONSTRUCTORS)
__all__ = sorted({*sew_resnet.__all__, *_CONSTRUCTORS})
