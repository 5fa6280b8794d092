"""ONNX models."""

import math
from pathlib import Path
from typing import Any

from spikingjelly._command._contents import Contents, Layer
from spikingjelly.activation_based.onnx_exchange._libraries import library
from spikingjelly.activation_based.onnx_exchange._metadata import read_metadata


def contents_of(path: Path) -> Contents:
    """Its operations by kind, and the states that its metadata describe.

    :raises ValueError: if it can't be read
    """
    onnx = library("onnx")
    try:
        model = onnx.load(str(path), load_external_data=False)
        if not model.graph.node:
            raise ValueError("it has no operations")
    except Exception as error:  # protobuf's errors have no base of their own
        raise ValueError(f"inspect: {path} is no ONNX model, or it is truncated or damaged ({error}).") from error
    weights = {tensor.name: math.prod(tensor.dims) for tensor in model.graph.initializer}
    shapes = {v.name: _shape(v) for v in [*model.graph.input, *model.graph.output, *model.graph.value_info]}
    layers = [
        Layer(
            node.name or f"#{number}",
            node.op_type,
            shapes.get(node.output[0], "?") if node.output else "?",
            sum(weights.get(name, 0) for name in node.input),
        )
        for number, node in enumerate(model.graph.node)
    ]
    facts = [("producer", f"{model.producer_name} {model.producer_version}".strip())]
    facts += [("opset", ", ".join(f"{entry.domain or 'ai.onnx'} {entry.version}" for entry in model.opset_import))]
    facts += [("inputs", _listed(model.graph.input)), ("outputs", _listed(model.graph.output))]
    try:
        step_mode, records = read_metadata({entry.key: entry.value for entry in model.metadata_props})
    except ValueError as error:
        facts.append(("step mode", f"unknown: {error}"))
        return Contents("ONNX", layers, sum(weights.values()), [], facts)
    facts.append(("step mode", step_mode))
    states = [(record.name, shapes.get(record.name, "?")) for record in records]
    return Contents("ONNX", layers, sum(weights.values()), states, facts)


def _listed(values: Any) -> str:
    return ", ".join(f"{value.name} {_shape(value)}" for value in values)


def _shape(value: Any) -> str:
    dims = value.type.tensor_type.shape.dim
    return "[" + ", ".join(dim.dim_param or str(dim.dim_value) for dim in dims) + "]"
