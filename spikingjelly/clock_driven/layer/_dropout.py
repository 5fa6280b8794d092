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


class MultiStepDropout(layer.Dropout):
    """:class:`spikingjelly.activation_based.layer.Dropout` in step mode 'm'.

    :param p: probability of an element to be dropped
    """

    _step_mode = "m"  # also of what an earlier release has pickled

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p, step_mode="m")


class MultiStepDropout2d(layer.Dropout2d):
    """:class:`spikingjelly.activation_based.layer.Dropout2d` in step mode 'm'.

    :param p: probability of a channel to be dropped
    """

    _step_mode = "m"  # also of what an earlier release has pickled

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p, step_mode="m")
