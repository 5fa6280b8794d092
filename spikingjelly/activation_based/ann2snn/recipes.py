"""What is converted how, in the spelling of the 2.0 releases."""

from collections.abc import Iterable
from typing import Any

from spikingjelly.activation_based.ann2snn._scale_mode import Mode, check_mode


class RateCodingRecipe:
    """The arguments of :class:`Converter`, as the 2.0 releases collect them:
    ``Converter(RateCodingRecipe(images)).convert(ann)`` is ``Converter(images)(ann)``.

    :param dataloader: as in :class:`Converter`; likewise ``mode``, ``momentum`` and ``fuse_flag``
    :param more: other arguments of those releases, of which only their defaults are accepted

    :raises NotImplementedError: for another ``mode``, and for other arguments than these
    """

    def __init__(
        self, dataloader: Iterable[Any], mode: Mode = "Max", momentum: float = 0.1, fuse_flag: bool = True, **more: Any
    ) -> None:
        check_mode("RateCodingRecipe", mode)
        usual = {"channel_wise": False, "channel_dim": 1, "pre_spike_maxpool": False, "half_threshold": False,
                 "eps": 1e-6, "neuron_factory": None}  # fmt: skip
        unknown = [name for name in more if name not in usual]
        if unknown:
            raise TypeError(f"RateCodingRecipe has no argument {', '.join(unknown)}.")
        other = [f"{name}={value!r}" for name, value in more.items() if value != usual[name]]
        if other:
            raise NotImplementedError(
                f"RateCodingRecipe: {', '.join(other)} is not supported. ann2snn.convert(ann, images, method=...) has "
                "methods with thresholds for each channel and with a start at half the threshold."
            )
        self.dataloader = dataloader
        self.mode = mode
        self.momentum = momentum
        self.fuse_flag = fuse_flag
