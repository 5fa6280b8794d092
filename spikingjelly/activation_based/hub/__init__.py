"""Networks as folders that can be shared: weights, a description, and a page that people read (extra ``hub``).

::

    config = hub.make_config(sew_resnet.sew_resnet18, spiking_neuron=neuron.IFNode, cnf="ADD", step_mode="m")
    net = hub.build(config)
    ...                                                  # train it
    hub.save_pretrained(net, "folder", config, metrics={"test accuracy": 0.93})
    hub.push_to_hub(net, "me/my-network", config)        # the same folder, on the Hugging Face hub
    net = hub.from_pretrained("folder")                  # or "me/my-network"

``model.safetensors`` holds tensors alone, and ``config.json`` names and numbers alone, so that loading executes nothing
that comes with the files. Names are those of the networks of ``activation_based.model``, of neurons, layers and
surrogate functions; a network of one's own is saved in the same way and loaded with its class:
``hub.from_pretrained("folder", builder=MyNetwork)``. A plain stack of layers needs no class::

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
