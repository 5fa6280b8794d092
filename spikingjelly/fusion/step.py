"""One time step of a module, as the engine sees it."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

Tensors = Sequence[torch.Tensor]


class Step(NamedTuple):
    """A time step as a pure function, and what it depends on.

    :param run: ``run(x, states, tensors)`` gives ``(output, *next_states)``; input, states and results have one shape.
        It is called once, on tensors without data, and raises if the module keeps anything that it does not return
    :param tensors: parameters, buffers and other tensors of the module that ``run`` may read
    :param key: equal keys mean that ``run`` takes the same path through the code
    :param name: what the step is called in messages and generated code
    :param again: ``run`` at a later time, which does not keep the module alive; None if there is no such thing
    """

    run: Callable[[torch.Tensor, Tensors, Tensors], tuple[torch.Tensor, ...]]
    tensors: tuple[torch.Tensor, ...]
    key: Hashable
    name: str
    again: Callable[[torch.Tensor, Tensors, Tensors], tuple[torch.Tensor, ...]] | None = None


@dataclass(frozen=True)
class Refusal:
    """Why no fast operator runs.

    :param lasting: whether it lies in the machine and not in this step or input
    """

    reason: str
    lasting: bool = False


class Unfusable(Exception):
    """Raised while a step is traced; its text is the reason of a :class:`Refusal`."""
