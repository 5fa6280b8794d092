"""The neurons of a layer or a network, from the class and the keywords that its constructor was given."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from torch import nn

from spikingjelly.activation_based import neuron
from spikingjelly.activation_based._checks import describe

Neuron = Callable[..., nn.Module]


def neuron_maker(
    owner: str, spiking_neuron: Neuron | None, keywords: dict[str, Any], **of_the_paper: Any
) -> Callable[..., nn.Module]:
    """A function that makes one neuron after the other, each with its own copy of ``keywords``.

    Without a class they are LIF neurons with the settings ``of_the_paper``, and those of the place that the function
    is called with; ``keywords`` win over both. With a class, ``keywords`` are all that it gets.

    :raises TypeError: if ``spiking_neuron`` can't be called
    """
    if spiking_neuron is not None and not callable(spiking_neuron):
        raise TypeError(
            f"{owner}: spiking_neuron must be a class of neurons, for example neuron.IFNode, or None for the neurons "
            f"of the paper, but {describe(spiking_neuron)} was given."
        )

    def make(**of_the_place: Any) -> nn.Module:
        own = deepcopy(keywords)
        if spiking_neuron is None:
            return neuron.LIFNode(**{**of_the_paper, **of_the_place, **own})
        return spiking_neuron(**own)

    return make
