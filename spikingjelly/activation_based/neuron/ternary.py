"""Neurons whose spikes have a sign: -1, 0 or 1."""

from collections.abc import Callable

import torch

from spikingjelly.activation_based._checks import ArgumentValueError, check_above, is_real
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE
from spikingjelly.activation_based.neuron._node import BaseNode
from spikingjelly.activation_based.neuron.integrate_and_fire import IFNode
from spikingjelly.activation_based.neuron.lif import LIFNode


class TernaryFire(BaseNode):
    r"""The spike and the reset that ternary neurons share:

    .. math::
        P[t] &= \Theta(H[t] - V_{th}), \quad N[t] = \Theta(-H[t] - V_{th}) \\
        S[t] &= P[t] - N[t] \\
        V[t] &= (1 - P[t] - N[t]) H[t] + (P[t] + N[t]) V_{reset}  && \text{hard} \\
        V[t] &= H[t] - S[t] V_{th}                                && \text{soft}
    """

    def _check_thresholds(self, v_threshold: float, v_reset: float | None) -> None:
        check_above(self, "v_threshold", v_threshold, 0.0)
        if is_real(v_reset) and not abs(v_reset) < v_threshold:  # type: ignore[arg-type]
            raise ArgumentValueError(
                f"{type(self).__name__}: v_reset must lie between -v_threshold and v_threshold, "
                f"-{v_threshold} < v_reset < {v_threshold}, but {v_reset} was given: the neuron would fire for ever."
            )

    def neuronal_fire(self) -> torch.Tensor:
        positive, negative = self._events()
        return positive - negative

    def neuronal_reset(self, spike: torch.Tensor) -> None:
        if self.v_reset is None:
            super().neuronal_reset(spike)
        else:
            # The spike is their difference: the gradient of the reset needs their sum.
            positive, negative = self._events()
            super().neuronal_reset(positive + negative)

    def _events(self) -> tuple[torch.Tensor, torch.Tensor]:
        fire = self.surrogate_function
        return fire(self.v - self.v_threshold), fire(-self.v - self.v_threshold)


class TernaryIFNode(TernaryFire, IFNode):
    r"""Integrate-and-fire with spikes -1, 0 and 1.

    .. math::
        H[t] &= V[t-1] + X[t] \\
        P[t] &= \Theta(H[t] - V_{th}), \quad N[t] = \Theta(-H[t] - V_{th}), \quad S[t] = P[t] - N[t] \\
        V[t] &= (1 - P[t] - N[t]) H[t] + (P[t] + N[t]) V_{reset}  && \text{hard reset} \\
        V[t] &= H[t] - S[t] V_{th}                                && \text{soft reset}

    :param v_threshold: size of both thresholds, greater than 0, default 1.0
    :param v_reset: potential after a spike of either sign, between the thresholds; None for the soft reset

    The other parameters, shapes and errors are those of :class:`BaseNode`. ``detach_reset`` cuts the spikes from the
    graph where they reset the potential.

    :raises ValueError: (also an AssertionError) if ``v_threshold <= 0`` or ``abs(v_reset) >= v_threshold``

    Source: Guo et al., "Ternary Spike: Learning Ternary Spikes for Spiking Neural Networks", AAAI 2024.
    """

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        step_mode: str = "s",
        store_v_seq: bool = False,
        backend: str = "auto",
    ) -> None:
        self._check_thresholds(v_threshold, v_reset)
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, step_mode, backend, store_v_seq)


class TernaryLIFNode(TernaryFire, LIFNode):
    r"""Leaky integrate-and-fire with spikes -1, 0 and 1: the charge of :class:`LIFNode`, spike and reset of
    :class:`TernaryIFNode`.

    :param tau: membrane time constant in time steps, greater than 1, default 2.0
    :param decay_input: whether the input decays as well
    :param v_threshold: size of both thresholds, greater than 0, default 1.0
    :param v_reset: potential after a spike of either sign, between the thresholds; None for the soft reset

    The other parameters, shapes and errors are those of :class:`BaseNode`.

    :raises ValueError: (also an AssertionError) if ``tau <= 1``, ``v_threshold <= 0`` or
        ``abs(v_reset) >= v_threshold``

    Source: Guo et al., "Ternary Spike: Learning Ternary Spikes for Spiking Neural Networks", AAAI 2024, which has
    ``tau=4 / 3`` and ``decay_input=False``.
    """

    def __init__(
        self,
        tau: float = 2.0,
        decay_input: bool = True,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        step_mode: str = "s",
        store_v_seq: bool = False,
        backend: str = "auto",
    ) -> None:
        self._check_thresholds(v_threshold, v_reset)
        super().__init__(
            tau, decay_input, v_threshold, v_reset, surrogate_function, detach_reset, step_mode, backend, store_v_seq
        )
