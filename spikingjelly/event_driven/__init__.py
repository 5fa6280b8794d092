"""The former name of ``timing_based``: ``encoding`` and ``neuron`` are the modules of that package."""

from spikingjelly import _former_names

_former_names.find_as("spikingjelly.event_driven", "spikingjelly.timing_based")
_former_names.tell_once("spikingjelly.event_driven", "spikingjelly.timing_based")
