"""Self-attention of spikes: products of spikes are sums of ones, and need no softmax."""

from typing import Any

import torch
from torch import nn

from spikingjelly import packing
from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import ArgumentValueError, check_positive_int, describe
from spikingjelly.activation_based._neuron_maker import Neuron, neuron_maker
from spikingjelly.activation_based.functional._net import set_step_mode
from spikingjelly.activation_based.layer._wrapped import check_sequence_layout
from spikingjelly.activation_based.layer.convolution import Conv1d, Conv2d
from spikingjelly.activation_based.layer.normalization import BatchNorm1d, BatchNorm2d

_PAPER = {"tau": 2.0, "detach_reset": True}
_SUM_THRESHOLD = 0.5  # of the neurons that get sums of spikes


class _Attention(nn.Module, base.StepModule):
    """``[T, N, dim, *]`` in step mode 'm' (the default here), ``[N, dim, *]`` in 's'."""

    _step_mode = "m"
    _layout: str

    def __init__(self, dim: int, num_heads: int) -> None:
        check_positive_int(self, "dim", dim)
        check_positive_int(self, "num_heads", num_heads)
        if dim % num_heads:
            raise ArgumentValueError(
                f"{type(self).__name__}: dim must be a multiple of num_heads, for each head has dim / num_heads "
                f"channels, but dim={dim} and num_heads={num_heads} were given."
            )
        super().__init__()
        self.dim = dim
        self.num_heads = num_heads
        self.head_dim = dim // num_heads

    def _check_input(self, x: torch.Tensor) -> None:
        if self.step_mode == "m":
            check_sequence_layout(self, x, (self._layout,))
        elif not isinstance(x, torch.Tensor) or x.dim() != self._layout.count(",") + 1:
            raise ValueError(
                f"{type(self).__name__}: step_mode='s' takes one time step [{self._layout}], but {describe(x)} was "
                f"given. For a sequence [T, {self._layout}] use step_mode='m', as in set_step_mode(net, 'm')."
            )

    def extra_repr(self) -> str:
        return f"dim={self.dim}, num_heads={self.num_heads}, step_mode={self.step_mode}"


class SpikingSelfAttention(_Attention):
    r"""Spiking self-attention: the spikes of queries, keys and values are multiplied without softmax.

    .. math::
        Q, K, V &= \mathrm{SN}(\mathrm{BN}(W_{qkv} X)) \\
        Y &= \mathrm{SN}(\mathrm{BN}(W \, \mathrm{SN}(s \, Q K^\top V)))

    in each head and at each time step, with :math:`s = 1/8`. As there is no softmax, :math:`K^\top V` is multiplied
    first where a head has fewer channels than there are tokens; the sums of spikes are equal.

    ``[T, N, dim, L]`` to the same shape in step mode 'm' (the default here), ``[N, dim, L]`` in 's', with L tokens.

    :param dim: number of channels
    :param num_heads: number of heads, a divisor of ``dim``
    :param spiking_neuron: class of the neurons; None for the paper's LIF neurons with ``tau=2.0, detach_reset=True``
        and in the attention ``v_threshold=0.5``
    :param kwargs: keywords of the neurons

    :raises ValueError: (also an AssertionError) if ``num_heads`` does not divide ``dim``
    :raises ValueError: for an input with another number of dimensions
    :raises TypeError: if ``spiking_neuron`` is no class of neurons

    Source: Zhou et al., "Spikformer: When Spiking Neural Network Meets Transformer", ICLR 2023.
    """

    _layout = "N, C, L"
    _packs_what_it_saves = True
    scale = 0.125

    def __init__(self, dim: int, num_heads: int = 8, spiking_neuron: Neuron | None = None, **kwargs: Any) -> None:
        super().__init__(dim, num_heads)
        make_neuron = neuron_maker(type(self).__name__, spiking_neuron, kwargs, **_PAPER)
        self.qkv_conv_bn = _pointwise(dim, 3 * dim)
        self.qkv_lif = make_neuron()
        self.attn_lif = make_neuron(v_threshold=_SUM_THRESHOLD)
        self.proj_conv_bn = _pointwise(dim, dim)
        self.proj_lif = make_neuron()
        set_step_mode(self, kwargs.get("step_mode", "m"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._check_input(x)
        return self.proj_lif(self.proj_conv_bn(self._attend(self.qkv_lif(self.qkv_conv_bn(x)))))

    def _attend(self, spikes: torch.Tensor) -> torch.Tensor:
        """The spikes that the sums of products give, from those of queries, keys and values."""
        q, k, v = spikes.unflatten(-2, (3, self.num_heads, self.head_dim)).unbind(-4)
        return self.attn_lif(self.scale * _columns_attended(q, k, v).flatten(-3, -2))


class QKAttention(_Attention):
    r"""Q-K attention: the spikes of the queries of a token, or of a channel, decide whether its key goes through.

    .. math::
        Q, K &= \mathrm{SN}(\mathrm{BN}(W_{qk} X)) \\
        A &= \mathrm{SN}\Big(\sum_i Q_i\Big) \\
        Y &= \mathrm{SN}(\mathrm{BN}(W (A \odot K)))

    with the sum over the channels of a head for each token ('token'), or over the tokens for each channel
    ('channel'): linear in the number of tokens.

    Shapes, ``dim``, ``num_heads``, ``spiking_neuron``, ``kwargs`` and errors are those of
    :class:`SpikingSelfAttention`.

    :param qka_type: 'token' or 'channel'

    :raises ValueError: (also an AssertionError) for another ``qka_type``

    Source: Zhou et al., "QKFormer: Hierarchical Spiking Transformer using Q-K Attention", NeurIPS 2024.
    """

    _layout = "N, C, L"

    def __init__(
        self,
        dim: int,
        num_heads: int = 8,
        qka_type: str = "token",
        spiking_neuron: Neuron | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(dim, num_heads)
        if qka_type not in ("token", "channel"):
            raise ArgumentValueError(
                f"{type(self).__name__}: qka_type must be 'token' or 'channel', but {describe(qka_type)} was given."
            )
        make_neuron = neuron_maker(type(self).__name__, spiking_neuron, kwargs, **_PAPER)
        self.qka_type = qka_type
        self.qk_conv_bn = _pointwise(dim, 2 * dim)
        self.qk_lif = make_neuron()
        self.attn_lif = make_neuron(v_threshold=_SUM_THRESHOLD)
        self.proj_conv_bn = _pointwise(dim, dim)
        self.proj_lif = make_neuron()
        set_step_mode(self, kwargs.get("step_mode", "m"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._check_input(x)
        spikes = self.qk_lif(self.qk_conv_bn(x))
        q, k = spikes.unflatten(-2, (2, self.num_heads, self.head_dim)).unbind(-4)
        gate = self.attn_lif(q.sum(-2 if self.qka_type == "token" else -1, keepdim=True))
        return self.proj_lif(self.proj_conv_bn((gate * k).flatten(-3, -2)))

    def extra_repr(self) -> str:
        return f"dim={self.dim}, num_heads={self.num_heads}, qka_type={self.qka_type}, step_mode={self.step_mode}"


class TokenQKAttention(QKAttention):
    """:class:`QKAttention` with ``qka_type='token'``; the other parameters are the same."""

    def __init__(self, dim: int, num_heads: int = 8, spiking_neuron: Neuron | None = None, **kwargs: Any) -> None:
        super().__init__(dim, num_heads, "token", spiking_neuron, **kwargs)


class ChannelQKAttention(QKAttention):
    """:class:`QKAttention` with ``qka_type='channel'``; the other parameters are the same."""

    def __init__(self, dim: int, num_heads: int = 8, spiking_neuron: Neuron | None = None, **kwargs: Any) -> None:
        super().__init__(dim, num_heads, "channel", spiking_neuron, **kwargs)


class SpikeDrivenSelfAttention(_Attention):
    r"""Spike-driven self-attention with its shortcut between membranes: masks and additions only.

    .. math::
        S &= \mathrm{SN}(X), \qquad Q, K, V = \mathrm{SN}(\mathrm{BN}(W_{q, k, v} S)) \\
        Y &= X + \mathrm{BN}\Big(W \Big(Q \odot \mathrm{SN}\Big(\sum_l K_l \odot V_l\Big)\Big)\Big)

    with the sum over the tokens l for each channel: linear in the number of tokens. So each channel is a head of its
    own, and ``num_heads`` changes nothing; it is kept because published code gives it.

    ``[T, N, dim, H, W]`` to the same shape in step mode 'm' (the default here), ``[N, dim, H, W]`` in 's'. ``dim``,
    ``num_heads``, ``spiking_neuron``, ``kwargs`` and errors are those of :class:`SpikingSelfAttention`.

    Source: Yao et al., "Spike-driven Transformer", NeurIPS 2023.
    """

    _layout = "N, C, H, W"

    def __init__(self, dim: int, num_heads: int = 8, spiking_neuron: Neuron | None = None, **kwargs: Any) -> None:
        super().__init__(dim, num_heads)
        make_neuron = neuron_maker(type(self).__name__, spiking_neuron, kwargs, **_PAPER)
        self.shortcut_lif = make_neuron()
        self.q_conv = Conv2d(dim, dim, kernel_size=1, bias=False)
        self.q_bn = BatchNorm2d(dim)
        self.q_lif = make_neuron()
        self.k_conv = Conv2d(dim, dim, kernel_size=1, bias=False)
        self.k_bn = BatchNorm2d(dim)
        self.k_lif = make_neuron()
        self.v_conv = Conv2d(dim, dim, kernel_size=1, bias=False)
        self.v_bn = BatchNorm2d(dim)
        self.v_lif = make_neuron()
        self.attn_lif = make_neuron(v_threshold=_SUM_THRESHOLD)
        self.proj_conv = Conv2d(dim, dim, kernel_size=1)
        self.proj_bn = BatchNorm2d(dim)
        set_step_mode(self, kwargs.get("step_mode", "m"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._check_input(x)
        spikes = self.shortcut_lif(x)
        q = self.q_lif(self.q_bn(self.q_conv(spikes)))
        k = self.k_lif(self.k_bn(self.k_conv(spikes)))
        v = self.v_lif(self.v_bn(self.v_conv(spikes)))
        mask = self.attn_lif((k * v).sum((-2, -1), keepdim=True))
        return x + self.proj_bn(self.proj_conv(q * mask))


def _pointwise(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(Conv1d(in_channels, out_channels, kernel_size=1, bias=False), BatchNorm1d(out_channels))


def _columns_attended(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Q K^T V of tokens that are columns ``[*, d, L]``, in the cheaper order."""
    channels, tokens = q.shape[-2:]
    if tokens > channels:
        return _product_of_spikes(_product_of_spikes(v, k.transpose(-2, -1)), q)
    return _product_of_spikes(v, _product_of_spikes(k.transpose(-2, -1), q))


def _product_of_spikes(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    y = a @ b
    packing.pack_saved(y, "self", "mat2")
    return y
