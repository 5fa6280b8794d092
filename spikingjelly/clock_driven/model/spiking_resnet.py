"""The networks of that name in ``activation_based.model``, and ``MultiStep...`` for sequences."""

from spikingjelly.activation_based.model import spiking_resnet
from spikingjelly.activation_based.model.spiking_resnet import conv1x1, conv3x3
from spikingjelly.clock_driven.model._resnets import former_resnets

model_urls = spiking_resnet.model_urls
_NETWORKS = former_resnets(spiking_resnet, "SpikingResNet", "spiking_", __name__)
globals().update(_NETWORKS)
__all__ = ["conv1x1", "conv3x3", *(name for name in _NETWORKS if not name.startswith("_"))]
