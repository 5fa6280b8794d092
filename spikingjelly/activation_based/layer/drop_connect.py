"""A linear layer that drops connections instead of activations."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import (
    check_bool,
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

    masks: tuple[torch.Tensor, torch.Tensor] | None

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
        self.register_memory("masks", None)
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
        return self._with_masks(x) if self.training else self._moment_matched(x)

    def _with_masks(self, x: torch.Tensor) -> torch.Tensor:
        if self.invariant and self.masks is not None:
            mask_w, mask_b = self.masks
            check_state_fits(self, "the masks", mask_b, x, shape=(x.shape[0], self.out_features))
        else:
            mask_w, mask_b = self._draw_masks(x)
        if self.invariant:
            self.masks = (mask_w, mask_b)
        u = torch.bmm(self.weight * mask_w, x.unsqueeze(-1)).squeeze(-1)
        if self.bias is not None:
            u = u + self.bias * mask_b
        return u if self.activation is None else self.activation(u)

    def _draw_masks(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        shape = (x.shape[0], *self.weight.shape)
        mask_w = torch.empty(shape, dtype=x.dtype, device=x.device).bernoulli_(1.0 - self.p)
        return mask_w, torch.empty(shape[:2], dtype=x.dtype, device=x.device).bernoulli_(1.0 - self.p)

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
