"""What an ONNX file of ours says about its states, beside the graph."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from spikingjelly.activation_based.onnx_exchange.explicit import ExplicitNetwork

FORMAT = "spikingjelly.format"
_VERSION = "1"
_STEP_MODE = "spikingjelly.step_mode"
_STATES = "spikingjelly.states"


@dataclass(frozen=True)
class StateRecord:
    """A state of a model in a file.

    :param name: of the input; that of the output ends in ``_next``
    :param batch_dim: the dimension along the samples, or None
    :param initial: of one sample: a number for all, or an array that broadcasts to the state
    """

    name: str
    batch_dim: int | None
    initial: Any


def metadata_of(net: ExplicitNetwork) -> dict[str, str]:
    """Texts by key, as ONNX keeps them."""
    records = [
        {"name": state.name, "batch_dim": state.batch_dim, "initial": _of_a_sample(state.for_batch(1))}
        for state in net.states
    ]
    return {FORMAT: _VERSION, _STEP_MODE: net.step_mode, _STATES: json.dumps(records)}


def _of_a_sample(initial: torch.Tensor) -> Any:
    if initial.numel() and bool((initial == initial.flatten()[0]).all()):
        return initial.flatten()[0].item()
    return initial.tolist()


def read_metadata(texts: Mapping[str, str]) -> tuple[str, list[StateRecord]]:
    """The step mode and the states.

    :raises ValueError: with what is wrong
    """
    if texts.get(FORMAT) != _VERSION:
        raise ValueError(f"it has no description of states ({FORMAT}={_VERSION}); was it written by export_to_onnx?")
    try:
        records = json.loads(texts.get(_STATES, ""))
        states = [StateRecord(r["name"], r["batch_dim"], np.asarray(r["initial"], dtype=float)) for r in records]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"its description of states can't be read ({error})") from error
    for state in states:
        whole = state.batch_dim is None or (type(state.batch_dim) is int and 0 <= state.batch_dim < 16)
        if not isinstance(state.name, str) or not whole:
            raise ValueError(f"its description of the state {state.name!r} has batch_dim={state.batch_dim!r}")
    return texts.get(_STEP_MODE, ""), states
