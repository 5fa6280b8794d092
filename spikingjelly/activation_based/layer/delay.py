"""A delay of whole time steps."""

import torch

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import check_int, check_tensor
from spikingjelly.activation_based.functional._forward import delay
from spikingjelly.activation_based.functional._queue_steps import delay_step
from spikingjelly.activation_based.layer._state import check_state_fits


class Delay(base.MemoryModule):
    r"""Shifts its input in time.

    .. math::
        Y[t] = \begin{cases} 0, & t < d \\ X[t - d], & t \ge d \end{cases}

    ``[N, *]`` in step mode 's', where the inputs wait in the memory ``queue``; ``[T, N, *]`` in 'm', where each call is
    a sequence of its own that neither reads nor fills the queue.

    :param delay_steps: :math:`d` in time steps, at least 0
    :param step_mode: 's' or 'm'

    :raises TypeError: (also an AssertionError) if ``delay_steps`` is no int
    :raises ValueError: (also an AssertionError) if it is negative
    :raises RuntimeError: in step mode 's', if the input does not fit those in the queue
    """

    _delay_steps: int
    queue: list[torch.Tensor]

    def __init__(self, delay_steps: int, step_mode: str = "s") -> None:
        check_int(self, "delay_steps", delay_steps, at_least=0)
        super().__init__()
        self._delay_steps = int(delay_steps)
        self.register_memory("queue", [])
        self.step_mode = step_mode

    @property
    def delay_steps(self) -> int:
        """The delay in time steps."""
        return self._delay_steps

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """The input ``[N, *]`` of ``delay_steps`` calls ago, or zeros."""
        check_tensor(self, "the input", x)
        check_state_fits(self, "an input", self.queue[-1] if self.queue else None, x)
        output, queue = delay_step(x, tuple(self.queue), self.delay_steps)
        self.queue = list(queue)
        return output

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        """The sequence ``[T, N, *]`` behind ``delay_steps`` zeros."""
        return delay(x_seq, self.delay_steps)

    def extra_repr(self) -> str:
        return f"delay_steps={self.delay_steps}, step_mode={self.step_mode}"
