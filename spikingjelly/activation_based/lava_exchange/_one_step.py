"""One time step in fixed point, as functions of the states."""

from collections.abc import Callable
from typing import Any

import torch

from spikingjelly.activation_based.lava_exchange import _fixed_point as fixed_point
from spikingjelly.activation_based.lava_exchange.cuba import CubaLIFNode


class LeakyIntegratorStep:
    r"""``LeakyIntegratorStep.apply(x, decay, state, w_scale)``: one time step of a current or potential of Loihi.

    .. math::
        Y = \frac{1}{s} \left(\operatorname{trunc}\left(\frac{(2^{12} - d) \operatorname{trunc}(s V)}{2^{12}}\right)
        + \operatorname{trunc}(s X)\right)

    The gradient is that of :math:`(1 - d / 2^{12}) V + X`.
    """

    @staticmethod
    def apply(x: torch.Tensor, decay: torch.Tensor, state: torch.Tensor, w_scale: int) -> torch.Tensor:
        """
        :param x: input :math:`X` ``[N, *]``
        :param decay: :math:`d`, from 0 to 4096
        :param state: :math:`V` ``[N, *]``
        :param w_scale: :math:`s`, integer units of a state of 1
        """
        to_int = fixed_point.toward_zero
        return (fixed_point.leaked(to_int(state * w_scale), to_int(decay)) + to_int(x * w_scale)) / w_scale


def right_shift_to_zero(x: torch.Tensor, bits: int) -> torch.Tensor:
    r""":math:`\operatorname{trunc}(x / 2^{bits})` of integers, any shape: a shift that rounds towards 0.

    :raises TypeError: if ``x`` has no integers
    """
    if x.is_floating_point() or x.is_complex() or x.dtype == torch.bool:
        raise TypeError(f"right_shift_to_zero: x must have integers, but dtype {x.dtype} was given.")
    return torch.div(x, 1 << bits, rounding_mode="trunc")


def lava_cuba_lif_step(
    x: torch.Tensor,
    current_state: torch.Tensor,
    voltage_state: torch.Tensor,
    current_decay: torch.Tensor,
    voltage_decay: torch.Tensor,
    s_scale: int,
    v_threshold: float,
    v_threshold_eps: float,
    v_reset: float,
    surrogate_function: Callable[[torch.Tensor], torch.Tensor],
    detach_reset: bool = False,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    r"""One time step of a :class:`CubaLIFNode` without ``norm``, which fires at :math:`H[t] \geq V_{th} + \epsilon`.

    :param x: input ``[N, *]``
    :param current_state: synaptic current ``[N, *]``
    :param voltage_state: potential ``[N, *]``
    :param current_decay: from 0 to 4096, as in the attribute of the class; the same for ``voltage_decay``
    :param s_scale: integer units of a state of 1: 64 times ``scale`` of the class
    :param v_threshold_eps: :math:`\epsilon`

    The other parameters are those of the class.

    :return: spikes, current and potential ``[N, *]``
    """
    node: Any = CubaLIFNode(
        0.0, 0.0, v_threshold, v_reset, s_scale >> fixed_point.STATE_SHIFT, False, surrogate_function,
        detach_reset=detach_reset,
    )  # fmt: skip
    for name, decay in (("current_decay", current_decay), ("voltage_decay", voltage_decay)):
        delattr(node, name)
        object.__setattr__(node, name, decay)
    to_int = fixed_point.toward_zero
    node.current_state, node.v = to_int(current_state * s_scale) / s_scale, to_int(voltage_state * s_scale) / s_scale
    node.neuronal_charge(x)
    spike = surrogate_function(node.v - (v_threshold + v_threshold_eps))
    node.neuronal_reset(spike)
    return spike, node.current_state, node.v
