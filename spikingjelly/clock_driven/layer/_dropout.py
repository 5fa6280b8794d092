"""Dropout of sequences ``[T, N, *]``, with one mask for all time steps."""

from spikingjelly.activation_based import layer


class MultiStepDropout(layer.Dropout):
    """:class:`spikingjelly.activation_based.layer.Dropout` in step mode 'm'.

    :param p: probability of an element to be dropped
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p, step_mode="m")


class MultiStepDropout2d(layer.Dropout2d):
    """:class:`spikingjelly.activation_based.layer.Dropout2d` in step mode 'm'.

    :param p: probability of a channel to be dropped
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p, step_mode="m")
