"""From values to the times of spikes."""

import torch
from torch import nn

from spikingjelly.activation_based._checks import (
    ArgumentTypeError,
    ArgumentValueError,
    check_int,
    check_positive_int,
    check_tensor,
    describe,
)

__all__ = ["GaussianTuning"]


class GaussianTuning(nn.Module):
    r"""``m`` neurons for each value: the closer the value is to the centre of a neuron, the earlier that fires.

    Neuron :math:`i = 1, \dots, m` answers to the value :math:`x \in [x_{min}, x_{max}]` of a feature with

    .. math::
        G_i(x) = \exp\left(-\frac{(x - \mu_i)^2}{2 \sigma^2}\right), \quad
        \mu_i = x_{min} + \frac{2i - 3}{2} \cdot \frac{x_{max} - x_{min}}{m - 2}, \quad
        \sigma = \frac{1}{1.5} \cdot \frac{x_{max} - x_{min}}{m - 2}

    and fires at :math:`t = \operatorname{round}(t_{max} (1 - G_i(x)))`, halves rounded to even. A neuron that would
    have to fire at :math:`t_{max}` or later does not fire, which is the time -1.

    Source: S. M. Bohte, H. La Poutré and J. N. Kok, "Unsupervised clustering with sparsely connected networks of
    spiking neurons", IEEE Transactions on Neural Networks 13(2), 2002.

    :param n: features, each with a range of its own
    :param m: neurons a feature, at least 3
    :param x_min: the smallest value of each feature: a tensor ``[n]``, or a number for all of them
    :param x_max: the largest value of each feature, likewise; greater than ``x_min``

    ``mu`` ``[n, m]`` and ``sigma2`` ``[n]``, the square of :math:`\sigma`, move with ``.to()`` and are no part of
    ``state_dict``.

    :raises TypeError: if ``n`` or ``m`` is no int, or a range is neither a number nor a tensor
    :raises ValueError: if ``m < 3``, a range is not ``[n]``, or ``x_min < x_max`` does not hold
    """

    mu: torch.Tensor
    sigma2: torch.Tensor

    def __init__(self, n: int, m: int, x_min: torch.Tensor | float, x_max: torch.Tensor | float) -> None:
        super().__init__()
        check_positive_int(self, "n", n)
        check_int(self, "m", m, at_least=3)
        self.n, self.m = n, m
        low, high = self._bound("x_min", x_min), self._bound("x_max", x_max)
        if not bool((low < high).all()):
            raise ArgumentValueError(
                f"GaussianTuning: x_min must be less than x_max, but x_min={low.tolist()} and x_max={high.tolist()}. "
                "Leave out features that are constant."
            )
        spacing = (high - low) / (m - 2)
        i = torch.arange(1, m + 1, dtype=spacing.dtype, device=spacing.device)
        self.register_buffer("mu", low.unsqueeze(1) + (2 * i - 3) / 2 * spacing.unsqueeze(1), persistent=False)
        self.register_buffer("sigma2", torch.square(spacing / 1.5), persistent=False)

    def _bound(self, name: str, value: torch.Tensor | float) -> torch.Tensor:
        if isinstance(value, bool) or not isinstance(value, torch.Tensor | float | int):
            raise ArgumentTypeError(
                f"GaussianTuning: {name} must be a number or a tensor of shape [{self.n}], but {describe(value)} was "
                "given."
            )
        bound = torch.as_tensor(value)
        if bound.dim() != 0 and bound.shape != (self.n,):
            raise ArgumentValueError(
                f"GaussianTuning: {name} must be a number or have the shape [n] = [{self.n}], but its shape is "
                f"{list(bound.shape)}."
            )
        bound = bound if bound.is_floating_point() else bound.to(torch.get_default_dtype())
        return bound.expand(self.n)

    def encode(self, x: torch.Tensor, max_spike_time: int = 50) -> torch.Tensor:
        """The times at which the population fires.

        :param x: values ``[N, n, k]``: k samples of each of n features. Values outside of the range are encoded too,
            by the neurons of its edge, as long as these are close enough
        :param max_spike_time: :math:`t_{max}`, in time steps
        :return: whole times ``[N, n, k, m]`` in ``[0, max_spike_time)``, as floating-point numbers, and -1 for no spike
        :raises TypeError: if ``x`` is no tensor or ``max_spike_time`` no int
        :raises ValueError: if ``x`` has another shape, or ``max_spike_time < 1``
        """
        check_tensor(self, "x", x)
        check_positive_int(self, "max_spike_time", max_spike_time)
        if x.dim() != 3 or x.shape[1] != self.n:
            raise ArgumentValueError(
                f"GaussianTuning: x must be [N, n, k] with n={self.n} features, but its shape is {list(x.shape)}. "
                "Pixels of images with one range for all of them are one feature: images.flatten(1).unsqueeze(1)."
            )
        distance = x.unsqueeze(-1) - self.mu.unsqueeze(1)
        response = torch.exp(-torch.square(distance) / (2 * self.sigma2.view(-1, 1, 1)))
        times = torch.round(max_spike_time * (1 - response))
        return times.masked_fill(times >= max_spike_time, -1.0)

    def forward(self, x: torch.Tensor, duration: int = 50) -> torch.Tensor:
        """:meth:`encode` with ``max_spike_time=duration``."""
        return self.encode(x, duration)

    def extra_repr(self) -> str:
        return f"n={self.n}, m={self.m}"
