"""Convolutions and linear layers that skip the zeros of their input, on the CPU.

Of the spikes that a layer gives to the next most are zeros: at a firing rate of 10 % nine of ten multiplications of a
dense convolution add nothing. For inputs with few enough ones, the products here take the rest only, in the forward
pass and in the gradient of the weights. (The gradient of the input has no zeros to skip.) The results are those of the
dense layer but for the order in which sums are made, as between two algorithms of a dense convolution.
"""

from spikingjelly.sparse_products._choice import skip_zeros
from spikingjelly.sparse_products._products import convolution, linear, product

__all__ = ["convolution", "linear", "product", "skip_zeros"]
