"""Blocks of Intel's Lava deep learning library made from ours. Only this file needs that library.

It was archived in May 2026. What is here follows its documentation and is tested on a stand-in with its constructors
and layouts, not on the library.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import ArgumentValueError
from spikingjelly.activation_based.lava_exchange._parts import (
    Part,
    decays_and_threshold,
    parts_of,
    scale_of,
    weight_units,
)
from spikingjelly.activation_based.lava_exchange.blocks import (
    NXT_to_TNX,
    SumPool2d,
    TNX_to_NXT,
    check_instance,
    check_no_bias,
)


def slayer() -> Any:
    """``lava.lib.dl.slayer``.

    :raises ImportError: if it is not installed
    """
    try:
        from lava.lib.dl import slayer as found
    except ImportError as error:
        raise ImportError(
            "this needs Intel's lava-dl, which was archived in May 2026 and installs on Python 3.8 to 3.10 "
            "(https://github.com/lava-nc/lava-dl). Without it, export_hdf5 writes the file that it reads, and "
            "CubaLIFNode computes what it computes."
        ) from error
    return found


def to_lava_neuron_param_dict(sj_ms_neuron: nn.Module) -> dict[str, Any]:
    """The arguments of lava-dl's CUBA neuron for ``CubaLIFNode``, or for ``IFNode`` or ``LIFNode`` (``v_reset=0.0``,
    ``decay_input=False``) in step mode 'm'. Needs no lava-dl.

    :raises TypeError: (also an AssertionError) for another neuron
    :raises ValueError: (also an AssertionError) for another reset, a decay of the input or step mode 's'
    """
    current_decay, voltage_decay, threshold = decays_and_threshold(sj_ms_neuron)
    if isinstance(sj_ms_neuron, base.StepModule) and sj_ms_neuron.step_mode != "m":
        raise ArgumentValueError(
            "to_lava_neuron_param_dict: lava-dl works on sequences: set step_mode='m', but 's' was found."
        )
    return {
        "threshold": threshold,
        "current_decay": current_decay,
        "voltage_decay": voltage_decay,
        "tau_grad": 1,
        "scale_grad": 1,
        "scale": scale_of(sj_ms_neuron),
        "norm": None,
        "dropout": None,
        "shared_param": True,
        "persistent_state": False,
        "requires_grad": False,
        "graded_spike": False,
    }


def to_lava_neuron(sj_ms_neuron: nn.Module) -> nn.Module:
    """lava-dl's CUBA neuron with the parameters of :func:`to_lava_neuron_param_dict`, whose errors it raises.

    :raises ImportError: without lava-dl
    """
    parameters = to_lava_neuron_param_dict(sj_ms_neuron)
    return slayer().neuron.cuba.Neuron(**parameters)


def lava_neuron_forward(lava_neuron: nn.Module, x_seq: torch.Tensor, v: torch.Tensor | float) -> Any:
    """Run a neuron of lava-dl on a sequence of ours.

    :param x_seq: ``[T, N, *]``
    :param v: potential before the first time step, a number or ``[N, *]``
    :return: spikes ``[T, N, *]`` and the potential after the last time step ``[N, *]``
    """
    shape = x_seq.shape[1:]
    x = TNX_to_NXT(x_seq)
    lava_neuron.voltage_state = v if isinstance(v, torch.Tensor) else torch.full(shape, float(v)).to(x_seq)
    lava_neuron.current_state = torch.zeros_like(lava_neuron.voltage_state)
    spikes = NXT_to_TNX(lava_neuron(x))
    return spikes, lava_neuron.voltage_state


def linear_to_lava_synapse_dense(fc: nn.Linear) -> nn.Module:
    """lava-dl's dense synapse with the weights of ``fc``.

    :raises TypeError: (also an AssertionError) if ``fc`` is no Linear
    :raises ValueError: (also an AssertionError) if it has a bias
    :raises ImportError: without lava-dl
    """
    check_instance(fc, nn.Linear)
    check_no_bias(fc)
    synapse = slayer().synapse.Dense(fc.in_features, fc.out_features)
    _set_weight(synapse, fc.weight)
    return synapse


def conv2d_to_lava_synapse_conv(conv2d_nn: nn.Conv2d) -> nn.Module:
    """lava-dl's convolution with the weights of ``conv2d_nn``; errors as in :func:`linear_to_lava_synapse_dense`."""
    check_instance(conv2d_nn, nn.Conv2d)
    check_no_bias(conv2d_nn)
    m = conv2d_nn
    synapse = slayer().synapse.Conv(
        m.in_channels, m.out_channels, m.kernel_size, m.stride, m.padding, m.dilation, m.groups
    )
    _set_weight(synapse, m.weight)
    return synapse


def avgpool2d_to_lava_synapse_pool(pool2d_nn: nn.AvgPool2d | SumPool2d) -> nn.Module:
    """lava-dl's pooling with a weight of 1 / (elements of the window), or of 1 for :class:`SumPool2d`.

    :raises TypeError: (also an AssertionError) for another module
    :raises ImportError: without lava-dl
    """
    check_instance(pool2d_nn, (nn.AvgPool2d, SumPool2d))
    m = pool2d_nn
    synapse = slayer().synapse.Pool(m.kernel_size, m.stride, m.padding, getattr(m, "dilation", 1))
    window = torch.ones(_window(m))
    _set_weight(synapse, torch.full_like(synapse.weight, 1.0 if isinstance(m, SumPool2d) else 1.0 / window.numel()))
    return synapse


def to_lava_block_dense(fc: nn.Linear, sj_ms_neuron: nn.Module, quantize_to_8bit: bool = True) -> nn.Module:
    """lava-dl's block of a dense synapse and CUBA neurons.

    :param fc: the synapse, without bias
    :param sj_ms_neuron: the neurons, as for :func:`to_lava_neuron_param_dict`
    :param quantize_to_8bit: whether weights are rounded to what eight bits hold
    :raises ImportError: without lava-dl; other errors as in :func:`export_hdf5`
    """
    check_instance(fc, nn.Linear)
    check_no_bias(fc)
    parameters = to_lava_neuron_param_dict(sj_ms_neuron)
    block = slayer().block.cuba.Dense(parameters, fc.in_features, fc.out_features)
    _set_weight(block.synapse, _weight(fc, sj_ms_neuron, quantize_to_8bit))
    return block


def to_lava_block_conv(conv2d_nn: nn.Conv2d, sj_ms_neuron: nn.Module, quantize_to_8bit: bool = True) -> nn.Module:
    """lava-dl's block of a convolution and CUBA neurons; parameters and errors as in :func:`to_lava_block_dense`."""
    check_instance(conv2d_nn, nn.Conv2d)
    check_no_bias(conv2d_nn)
    m, parameters = conv2d_nn, to_lava_neuron_param_dict(sj_ms_neuron)
    block = slayer().block.cuba.Conv(
        parameters, m.in_channels, m.out_channels, m.kernel_size, m.stride, m.padding, m.dilation, m.groups
    )
    _set_weight(block.synapse, _weight(m, sj_ms_neuron, quantize_to_8bit))
    return block


def to_lava_block_pool(
    pool2d_nn: nn.AvgPool2d | SumPool2d, sj_ms_neuron: nn.Module, quantize_to_8bit: bool = True
) -> nn.Module:
    """lava-dl's block of a pooling and CUBA neurons; parameters and errors as in :func:`to_lava_block_dense`."""
    check_instance(pool2d_nn, (nn.AvgPool2d, SumPool2d))
    m, parameters = pool2d_nn, to_lava_neuron_param_dict(sj_ms_neuron)
    block = slayer().block.cuba.Pool(parameters, m.kernel_size, m.stride, m.padding, getattr(m, "dilation", 1))
    weight = _weight(m, sj_ms_neuron, quantize_to_8bit)
    _set_weight(block.synapse, weight.expand(block.synapse.weight.numel()))
    return block


def to_lava_block_flatten(flatten_nn: nn.Flatten) -> nn.Module:
    """lava-dl's flatten.

    :raises TypeError: (also an AssertionError) for another module
    :raises ValueError: (also an AssertionError) if it does not flatten all of a sample
    :raises ImportError: without lava-dl
    """
    check_instance(flatten_nn, nn.Flatten)
    parts_of([flatten_nn])
    return slayer().block.cuba.Flatten()


def to_lava_blocks(net: nn.Module | Sequence[nn.Module]) -> list[nn.Module]:
    """The blocks of lava-dl for a sequence of layers in step mode 'm', with weights of eight bits; layers and errors as
    in :func:`export_hdf5`.

    :raises ImportError: without lava-dl
    """
    return [_block(part) for part in parts_of(net)]


def _block(part: Part) -> nn.Module:
    if part.synapse is None:
        return to_lava_block_flatten(nn.Flatten())
    if isinstance(part.synapse, nn.Linear):
        return to_lava_block_dense(part.synapse, part.neurons)
    if isinstance(part.synapse, nn.Conv2d):
        return to_lava_block_conv(part.synapse, part.neurons)
    return to_lava_block_pool(part.synapse, part.neurons)


def _weight(synapse: Any, neurons: nn.Module, quantize_to_8bit: bool) -> torch.Tensor:
    if quantize_to_8bit:
        return weight_units(Part(type(synapse).__name__, synapse, neurons)) / scale_of(neurons)
    if isinstance(synapse, nn.AvgPool2d | SumPool2d):
        return torch.tensor([1.0 if isinstance(synapse, SumPool2d) else 1.0 / torch.ones(_window(synapse)).numel()])
    return synapse.weight.detach()


def _window(pool: Any) -> tuple[int, int]:
    size = pool.kernel_size
    return (size, size) if isinstance(size, int) else tuple(size)


def _set_weight(synapse: Any, weight: torch.Tensor) -> None:
    """lava-dl keeps weights with dimensions of size 1 behind."""
    synapse.weight.data.copy_(weight.detach().reshape(synapse.weight.shape))
