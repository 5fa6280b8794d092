"""Convolutions and linear layers on the CPU with fewer multiplications than PyTorch's.

Of the spikes that a layer gives to the next most are zeros: at a firing rate of 10 % nine of ten multiplications of a
dense convolution add nothing. For inputs with few enough ones, the products here take the rest only, in the forward
pass and in the gradient of the weights. Where all inputs are small integers, as spikes and sums of spikes are, sums of
four weights are looked up in tables, which takes less than a third of the time. What has no zeros to skip, as the
gradient of the input, is computed by Winograd's minimal filtering where the taps are 3 x 3 and the stride is 1: 2.25 to
4 times fewer multiplications. The results are those of the dense layer but for rounding, as between two algorithms of a
dense convolution.
"""

from spikingjelly.products._choice import may_differ, skip_zeros
from spikingjelly.products._convolution import convolution, linear, product

__all__ = ["convolution", "linear", "may_differ", "product", "skip_zeros"]
