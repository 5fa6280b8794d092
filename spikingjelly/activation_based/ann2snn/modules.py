"""What a conversion puts into a network: hooks that measure activations, and factors."""

import torch
from torch import nn

from spikingjelly.activation_based.ann2snn._scale_mode import Mode, check_mode, scale_of

__all__ = ["VoltageHook", "VoltageScaler"]


class VoltageHook(nn.Module):
    r"""Passes activations on, and measures how large they are.

    With :math:`s_i` the scale of the activations of the i-th batch and :math:`m` the momentum,

    .. math::
        s \leftarrow s_0, \qquad s \leftarrow (1 - m) s + m s_i .

    :param scale: the first value of the buffer ``scale``, until the first batch, default 1.0
    :param momentum: :math:`m`, the weight of a new batch, in [0, 1], default 0.1
    :param mode: what the scale of a batch is: 'max' (in any case) for the largest activation; a percentile of all
        activations, such as '99.9%'; or a float in (0, 1], the part of the largest activation

    :raises NotImplementedError: for other modes
    :raises ValueError: for a momentum outside [0, 1], and for activations that are NaN or infinite
    """

    scale: torch.Tensor
    num_batches_tracked: torch.Tensor

    def __init__(self, scale: float = 1.0, momentum: float = 0.1, mode: Mode = "Max") -> None:
        super().__init__()
        check_mode("VoltageHook", mode)
        if not 0 <= momentum <= 1:
            raise ValueError(f"VoltageHook: momentum must be in [0, 1], but {momentum!r} was given.")
        self.register_buffer("scale", torch.tensor(float(scale)))
        self.register_buffer("num_batches_tracked", torch.tensor(0), persistent=False)
        self.momentum = momentum
        self.mode = mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        now = self._scale_of_batch(x.detach())
        if not torch.isfinite(now).all():
            raise ValueError(
                "VoltageHook: activations are NaN or infinite. Look at the weights of the network and at the images "
                "of the dataloader."
            )
        if self.num_batches_tracked > 0:
            now = (1 - self.momentum) * self.scale.to(now) + self.momentum * now
        self.scale = now
        self.num_batches_tracked += 1
        return x

    def _scale_of_batch(self, x: torch.Tensor) -> torch.Tensor:
        return scale_of(x, self.mode)

    def extra_repr(self) -> str:
        return f"scale={self.scale.item():.6f}, momentum={self.momentum}, mode={self.mode!r}"


class VoltageScaler(nn.Module):
    r"""Multiplies by a constant: :math:`y = s x`. Any shape.

    :param scale: :math:`s`, the buffer ``scale``: a float, or a tensor that broadcasts to one time step ``[N, *]``
    """

    scale: torch.Tensor

    def __init__(self, scale: float | torch.Tensor = 1.0) -> None:
        super().__init__()
        scale = scale.detach().clone() if isinstance(scale, torch.Tensor) else torch.tensor(float(scale))
        self.register_buffer("scale", scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale

    def extra_repr(self) -> str:
        if self.scale.numel() > 1:
            return f"<tensor {list(self.scale.shape)}>"
        return f"{self.scale.item():.6f}"
