"""Training at every time step, under the names of the 2.0 releases; the functions are those of ``functional``."""

from spikingjelly.activation_based.functional import (
    fptt_online_training,
    fptt_online_training_init_w_ra,
    ottt_online_training,
    sltt_online_training,
)

__all__ = [
    "fptt_online_training",
    "fptt_online_training_init_w_ra",
    "ottt_online_training",
    "sltt_online_training",
]
