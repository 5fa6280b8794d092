"""The squared error of spikes without a square of them."""

import torch


def spike_mse_loss(x: torch.Tensor, spikes: torch.Tensor) -> torch.Tensor:
    r"""The mean squared error between ``x`` and spikes of 0 and 1, from :math:`s^2 = s`.

    .. math::
        (x - s)^2 = x^2 + (1 - 2 x) s

    The gradient of ``x`` is that of :func:`torch.nn.functional.mse_loss`; that of a spike is :math:`1 - 2x` for
    :math:`2(s - x)`, both over the number of elements.

    :param x: any tensor
    :param spikes: 0 and 1, or False and True, in the shape of ``x``
    """
    s = spikes.to(x.dtype)
    return (x.square() + (1.0 - 2.0 * x) * s).mean()
