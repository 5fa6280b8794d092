"""Rate coding with random spikes."""

import torch

from spikingjelly.activation_based._checks import check_floating_tensor
from spikingjelly.activation_based.encoding import _static_image
from spikingjelly.activation_based.encoding._step import StatelessEncoder


class PoissonEncoder(StatelessEncoder):
    r"""At each time step each value fires with a probability equal to itself, independently of everything else.

    .. math::
        P(S = 1) = \min(\max(x, 0), 1), \qquad S = [r \le x], \quad r \sim U[0, 1)

    Input and output are ``[N, *]`` or ``[T, N, *]``, of the same dtype. Values above 1 always fire, values below 0 and
    NaN never do, and nobody is told: divide an 8-bit image by 255, and don't shift it by its mean. There is no
    gradient. Without a sequence of its own, an image is encoded over time by calling the
    encoder T times in step mode 's', or once in step mode 'm' with ``x.expand(T, *x.shape)``.

    The spikes are ``torch.rand_like(x).le(x)``, so that a seed reproduces them. Except for the last of these uses,
    an image expanded over time without a copy, on the CPU. For it there is a faster way, in which probabilities are
    rounded to multiples of 1/65536 and other random numbers are drawn.

    :param step_mode: 's' or 'm'
    :raises TypeError: for inputs that are no floating-point tensors
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_floating_tensor(self, "the input", x)
        if self.step_mode == "m" and _static_image.is_static(x):
            return _static_image.bernoulli(x)
        return torch.rand_like(x).le(x).to(x)
