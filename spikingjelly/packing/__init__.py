"""Spikes and other small integers that wait for the backward pass in as few bits as hold them, on the CPU.

A convolution, a linear layer or a product of matrices keeps its input until its backward pass is done. Between neurons
that is a tensor of zeros and ones, or of the small sums of them that shortcuts make: 1 bit an element, or 4, in place
of 32.
"""

from spikingjelly.packing._packed import Packed, pack
from spikingjelly.packing._saved import pack_saved, what_is_packed

__all__ = ["Packed", "pack", "pack_saved", "what_is_packed"]
