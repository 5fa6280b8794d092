"""The former home of neurons with a compiled loop over time; all neurons have one now."""

from spikingjelly.activation_based.cuda_utils import cal_fun_t

__all__ = ["cal_fun_t"]
