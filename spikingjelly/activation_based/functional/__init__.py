"""Functions on whole networks and on sequences ``[T, N, *]``, losses, and small helpers for training and deployment."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikingjelly.activation_based import base, neuron
from spikingjelly.activation_based.functional._conv_bn import (
    fuse_convbn2d,
    fused_conv2d_bias_of_convbn2d,
    fused_conv2d_weight_of_convbn2d,
    scale_fused_conv2d_bias_of_convbn2d,
    scale_fused_conv2d_weight_of_convbn2d,
)
from spikingjelly.activation_based.functional._forward import (
    chunk_multi_step_forward,
    delay,
    multi_step_forward,
    seq_to_ann_forward,
    t_last_multi_step_forward,
    t_last_seq_to_ann_forward,
)
from spikingjelly.activation_based.functional._losses import (
    kernel_dot_product,
    spike_similar_loss,
    temporal_efficient_training_cross_entropy,
)
from spikingjelly.activation_based.functional._net import (
    detach_net,
    kaiming_normal_conv_linear_weight,
    reset_net,
    set_backend,
    set_step_mode,
)
from spikingjelly.activation_based.functional._online import (
    fptt_online_training,
    fptt_online_training_init_w_ra,
    ottt_online_training,
)
from spikingjelly.activation_based.functional._packed_spikes import packed_spikes
from spikingjelly.activation_based.functional._readout import first_spike_index, redundant_one_hot, set_threshold_margin
from spikingjelly.activation_based.functional._sltt import sltt_online_training
from spikingjelly.products import skip_zeros

# Published programs write `from spikingjelly.activation_based.functional import *` and use what this module imports.
__all__ = [
    "Callable",
    "F",
    "Tensor",
    "base",
    "chunk_multi_step_forward",
    "delay",
    "detach_net",
    "first_spike_index",
    "fptt_online_training",
    "fptt_online_training_init_w_ra",
    "fuse_convbn2d",
    "fused_conv2d_bias_of_convbn2d",
    "fused_conv2d_weight_of_convbn2d",
    "kaiming_normal_conv_linear_weight",
    "kernel_dot_product",
    "math",
    "multi_step_forward",
    "neuron",
    "nn",
    "ottt_online_training",
    "packed_spikes",
    "redundant_one_hot",
    "reset_net",
    "scale_fused_conv2d_bias_of_convbn2d",
    "scale_fused_conv2d_weight_of_convbn2d",
    "seq_to_ann_forward",
    "set_backend",
    "set_step_mode",
    "set_threshold_margin",
    "skip_zeros",
    "sltt_online_training",
    "spike_similar_loss",
    "t_last_multi_step_forward",
    "t_last_seq_to_ann_forward",
    "temporal_efficient_training_cross_entropy",
    "torch",
]
