"""Dropout with one mask for all time steps."""

import torch

from spikingjelly.activation_based import layer


class Dropout(layer.Dropout):
    """:class:`spikingjelly.activation_based.layer.Dropout`, one time step ``[N, *]`` a call.

    :param p: probability of an element to be dropped
    :param dropout_spikes: True leaves what is kept as it is, so that spikes stay 1; False divides it by ``1 - p``
    """

    dropout_spikes = False

    def __init__(self, p: float = 0.5, dropout_spikes: bool = False) -> None:
        super().__init__(p)
        self.dropout_spikes = dropout_spikes

    def create_mask(self, x: torch.Tensor) -> None:
        super().create_mask(x)
        if self.dropout_spikes:
            self.mask = (self.mask > 0).to(x)


class Dropout2d(Dropout, layer.Dropout2d):
    """:class:`Dropout` of whole channels: ``[N, C, H, W]`` a call.

    :param p: probability of a channel to be dropped
    :param dropout_spikes: as in :class:`Dropout`
    """

    def __init__(self, p: float = 0.2, dropout_spikes: bool = False) -> None:
        super().__init__(p, dropout_spikes)


class MultiStepDropout(Dropout):
    """:class:`Dropout` on a sequence ``[T, N, *]``.

    :param p: probability of an element to be dropped
    """

    _step_mode = "m"  # also of what an earlier release has pickled

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)
        self.step_mode = "m"


class MultiStepDropout2d(Dropout2d):
    """:class:`Dropout2d` on a sequence ``[T, N, C, H, W]``.

    :param p: probability of a channel to be dropped
    """

    _step_mode = "m"  # also of what an earlier release has pickled

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)
        self.step_mode = "m"
