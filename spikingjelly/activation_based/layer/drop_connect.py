"""A linear layer that drops connections instead of activations."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import (
    check_bool,
    check_callable,
    check_floating_tensor,
    check_positive_int,
    check_probability,
)
from spikingjelly.activation_based.layer._state import check_state_fits

DEFAULT_ACTIVATION = nn.ReLU()


class DropConnectLinear(base.MemoryModule):
    r"""A linear layer with an activation that drops each weight, for each sample anew.

    In training, with masks :math:`M \sim \mathrm{Bernoulli}(1 - p)` of each sample:

    .. math::
        Y = a((M_W \circ W) X + M_b \circ b)

    In evaluation the sum over many masked weights is taken for a normal distribution of the same mean and variance,
    and the output is the mean of the activation over ``samples_num`` samples of it:

    .. math::
        Y &= \frac{1}{S} \sum_{s=1}^{S} a(U_s), \qquad U_s \sim \mathcal{N}(\mu, \sigma^2) \\
        \mu &= (1 - p) (W X + b), \qquad \sigma^2 = p (1 - p) (W^2 X^2 + b^2)

    ``[N, in_features]`` in step mode 's' and ``[T, N, in_features]`` in 'm'.

    :param in_features: features of the input
    :param out_features: features of the output
    :param bias: whether there is the bias :math:`b`
    :param p: probability of a connection to be dropped
    :param samples_num: number of samples :math:`S` in evaluation
    :param invariant: True keeps the masks until ``reset()``, False draws them at each time step
    :param activation: :math:`a`; None for none, where the output in evaluation is :math:`\mu`
    :param state_mode: the step mode, 's' or 'm', under the name that published code knows
    :param step_mode: the same under its usual name; None for ``state_mode``

    :raises ValueError: (also an AssertionError) if ``p`` is no probability, and for inputs of another shape
    :raises RuntimeError: if the input does not fit the masks that an earlier input left

    Source: Wan et al., "Regularization of Neural Networks using DropConnect", ICML 2013.
    """

    dropped_w: torch.Tensor | None
    dropped_b: torch.Tensor | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        p: float = 0.5,
        samples_num: int = 1024,
        invariant: bool = False,
        activation: nn.Module | None = DEFAULT_ACTIVATION,
        state_mode: str = "s",
        step_mode: str | None = None,
    ) -> None:
        check_probability(self, p, below_one=False)
        check_positive_int(self, "samples_num", samples_num)
        check_bool(self, "invariant", invariant)
        if activation is not None:
            check_callable(self, "activation", activation, such_as="torch.nn.ReLU()")
        super().__init__()
        self.step_mode = state_mode if step_mode is None else step_mode
        self.in_features = in_features
        self.out_features = out_features
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.empty(out_features)) if bias else None
        self.p = p
        self.samples_num = samples_num
        self.invariant = invariant
        self.activation = nn.ReLU() if activation is DEFAULT_ACTIVATION else activation
        self.register_memory("dropped_w", None)
        if bias:
            self.register_memory("dropped_b", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias as :class:`torch.nn.Linear` does."""
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1.0 / math.sqrt(self.in_features)
            nn.init.uniform_(self.bias, -bound, bound)

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """One time step ``[N, in_features]``."""
        check_floating_tensor(self, "the input", x)
        if x.dim() != 2 or x.shape[1] != self.in_features:
            raise ValueError(
                f"{type(self).__name__}: expected x with shape [N, {self.in_features}] at each time step, but got x "
                f"with shape {list(x.shape)}. In step_mode='m' a sequence has T in front."
            )
        return self._dropped(x) if self.training else self._moment_matched(x)

    def drop(self, batch_size: int) -> None:
        """Draw which connections each of ``batch_size`` samples keeps.

        ``dropped_w``, ``[batch_size, out_features, in_features]``, and ``dropped_b``, ``[batch_size, out_features]``,
        are the weights and biases with the others 0.
        """
        self.dropped_w = self._thinned(batch_size, self.weight)
        if self.bias is not None:
            self.dropped_b = self._thinned(batch_size, self.bias)

    def _thinned(self, batch_size: int, values: torch.Tensor) -> torch.Tensor:
        shape = (batch_size, *values.shape)
        return values * (torch.rand(shape, dtype=values.dtype, device=values.device) >= self.p)

    def _dropped(self, x: torch.Tensor) -> torch.Tensor:
        if self.dropped_w is None or not self.invariant:
            self.drop(x.shape[0])
        weight: Any = self.dropped_w
        bias = self.dropped_b if self.bias is not None else None
        check_state_fits(self, "the masks", weight, x, shape=(x.shape[0], self.out_features, self.in_features))
        if not self.invariant:
            self.reset()
        u = torch.bmm(weight, x.unsqueeze(-1)).squeeze(-1)
        if bias is not None:
            u = u + bias
        return u if self.activation is None else self.activation(u)

    def _moment_matched(self, x: torch.Tensor) -> torch.Tensor:
        mean = (1.0 - self.p) * F.linear(x, self.weight, self.bias)
        if self.activation is None:
            return mean
        squared_bias = None if self.bias is None else self.bias.square()
        variance = self.p * (1.0 - self.p) * F.linear(x.square(), self.weight.square(), squared_bias)
        # A silent input without bias has variance 0, where the slope of the root is infinite.
        deviation = variance.clamp_min(torch.finfo(variance.dtype).tiny).sqrt()
        noise = torch.randn(self.samples_num, *mean.shape, dtype=mean.dtype, device=mean.device)
        return self.activation(mean + deviation * noise).mean(0)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}, "
            f"p={self.p}, invariant={self.invariant}, step_mode={self.step_mode}"
        )
