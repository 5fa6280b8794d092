"""Functions on networks and sequences: those of :mod:`spikingjelly.activation_based.functional`, and older ones."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikingjelly.activation_based.functional import (
    detach_net,
    first_spike_index,
    fused_conv2d_bias_of_convbn2d,
    fused_conv2d_weight_of_convbn2d,
    kaiming_normal_conv_linear_weight,
    kernel_dot_product,
    multi_step_forward,
    redundant_one_hot,
    reset_net,
    scale_fused_conv2d_bias_of_convbn2d,
    scale_fused_conv2d_weight_of_convbn2d,
    seq_to_ann_forward,
    set_threshold_margin,
    spike_similar_loss,
    temporal_efficient_training_cross_entropy,
)
from spikingjelly.activation_based.spike_op import spike_conv1d, spike_conv2d, spike_conv3d, spike_linear
from spikingjelly.clock_driven import neuron
from spikingjelly.clock_driven.functional._conv_bn import fuse_convbn2d
from spikingjelly.clock_driven.functional._monitor import set_monitor
from spikingjelly.clock_driven.functional._spike_cluster import spike_cluster
from spikingjelly.clock_driven.functional._spike_mse import spike_mse_loss

# Published programs write `from spikingjelly.clock_driven.functional import *` and use what this module imports.
__all__ = [
    "F",
    "Tensor",
    "detach_net",
    "first_spike_index",
    "fuse_convbn2d",
    "fused_conv2d_bias_of_convbn2d",
    "fused_conv2d_weight_of_convbn2d",
    "kaiming_normal_conv_linear_weight",
    "kernel_dot_product",
    "math",
    "multi_step_forward",
    "neuron",
    "nn",
    "redundant_one_hot",
    "reset_net",
    "scale_fused_conv2d_bias_of_convbn2d",
    "scale_fused_conv2d_weight_of_convbn2d",
    "seq_to_ann_forward",
    "set_monitor",
    "set_threshold_margin",
    "spike_cluster",
    "spike_conv1d",
    "spike_conv2d",
    "spike_conv3d",
    "spike_linear",
    "spike_mse_loss",
    "spike_similar_loss",
    "temporal_efficient_training_cross_entropy",
    "torch",
]
