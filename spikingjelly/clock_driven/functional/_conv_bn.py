"""One convolution for a convolution and its batch normalisation."""

import copy

from torch import nn

from spikingjelly.activation_based import functional


def fuse_convbn2d(conv2d: nn.Conv2d, bn2d: nn.BatchNorm2d, k: float | None = None, b: float | None = None) -> nn.Conv2d:
    """:func:`spikingjelly.activation_based.functional.fuse_convbn2d` of the two modules or, where ``k`` or ``b`` is
    given, of copies that are first changed by ``scale_fused_conv2d_weight_of_convbn2d`` and
    ``scale_fused_conv2d_bias_of_convbn2d``.

    :param k: factor, None for 1; alone, it scales the output
    :param b: summand, None for 0
    """
    if k is not None or b is not None:
        conv2d, bn2d = copy.deepcopy(conv2d), copy.deepcopy(bn2d)
        functional.scale_fused_conv2d_weight_of_convbn2d(conv2d, bn2d, k, b)
        functional.scale_fused_conv2d_bias_of_convbn2d(conv2d, bn2d, k, b)
    return functional.fuse_convbn2d(conv2d, bn2d)
