"""Functions on whole networks and on sequences ``[T, N, *]``, losses, and small helpers for training and deployment."""

import importlib
import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikingjelly import _former_names
from spikingjelly.activation_based import base, neuron
from spikingjelly.activation_based.functional._before_linear import if_linear, lif_linear
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
from spikingjelly.activation_based.functional._integer_sequences import (
    activation_aware_if_multi_step,
    stbif_multi_step,
)
from spikingjelly.activation_based.functional._later_steps import (
    activation_aware_if_step,
    clif_step,
    cuba_lif_step,
    gated_lif_step,
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
    invalidate_reset_cache,
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
from spikingjelly.activation_based.functional._queue_steps import delay_step, masked_psn_step, sliding_psn_step
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

_ELSEWHERE = {
    "bit_spike_compress": "tensor_cache",
    "bit_spike_decompress": "tensor_cache",
    "lava_cuba_lif_step": "lava_exchange",
    "neunorm_step": "layer.synapse",
    "synapse_filter_step": "layer.synapse",
    "mstdp_linear_step": "learning",
    "mstdpet_linear_step": "learning",
    "mstdpet_reward_step": "learning",
    "stdp_conv1d_step": "learning",
    "stdp_conv2d_step": "learning",
    "stdp_linear_step": "learning",
}

_REPLACED = {
    "bit_pack_spike_dense": "packed_spikes, which packs what layers keep for the backward pass",
    "neuron_implementation": "backend of the neurons; the log says which one runs, and fused_source() gives its kernel",
    "packed_spike_linear": "layer.Linear under packed_spikes",
    "sparse_linear": "layer.Linear, which leaves out products with zeros where that is faster (skip_zeros)",
}

# Published programs write `from spikingjelly.activation_based.functional import *` and use what this module imports.
__all__ = [
    "Callable",
    "F",
    "Tensor",
    "activation_aware_if_multi_step",
    "activation_aware_if_step",
    "base",
    "chunk_multi_step_forward",
    "clif_step",
    "collect_reset_modules",
    "cuba_lif_step",
    "delay",
    "delay_step",
    "detach_net",
    "eif_multi_step",
    "eif_step",
    "first_spike_index",
    "fptt_online_training",
    "fptt_online_training_init_w_ra",
    "fuse_convbn2d",
    "fused_conv2d_bias_of_convbn2d",
    "fused_conv2d_weight_of_convbn2d",
    "gated_lif_step",
    "if_linear",
    "if_multi_step",
    "if_step",
    "ilif_multi_step",
    "ilif_step",
    "invalidate_reset_cache",
    "izhikevich_multi_step",
    "izhikevich_step",
    "kaiming_normal_conv_linear_weight",
    "kernel_dot_product",
    "klif_step",
    "liaf_step",
    "lif_charge",
    "lif_linear",
    "lif_multi_step",
    "lif_step",
    "masked_psn_step",
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
    "sliding_psn_step",
    "sltt_online_training",
    "spike_similar_loss",
    "stbif_multi_step",
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
    _former_names.refuse(__name__, name, _REPLACED)
    # These modules use this package, so they can't be imported before it.
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(f"spikingjelly.activation_based.{_ELSEWHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
