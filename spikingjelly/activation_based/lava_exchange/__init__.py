"""Exchange with Intel's Loihi by way of Lava: neurons in its fixed point, and the file that its tools read.

Intel archived Lava, lava-dl and their simulators in May 2026. What needs them (``to_lava_...``) raises an ImportError
without them. The neuron, eight-bit weights, training and the file (:func:`export_hdf5`, needs h5py) do not.
"""

from spikingjelly.activation_based.lava_exchange._one_step import (
    LeakyIntegratorStep,
    lava_cuba_lif_step,
    right_shift_to_zero,
)
from spikingjelly.activation_based.lava_exchange._rounding import (
    quantize_8b,
    quantize_8bit,
    step_quantize,
    step_quantize_atgf,
)
from spikingjelly.activation_based.lava_exchange.blocks import (
    BlockContainer,
    NXT_to_TNX,
    SumPool2d,
    TNX_to_NXT,
    check_instance,
    check_no_bias,
)
from spikingjelly.activation_based.lava_exchange.cuba import CubaLIFNode
from spikingjelly.activation_based.lava_exchange.lava import (
    avgpool2d_to_lava_synapse_pool,
    conv2d_to_lava_synapse_conv,
    lava_neuron_forward,
    linear_to_lava_synapse_dense,
    to_lava_block_conv,
    to_lava_block_dense,
    to_lava_block_flatten,
    to_lava_block_pool,
    to_lava_blocks,
    to_lava_neuron,
    to_lava_neuron_param_dict,
)
from spikingjelly.activation_based.lava_exchange.netx import export_hdf5
from spikingjelly.activation_based.lava_exchange.norm import BatchNorm2d

__all__ = [
    "BatchNorm2d",
    "BlockContainer",
    "CubaLIFNode",
    "LeakyIntegratorStep",
    "NXT_to_TNX",
    "SumPool2d",
    "TNX_to_NXT",
    "avgpool2d_to_lava_synapse_pool",
    "check_instance",
    "check_no_bias",
    "conv2d_to_lava_synapse_conv",
    "export_hdf5",
    "lava_cuba_lif_step",
    "lava_neuron_forward",
    "linear_to_lava_synapse_dense",
    "quantize_8b",
    "quantize_8bit",
    "right_shift_to_zero",
    "step_quantize",
    "step_quantize_atgf",
    "to_lava_block_conv",
    "to_lava_block_dense",
    "to_lava_block_flatten",
    "to_lava_block_pool",
    "to_lava_blocks",
    "to_lava_neuron",
    "to_lava_neuron_param_dict",
]
