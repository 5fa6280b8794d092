"""A module with state as a function of its state."""

import importlib
from collections.abc import Callable
from typing import Any

from torch import nn

Results = tuple[tuple[Any, ...], tuple[Any, ...]]


def to_functional_forward(module: nn.Module, fn: Callable[..., Any] | None = None) -> Callable[..., Results]:
    """The call of ``module`` as a function of its state: ``(inputs, states, **kwargs)`` to ``(outputs, new_states)``,
    all of them tuples. The state of ``module`` itself stays as it is.

    :param fn: the function to call, default ``module`` itself

    States are in the order of :func:`~spikingjelly.activation_based.base.extract_memories`.

    :raises ValueError: at a call, if there are more or fewer states than ``module`` has memories
    """
    base: Any = importlib.import_module("spikingjelly.activation_based.base")  # which offers this function
    run = module if fn is None else fn

    def forward(inputs: Any, states: Any, **kwargs: Any) -> Results:
        kept = base.extract_memories(module)
        try:
            base.load_memories(module, tuple(states))
            outputs = run(*(inputs if isinstance(inputs, tuple | list) else (inputs,)), **kwargs)
            return outputs if isinstance(outputs, tuple) else (outputs,), tuple(base.extract_memories(module))
        finally:
            base.load_memories(module, kept)

    return forward
