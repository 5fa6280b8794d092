"""Batch normalisation in training, on the CPU: PyTorch's numbers, to the last bit, in less time.

PyTorch sums a channel of a contiguous input one by one, each addition waiting for the one before. The kernel here adds
in the same order, but to the sums of eight channels in turn.
"""

from spikingjelly.normalization._batch_norm import NODE, Running, batch_norm, can_take

__all__ = ["NODE", "Running", "batch_norm", "can_take"]
