"""The neurons of a network, from the class and the keywords that its constructor was given."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from torch import nn

Neuron = Callable[..., nn.Module]


def neuron_maker(owner: str, spiking_neuron: Neuron | None, keywords: dict[str, Any]) -> Callable[[], nn.Module]:
    """A function that makes one neuron after the other, each with its own copy of ``keywords``.

    :raises TypeError: if ``spiking_neuron`` can't be called
    """
    if not callable(spiking_neuron):
        raise TypeError(
            f"{owner}: spiking_neuron must be a class of neurons, for example neuron.IFNode, but {spiking_neuron!r} "
            "was given. Its keywords follow as keywords: spiking_neuron=neuron.LIFNode, tau=2.0."
        )
    return lambda: spiking_neuron(**deepcopy(keywords))
