"""The names of programs written before the package was called ``activation_based``, over the same implementation.

Single-step and multi-step modules are separate classes here (``neuron.LIFNode`` and ``neuron.MultiStepLIFNode``). New
programs use :mod:`spikingjelly.activation_based`, where one class has both step modes. Modules that do not differ, as
``ann2snn`` and ``examples``, are those of ``activation_based``.
"""

from spikingjelly import _former_names

_former_names.find_as("spikingjelly.clock_driven", "spikingjelly.activation_based")
_former_names.tell_once(
    "spikingjelly.clock_driven",
    "spikingjelly.activation_based",
    " There one class has both step modes: neuron.LIFNode(step_mode='m') for neuron.MultiStepLIFNode().",
)
