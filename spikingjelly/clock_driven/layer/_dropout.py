"""Dropout with one mask for all time steps."""

from spikingjelly.activation_based import layer


class Dropout(layer.Dropout):
    """:class:`spikingjelly.activation_based.layer.Dropout`, one time step ``[N, *]`` a call.

    :param p: probability of an element to be dropped
    :param dropout_spikes: whether the inputs are spikes; kept as an attribute, the output is the same
    """

    dropout_spikes = False

    def __init__(self, p: float = 0.5, dropout_spikes: bool = False) -> None:
        super().__init__(p)
        self.dropout_spikes = dropout_spikes


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
