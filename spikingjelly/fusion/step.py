"""One time step of a module, as the engine sees it."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Step:
    """A time step as a pure function, and what it depends on.

    :param run: ``run(x, states)`` gives ``(output, *next_states)``; input, states and results have one shape
    :param trial: the same for a first look; raises if the module keeps anything that ``run`` does not return
    :param parameters: the other tensors that gradients flow to
    :param key: equal keys mean that ``run`` takes the same path through the code
    """

    run: Callable[[torch.Tensor, Sequence[torch.Tensor]], tuple[torch.Tensor, ...]]
    trial: Callable[[torch.Tensor, Sequence[torch.Tensor]], tuple[torch.Tensor, ...]]
    parameters: tuple[torch.Tensor, ...]
    key: Hashable


@dataclass(frozen=True)
class Refusal:
    """Why no fast operator runs."""

    reason: str
