"""Exchange of networks with other frameworks and with neuromorphic hardware through NIR.

The Neuromorphic Intermediate Representation (package ``nir``, extra ``nir``) describes a network as a graph of
differential equations in seconds. :func:`export_to_nir` writes a network as such a graph, :func:`import_from_nir` makes
a network of one::

    from spikingjelly.activation_based import nir_exchange

    net = nn.Sequential(layer.Linear(8, 4), neuron.LIFNode(tau=2.0))
    graph = nir_exchange.export_to_nir(net, torch.zeros(1, 8), "net.nir", dt=1e-3)
    net = nir_exchange.import_from_nir("net.nir", step_mode="m")

A network to a graph and back gives the same spikes, a graph to a network and back the same graph.
"""

from spikingjelly.activation_based.nir_exchange.from_nir import import_from_nir
from spikingjelly.activation_based.nir_exchange.layers import BatchedLinear, PerNeuronDelay, Scale, Threshold
from spikingjelly.activation_based.nir_exchange.network import NIRNetwork
from spikingjelly.activation_based.nir_exchange.neurons import (
    CurrentBasedLeakyIntegrator,
    Integrator,
    LeakyIntegrator,
    PerNeuronCUBALIFNode,
    PerNeuronIFNode,
    PerNeuronLIFNode,
)
from spikingjelly.activation_based.nir_exchange.to_nir import export_to_nir

__all__ = [
    "BatchedLinear",
    "CurrentBasedLeakyIntegrator",
    "Integrator",
    "LeakyIntegrator",
    "NIRNetwork",
    "PerNeuronCUBALIFNode",
    "PerNeuronDelay",
    "PerNeuronIFNode",
    "PerNeuronLIFNode",
    "Scale",
    "Threshold",
    "export_to_nir",
    "import_from_nir",
]
