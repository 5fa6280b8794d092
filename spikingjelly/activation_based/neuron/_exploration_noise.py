"""Time-correlated noise for exploration, and the interface that noisy nodes share."""

from typing import Any

import torch

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import (
    check_bool,
    check_float,
    check_floating_tensor,
    check_positive_int,
    describe,
)


def colored_noise(samples: int, channels: int, beta: float) -> torch.Tensor:
    r"""Gaussian noise ``[samples, channels]`` with a power spectrum :math:`1 / f^\beta`, drawn with torch's generator.

    The expected variance of a channel about its own mean is 1. Frequency 0 has the power of the lowest other one, so
    that channels also differ in their means.

    Source: Timmer, König, "On generating power law noise", Astronomy and Astrophysics 300, 1995.
    """
    white = torch.randn(samples, channels)
    if samples == 1:
        return white
    frequency = torch.fft.fftfreq(samples).abs()
    frequency[0] = frequency[1]
    amplitude = frequency ** (-beta / 2.0)
    deviation = (amplitude[1:].square().sum() / samples).sqrt()
    return torch.fft.ifft(torch.fft.fft(white, dim=0) * (amplitude / deviation).unsqueeze(1), dim=0).real


class ExplorationNoise(base.MemoryModule):
    """Noise for ``num_rl_step`` steps of an environment, each of which runs the node for ``T`` time steps.

    Each node draws ``streams`` independent noises for each of its neurons.
    """

    _eps: torch.Tensor | None
    _loaded: torch.Tensor | None

    def _set_up_noise(self, num_node: int, is_training: bool, T: int, beta: float, streams: int) -> None:
        check_positive_int(self, "num_node", num_node)
        check_bool(self, "is_training", is_training)
        check_positive_int(self, "T", T)
        check_float(self, "beta", beta)
        self.num_node = num_node
        self.is_training = is_training
        self.T = T
        self.beta = beta
        self.noise_step = -1
        self._streams = streams
        # Not memories: functional.reset_net between two steps of the environment must not stop the noise.
        self.register_buffer("_eps", None, persistent=False)
        self.register_buffer("_loaded", None, persistent=False)

    def reset_noise(self, num_rl_step: int) -> None:
        """Draw the noise of the next ``num_rl_step`` forward passes; call it at the start of each episode."""
        check_positive_int(self, "num_rl_step", num_rl_step)
        draws = [colored_noise(num_rl_step * self.T, self.num_node, self.beta) for _ in range(self._streams)]
        device = None if self._eps is None else self._eps.device
        self._eps = torch.cat(draws, 1).view(num_rl_step, self.T, -1).to(device)
        self.noise_step = -1

    def get_colored_noise(self) -> torch.Tensor:
        """The noise of the last forward pass ``[T, streams * num_node]``, to be stored next to what was experienced.

        :raises RuntimeError: if no forward pass has used noise since :meth:`reset_noise`
        """
        if self._eps is None or self.noise_step < 0:
            raise RuntimeError(
                f"{type(self).__name__} has used no noise yet. Call reset_noise(num_rl_step), then run the node."
            )
        return self._eps[self.noise_step]

    def load_colored_noise(self, cn: torch.Tensor) -> None:
        """Use the stored noise ``[N, T, streams * num_node]`` of a batch, until :meth:`cancel_load`.

        :raises ValueError: for another shape
        """
        check_floating_tensor(self, "cn", cn)
        width = self._streams * self.num_node
        if cn.dim() != 3 or cn.shape[1:] != (self.T, width):
            raise ValueError(
                f"{type(self).__name__}: cn must be noise of shape [N, {self.T}, {width}], as from get_colored_noise() "
                f"for each of N samples, but {describe(cn)} was given."
            )
        self._loaded = cn

    def cancel_load(self) -> None:
        """Go back to the noise of :meth:`reset_noise`."""
        self._loaded = None

    def _noise_of(self, x_seq: torch.Tensor) -> list[torch.Tensor] | None:
        """The noise for each time step of ``x_seq``, ``[streams * num_node]`` or ``[N, ...]``; None without noise."""
        if x_seq.shape[-1] != self.num_node:
            raise ValueError(
                f"{type(self).__name__} has num_node={self.num_node} neurons and expects an input "
                f"[T, N, {self.num_node}], but {describe(x_seq)} was given."
            )
        if not self.is_training:
            return None
        if x_seq.shape[0] != self.T:
            raise ValueError(
                f"{type(self).__name__} draws noise for T={self.T} time steps, but {describe(x_seq)} was given. Build "
                f"it with T={x_seq.shape[0]}, or give it sequences of {self.T} time steps."
            )
        noise = self._next_noise() if self._loaded is None else self._loaded_noise(x_seq)
        return list(noise.to(x_seq).unbind(0))

    def _next_noise(self) -> torch.Tensor:
        steps = 0 if self._eps is None else len(self._eps)
        if self._eps is None or self.noise_step + 1 >= steps:
            raise RuntimeError(
                f"{type(self).__name__} has used up the noise of {steps} forward passes. Call "
                "reset_noise(num_rl_step) at the start of each episode, or set is_training=False to run without noise."
            )
        self.noise_step += 1
        return self._eps[self.noise_step]

    def _loaded_noise(self, x_seq: torch.Tensor) -> torch.Tensor:
        assert self._loaded is not None
        if x_seq.shape[1] != len(self._loaded):
            raise ValueError(
                f"{type(self).__name__} has loaded noise for a batch of {len(self._loaded)}, but {describe(x_seq)} was "
                "given. Load the noise of this batch, or call cancel_load()."
            )
        return self._loaded.transpose(0, 1)

    def extra_repr(self) -> str:
        own = f"num_node={self.num_node}, is_training={self.is_training}, T={self.T}, beta={self.beta}"
        return f"{super().extra_repr()}, {own}"


def initial_sigma(owner: Any, sigma_init: float, num_node: int) -> float:
    r""":math:`\sigma_{init} / \sqrt{num\_node}`: the strength of the noise of one neuron."""
    check_float(owner, "sigma_init", sigma_init)
    check_positive_int(owner, "num_node", num_node)
    return sigma_init / num_node**0.5
