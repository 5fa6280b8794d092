"""Sequences, as in :mod:`._sequences`, of neurons that stand in converted networks."""

import torch

from spikingjelly.activation_based import neuron
from spikingjelly.activation_based.functional._sequences import Sequence


def stbif_multi_step(
    x_seq: torch.Tensor,
    q: torch.Tensor,
    acc_q: torch.Tensor,
    q_threshold: torch.Tensor,
    pos_max: torch.Tensor,
    neg_min: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A sequence ``[T, N, *]`` of an :class:`~spikingjelly.activation_based.neuron.STBIFNode` with these bounds;
    arguments and results are those of :func:`stbif_step`, whose spike is that of the last time step."""
    node = neuron.STBIFNode(q_threshold, 1, pos_max=pos_max, neg_min=neg_min, step_mode="m")
    node.q, node.acc_q, node.cur_output = q, acc_q, torch.zeros_like(q)
    return node(x_seq), node.q, node.acc_q, node.cur_output


def activation_aware_if_multi_step(
    x_seq: torch.Tensor,
    v: torch.Tensor,
    v_threshold: torch.Tensor,
    v_offset: torch.Tensor,
    channel_size: int,
    inner_size: int,
    v_reset: float | None = 0.0,
    store_v_seq: bool = False,
) -> Sequence:
    """A sequence ``[T, N, *]`` of an :class:`~spikingjelly.activation_based.neuron.ActivationAwareIFNode`.

    :param v: potential at the start ``[N, *]``
    :param v_threshold: threshold, one or ``[channel_size]``
    :param v_offset: offset, one or ``[channel_size]``
    :param channel_size: number of channels
    :param inner_size: number of elements behind each: a time step is ``[-1, channel_size, inner_size]``

    The other parameters and the results are those of :func:`if_multi_step`.

    :raises ValueError: if a time step can't be viewed so
    """
    per_channel = channel_size * inner_size
    if per_channel < 1 or v.numel() % per_channel:
        raise ValueError(
            f"activation_aware_if_multi_step: a time step has {v.numel()} elements, which is no multiple of "
            f"channel_size * inner_size = {channel_size} * {inner_size}."
        )
    node = neuron.ActivationAwareIFNode(v_threshold, v_offset, 1, v_reset, step_mode="m", store_v_seq=store_v_seq)
    node.v = v.reshape(-1, channel_size, inner_size)
    spikes = node(x_seq.reshape(len(x_seq), *node.v.shape))
    return spikes.view(x_seq.shape), node.v.view(v.shape), node.v_seq.view(x_seq.shape) if store_v_seq else None
