"""The neurons of a network that has none of its own, from the class and the keywords that its constructor was given."""

from collections.abc import Callable
from typing import Any

from torch import nn

from spikingjelly.activation_based import _neuron_maker
from spikingjelly.activation_based._neuron_maker import Neuron


def neuron_maker(owner: str, spiking_neuron: Neuron | None, keywords: dict[str, Any]) -> Callable[[], nn.Module]:
    """A function that makes one neuron after the other, each with its own copy of ``keywords``.

    :raises TypeError: if ``spiking_neuron`` can't be called
    """
    if not callable(spiking_neuron):
        raise TypeError(
            f"{owner}: spiking_neuron must be a class of neurons, for example neuron.IFNode, but {spiking_neuron!r} "
            "was given. Its keywords follow as keywords: spiking_neuron=neuron.LIFNode, tau=2.0."
        )
    return _neuron_maker.neuron_maker(owner, spiking_neuron, keywords)
