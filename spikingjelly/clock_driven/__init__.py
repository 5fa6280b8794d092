"""The names of programs written before the package was called ``activation_based``, over the same implementation.

Single-step and multi-step modules are separate classes here (``neuron.LIFNode`` and ``neuron.MultiStepLIFNode``). New
programs use :mod:`spikingjelly.activation_based`, where one class has both step modes. Modules that do not differ, as
``ann2snn`` and ``examples``, are those of ``activation_based``.
"""

from spikingjelly import _former_names

_former_names.find_as("spikingjelly.clock_driven", "spikingjelly.activation_based")
_CONVERSION = "ann2snn.Converter, or ann2snn.convert with one of its methods"
_EXAMPLE = "an example of activation_based.examples"
_REPLACED = {
    "_ann2snn": _CONVERSION,
    "ann2snn.kernels": _CONVERSION,
    "ann2snn.parser": _CONVERSION,
    "examples.cifar10_r11_enabling_spikebased_backpropagation": _EXAMPLE,
    "examples.common.multiprocessing_env": "gymnasium.vector.AsyncVectorEnv",
    "examples.dqn_cart_pole": "activation_based.examples.DQN_state",
    "model.train_imagenet": "activation_based.model.train_imagenet_example",
    "optim": "torch.optim",
}
_former_names.say_what_replaces({f"{__name__}.{name}": instead for name, instead in _REPLACED.items()})
_former_names.tell_once(
    "spikingjelly.clock_driven",
    "spikingjelly.activation_based",
    " There one class has both step modes: neuron.LIFNode(step_mode='m') for neuron.MultiStepLIFNode().",
)
