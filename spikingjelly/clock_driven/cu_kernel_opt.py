"""Helpers around a kernel of one's own: those of :mod:`spikingjelly.activation_based.cuda_utils`."""

from spikingjelly.activation_based.cuda_utils import (
    DeviceEnvironment,
    cal_blocks,
    cal_fun_t,
    cuda_timer,
    get_contiguous,
    wrap_args_to_raw_kernel,
)
from spikingjelly.activation_based.monitor import GPUMonitor

__all__ = [
    "DeviceEnvironment",
    "GPUMonitor",
    "cal_blocks",
    "cal_fun_t",
    "cuda_timer",
    "get_contiguous",
    "wrap_args_to_raw_kernel",
]
