"""From a network to nodes and edges, by running its data flow with signals in place of tensors."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from spikingjelly.activation_based import base, layer, neuron
from spikingjelly.activation_based.nir_exchange import _batch_norm
from spikingjelly.activation_based.nir_exchange._alternatives import alternative_to
from spikingjelly.activation_based.nir_exchange._flow import FOLDING, Flow, is_addition
from spikingjelly.activation_based.nir_exchange._names import attribute_name, free_name
from spikingjelly.activation_based.nir_exchange._neuron_arrays import NotExpressible
from spikingjelly.activation_based.nir_exchange._nodes_to import (
    IDENTITIES,
    MAX_POOLS,
    NODES,
    NORMS,
    Place,
    fires_at_any,
    linear_node,
    sum_of_window,
)
from spikingjelly.activation_based.nir_exchange._plan import GraphError
from spikingjelly.activation_based.nir_exchange._signal import Refused, Signal
from spikingjelly.activation_based.nir_exchange._to_graph import graph_of, with_types
from spikingjelly.activation_based.nir_exchange.network import NIRNetwork

_IN_TURN = (layer.StepModeContainer, layer.MultiStepContainer, layer.SeqToANNContainer)
_RECURRENT = (layer.ElementWiseRecurrentContainer, layer.LinearRecurrentContainer)
_SPIKING = ("IF", "LIF", "CubaLIF", "Threshold")
_KEEP_SPIKES = ("Flatten", "Delay")


class Tracer(fx.Tracer):
    """Records the data flow between the modules that stand for nodes."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if type(m) is nn.Sequential:
            return False
        known = (*NODES, *NORMS, *IDENTITIES, *_IN_TURN)
        ours = type(m).__module__.startswith("spikingjelly.activation_based.layer")
        return type(m) in known or isinstance(m, base.MemoryModule) or ours or super().is_leaf_module(m, "")


class Builder:
    """Collects the nodes and edges of a graph."""

    def __init__(self, dt: float, dtype: np.dtype) -> None:
        self.dt = dt
        self.dtype = dtype
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self._called: dict[int, str] = {}
        self._without_time: dict[str, str] = {}
        self._feedbacks = 0

    def run(self, network: nn.Module, path: str, *inputs: Signal, fold: bool = False) -> Any:
        """The output signals of ``network``, whose modules become nodes.

        :param fold: whether a batch normalisation may be folded into the node before, which nothing else reads
        """
        tracer = Tracer()
        if tracer.is_leaf_module(network, path):
            return self.add(network, path, inputs[0], fold)
        try:
            graph = tracer.trace(network)
        except Exception as error:  # whatever a forward may raise
            raise Refused(
                f"forward of {type(network).__name__} {path!r} can't be traced: {_first_line(error)}. A graph is a "
                "flow of data between modules that depends neither on values nor on the time step"
            ) from error
        return Flow(fx.GraphModule(network, graph), self, path).signals(*inputs)

    def add(self, module: nn.Module, path: str, x: Signal, fold: bool = False) -> Signal:
        """The output signal of one module for ``x``."""
        try:
            return self._add(module, path, x, fold)
        except NotExpressible as error:
            raise Refused(f"the layer {path!r} ({type(module).__name__}) {str(error).rstrip('.')}") from error
        except GraphError as error:
            raise ValueError(
                f"export_to_nir: the layer {path!r} ({type(module).__name__}) {str(error).rstrip('.')}."
            ) from error

    def connect(self, name: str, node: Any, sources: Iterable[str]) -> str:
        """Add ``node`` and its edges. Returns its name, which no other node has."""
        name = free_name(attribute_name(name), self.nodes)
        self.nodes[name] = node
        known = list(sources)
        if len(set(known)) < len(known):
            raise NotExpressible(
                f"gets the output of {max(known, key=known.count)!r} twice, but there is one edge between two nodes. "
                "Use nir_exchange.Scale"
            )
        self.edges += [(source, name) for source in known]
        return name

    def check_readouts(self, outputs: Iterable[str]) -> None:
        """What gives one value for a sequence can only be the last layer."""
        for name, path in self._without_time.items():
            if any(source == name and target not in outputs for source, target in self.edges):
                raise Refused(
                    f"the layer {path!r} gives one value for a whole sequence, so that it must be the last one. Use "
                    "nir_exchange.Integrator or LeakyIntegrator, which give the potential of each time step"
                )

    def _add(self, module: nn.Module, path: str, x: Signal, fold: bool) -> Signal:
        if type(module) in IDENTITIES:
            return x
        if isinstance(module, _IN_TURN):
            return self._in_turn(module, path, x)
        if isinstance(module, base.MemoryModule):
            if id(module) in self._called:
                raise NotExpressible(
                    f"is called twice in a time step (also as {self._called[id(module)]!r}), but has one state. Use "
                    "two modules"
                )
            self._called[id(module)] = path
        if isinstance(module, _RECURRENT):
            return self._recurrent(module, path, x)
        if type(module) in NORMS:
            return self._norm(module, path, x, fold)
        if isinstance(module, NIRNetwork):
            graph = graph_of(module, [x.shape], x.value, self.dt, self.dtype)
            (length,) = graph.output_type.values()
            return Signal((self.connect(path, graph, x.sources),), x.value.new_zeros(1, *length))
        if type(module) in MAX_POOLS and x.spikes:
            return self._max_pool(module, path, x)
        if type(module) not in NODES:
            raise NotExpressible(f"has no node in NIR. {alternative_to(module)}")
        return self._node(module, path, x)

    def _node(self, module: nn.Module, path: str, x: Signal) -> Signal:
        value = x.value if isinstance(module, base.MemoryModule) else _output(module, x)
        place = Place(x.shape, tuple(value.shape[1:]), self.dt, self.dtype)
        node = with_types(NODES[type(module)](module, place), place)
        name = self.connect(path, node, x.sources)
        if isinstance(module, neuron.NonSpikingBaseNode):
            self._without_time[name] = path
        kind = type(node).__name__
        return Signal((name,), value, kind in _SPIKING or (kind in _KEEP_SPIKES and x.spikes))

    def _in_turn(self, module: nn.Module, path: str, x: Signal) -> Signal:
        before: nn.Module | None = None
        for name, child in module.named_children():
            x = self.run(child, f"{path}.{name}", x, fold=type(before) in FOLDING)
            before = child
        return x

    def _max_pool(self, module: Any, path: str, x: Signal) -> Signal:
        """The maximum of spikes is whether any of them is there."""
        value = _output(module, x)
        place = Place(x.shape, tuple(value.shape[1:]), self.dt, self.dtype)
        total = self.connect(path, with_types(sum_of_window(module), place), x.sources)
        behind = Place(place.gives, place.gives, self.dt, self.dtype)
        name = self.connect(f"{path}.any", with_types(fires_at_any(behind), behind), [total])
        return Signal((name,), value, spikes=True)

    def _norm(self, module: nn.Module, path: str, x: Signal, fold: bool) -> Signal:
        value = _output(module, x)
        place = Place(x.shape, x.shape, self.dt, self.dtype)
        if not fold:
            return Signal((self.connect(path, with_types(_batch_norm.alone(module, place), place), x.sources),), value)
        (name,) = x.sources
        before = self.nodes[name]
        shapes = (before.input_type, before.output_type)
        self.nodes[name] = _batch_norm.folded(before, module, place)
        self.nodes[name].input_type, self.nodes[name].output_type = shapes
        return Signal((name,), value)

    def _recurrent(self, module: Any, path: str, x: Signal) -> Signal:
        self._feedbacks += 1
        feedback = f"\0{self._feedbacks}"  # stands for the last nodes until they are there
        if isinstance(module, layer.ElementWiseRecurrentContainer):
            if not is_addition(module.element_wise_function):
                raise NotExpressible(
                    "joins its last output and its input by an element_wise_function that is no sum. Use "
                    "lambda y, x: y + x"
                )
            joined = Signal((*x.sources, feedback), x.value)
        else:
            joined = self._linear_feedback(module, path, x, feedback)
        output = self.run(module.sub_module, f"{path}.sub_module", joined)
        if feedback in output.sources:
            raise NotExpressible("has a sub_module without a neuron. Put one into it")
        edges = [(ends if s == feedback else (s,), target) for ends in [output.sources] for s, target in self.edges]
        self.edges = [(source, target) for sources, target in edges for source in sources]
        return output

    def _linear_feedback(self, module: layer.LinearRecurrentContainer, path: str, x: Signal, feedback: str) -> Signal:
        if len(x.shape) != 1:
            raise NotExpressible(f"takes features of the shape {list(x.shape)}. Put layer.Flatten() before it")
        (given,), gives = x.shape, module.sub_module_out_features
        value = module.rc(torch.cat((x.value, x.value.new_zeros(1, gives)), dim=-1))
        place = Place((given,), (given,), self.dt, self.dtype)
        back = Place((gives,), (given,), self.dt, self.dtype)
        weight = module.rc.weight
        node = with_types(linear_node(weight[:, :given], module.rc.bias, place), place)
        ahead = self.connect(f"{path}.rc", node, x.sources)
        node = with_types(linear_node(weight[:, given:], None, back), back)
        return Signal((ahead, self.connect(f"{path}.rc_feedback", node, [feedback])), value)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _output(module: nn.Module, x: Signal) -> torch.Tensor:
    try:
        return module(x.value)
    except (RuntimeError, ValueError, IndexError) as error:
        raise GraphError(f"can't take features of the shape {list(x.shape)}: {error}") from error
