"""From a network to a NIR graph."""

import copy
import logging
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import spikingjelly
from spikingjelly.activation_based._before_export import (
    check_network,
    check_no_state,
    modules_with_step_mode,
    step_mode_of,
)
from spikingjelly.activation_based._checks import ArgumentValueError, check_floating_tensor, describe
from spikingjelly.activation_based._write_aside import check_target
from spikingjelly.activation_based.nir_exchange._builder import Builder, Tracer
from spikingjelly.activation_based.nir_exchange._file import write_graph
from spikingjelly.activation_based.nir_exchange._library import nir_library
from spikingjelly.activation_based.nir_exchange._neuron_arrays import NotExpressible
from spikingjelly.activation_based.nir_exchange._numbers import DEFAULT_DT, check_dt, numpy_dtype
from spikingjelly.activation_based.nir_exchange._plan import GraphError
from spikingjelly.activation_based.nir_exchange._signal import Refused, Signal
from spikingjelly.activation_based.nir_exchange._to_graph import graph_of
from spikingjelly.activation_based.nir_exchange.network import NIRNetwork

_OWNER = "export_to_nir"
_logger = logging.getLogger(__name__)


def export_to_nir(
    net: nn.Module,
    example_input: torch.Tensor | tuple[torch.Tensor, ...],
    save_path: str | Path | None = None,
    dt: float | None = None,
) -> Any:
    r"""The NIR graph of a network, as it computes in evaluation mode. The network is left as it is.

    Linear layers, convolutions, average and sum pooling, Flatten, integrate-and-fire neurons without and with a (also
    learned) leak and with a synaptic current, integrators, delays, votes, sums and recurrent containers have nodes.
    Batch normalisation is folded into the linear layer or convolution before it where nothing else reads that, else a
    linear map of its own; dropout is left out. Sequential and step-mode containers are followed inside, and so is the
    ``forward`` of any module that :mod:`torch.fx` can trace. Max pooling in two dimensions behind neurons, of spikes,
    becomes the sum of the window and a neuron that fires where it is not 0, which is the same.

    The difference equations become the differential equations that give them back by forward Euler with the time step
    ``dt``: ``tau`` time steps are :math:`\tau\,dt` seconds; an input that does not decay gets the resistance
    :math:`\tau`, and one that is integrated without leak :math:`1/dt`. NIR fires where :math:`v > v_{threshold}`, our
    neurons where :math:`v \ge v_{th}`: the graph's threshold is the next smaller number. A recurrent container becomes
    edges back to its first node.

    The metadata of the graph tell ``dt`` and the discretisation; those of a neuron the surrogate function.

    :param net: the network, in step mode 's' or 'm' throughout, without a state from an earlier input
    :param example_input: an input, ``[N, *]`` in step mode 's' and ``[T, N, *]`` in 'm', or a tuple of inputs; only
        its shape and dtype matter (torch.float32 or torch.float64)
    :param save_path: a file to write the graph to. It is written aside and renamed, so that it is whole or not there
    :param dt: duration of a time step in seconds, default 1e-4; for a :class:`NIRNetwork` that network's

    :return: a ``nir.NIRGraph``

    :raises ImportError: if the package ``nir`` isn't installed
    :raises NotImplementedError: for what NIR can't express, with the layer's name and the nearest alternative: reset
        by subtraction, max pooling of other values than spikes, other neurons, functions that are no module
    :raises ValueError: for mixed step modes, a state left in the network, and a wrong ``dt`` or dtype
    :raises TypeError: for what is no module or no floating-point tensor
    :raises OSError: if ``save_path`` can't be written: a FileNotFoundError if its folder does not exist

    Source: Pedersen et al., "Neuromorphic intermediate representation: A unified instruction set for interoperable
    brain-inspired computing", Nature Communications, 2024.
    """
    nir_library()
    check_network(_OWNER, net)
    inputs = example_input if isinstance(example_input, tuple) else (example_input,)
    for x in inputs:
        check_floating_tensor(_OWNER, "example_input", x)
    dtype = numpy_dtype(_OWNER, inputs[0].dtype)
    seconds = check_dt(_OWNER, dt if dt is not None else net.dt if isinstance(net, NIRNetwork) else DEFAULT_DT)
    mode = step_mode_of(_OWNER, net)
    check_no_state(_OWNER, net, "a graph")
    if save_path is not None:
        check_target(_OWNER, Path(save_path))
    steps = [_first_step(x, mode) for x in inputs]
    plain = _in_single_steps(net)
    with torch.no_grad():
        graph = (
            _of_network(plain, steps, seconds, dtype)
            if isinstance(plain, NIRNetwork)
            else _traced(plain, steps, seconds, dtype)
        )
    graph.metadata.update(_metadata(seconds))
    _tell_about_types(graph)
    if save_path is not None:
        write_graph(save_path, graph)
    return graph


def _metadata(dt: float) -> dict[str, Any]:
    return {
        "dt": dt,
        "discretisation": "forward Euler",
        "framework": "spikingjelly",
        "framework_version": spikingjelly.__version__,
    }


def _of_network(net: NIRNetwork, steps: list[torch.Tensor], dt: float, dtype: np.dtype) -> Any:
    try:
        return graph_of(net, [tuple(x.shape[1:]) for x in steps], steps[0], dt, dtype)
    except GraphError as error:
        raise ValueError(f"{_OWNER}: the network {str(error).rstrip('.')}.") from error
    except NotExpressible as error:
        raise Refused(f"the network {str(error).rstrip('.')}.") from error


def _traced(net: nn.Module, steps: list[torch.Tensor], dt: float, dtype: np.dtype) -> Any:
    nir = nir_library()
    if Tracer().is_leaf_module(net, ""):
        net = nn.Sequential(OrderedDict({type(net).__name__.lower(): net}))
    builder = Builder(dt, dtype)
    signals = []
    for x in steps:
        name = builder.connect("input", nir.Input(input_type={"input": np.array(x.shape[1:])}), ())
        signals.append(Signal((name,), x))
    given = builder.run(net, "", *signals)
    outputs = []
    for signal in given if isinstance(given, tuple | list) else (given,):
        if not isinstance(signal, Signal) or not builder.nodes.keys() - {s for x in signals for s in x.sources}:
            raise Refused(
                f"the output of {type(net).__name__} comes from no layer, so that there is nothing to export."
            )
        node = nir.Output(output_type={"output": np.array(signal.shape)})
        outputs.append(builder.connect("output", node, signal.sources))
    builder.check_readouts(outputs)
    return nir.NIRGraph(nodes=builder.nodes, edges=builder.edges, type_check=False)


def _first_step(x: torch.Tensor, mode: str) -> torch.Tensor:
    """One sample of one time step, ``[1, *]``."""
    least = 2 if mode == "s" else 3
    if x.dim() < least or 0 in x.shape:
        layout = "[N, *]" if mode == "s" else "[T, N, *]"
        raise ArgumentValueError(
            f"{_OWNER}: the network is in step_mode={mode!r}, so that example_input must be {layout} with features, "
            f"but {describe(x)} was given."
        )
    return (x if mode == "s" else x[0])[:1].detach()


def _in_single_steps(net: nn.Module) -> nn.Module:
    """A copy in evaluation mode that takes ``[N, *]``."""
    net = copy.deepcopy(net).eval()
    if isinstance(net, NIRNetwork):
        net.step_mode = "s"
    for _, module in modules_with_step_mode(net):
        if "s" in module.supported_step_mode():
            module.step_mode = "s"
    return net


def _tell_about_types(graph: Any) -> None:
    """Whether readers that check types will take the graph; the check does not know all convolutions."""
    try:
        nir_library().NIRGraph.from_dict(graph.to_dict())
    except (ValueError, AssertionError, NotImplementedError, IndexError, KeyError, TypeError) as error:
        _logger.warning(
            "The graph is right, but the type check of the package nir does not take it (%s). Read it with "
            "nir.read(file, type_check=False).",
            error,
        )
