"""Encoders of the first releases alone."""

from collections.abc import Sequence
from typing import Any

import torch

from spikingjelly.activation_based._checks import ArgumentValueError, check_int, check_positive_int, check_tensor


def tuning_curve_spikes(
    x: torch.Tensor, x_min: Any, x_max: Any, tuning_curve_num: int, max_spike_time: int
) -> torch.Tensor:
    r"""Spikes ``[T, N, M, m]`` of features ``[N, M]``, by :math:`m` Gaussians that cover their range.

    .. math::
        \mu_i &= x_{min} + \frac{2 i - 3}{2} \frac{x_{max} - x_{min}}{m - 2}, \quad i = 0, \dots, m - 1 \\
        \sigma &= \frac{1}{1.5} \frac{x_{max} - x_{min}}{m - 2} \\
        t_i &= \operatorname{round}\left((T - 1) \left(1 - e^{-(x - \mu_i)^2 / (2 \sigma^2)}\right)\right)

    A spike at :math:`T - 1` is left out.
    """
    low, high = (torch.as_tensor(bound, dtype=x.dtype, device=x.device) for bound in (x_min, x_max))
    width = ((high - low) / (tuning_curve_num - 2)).unsqueeze(-1)
    curves = torch.arange(tuning_curve_num, dtype=x.dtype, device=x.device)
    distance = x.unsqueeze(-1) - low.unsqueeze(-1) - (2 * curves - 3) / 2 * width
    time = ((max_spike_time - 1) * (1 - torch.exp(-(distance**2) / (2 * (width / 1.5) ** 2)))).round().long()
    steps = torch.arange(max_spike_time, device=x.device).view(-1, *[1] * time.dim())
    return ((time == steps) & (time < max_spike_time - 1)).to(x.dtype)


def check_curves(tuning_curve_num: Any, max_spike_time: Any) -> None:
    """
    :raises ValueError: (also an AssertionError) for fewer than three curves or a time below 1
    :raises TypeError: (also an AssertionError) if one of them is no int
    """
    check_int("GaussianTuningCurveEncoder", "tuning_curve_num", tuning_curve_num, at_least=3)
    check_positive_int("GaussianTuningCurveEncoder", "max_spike_time", max_spike_time)


def check_features(x: torch.Tensor, x_min: Any) -> None:
    """
    :raises ValueError: (also an AssertionError) if ``x`` is not ``[N, M]``, with M features as ``x_min`` has
    """
    check_tensor("GaussianTuningCurveEncoder", "the input", x)
    features = x_min.numel() if isinstance(x_min, torch.Tensor) and x_min.dim() else None
    if x.dim() != 2 or features not in (None, x.shape[1]):
        raise ArgumentValueError(
            f"GaussianTuningCurveEncoder: the input must be [N, {features or 'M'}], but shape "
            f"{list(x.shape)} was given."
        )


def interval_spikes(T_in: int, shape: Sequence[int]) -> torch.Tensor:
    """``T_in`` time steps ``shape`` of silence and one of spikes."""
    check_int("IntervalEncoder", "T_in", T_in, at_least=0)
    return torch.cat((torch.zeros(T_in, *shape), torch.ones(1, *shape)))
