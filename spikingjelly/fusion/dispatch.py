"""The door of the engine: who runs a multi-step neuron, or why the eager loop has to."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch

_logger = logging.getLogger(__name__)
_said: set[str] = set()

Runner = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Refusal:
    """Why no fused operator runs."""

    reason: str


def find_runner(backend: str, x_seq: torch.Tensor) -> Runner | Refusal:
    """The operator that runs one sequence ``[T, N, *]``, or a :class:`Refusal`.

    No target is built into this version, so that every backend is refused and runs the eager loop.
    """
    return Refusal(f"backend={backend!r} runs the eager PyTorch loop: this version has no fused kernels yet")


def announce(backend: str, refusal: Refusal) -> None:
    """Say once per process and backend what runs instead. 'auto' leaves the choice to us and is told nothing."""
    if backend != "auto" and backend not in _said:
        _said.add(backend)
        _logger.warning("%s", refusal.reason)
