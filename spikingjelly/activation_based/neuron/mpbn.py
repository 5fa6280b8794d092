"""Neurons with batch normalisation of their membrane potential."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based._checks import (
    ArgumentValueError,
    check_bool,
    check_float,
    check_positive_int,
)
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE
from spikingjelly.activation_based.neuron._node import BaseNode
from spikingjelly.activation_based.neuron.lif import LIFNode


class MPBNBaseNode(BaseNode):
    r"""A node whose charged potential is normalised, in each time step, before it fires:

    .. math::
        \tilde H[t] &= \gamma \frac{H[t] - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta \\
        S[t] &= \Theta(\tilde H[t] - V_{th})

    with the reset of :class:`BaseNode` on :math:`\tilde H[t]`. The normalisation is the child ``vbn``, a batch
    normalisation over channels. After training, :meth:`re_parameterize_v_threshold` folds it into a threshold of each
    channel.

    Shapes: ``[N, C]`` or ``[N, C, L]`` for ``out_features``, ``[N, C, H, W]`` for ``out_channels``, with ``T`` in front
    in step mode 'm'.

    :param mpbn: whether the potential is normalised
    :param out_features: number of channels of the linear layer in front
    :param out_channels: number of channels of the convolution in front; give exactly one of both
    :param learnable_vth: whether each channel learns the threshold at which it fires, :math:`V_{th} = e^a` with the
        parameter ``a``. It starts at 1; ``v_threshold`` then is only what the soft reset subtracts
    :param bn_momentum: momentum of the running statistics, default 0.1
    :param bn_decay_momentum: factor on the momentum after each time step of training with ``running_stats`` (see
        :meth:`re_parameterize_v_threshold`), default 0.94
    :param bn_min_momentum: lower bound of the momentum then, default 0.005

    The other parameters and errors are those of :class:`BaseNode`.

    :raises ValueError: (also an AssertionError) without exactly one of ``out_features`` and ``out_channels``

    Source: Guo et al., "Membrane Potential Batch Normalization for Spiking Neural Networks", ICCV 2023.
    """

    gamma: nn.Parameter | None
    beta: nn.Parameter | None
    mu: Any
    sigma2: Any

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        step_mode: str = "s",
        backend: str = "auto",
        store_v_seq: bool = False,
        mpbn: bool = True,
        out_features: int | None = None,
        out_channels: int | None = None,
        learnable_vth: bool = False,
        bn_momentum: float = 0.1,
        bn_decay_momentum: float = 0.94,
        bn_min_momentum: float = 0.005,
    ) -> None:
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, step_mode, backend, store_v_seq)
        self._set_up_normalization(
            mpbn, out_features, out_channels, learnable_vth, bn_momentum, bn_decay_momentum, bn_min_momentum
        )

    def _set_up_normalization(
        self,
        mpbn: bool,
        out_features: int | None,
        out_channels: int | None,
        learnable_vth: bool,
        bn_momentum: float,
        bn_decay_momentum: float,
        bn_min_momentum: float,
    ) -> None:
        check_bool(self, "mpbn", mpbn)
        check_bool(self, "learnable_vth", learnable_vth)
        check_float(self, "bn_momentum", bn_momentum)
        check_float(self, "bn_decay_momentum", bn_decay_momentum)
        check_float(self, "bn_min_momentum", bn_min_momentum)
        self.bn_momentum = bn_momentum
        self.bn_decay_momentum = bn_decay_momentum
        self.bn_min_momentum = bn_min_momentum
        self.learnable_vth = learnable_vth
        self.normalize_residual = False
        self.running_stats = False
        self.vbn: nn.Module = nn.Identity()
        channels = self._channels(out_features, out_channels) if mpbn or learnable_vth else 0
        if learnable_vth:
            self.a = nn.Parameter(torch.zeros(channels))
        if mpbn:
            normalization = nn.BatchNorm1d if out_channels is None else nn.BatchNorm2d
            self.vbn = normalization(channels, momentum=bn_momentum)
        for name in ("gamma", "beta"):
            self.register_parameter(name, None)
        for name in ("mu", "sigma2"):
            self.register_buffer(name, None)

    def _channels(self, out_features: int | None, out_channels: int | None) -> int:
        choices = {"out_features": out_features, "out_channels": out_channels}
        given = {name: value for name, value in choices.items() if value is not None}
        if len(given) != 1:
            raise ArgumentValueError(
                f"{type(self).__name__}: give exactly one of out_features (inputs [N, C]) and out_channels (inputs "
                f"[N, C, H, W]), but {given or 'none'} was given."
            )
        ((name, channels),) = given.items()
        check_positive_int(self, name, channels)
        return channels

    @property
    def fold_bn(self) -> bool:
        """Whether the normalisation has been folded into the threshold."""
        return self.gamma is not None

    def re_parameterize_v_threshold(self, normalize_residual: bool = False, running_stats: bool = False) -> None:
        r"""Fold the normalisation into a threshold of each channel,
        :math:`(V_{th} - \beta) \sqrt{\sigma^2 + \varepsilon} / \gamma + \mu`, against which :math:`H[t]` itself fires.

        ``vbn`` becomes the identity; its weights and statistics stay as ``gamma``, ``beta``, ``mu`` and ``sigma2``, and
        ``gamma`` and ``beta`` can be trained further. A second call only changes the two arguments.

        :param normalize_residual: True: what is left in the neuron is still normalised, and spikes in evaluation are
            those from before (but for rounding). False, the default: the reset works on :math:`H[t]`, which saves the
            normalisation; spikes from the second time step on may differ
        :param running_stats: in training, whether ``mu`` and ``sigma2`` are running statistics, with a momentum that
            decays from ``bn_momentum`` by ``bn_decay_momentum`` to ``bn_min_momentum``, or those of the batch

        :raises RuntimeError: if there is no normalisation
        :raises ValueError: if a weight of the normalisation is 0, which no threshold can express
        """
        check_bool(self, "normalize_residual", normalize_residual)
        check_bool(self, "running_stats", running_stats)
        if not self.fold_bn:
            self._fold()
        self.normalize_residual = normalize_residual
        self.running_stats = running_stats

    def _fold(self) -> None:
        vbn = self.vbn
        if not isinstance(vbn, nn.BatchNorm1d | nn.BatchNorm2d):
            raise RuntimeError(f"{type(self).__name__} was built with mpbn=False: there is no normalisation to fold.")
        if (vbn.weight == 0.0).any():
            raise ValueError(
                f"{type(self).__name__}: a weight of vbn is 0, so that its channel does not depend on the potential "
                "and no threshold can replace it."
            )
        self.gamma, self.beta = vbn.weight, vbn.bias
        self.mu, self.sigma2 = vbn.running_mean, vbn.running_var
        self.eps = vbn.eps
        self.vbn = nn.Identity()

    def neuronal_fire(self) -> torch.Tensor:
        """Normalise the charged potential ``self.v``, then fire; once folded, fire against the folded threshold."""
        if not self.fold_bn:
            self.v = self.vbn(self.v)
            return self.surrogate_function(self.v - self._threshold())
        gamma, beta, mean, variance = self._folded()
        deviation = (variance + self.eps).sqrt()
        # BN(v) >= V_th turns round where gamma is negative
        distance = (self.v - ((self._threshold() - beta) * deviation / gamma + mean)) * gamma.sign()
        if self.normalize_residual:
            self.v = (self.v - mean) / deviation * gamma + beta
        return self.surrogate_function(distance)

    def _threshold(self) -> Any:
        return self._per_channel(self.a.exp()) if self.learnable_vth else self.v_threshold

    def _per_channel(self, value: torch.Tensor) -> torch.Tensor:
        return value.view(-1, *[1] * (self.v.dim() - 2))

    def _folded(self) -> tuple[torch.Tensor, ...]:
        """Weight, bias, mean and variance, each shaped to broadcast over ``self.v``."""
        if self.training:
            self._update_statistics()
        return tuple(self._per_channel(getattr(self, name)) for name in ("gamma", "beta", "mu", "sigma2"))

    @torch.no_grad()
    def _update_statistics(self) -> None:
        values = self.v.transpose(0, 1).flatten(1)
        if values.shape[1] < 2:
            raise ValueError(
                f"{type(self).__name__}: training needs more than one value per channel, but the potential has shape "
                f"{list(self.v.shape)}."
            )
        mean, variance = values.mean(1).to(self.mu), values.var(1).to(self.sigma2)
        if self.running_stats:
            mean = torch.lerp(self.mu, mean, self.bn_momentum)
            variance = torch.lerp(self.sigma2, variance, self.bn_momentum)
            self.bn_momentum = max(self.bn_momentum * self.bn_decay_momentum, self.bn_min_momentum)
        self.mu, self.sigma2 = mean, variance

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, learnable_vth={self.learnable_vth}, fold_bn={self.fold_bn}"


class MPBNLIFNode(MPBNBaseNode, LIFNode):
    r"""Leaky integrate-and-fire (:class:`LIFNode`) with batch normalisation of the membrane potential.

    :param tau: membrane time constant in time steps, greater than 1, default 2.0
    :param decay_input: whether the input decays as well, default False

    The other parameters, shapes and errors are those of :class:`MPBNBaseNode`.
    """

    def __init__(
        self,
        tau: float = 2.0,
        decay_input: bool = False,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        step_mode: str = "s",
        backend: str = "auto",
        store_v_seq: bool = False,
        mpbn: bool = True,
        out_features: int | None = None,
        out_channels: int | None = None,
        learnable_vth: bool = False,
        bn_momentum: float = 0.1,
        bn_decay_momentum: float = 0.94,
        bn_min_momentum: float = 0.005,
    ) -> None:
        LIFNode.__init__(
            self, tau, decay_input, v_threshold, v_reset, surrogate_function, detach_reset, step_mode, backend,
            store_v_seq,
        )  # fmt: skip
        self._set_up_normalization(
            mpbn, out_features, out_channels, learnable_vth, bn_momentum, bn_decay_momentum, bn_min_momentum
        )
