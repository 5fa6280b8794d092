"""From a network to an ONNX file."""

import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spikingjelly._torch_version import is_older_than, needs
from spikingjelly.activation_based._checks import ArgumentValueError, describe
from spikingjelly.activation_based._write_aside import check_target, written_aside
from spikingjelly.activation_based.onnx_exchange._faults import first_line
from spikingjelly.activation_based.onnx_exchange._libraries import library
from spikingjelly.activation_based.onnx_exchange._metadata import metadata_of
from spikingjelly.activation_based.onnx_exchange.explicit import ExplicitNetwork
from spikingjelly.activation_based.onnx_exchange.program import export_program, quiet

_OWNER = "export_to_onnx"
_LARGEST = 2**31 - 1  # of a file that holds its weights


def export_to_onnx(
    net: nn.Module,
    example_input: torch.Tensor,
    save_path: str | Path,
    form: str = "step",
    carry_states: bool | None = None,
    dynamic_batch: bool = True,
) -> None:
    """Write a network, as it computes in evaluation mode, as an ONNX model. The network is left as it is.

    The inputs are ``x`` and the states, named by their places in the network (``features.2.v``); the outputs are ``y``
    and the states after it (``features.2.v_next``). The initial states are described in the metadata of the file:
    :class:`ONNXStream` reads them and carries the states from one call to the next.

    :param net: a network of one input and one output tensor, in step mode 's' or 'm' throughout, without a state
    :param example_input: ``[N, *]`` for ``form="step"``, ``[T, N, *]`` for "sequence"; only its shape and dtype matter
    :param save_path: written whole or not at all
    :param form: "step" for a model of one time step, "sequence" for one of the T time steps of ``example_input``,
        which are unrolled; whatever the step mode of ``net`` is
    :param carry_states: whether the states come in and go out; default: for a step. A sequence without starts from
        reset
    :param dynamic_batch: whether the model takes any number of samples, or that of ``example_input``

    :raises ImportError: if onnx, onnxscript or onnxruntime is not installed
    :raises NotImplementedError: for a layer that can't be expressed, with its name
    :raises ValueError: (also an AssertionError) for a state left in ``net``, mixed step modes, another ``form`` and an
        example input that does not fit it
    :raises TypeError: (also an AssertionError) for what is no module or no floating-point tensor
    :raises OSError: if ``save_path`` can't be written: a FileNotFoundError if its folder does not exist
    """
    for name in ("onnx", "onnxscript"):
        library(name)
    if form not in ("step", "sequence"):
        raise ArgumentValueError(f"{_OWNER}: form must be 'step' or 'sequence', but {describe(form)} was given.")
    if form == "step" and carry_states is False:
        raise ArgumentValueError(
            f"{_OWNER}: carry_states=False is for form='sequence'; one step without its states would forget them."
        )
    check_target(_OWNER, Path(save_path))
    carried = form == "step" if carry_states is None else carry_states
    explicit = ExplicitNetwork(net, example_input, "s" if form == "step" else "m", carried)
    model = _converted(explicit, export_program(explicit, example_input, dynamic_batch))
    if model.ByteSize() > _LARGEST:
        raise ValueError(f"{_OWNER}: the model has {model.ByteSize():,} bytes, but a file holds at most {_LARGEST:,}.")
    with written_aside(_OWNER, save_path) as aside:
        aside.write_bytes(model.SerializeToString())


def _converted(net: ExplicitNetwork, program: Any) -> Any:
    names = net.state_names
    with torch.no_grad(), quiet():
        try:
            converted = torch.onnx.export(
                program,
                dynamo=True,
                verbose=False,
                input_names=["x", *names],
                output_names=["y", *(f"{name}_next" for name in names)],
            )
        except Exception as error:  # whatever the converter may raise
            what = f"{_refused_part(program, error)}: {first_line(error)}"
            raise NotImplementedError(f"{_OWNER}: {what}{_missing_here(program)}") from error
    assert converted is not None  # given with dynamo=True
    model = converted.model_proto
    _name_batch(model, net.batch_dim)
    for key, text in metadata_of(net).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, text
    return model


def _missing_here(program: Any) -> str:
    if is_older_than("2.8") and any("batch_norm" in str(node.target) for node in program.graph.nodes):
        return f" {needs('Batch normalisation in ONNX', '2.8')}."
    return ""


def _name_batch(model: Any, batch_dim: int) -> None:
    """The dimension along the samples is called 'batch'; PyTorch gives it a number."""
    symbol = model.graph.input[0].type.tensor_type.shape.dim[batch_dim].dim_param
    values = [*model.graph.input, *model.graph.output, *model.graph.value_info]
    for dim in (dim for value in values for dim in value.type.tensor_type.shape.dim):
        if symbol and dim.dim_param:
            dim.dim_param = re.sub(rf"\b{re.escape(symbol)}\b", "batch", dim.dim_param)


def _refused_part(program: Any, error: BaseException) -> str:
    """The layer and the operation that ONNX does not have."""
    text = str(error)
    for node in program.graph.nodes:
        if node.op == "call_function" and str(node.target) in text:
            stack = list((node.meta.get("nn_module_stack") or {}).values())
            name = stack[-1][0].removeprefix("net.") if stack else ""
            return f"the operation {node.target} of the layer {name!r} has no counterpart in ONNX"
    return "the network can't be expressed in ONNX"
