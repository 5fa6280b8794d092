"""From a NIR graph to a network."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from spikingjelly.activation_based._checks import ArgumentTypeError, describe
from spikingjelly.activation_based.nir_exchange._file import MOST_BYTES, read_graph
from spikingjelly.activation_based.nir_exchange._library import nir_library
from spikingjelly.activation_based.nir_exchange._neurons_from import NEURON_KINDS, neuron_of
from spikingjelly.activation_based.nir_exchange._nodes_from import LAYER_KINDS, delay_steps_of, layer_of
from spikingjelly.activation_based.nir_exchange._numbers import DEFAULT_DT, check_dt, numpy_dtype
from spikingjelly.activation_based.nir_exchange._plan import GraphError, Plan, plan
from spikingjelly.activation_based.nir_exchange.network import NIRNetwork, Shape

_OWNER = "import_from_nir"
_logger = logging.getLogger(__name__)


def import_from_nir(
    graph: Any,
    dt: float | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    step_mode: str = "s",
    surrogate_function: Any = None,
    max_bytes: int = MOST_BYTES,
) -> NIRNetwork:
    r"""The network of a NIR graph, ready to run and to be trained on.

    NIR states differential equations; they become difference equations by forward Euler with the time step ``dt``, as
    in most frameworks. A neuron becomes :class:`~spikingjelly.activation_based.neuron.IFNode`, ``LIFNode``,
    ``ParametricLIFNode`` or ``CLIFNode`` where that says exactly the same, else a class of this package with parameters
    for each neuron. NIR fires where :math:`v > v_{threshold}`, our neurons where :math:`v \ge v_{th}`: :math:`v_{th}`
    is the next larger number. A potential starts at ``v_leak``, or at ``v_reset`` where there is no leak. An edge that
    closes a cycle behind a neuron is a recurrent connection: it carries the output of the time step before.

    Exporting the network gives the graph again.

    :param graph: a ``nir.NIRGraph``, or the name of a file. Files are read without trust: nothing outside of the file
        is opened, and all sizes are checked first
    :param dt: duration of a time step in seconds. None takes the one in the graph's metadata, which
        :func:`export_to_nir` writes, else 1e-4
    :param device: of the network
    :param dtype: torch.float32 (the default) or torch.float64
    :param step_mode: 's' for a time step ``[N, *]`` a call, 'm' for a sequence ``[T, N, *]``
    :param surrogate_function: for neurons; None takes what the graph's metadata name, else ``Sigmoid(alpha=4.0)``
    :param max_bytes: how much the arrays of a file may take, default 4 GiB

    :raises ImportError: if the package ``nir`` isn't installed
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: for a graph without meaning: missing nodes or edges, cycles that are no recurrent connections,
        shapes that do not fit, parameters that do not fit ``dt``, a ``dt`` other than the one in the metadata; and for
        truncated and hostile files. The message names the node
    :raises TypeError: if ``graph`` is something else

    Source: Pedersen et al., "Neuromorphic intermediate representation: A unified instruction set for interoperable
    brain-inspired computing", Nature Communications, 2024.
    """
    number_type = numpy_dtype(_OWNER, dtype)
    nir = nir_library()
    if not isinstance(graph, nir.NIRGraph | str | Path):
        raise ArgumentTypeError(f"{_OWNER}: graph must be a nir.NIRGraph or a path, but {describe(graph)} was given.")
    label = "the graph" if isinstance(graph, nir.NIRGraph) else f"{graph}"
    try:
        graph = graph if isinstance(graph, nir.NIRGraph) else read_graph(graph, max_bytes)
        dt = _choose_dt(graph.metadata, dt)
        with torch.random.fork_rng(devices=[]):
            network = _Importer(dt, number_type, surrogate_function).network(graph)
        _check_shapes(network, graph, torch.empty(0, dtype=dtype), max_bytes)
    except GraphError as error:
        text = str(error)
        raise ValueError(f"{_OWNER}: {label}: {text}{'' if text.endswith(('.', '?')) else '.'}") from error
    network.step_mode = step_mode
    return network.to(device)


def _choose_dt(metadata: Any, dt: float | None) -> float:
    written = metadata.get("dt") if isinstance(metadata, dict) else None
    if written is not None:
        written = check_dt(f"{_OWNER}, metadata of the graph", np.asarray(written).item())
        if dt is not None and check_dt(_OWNER, dt) != written:
            raise GraphError(
                f"it was made for time steps of dt={written} s, but dt={dt} was given, with which it would not give "
                "the same spikes. Leave dt away, or take 'dt' out of graph.metadata if you want other time steps"
            )
        return written
    if dt is None:
        _logger.info("The graph does not say how long a time step is: %s s is taken.", DEFAULT_DT)
        return DEFAULT_DT
    return check_dt(_OWNER, dt)


def plan_of(graph: Any, dt: float) -> Plan:
    """The plan of a graph, but for those of the graphs in it.

    :raises GraphError: for missing nodes and edges, and for cycles that are no recurrent connections
    """
    kinds = {name: type(node).__name__ for name, node in graph.nodes.items()}
    return plan(
        list(graph.nodes),
        [(source, target) for source, target in graph.edges],
        [name for name, kind in kinds.items() if kind == "Input"],
        [name for name, kind in kinds.items() if kind == "Output"],
        lambda name: _has_state(graph.nodes[name]),
        lambda name: kinds[name] == "Delay" and bool((delay_steps_of(graph.nodes[name], dt) >= 1).all()),
    )


class _Importer:
    """Makes the modules of a graph and of the graphs in it."""

    def __init__(self, dt: float, dtype: np.dtype, surrogate_function: Any) -> None:
        self.dt = dt
        self.dtype = dtype
        self.surrogate_function = surrogate_function

    def network(self, graph: Any) -> NIRNetwork:
        steps = plan_of(graph, self.dt)
        modules = {
            name: self._module(name, graph.nodes[name], name in steps.early)
            for name in steps.order
            if name not in steps.outputs
        }
        needed = {*steps.inputs, *steps.outputs, *(source for source, _ in steps.delayed)}
        shapes = {name: _declared(graph.nodes[name], "output_type") for name in needed}
        for source, target in steps.delayed:
            if shapes[source] is None:
                raise GraphError(f"the recurrent connection {source!r} -> {target!r} needs the shape of {source!r}")
        metadata = {name: node.metadata for name, node in graph.nodes.items() if node.metadata}
        return NIRNetwork(modules, steps, shapes, self.dt, metadata, graph.metadata)

    def _module(self, name: str, node: Any, early: bool) -> nn.Module:
        kind = type(node).__name__
        try:
            if kind == "NIRGraph":
                return self.network(node)
            if kind in NEURON_KINDS:
                return neuron_of(node, self.dt, self.dtype, self.surrogate_function)
            if kind in LAYER_KINDS:
                return layer_of(node, self.dt, self.dtype, self.surrogate_function, early)
        except (ValueError, TypeError, RuntimeError) as error:
            if kind == "NIRGraph":
                raise GraphError(f"in the graph {name!r}: {error}") from error
            raise GraphError(f"the node {name!r} ({kind}): {error}") from error
        raise GraphError(f"the node {name!r} is a {kind}, which is not known here")


def _has_state(node: Any) -> bool:
    if type(node).__name__ == "NIRGraph":
        return any(_has_state(inner) for inner in node.nodes.values())
    return type(node).__name__ in NEURON_KINDS


def _declared(node: Any, which: str) -> Shape | None:
    """The shape of the features of a node with one input and one output, where it is stated."""
    types = getattr(node, which) or {}
    shape = next(iter(types.values()), None) if len(types) == 1 else None
    return None if shape is None else tuple(int(length) for length in np.asarray(shape).ravel())


def _check_shapes(network: NIRNetwork, graph: Any, like: torch.Tensor, most_bytes: int) -> None:
    """Run the network once on zeros and compare with the shapes that the nodes state."""
    shapes = [_declared(graph.nodes[name], "output_type") for name in network.plan.inputs]
    for name, shape in zip(network.plan.inputs, shapes, strict=True):
        if shape is None or any(length < 1 for length in shape):
            raise GraphError(f"the Input node {name!r} must state the shape of its features, but has {shape}")
        if np.prod([float(length) for length in shape]) * like.element_size() > most_bytes:
            raise GraphError(f"the Input node {name!r} states the shape {list(shape)}, which takes more than max_bytes")
    network.observed_shapes(
        shapes,  # type: ignore[arg-type]
        like,
        lambda name, given: _check_input(network, graph, name, given, like, most_bytes),
    )


def _check_input(network: NIRNetwork, graph: Any, name: str, given: Shape, like: torch.Tensor, most_bytes: int) -> None:
    """Whether the node may run on features of the shape ``given``: a file may ask for more than there is memory."""
    node, stated = graph.nodes[name], _declared(graph.nodes[name], "input_type")
    kind = type(node).__name__
    as_stated = kind in (*NEURON_KINDS, "Delay", "NIRGraph", "Output", "Scale", "Threshold")
    if as_stated and stated is not None and stated != given and any(length != 1 for length in stated):
        raise GraphError(f"the node {name!r} ({kind}) is for the shape {list(stated)}, but gets {list(given)}")
    module: Any = network.node(name) if kind != "Output" else None
    if isinstance(module, NIRNetwork):
        _check_shapes(module, node, like, most_bytes)
    elif kind in ("Conv1d", "Conv2d") and not isinstance(module.padding, str) and len(given) == node.weight.ndim - 1:
        wide = [float(side + 2 * padding) for side, padding in zip(given[1:], module.padding, strict=True)]
        if module.out_channels * np.prod(wide) * like.element_size() > most_bytes:
            raise GraphError(f"the node {name!r} ({kind}) pads {list(given)} to more than max_bytes")
