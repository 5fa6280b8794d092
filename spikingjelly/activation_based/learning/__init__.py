"""Plasticity that is local to a synapse: STDP, alone and modulated by a reward."""

from spikingjelly.activation_based.learning._mstdp import mstdp_linear_single_step, mstdpet_linear_single_step
from spikingjelly.activation_based.learning._reward_learners import MSTDPETLearner, MSTDPLearner
from spikingjelly.activation_based.learning._stdp import (
    stdp_conv1d_single_step,
    stdp_conv2d_single_step,
    stdp_linear_single_step,
    stdp_multi_step,
)
from spikingjelly.activation_based.learning._stdp_learner import STDPLearner
from spikingjelly.activation_based.learning._steps import (
    mstdp_linear_step,
    mstdpet_linear_step,
    mstdpet_reward_step,
    stdp_conv1d_step,
    stdp_conv2d_step,
    stdp_linear_step,
)

__all__ = [
    "MSTDPETLearner",
    "MSTDPLearner",
    "STDPLearner",
    "mstdp_linear_single_step",
    "mstdp_linear_step",
    "mstdpet_linear_single_step",
    "mstdpet_linear_step",
    "mstdpet_reward_step",
    "stdp_conv1d_single_step",
    "stdp_conv1d_step",
    "stdp_conv2d_single_step",
    "stdp_conv2d_step",
    "stdp_linear_single_step",
    "stdp_linear_step",
    "stdp_multi_step",
]
