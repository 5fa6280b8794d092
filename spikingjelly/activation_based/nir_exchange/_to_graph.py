"""Nodes with their shapes, and the graph of a network that came from a graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from spikingjelly.activation_based.nir_exchange._library import nir_library
from spikingjelly.activation_based.nir_exchange._neuron_arrays import NotExpressible
from spikingjelly.activation_based.nir_exchange._nodes_to import NODES, Place, Shape
from spikingjelly.activation_based.nir_exchange._plan import GraphError
from spikingjelly.activation_based.nir_exchange.network import NIRNetwork


def with_types(node: Any, place: Place) -> Any:
    """``node`` with the shapes that its module really takes and gives."""
    node.input_type = {"input": np.array(place.given)}
    node.output_type = {"output": np.array(place.gives)}
    return node


def graph_of(network: NIRNetwork, shapes: Sequence[Shape], like: torch.Tensor, dt: float, dtype: np.dtype) -> Any:
    """The graph that ``network`` came from, with its present weights.

    :param shapes: of the features of its inputs
    :raises GraphError: for another time step than the network's
    """
    nir = nir_library()
    if dt != network.dt:
        raise GraphError(
            f"was made for time steps of dt={network.dt} s, but dt={dt} was asked for. Export with dt={network.dt}"
        )
    seen = network.observed_shapes(shapes, like)
    nodes: dict[str, Any] = {}
    for name, shape in zip(network.plan.inputs, shapes, strict=True):
        nodes[name] = nir.Input(input_type={"input": np.array(shape)})
    for name in network.plan.order:
        given, gives = seen[name]
        if name in network.plan.outputs:
            nodes[name] = nir.Output(output_type={"output": np.array(given)})
        else:
            place = Place(given, gives, dt, dtype)
            nodes[name] = _node(network, name, place, like)
    for name, node in nodes.items():
        node.metadata = {**network.node_metadata.get(name, {}), **node.metadata}
    edges = list(network.plan.edges)
    return nir.NIRGraph(nodes=nodes, edges=edges, metadata=dict(network.metadata), type_check=False)


def _node(network: NIRNetwork, name: str, place: Place, like: torch.Tensor) -> Any:
    module = network.node(name)
    if isinstance(module, NIRNetwork):
        return graph_of(module, [place.given], like, place.dt, place.dtype)
    if type(module) not in NODES:
        raise GraphError(f"has the node {name!r} replaced by a {type(module).__name__}, which NIR has no node for")
    try:
        node = with_types(NODES[type(module)](module, place), place)
    except NotExpressible as error:
        raise NotExpressible(f"has the node {name!r} ({type(module).__name__}), which {error}") from error
    if name in network.plan.early:
        node.delay = node.delay + place.dt
    return node
