"""Networks as folders that can be shared: weights, a description, and a page that people read (extra ``hub``).

::

    from spikingjelly.activation_based import hub
    from spikingjelly.activation_based.model import parametric_lif_net

    config = hub.make_config(parametric_lif_net.MNISTNet, channels=8, spiking_neuron=neuron.LIFNode, tau=2.0)
    net = hub.build(config)  # and train it
    hub.save_pretrained(net, "folder", config, metrics={"test accuracy": 0.99}, firing_rates={"conv_fc.2": 0.13})
    net = hub.from_pretrained("folder")

:func:`push_to_hub` puts the same folder on the Hugging Face hub, where ``from_pretrained("owner/name")`` finds it.

``model.safetensors`` holds tensors alone, and ``config.json`` names and numbers alone, so that loading executes nothing
that comes with the files. Names are those of the networks of ``activation_based.model``, of neurons, layers and
surrogate functions; a network of one's own is saved in the same way and loaded with its class:
``hub.from_pretrained("folder", builder=MyNetwork)``. A plain stack of layers needs no class::

    from spikingjelly.activation_based import hub

    config = hub.make_config(
        hub.sequential, layers=[hub.Part(layer.Linear, in_features=784, out_features=10), hub.Part(neuron.LIFNode)]
    )
"""

from spikingjelly.activation_based.hub._errors import HubError
from spikingjelly.activation_based.hub._values import Part
from spikingjelly.activation_based.hub.config import NetworkConfig, make_config
from spikingjelly.activation_based.hub.loading import build, from_pretrained, load, on_meta, read_config
from spikingjelly.activation_based.hub.registry import builders, sequential
from spikingjelly.activation_based.hub.saving import push_to_hub, save_pretrained

__all__ = [
    "HubError",
    "NetworkConfig",
    "Part",
    "build",
    "builders",
    "from_pretrained",
    "load",
    "make_config",
    "on_meta",
    "push_to_hub",
    "read_config",
    "save_pretrained",
    "sequential",
]
