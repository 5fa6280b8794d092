"""The data flow of a traced network, node by node."""

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based.nir_exchange._library import nir_library
from spikingjelly.activation_based.nir_exchange._neuron_arrays import NotExpressible
from spikingjelly.activation_based.nir_exchange._nodes_to import Place, flatten_node
from spikingjelly.activation_based.nir_exchange._signal import Refused, Signal

if TYPE_CHECKING:
    from spikingjelly.activation_based.nir_exchange._builder import Builder

_ADDITIONS = (operator.add, operator.iadd, torch.add)
FOLDING = (nn.Linear, layer.Linear, nn.Conv1d, layer.Conv1d, nn.Conv2d, layer.Conv2d)
_PRODUCTS = (operator.mul, operator.imul, torch.mul)


def is_addition(function: Callable[..., Any]) -> bool:
    """Whether ``function`` of two arguments is their sum."""
    if function in _ADDITIONS:
        return True
    try:
        nodes = list(fx.symbolic_trace(function).graph.nodes)
    except Exception:  # whatever a user's function may raise
        return False
    if [node.op for node in nodes] != ["placeholder", "placeholder", nodes[2].op, "output"]:
        return False
    adds = nodes[2].target in _ADDITIONS or (nodes[2].op == "call_method" and nodes[2].target in ("add", "add_"))
    return adds and set(nodes[2].args) == set(nodes[:2]) and not nodes[2].kwargs


class Flow(fx.Interpreter):
    """Runs a graph of torch.fx on signals: modules become nodes, sums become edges."""

    def __init__(self, network: fx.GraphModule, builder: "Builder", path: str) -> None:
        super().__init__(network)
        self.builder = builder
        self.path = path

    def signals(self, *inputs: Signal) -> Any:
        """What the network gives for ``inputs``.

        The loop is written out because :meth:`run` adds a traceback of the graph to the message of every error.
        """
        self.args_iter = iter(inputs)
        for node in self.graph.nodes:
            self.env[node] = self.run_node(node)
        return self.env[node]

    def run_node(self, n: fx.Node) -> Any:
        if n.op == "output" or not any(isinstance(self.env[node], Signal) for node in n.all_input_nodes):
            return super().run_node(n)
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        if n.op == "call_module":
            before = n.args[0] if n.args and isinstance(n.args[0], fx.Node) else None
            return self._module(str(n.target), args, kwargs, before is not None and self._folds_into(before))
        try:
            return self._function(n.target, args, kwargs)
        except NotExpressible as error:
            raise self._refusal(str(error)) from error

    def _folds_into(self, before: fx.Node) -> bool:
        return (
            before.op == "call_module"
            and len(before.users) == 1
            and type(self.submodules[str(before.target)]) in FOLDING
        )

    def _module(self, target: str, args: Any, kwargs: Any, fold: bool) -> Signal:
        path = f"{self.path}.{target}" if self.path else target
        if len(args) != 1 or kwargs or not isinstance(args[0], Signal):
            raise self._refusal(
                f"the layer {path!r} is called with {len(args) + len(kwargs)} arguments; nodes have one"
            )
        return self.builder.run(self.module.get_submodule(target), path, args[0], fold=fold)

    def _function(self, target: Any, args: Any, kwargs: Any) -> Signal:
        signals = [value for value in args if isinstance(value, Signal)]
        if (target in _ADDITIONS or target == "add") and len(signals) == 2 and not kwargs:
            if signals[0].shape != signals[1].shape:
                raise NotExpressible(
                    f"a sum of the shapes {list(signals[0].shape)} and {list(signals[1].shape)} broadcasts"
                )
            return Signal(signals[0].sources + signals[1].sources, signals[0].value + signals[1].value)
        if (target in _PRODUCTS or target == "mul") and len(signals) == 1 and not kwargs:
            return self._scaled(signals[0], next(value for value in args if not isinstance(value, Signal)))
        if target in (torch.flatten, "flatten"):
            return self._flattened(*args, **kwargs)
        name = target if isinstance(target, str) else getattr(target, "__name__", repr(target))
        raise NotExpressible(
            f"the function {name!r} has no node in NIR. There are sums of two values, products with a number, flatten "
            "and modules; what belongs to the read-out (as a mean over time) stays outside of the exported network"
        )

    def _scaled(self, x: Signal, factor: Any) -> Signal:
        if not isinstance(factor, int | float):
            raise NotExpressible("a product with a tensor has no node in NIR. Use nir_exchange.Scale")
        place = self._place(x, x.shape)
        node = nir_library().Scale(scale=place.full(float(factor)))
        return Signal((self.builder.connect("scale", node, x.sources),), x.value * factor)

    def _flattened(self, x: Signal, start_dim: int = 0, end_dim: int = -1) -> Signal:
        value = torch.flatten(x.value, start_dim, end_dim)
        place = self._place(x, tuple(value.shape[1:]))
        name = self.builder.connect("flatten", flatten_node(start_dim, end_dim, place), x.sources)
        return Signal((name,), value, x.spikes)

    def _place(self, x: Signal, gives: tuple[int, ...]) -> Place:
        return Place(x.shape, gives, self.builder.dt, self.builder.dtype)

    def _refusal(self, text: str) -> NotImplementedError:
        where = f"forward of {self.path!r}" if self.path else "forward of the network"
        return Refused(f"{where}: {text}")
