"""The door of the engine: who runs a multi-step module, or why its own loop has to."""

import functools
import logging
from collections.abc import Callable, Sequence

import torch

from spikingjelly.fusion import batched, elementwise
from spikingjelly.fusion.step import Refusal, Step

__all__ = ["Refusal", "Step", "announce", "find_runner"]

_logger = logging.getLogger(__name__)
_said: set[str] = set()

Runner = Callable[[torch.Tensor, Sequence[torch.Tensor]], tuple[torch.Tensor, ...]]

# Where the batched backward is faster than the loop: `python -m benchmarks neuron` prints the table.
_SHORTEST, _LARGEST = 32, 1 << 11


def find_runner(
    backend: str, lift: Callable[[], Step | Refusal], x_seq: torch.Tensor, states: Sequence[torch.Tensor]
) -> Runner | Refusal:
    """Who runs a step over the sequence ``x_seq`` ``[T, *]`` from ``states``.

    A runner takes ``(x_seq, states)`` and gives the outputs ``[T, *]`` and the values of each state after each time
    step ``[T, *]``. 'auto' takes what is fastest; kernels for 'cpp', 'triton' and 'cupy' are not in this version.

    :param lift: gives the step; only called where the size of the work promises a gain
    """
    if backend != "auto":
        return Refusal(f"backend={backend!r} runs the eager PyTorch loop: this version has no fused kernels yet")
    if torch.compiler.is_compiling():
        return Refusal("torch.compile sees the loop itself")
    if not torch.is_grad_enabled():
        return Refusal("without gradients the loop is as fast")
    if x_seq.shape[0] < _SHORTEST or not 0 < x_seq[0].numel() <= _LARGEST:
        return Refusal(f"the loop is as fast for {list(x_seq.shape)}")
    if torch.is_autocast_enabled(x_seq.device.type):
        return Refusal("autocast would not be on in the backward pass")
    step = lift()
    if isinstance(step, Refusal):
        return step
    if not any(tensor.requires_grad for tensor in (x_seq, *states, *step.parameters)):
        return Refusal("without gradients the loop is as fast")
    return elementwise.refusal_of(step, x_seq[0], states) or functools.partial(batched.run, step)


def announce(backend: str, refusal: Refusal) -> None:
    """Say once per process and backend what runs instead. 'auto' leaves the choice to us and is told nothing."""
    if backend != "auto" and backend not in _said:
        _said.add(backend)
        _logger.warning("%s", refusal.reason)
