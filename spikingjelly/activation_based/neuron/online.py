"""LIF neurons for training through time without a graph through time."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE
from spikingjelly.activation_based.neuron.lif import LIFNode


class _OnlineLIFNode(LIFNode):
    """A LIF node whose potential is cut from the graph after each time step, which only helps step by step."""

    def supported_step_mode(self) -> tuple[str, ...]:
        return ("s",)

    def single_step_forward(self, x: torch.Tensor) -> Any:
        spike = super().single_step_forward(x)
        self.v = self.v.detach()
        return spike


class SLTTLIFNode(_OnlineLIFNode):
    r"""Spatial learning through time: :class:`LIFNode` whose potential :math:`V[t]` is cut from the autograd graph
    after each time step, so that the memory needed for training does not grow with the number of time steps.

    :param detach_reset: whether the spike in the reset is cut from the graph; without effect on gradients, as the
        whole potential is cut, default True
    :param step_mode: only 's'; call ``backward()`` at each time step, or on a sum of losses

    The other parameters, shapes and errors are those of :class:`LIFNode`.

    :raises ValueError: for step mode 'm'

    Source: Meng et al., "Towards Memory- and Time-Efficient Backpropagation for Training Spiking Neural Networks",
    ICCV 2023.
    """

    def __init__(
        self,
        tau: float = 2.0,
        decay_input: bool = True,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = True,
        step_mode: str = "s",
        backend: str = "auto",
        store_v_seq: bool = False,
    ) -> None:
        super().__init__(
            tau, decay_input, v_threshold, v_reset, surrogate_function, detach_reset, step_mode, backend, store_v_seq
        )


class OTTTLIFNode(_OnlineLIFNode):
    r"""Online training through time: :class:`LIFNode` whose potential is cut from the autograd graph after each time
    step, with a trace of its spikes for the weights behind it.

    .. math::
        A[t] = (1 - \frac{1}{\tau}) A[t-1] + S[t]

    In training the output is the list ``[spike, trace]``, two tensors ``[N, *]``; the trace carries no gradient. In
    evaluation the output is the spikes.

    From the first time step on the potential ``v`` and the trace ``trace`` are buffers, so that, unlike the state of
    other nodes, they are in ``state_dict``; :meth:`reset` takes them out again. A ``state_dict`` with them loads into
    any node, and one without them resets the node.

    :param decay_input: whether the input decays as well, default False
    :param v_reset: potential after a spike (hard reset), or None (the default) for the soft reset
    :param detach_reset: whether the spike in the reset is cut from the graph; without effect on gradients, as the
        whole potential is cut, default True
    :param step_mode: only 's'

    The other parameters, shapes and errors are those of :class:`LIFNode`.

    :raises ValueError: for step mode 'm'

    Source: Xiao et al., "Online Training Through Time for Spiking Neural Networks", NeurIPS 2022.
    """

    v: Any
    trace: Any

    def __init__(
        self,
        tau: float = 2.0,
        decay_input: bool = False,
        v_threshold: float = 1.0,
        v_reset: float | None = None,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = True,
        step_mode: str = "s",
        backend: str = "auto",
        store_v_seq: bool = False,
    ) -> None:
        super().__init__(
            tau, decay_input, v_threshold, v_reset, surrogate_function, detach_reset, step_mode, backend, store_v_seq
        )
        del self.v  # as a memory, to make it a buffer
        self.register_buffer("v", None)
        self.register_buffer("trace", None)

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        if self.v is None:
            self.v = torch.zeros_like(x, requires_grad=False)
            if self.v_reset is not None:
                self.v = self.v + self.v_reset
        if self.trace is None:
            self.trace = torch.zeros_like(x, requires_grad=False)
        self._check_carried_state(x)

    def neuronal_trace(self, spike: torch.Tensor) -> None:
        """Set ``self.trace`` from the spikes of this time step."""
        self.trace = self.trace * (1.0 - 1.0 / self.tau) + spike.detach()

    def single_step_forward(self, x: torch.Tensor) -> Any:
        """Spikes, or ``[spikes, trace]`` in training: one time step ``[N, *]``."""
        spike = super().single_step_forward(x)
        self.neuronal_trace(spike)
        return [spike, self.trace] if self.training else spike

    def reset(self) -> None:
        """Return to the state before the first time step."""
        super().reset()
        self.v = None
        self.trace = None

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any) -> None:
        """Make room for a state of any batch size, which torch then copies into it."""
        device = None if self.v is None else self.v.device
        self.reset()
        for name in ("v", "trace"):
            saved = state_dict.get(prefix + name)
            if saved is not None:
                setattr(self, name, torch.empty_like(saved, device=device))
        super()._load_from_state_dict(state_dict, prefix, *args)
