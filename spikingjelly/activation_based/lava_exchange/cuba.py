"""The current-based LIF neuron in the fixed point of Intel's Loihi."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, check_bool, describe, is_real
from spikingjelly.activation_based.lava_exchange import _fixed_point as fixed_point
from spikingjelly.activation_based.neuron import BaseNode
from spikingjelly.activation_based.surrogate import Sigmoid


class CubaLIFNode(BaseNode):
    r"""Current-based LIF neuron that computes what Loihi computes, bit by bit, and can be trained.

    In integers, with the weighted input :math:`X` in units of :math:`1 / (64 s)`:

    .. math::
        I[t] &= \operatorname{trunc}\left(\frac{(2^{12} - d_I) I[t-1]}{2^{12}}\right) + \operatorname{trunc}(X[t]) \\
        H[t] &= \operatorname{trunc}\left(\frac{(2^{12} - d_V) V[t-1]}{2^{12}}\right) + I[t] \\
        S[t] &= H[t] > 64 \lfloor s V_{th} \rfloor \\
        V[t] &= (1 - S[t]) H[t]

    :math:`I` and :math:`V` have 24 bits and stop at :math:`\pm (2^{23} - 1)`; decays have 12 bits. (Where a current
    would leave this range, the chip wraps around: scale weights so that it does not.) The attributes ``current_state``
    and ``voltage_state`` (also ``v``) hold them over :math:`64 s`, in units of ``v_threshold``; these floats are exact.
    The gradient is that of the formulas without rounding, with the surrogate gradient for :math:`S`.

    Shapes as in :class:`~spikingjelly.activation_based.neuron.BaseNode`: ``[N, *]`` in step mode 's', ``[T, N, *]`` in
    'm'; dtypes float32 and float64.

    :param current_decay: share of the current that is lost in a time step, 0 to 1; a float, or a tensor that broadcasts
        to ``[N, *]``. The attribute is :math:`d_I`, which is 4096 times it
    :param voltage_decay: the same for the potential, and :math:`d_V`
    :param v_threshold: threshold :math:`V_{th}`, rounded down to a multiple of :math:`1 / s`
    :param v_reset: 0.0, the only one that the chip has
    :param scale: :math:`s`, integer units of a weight of 1; a power of two
    :param requires_grad: whether the decays are parameters and learned (see :meth:`clamp_decay_parameters`)
    :param surrogate_function: gives the spike and its gradient, default ``Sigmoid(alpha=4.0)``
    :param norm: a module for ``[N, *]`` that the current passes on its way to the potential, or None
    :param detach_reset: whether the spike in the reset is cut from the autograd graph
    :param step_mode: 's' or 'm'
    :param backend: as in ``BaseNode``
    :param store_v_seq: in step mode 'm', whether ``v_seq`` keeps the potentials after reset ``[T, N, *]``
    :param store_i_seq: in step mode 'm', whether ``i_seq`` keeps the currents ``[T, N, *]``

    :raises ValueError: (also an AssertionError) for another ``v_reset``, for a decay outside of 0 to 1, for a ``scale``
        that is no power of two, and for a threshold outside of the 17 bits that the chip has for it
    :raises TypeError: (also an AssertionError) for arguments of a wrong type, and for inputs in half precision

    Sources: Davies et al., "Loihi: A Neuromorphic Manycore Processor with On-Chip Learning", IEEE Micro 2018; rounding
    as in Michaelis et al., "Brian2Loihi", Frontiers in Neuroinformatics 2022, with the direction of Intel's Lava:
    towards 0.
    """

    current_state: Any
    current_decay: torch.Tensor
    voltage_decay: torch.Tensor
    i_seq: torch.Tensor

    def __init__(
        self,
        current_decay: float | torch.Tensor,
        voltage_decay: float | torch.Tensor,
        v_threshold: float = 1.0,
        v_reset: float = 0.0,
        scale: int = 1 << 6,
        requires_grad: bool = False,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = Sigmoid(),  # noqa: B008
        norm: nn.Module | None = None,
        detach_reset: bool = False,
        step_mode: str = "s",
        backend: str = "auto",
        store_v_seq: bool = False,
        store_i_seq: bool = False,
    ) -> None:
        _check_reset(v_reset)
        check_bool(self, "requires_grad", requires_grad)
        super().__init__(v_threshold, 0.0, surrogate_function, detach_reset, step_mode, backend, store_v_seq)
        _check_scale(scale, v_threshold)
        self.register_memory("current_state", 0.0)
        self.store_i_seq = store_i_seq
        self.requires_grad = requires_grad
        self._scale = int(scale)
        for name, decay in (("current_decay", current_decay), ("voltage_decay", voltage_decay)):
            units = _decay_units(name, decay)
            if requires_grad:
                self.register_parameter(name, nn.Parameter(units))
            else:
                self.register_buffer(name, units)
        self.norm = norm

    @property
    def scale(self) -> int:
        """Integer units of a weight of 1."""
        return self._scale

    @property
    def s_scale(self) -> int:
        """Integer units of a current or potential of 1: 64 ``scale``."""
        return self._scale << fixed_point.STATE_SHIFT

    @property
    def p_scale(self) -> int:
        """Integer units of a decay of 1: 4096."""
        return fixed_point.DECAY_ONE

    @property
    def threshold_units(self) -> int:
        r""":math:`\lfloor s V_{th} \rfloor`, the threshold's mantissa on the chip."""
        return int(self.v_threshold * self._scale)

    @property
    def voltage_state(self) -> Any:
        """The potential after reset, ``v``."""
        return self.v

    @property
    def store_i_seq(self) -> bool:
        """Whether a multi-step forward keeps the currents in ``i_seq``."""
        return self._store_i_seq

    @store_i_seq.setter
    def store_i_seq(self, value: bool) -> None:
        check_bool(self, "store_i_seq", value)
        self._store_i_seq = value
        if value and not hasattr(self, "i_seq"):
            self.register_memory("i_seq", None)

    def quantize_8bit(self, x: torch.Tensor, descale: bool = False) -> torch.Tensor:
        """:func:`quantize_8b` with the scale of this neuron."""
        from spikingjelly.activation_based.lava_exchange._rounding import quantize_8b

        return quantize_8b(x, self.scale, descale)

    @torch.no_grad()
    def clamp_decay_parameters(self) -> None:
        """Return decays that learning has moved out of 0 to 4096 to that range, in place; call it after each step."""
        for decay in (self.current_decay, self.voltage_decay):
            decay.clamp_(0.0, fixed_point.DECAY_ONE)

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        if isinstance(x, torch.Tensor) and x.dtype in (torch.float16, torch.bfloat16):
            raise ArgumentTypeError(
                f"CubaLIFNode: the input must be float32 or float64, whose digits hold the 24 bits of its states, but "
                f"{describe(x)} was given. Convert it with x.float(), and leave this neuron out of autocast."
            )
        super().v_float_to_tensor(x)
        self._give_shape("current_state", x)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        units, limit = self.s_scale, fixed_point.STATE_LIMIT
        current = fixed_point.leaked(self.current_state * units, self.current_decay)
        current = (current + fixed_point.toward_zero(x * units)).clamp(-limit, limit)
        self.current_state = current / units
        if self.norm is not None:
            current = fixed_point.toward_zero(self.norm(self.current_state) * units)
        voltage = fixed_point.leaked(self.v * units, self.voltage_decay) + current
        self.v = voltage.clamp(-limit, limit) / units

    def neuronal_fire(self) -> torch.Tensor:
        # Half a unit above the threshold: the chip fires above it, a surrogate function at it.
        threshold = (self.threshold_units * 2**fixed_point.STATE_SHIFT + 0.5) / self.s_scale
        return self.surrogate_function(self.v - threshold)

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        """A sequence ``[T, N, *]``; with ``store_i_seq`` or ``norm`` by the loop of PyTorch operations."""
        if self.store_i_seq:
            self._check_sequence(x_seq)
            return self._eager_loop(x_seq)
        return super().multi_step_forward(x_seq)

    def _eager_loop(self, x_seq: torch.Tensor) -> torch.Tensor:
        if not self.store_i_seq:
            return super()._eager_loop(x_seq)
        currents, potentials, spikes = [], [], []
        for x in x_seq.unbind(0):
            spikes.append(self.single_step_forward(x))
            currents.append(self.current_state)
            potentials.append(self.v)
        self.i_seq = torch.stack(currents)
        if self.store_v_seq:
            self.v_seq = torch.stack(potentials)
        return torch.stack(spikes)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, scale={self.scale}"


def _check_reset(v_reset: Any) -> None:
    if not (is_real(v_reset) and v_reset == 0.0):
        raise ArgumentValueError(
            f"CubaLIFNode: v_reset must be 0.0, for Loihi resets to nothing else, but {describe(v_reset)} was given."
        )


def _check_scale(scale: Any, v_threshold: Any) -> None:
    if isinstance(scale, bool) or not isinstance(scale, int):
        raise ArgumentTypeError(f"CubaLIFNode: scale must be an int, but {describe(scale)} was given.")
    if scale < 1 or scale & (scale - 1):
        raise ArgumentValueError(f"CubaLIFNode: scale must be a power of two, as 64, but {scale} was given.")
    if isinstance(v_threshold, torch.Tensor):
        raise ArgumentTypeError("CubaLIFNode: v_threshold must be a float: one threshold for all neurons of a layer.")
    if not 1 <= int(v_threshold * scale) <= fixed_point.THRESHOLD_LIMIT:
        raise ArgumentValueError(
            f"CubaLIFNode: v_threshold * scale must be at least 1 and at most {fixed_point.THRESHOLD_LIMIT}, the "
            f"thresholds that the chip has, but {v_threshold} * {scale} = {v_threshold * scale} was given."
        )


def _decay_units(name: str, decay: Any) -> torch.Tensor:
    if not is_real(decay) and not (isinstance(decay, int) and not isinstance(decay, bool)):
        if not isinstance(decay, torch.Tensor) or not decay.is_floating_point():
            raise ArgumentTypeError(
                f"CubaLIFNode: {name} must be a float or a floating-point tensor, but {describe(decay)} was given."
            )
        decay = decay.detach()
    units = torch.as_tensor(decay, dtype=torch.float32).clone()
    if not bool(((units >= 0.0) & (units <= 1.0)).all()):
        raise ArgumentValueError(
            f"CubaLIFNode: {name} is the share that is lost in a time step and must be from 0 to 1, but "
            f"{describe(decay)} was given."
        )
    return units * fixed_point.DECAY_ONE
