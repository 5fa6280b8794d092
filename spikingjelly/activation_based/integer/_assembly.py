"""Modules from the record of a network of integers, with every bound checked."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from spikingjelly.activation_based._checks import ArgumentValueError
from spikingjelly.activation_based.integer import _bounds as bounds
from spikingjelly.activation_based.integer._arithmetic import INT32_LIMIT, LEAK_ONE, dtype_for
from spikingjelly.activation_based.integer._bounds import Range
from spikingjelly.activation_based.integer.node import IntegerNode
from spikingjelly.activation_based.integer.synapse import (
    IntegerFlatten,
    IntegerMaxPool2d,
    IntegerSumPool2d,
    IntegerSynapse,
)

FIELDS = {
    "format": str,
    "input_scale": float,
    "input_low": int,
    "input_high": int,
    "steps": int,
    "voting_size": int,
    "output_units": torch.Tensor | None,
    "layers": list,
}
SYNAPSE_FIELDS = {"weight": torch.int8, "bias": torch.int32, "mantissa": torch.uint8, "shift": torch.int8,
                  "v_reset": torch.int32}  # fmt: skip


def check_record(record: Any, expected_format: str) -> None:
    """
    :raises ValueError: (also an AssertionError) if it is no record of a network of integers
    """
    if not isinstance(record, dict) or record.get("format") != expected_format:
        raise ArgumentValueError(f"IntegerNetwork: this is no record of a network of integers ({expected_format!r}).")
    for name, kind in FIELDS.items():
        if name not in record or not isinstance(record[name], kind):
            raise ArgumentValueError(f"IntegerNetwork: the record's {name!r} is missing or no {kind}.")
    for number, layer in enumerate(record["layers"]):
        _check_layer(number, layer)
    if not any(layer["kind"] == "synapse" for layer in record["layers"]):
        raise ArgumentValueError("IntegerNetwork: the record has no layer with weights.")
    if not record["input_scale"] > 0 or not record["input_low"] <= 0 <= record["input_high"] or record["steps"] < 1:
        raise ArgumentValueError("IntegerNetwork: the record's input or number of steps makes no sense.")


def _check_layer(number: int, layer: Any) -> None:
    kind = layer.get("kind") if isinstance(layer, dict) else None
    if kind not in ("synapse", "sum_pool", "max_pool", "flatten"):
        raise ArgumentValueError(f"IntegerNetwork: layer {number} of the record is of no known kind.")
    if kind == "flatten":
        return
    _check_geometry(number, layer)
    if kind != "synapse":
        return
    for name, dtype in SYNAPSE_FIELDS.items():
        value = layer.get(name)
        if value is None and name != "weight":
            continue
        if not isinstance(value, torch.Tensor) or value.dtype != dtype:
            raise ArgumentValueError(f"IntegerNetwork: {name!r} of layer {number} of the record is no {dtype} tensor.")
        if name != "weight" and value.shape != layer["weight"].shape[:1]:
            raise ArgumentValueError(f"IntegerNetwork: {name!r} of layer {number} of the record has a wrong shape.")
    kept, has_neurons = layer.get("kept"), layer.get("mantissa") is not None
    if has_neurons and (not isinstance(kept, int) or not 0 <= kept <= LEAK_ONE or layer.get("shift") is None):
        raise ArgumentValueError(f"IntegerNetwork: the neurons of layer {number} of the record make no sense.")


def _check_geometry(number: int, layer: dict[str, Any]) -> None:
    """A linear layer has none."""
    geometry, weight = layer.get("geometry"), layer.get("weight")
    expected = {"kernel_size", "stride", "padding"}
    if layer["kind"] == "synapse":
        dims = weight.dim() if isinstance(weight, torch.Tensor) else 0
        expected = set() if dims == 2 else {"stride", "padding", "dilation", "groups"}
        if not 2 <= dims <= 5:
            raise ArgumentValueError(f"IntegerNetwork: 'weight' of layer {number} of the record is no weight.")
    if not isinstance(geometry, dict) or set(geometry) != expected:
        raise ArgumentValueError(
            f"IntegerNetwork: 'geometry' of layer {number} of the record must have {sorted(expected)}, but "
            f"{geometry!r} was given."
        )


def assemble(layers: list[dict[str, Any]], given: Range, steps: int) -> Iterator[nn.Module]:
    """The modules of a network whose input is ``given``.

    :raises OverflowError: if a sum or a potential could leave int32 within ``steps`` time steps
    """
    for number, layer in enumerate(layers):
        kind = layer["kind"]
        if kind == "synapse":
            place = layer.get("place", f"layer {number}")
            yield _synapse(layer, given, place)
            if layer.get("mantissa") is not None:
                yield _node(layer, given, steps, place)
                given = Range(0, 1)
        elif kind == "flatten":
            yield IntegerFlatten()
        elif kind == "max_pool":
            yield IntegerMaxPool2d(**layer["geometry"])
        else:
            pool = IntegerSumPool2d(**layer["geometry"])
            window = pool.kernel_size[0] * pool.kernel_size[1]
            given = Range(given.low * window, given.high * window)
            yield pool


def _synapse(layer: dict[str, Any], given: Range, place: str) -> IntegerSynapse:
    weight, bias = layer["weight"], layer.get("bias")
    largest = bounds.largest_sum(weight, bias, given)
    if largest > INT32_LIMIT:
        raise OverflowError(
            f"quantize_network: a sum of {place} could reach {largest}, more than int32 holds ({INT32_LIMIT}). Give it "
            "fewer inputs or fewer bits."
        )
    return IntegerSynapse(weight, bias, dtype_for(largest), layer["geometry"])


def _node(layer: dict[str, Any], given: Range, steps: int, place: str) -> IntegerNode:
    weight, v_reset = layer["weight"], layer.get("v_reset")
    low, high = bounds.sums(weight, layer.get("bias"), given)
    threshold = layer["mantissa"].numpy().astype(np.int64) << layer["shift"].numpy().astype(np.int64)
    rest = None if v_reset is None else v_reset.numpy().astype(np.int64)
    largest = bounds.largest_potential(low, high, threshold, layer["kept"], rest, steps)
    if largest > INT32_LIMIT:
        raise OverflowError(
            f"quantize_network: a potential behind {place} could reach {largest} within {steps} time steps after a "
            f"reset, more than int32 holds ({INT32_LIMIT}). Ask for fewer steps, or use a leak."
        )
    dtype = dtype_for(2 * largest)  # a difference of two of them
    return IntegerNode(layer["mantissa"], layer["shift"], layer["kept"], v_reset, dtype, weight.dim() - 2)
