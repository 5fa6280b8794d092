"""Two-dimensional max pooling that is quick on the CPU and keeps little for its gradient.

PyTorch's keeps its whole input and an index of 8 bytes for each output until the backward pass. But the input behind
neurons is needed by nothing else (a neuron's gradient asks for its own input, not for its spikes), and of an index only
the position inside the window is new: one byte. Values and gradients are PyTorch's to the last bit.
"""

from spikingjelly.pooling._kernels import Window
from spikingjelly.pooling._max_pool import max_pool2d

__all__ = ["Window", "max_pool2d"]
