"""The arguments of the former classes and constructors, from those of today's."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

SINGLE_STEP = "single_step_neuron"
MULTI_STEP = "multi_step_neuron"
_OWN = ("cnf", "spiking_neuron")


def former_signature(call: Callable[..., Any], neuron: str, takes_T: bool) -> inspect.Signature:
    """The signature of ``call`` with ``neuron`` for ``spiking_neuron``, and ``T`` before what is the network's own."""
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(call).parameters.values():
        if takes_T and parameter.name in _OWN and "T" not in [p.name for p in parameters]:
            parameters.append(inspect.Parameter("T", parameter.kind, default=None))
        name = neuron if parameter.name == "spiking_neuron" else parameter.name
        parameters.append(parameter.replace(name=name))
    return inspect.Signature(parameters)


def todays_arguments(
    signature: inspect.Signature, neuron: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of a former call by the names that they have today."""
    named = dict(signature.bind(*args, **kwargs).arguments)
    named.update(named.pop("kwargs", {}))
    if neuron in named:
        named["spiking_neuron"] = named.pop(neuron)
    return named
