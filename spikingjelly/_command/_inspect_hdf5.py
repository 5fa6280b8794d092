"""NIR graphs, and the files of Intel's netx: both are HDF5."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from spikingjelly._command._contents import Contents, Layer
from spikingjelly._extras import imported
from spikingjelly.activation_based.nir_exchange._file import read_graph
from spikingjelly.activation_based.nir_exchange._numbers import DEFAULT_DT
from spikingjelly.activation_based.nir_exchange.from_nir import plan_of

_STATEFUL = ("IF", "LIF", "CubaLIF", "I", "LI", "CubaLI", "Delay")
_MOST_LAYERS = 10_000


def contents_of(path: Path) -> Contents:
    """The nodes of a graph, or the layers of a netx file.

    :raises ImportError: if h5py, or for a graph nir, is not installed
    :raises ValueError: if it is neither, or damaged
    """
    h5py = imported("h5py", "inspect: an HDF5 file", "lava")
    try:
        with h5py.File(path, "r") as file:
            netx = "layer" in file and "node" not in file
            layers = _layers(file["layer"], h5py) if netx else []
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"inspect: {path} can't be read as HDF5; it may be truncated ({error}).") from error
    if netx:
        return Contents("netx (Lava)", layers, sum(layer.parameters for layer in layers), [], [])
    try:
        return _graph(read_graph(path))
    except ValueError as error:
        raise ValueError(f"inspect: {path}: {error}") from error


def _layers(group: Any, h5py: Any) -> list[Layer]:
    names = sorted(list(group)[:_MOST_LAYERS], key=lambda name: (len(name), name))
    found = []
    for name in names:
        content = group[name]
        kind, shape = np.asarray(content["type"][()]).ravel()[0], content["shape"][()]
        weight = content.get("weight")
        found.append(
            Layer(
                name,
                kind.decode(errors="replace") if isinstance(kind, bytes) else str(kind),
                str(np.asarray(shape).tolist()),
                math.prod(weight.shape) if isinstance(weight, h5py.Dataset) else 0,
            )
        )
    return found


def _graph(graph: Any) -> Contents:
    """Its nodes in the order in which they run, where they have one."""
    layers, states = [], []
    dt = _time_step(graph.metadata)
    names, fault = _order(graph, DEFAULT_DT if dt is None else dt)
    for name in names:
        node = graph.nodes[name]
        kind = type(node).__name__
        shape = _output_shape(node)
        arrays = [value for value in vars(node).values() if isinstance(value, np.ndarray) and value.dtype.kind in "fiu"]
        layers.append(Layer(name, kind, shape, sum(array.size for array in arrays)))
        if kind in _STATEFUL:
            states.append((name, shape))
    return Contents(
        "NIR",
        layers,
        sum(layer.parameters for layer in layers),
        states,
        [("edges", f"{len(graph.edges):,}")],
        dt,
        fault,
    )


def _time_step(metadata: Any) -> float | None:
    dt = metadata.get("dt") if isinstance(metadata, dict) else None
    return float(dt) if isinstance(dt, int | float | np.number | np.ndarray) else None


def _order(graph: Any, dt: float) -> tuple[list[str], str | None]:
    try:
        plan = plan_of(graph, dt)
        for node in graph.nodes.values():
            if type(node).__name__ == "NIRGraph":
                plan_of(node, dt)
    except ValueError as error:
        return list(graph.nodes), str(error)
    return [*plan.inputs, *plan.order], None


def _output_shape(node: Any) -> str:
    shapes = [np.asarray(shape).tolist() for shape in (node.output_type or {}).values() if shape is not None]
    return " ".join(map(str, shapes)) or "?"
