"""Functions on whole networks and on sequences ``[T, N, *]``, losses, and small helpers for training and deployment."""

import importlib
import math
from collections.abc import Callable
from typing import Any

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
from spikingjelly.activation_based.functional._later_steps import (
    activation_aware_if_step,
    clif_step,
    cuba_lif_step,
    ilif_step,
    raf_step,
    stbif_step,
    ternary_if_step,
    ternary_lif_step,
)
from spikingjelly.activation_based.functional._losses import (
    kernel_dot_product,
    spike_similar_loss,
    temporal_efficient_training_cross_entropy,
)
from spikingjelly.activation_based.functional._net import (
    collect_reset_modules,
    detach_net,
    kaiming_normal_conv_linear_weight,
    reset_collected_modules,
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
from spikingjelly.activation_based.functional._sequences import (
    eif_multi_step,
    if_multi_step,
    ilif_multi_step,
    izhikevich_multi_step,
    lif_multi_step,
    plif_multi_step,
    qif_multi_step,
)
from spikingjelly.activation_based.functional._sltt import sltt_online_training
from spikingjelly.activation_based.functional._steps import (
    eif_step,
    if_step,
    izhikevich_step,
    klif_step,
    liaf_step,
    lif_charge,
    lif_step,
    plif_step,
    qif_step,
    voltage_reset,
)
from spikingjelly.products import skip_zeros

_OF_LEARNING = (
    "mstdp_linear_step",
    "mstdpet_linear_step",
    "mstdpet_reward_step",
    "stdp_conv1d_step",
    "stdp_conv2d_step",
    "stdp_linear_step",
)

# Published programs write `from spikingjelly.activation_based.functional import *` and use what this module imports.
__all__ = [
    "Callable",
    "F",
    "Tensor",
    "activation_aware_if_step",
    "base",
    "chunk_multi_step_forward",
    "clif_step",
    "collect_reset_modules",
    "cuba_lif_step",
    "delay",
    "detach_net",
    "eif_multi_step",
    "eif_step",
    "first_spike_index",
    "fptt_online_training",
    "fptt_online_training_init_w_ra",
    "fuse_convbn2d",
    "fused_conv2d_bias_of_convbn2d",
    "fused_conv2d_weight_of_convbn2d",
    "if_multi_step",
    "if_step",
    "ilif_multi_step",
    "ilif_step",
    "izhikevich_multi_step",
    "izhikevich_step",
    "kaiming_normal_conv_linear_weight",
    "kernel_dot_product",
    "klif_step",
    "liaf_step",
    "lif_charge",
    "lif_multi_step",
    "lif_step",
    "math",
    "multi_step_forward",
    "neuron",
    "nn",
    "ottt_online_training",
    "packed_spikes",
    "plif_multi_step",
    "plif_step",
    "qif_multi_step",
    "qif_step",
    "raf_step",
    "redundant_one_hot",
    "reset_collected_modules",
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
    "stbif_step",
    "t_last_multi_step_forward",
    "t_last_seq_to_ann_forward",
    "temporal_efficient_training_cross_entropy",
    "ternary_if_step",
    "ternary_lif_step",
    "torch",
    "voltage_reset",
]


def __getattr__(name: str) -> Any:
    # `learning` uses this package, so it can't be imported before it.
    if name in _OF_LEARNING:
        return getattr(importlib.import_module("spikingjelly.activation_based.learning"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
