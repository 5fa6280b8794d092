from torch import nn

from spikingjelly.activation_based.lava_exchange import *  # noqa: F403
from spikingjelly.activation_based.lava_exchange import __all__ as _names
from spikingjelly.activation_based.lava_exchange import check_instance, check_no_bias

__all__ = [*_names, "check_conv2d", "check_fc"]


def check_conv2d(conv2d_nn: nn.Conv2d) -> None:
    """``conv2d_nn`` must be a Conv2d without bias.

    :raises TypeError: (also an AssertionError) if it is no Conv2d
    :raises ValueError: (also an AssertionError) if it has a bias
    """
    check_instance(conv2d_nn, nn.Conv2d)
    check_no_bias(conv2d_nn)


def check_fc(fc: nn.Linear) -> None:
    """``fc`` must be a Linear without bias; errors as in :func:`check_conv2d`."""
    check_instance(fc, nn.Linear)
    check_no_bias(fc)
