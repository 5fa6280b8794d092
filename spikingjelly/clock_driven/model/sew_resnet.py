"""The networks of that name in ``activation_based.model``, and ``MultiStep...`` for sequences."""

from spikingjelly.activation_based.model import sew_resnet
from spikingjelly.activation_based.model.sew_resnet import conv1x1, conv3x3, sew_function
from spikingjelly.clock_driven.model._resnets import former_resnets

model_urls = sew_resnet.model_urls
_NETWORKS = former_resnets(sew_resnet, "SEWResNet", "sew_", __name__)
globals().update(_NETWORKS)
__all__ = ["conv1x1", "conv3x3", "sew_function", *(name for name in _NETWORKS if not name.startswith("_"))]
