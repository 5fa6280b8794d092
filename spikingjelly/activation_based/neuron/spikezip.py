"""The neuron that takes the place of a quantiser."""

from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import ArgumentValueError, check_number, check_positive_int, check_switch
from spikingjelly.activation_based.neuron import _fused as fused


class STBIFNode(base.MemoryModule):
    r"""Spike-tracing bipolar integrate-and-fire: emits a quantised number bit by bit, and takes back what was too much,
    so that after enough time steps its outputs sum up to the quantised sum of its inputs. For a network that was
    trained with quantisers; it has no gradient.

    .. math::
        H[t] &= Q[t-1] + \frac{X[t]}{q} \\
        S[t] &= \begin{cases}
            1 & H[t] \geq 1 \text{ and } A[t-1] < A_{max} \\
            -1 & H[t] < 0 \text{ and } A[t-1] > A_{min} \\
            0 & \text{else} \end{cases} \\
        Q[t] &= H[t] - S[t], \quad A[t] = A[t-1] + S[t]

    with :math:`Q[0] = 0.5` and :math:`A[0] = 0`. The output is :math:`q S[t]`, ``[N, *]`` in step mode 's' and
    ``[T, N, *]`` in 'm'. The memories are ``q``, ``acc_q`` (:math:`A`) and ``cur_output`` (:math:`S`).

    :param q_threshold: step of the quantiser :math:`q`, greater than 0; a number or a tensor that broadcasts to
        ``[N, *]``. A buffer, as are the bounds
    :param level: number of levels, at least 1
    :param sym: whether the levels lie around 0
    :param pos_max: largest level :math:`A_{max}`, default ``level - 1``, with ``sym`` ``level // 2 - 1``
    :param neg_min: smallest level :math:`A_{min}`, default 0, with ``sym`` ``-((level + 1) // 2)``
    :param step_mode: 's' or 'm'
    :param backend: as for :class:`BaseNode`

    :raises ValueError: (also an AssertionError) if ``q_threshold`` is not greater than 0

    Source: You et al., "SpikeZIP-TF: Conversion is All You Need for Transformer-based SNN", ICML 2024.
    """

    q: Any  # floats until the first input gives them a shape
    acc_q: Any
    cur_output: Any
    q_threshold: torch.Tensor
    pos_max: torch.Tensor
    neg_min: torch.Tensor

    def __init__(
        self,
        q_threshold: float | torch.Tensor,
        level: int,
        sym: bool = False,
        pos_max: float | torch.Tensor | None = None,
        neg_min: float | torch.Tensor | None = None,
        step_mode: str = "s",
        backend: str = "auto",
    ) -> None:
        check_positive_int(self, "level", level)
        check_switch(self, "sym", sym)
        step = self._as_tensor("q_threshold", q_threshold)
        if not bool((step > 0).all()):
            raise ArgumentValueError(f"STBIFNode: q_threshold must be greater than 0, but {step.tolist()} was given.")
        super().__init__()
        self.level = level
        self.sym = sym
        highest, lowest = (level // 2 - 1, -((level + 1) // 2)) if sym else (level - 1, 0)
        self.register_buffer("q_threshold", step)
        self.register_buffer("pos_max", self._as_tensor("pos_max", highest if pos_max is None else pos_max))
        self.register_buffer("neg_min", self._as_tensor("neg_min", lowest if neg_min is None else neg_min))
        self.register_memory("q", 0.5)
        self.register_memory("acc_q", 0.0)
        self.register_memory("cur_output", 0.0)
        self.step_mode = step_mode
        self.backend = backend

    @classmethod
    def from_quantizer(cls, quantizer: nn.Module) -> "STBIFNode":
        """The neuron for a quantiser with the attributes ``s`` (its step), ``level``, ``sym``, ``pos_max`` and
        ``neg_min``."""
        return cls(quantizer.s, quantizer.level, quantizer.sym, quantizer.pos_max, quantizer.neg_min)  # type: ignore[arg-type]

    def _as_tensor(self, name: str, value: Any) -> torch.Tensor:
        if isinstance(value, torch.Tensor):
            return value.detach().clone().to(torch.promote_types(value.dtype, torch.float16))
        return torch.tensor(check_number(self, name, value))

    @property
    def supported_backends(self) -> tuple[str, ...]:
        return base.BACKENDS

    @property
    def accumulated(self) -> torch.Tensor:
        """What has been put out since the last reset: the quantised sum of the inputs."""
        return self.acc_q * self.q_threshold

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        """Give the memories the shape, dtype and device of the input of one time step."""
        for name in ("q", "acc_q", "cur_output"):
            self._give_shape(name, x)
        self._check_carried_state(x)

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        self.v_float_to_tensor(x)
        charged = self.q + (x / self.q_threshold).detach()
        up = (charged >= 1.0) & (self.acc_q.round() < self.pos_max)
        down = (charged < 0.0) & (self.acc_q.round() > self.neg_min)
        self.cur_output = up.to(x.dtype) - down.to(x.dtype)
        self.acc_q = self.acc_q + self.cur_output
        self.q = charged - self.cur_output
        return self.cur_output * self.q_threshold

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        """A sequence ``[T, N, *]``."""
        self._check_sequence(x_seq)
        with torch.no_grad():
            spikes = fused.run_sequence(self, x_seq)
        return super().multi_step_forward(x_seq) if spikes is None else spikes

    def extra_repr(self) -> str:
        return f"level={self.level}, sym={self.sym}, {super().extra_repr()}"
