"""Spikes and other small integers that wait for the backward pass in as few bits as hold them.

A convolution, a linear layer or a product of matrices keeps its input until its backward pass is done. Between neurons
that is a tensor of zeros and ones, or of the small sums of them that shortcuts make: 1 bit an element, or 4, in place
of 32. Layers have what they keep packed by :func:`pack_saved`, in float32 on the CPU; hooks for saved tensors have
what any function keeps packed by a :class:`Packer`, of any dtype and on a GPU.
"""

from spikingjelly.packing._forms import Packed, Values, Whole
from spikingjelly.packing._packed import pack
from spikingjelly.packing._packer import Packer, large_enough
from spikingjelly.packing._saved import pack_saved, what_is_packed, worth_packing

__all__ = [
    "Packed",
    "Packer",
    "Values",
    "Whole",
    "large_enough",
    "pack",
    "pack_saved",
    "what_is_packed",
    "worth_packing",
]
