"""From a network to a program of :mod:`torch.export`."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from spikingjelly.activation_based._checks import check_bool
from spikingjelly.activation_based.onnx_exchange._faults import first_line, innermost_layer
from spikingjelly.activation_based.onnx_exchange.explicit import ExplicitNetwork


def export_program(net: ExplicitNetwork, example_input: torch.Tensor, dynamic_batch: bool = True) -> Any:
    """The program of a network: a graph of operations of PyTorch, its weights, and nothing of Python.

    ::

        from spikingjelly.activation_based.onnx_exchange import ExplicitNetwork, export_program

        x = torch.rand(3, 8)
        step = ExplicitNetwork(nn.Sequential(layer.Linear(8, 4), neuron.LIFNode()), x)
        program = export_program(step, x)
        y, *states = program.module()(x, *step.initial_states(x.shape[0]))

    A sequence is unrolled over the time steps of ``example_input``; another number of them needs another program.

    :param net: made with an input like ``example_input``
    :param example_input: ``[N, *]``, or ``[T, N, *]`` where ``net`` takes sequences; without ``dynamic_batch`` its N
        is the program's
    :param dynamic_batch: whether the program takes any number of samples
    :return: a :class:`torch.export.ExportedProgram`, which :func:`torch.export.save` writes to a file

    :raises NotImplementedError: for a layer whose ``forward`` can't be traced, with its name
    """
    check_bool("export_program", "dynamic_batch", dynamic_batch)
    x = example_input.detach()
    if dynamic_batch:
        x = torch.cat([x.narrow(net.batch_dim, 0, 1)] * 2, net.batch_dim)
    states = net.initial_states(x.shape[net.batch_dim])
    shapes = _dynamic_shapes(net) if dynamic_batch else None
    with torch.no_grad(), quiet():
        try:
            return torch.export.export(net, (x, *states), dynamic_shapes=shapes, strict=False)
        except Exception as error:  # whatever a forward and the tracer may raise
            raise NotImplementedError(
                f"export_program: {innermost_layer(net.net, error)} can't be exported: {first_line(error)}"
            ) from error


def _dynamic_shapes(net: ExplicitNetwork) -> tuple[Any, ...]:
    batch = torch.export.Dim("batch", min=1)
    of_states = tuple({} if state.batch_dim is None else {state.batch_dim: batch} for state in net.states)
    return ({net.batch_dim: batch}, of_states) if net.states else ({net.batch_dim: batch},)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the remarks of PyTorch's exporter on itself and on packages that are not there."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(level)
