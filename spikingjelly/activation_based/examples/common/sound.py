"""Sound as pictures of time and frequency, and made-up words to try a network without a download."""

import math

import torch
import torch.nn.functional as F
from torch.utils.data import Dataset


def resample(waveform: torch.Tensor, rate: int, new_rate: int) -> torch.Tensor:
    """A waveform ``[..., L]`` at another number of samples a second, without what the new one can't hold."""
    length = waveform.shape[-1] * new_rate // rate
    if length == waveform.shape[-1]:
        return waveform
    return torch.fft.irfft(torch.fft.rfft(waveform), n=length) * (length / waveform.shape[-1])


class LogMel:
    r"""The logarithm of the power in bands of equal width on the mel scale, one second of sound at a time.

    .. math::
        m(f) = 2595 \log_{10}(1 + f / 700)

    ``[1, L]`` to ``[101, bands]``: windows of 25 ms every 10 ms, normalised to mean 0 and deviation 1. Shorter sound is
    followed by silence, what is longer is cut.

    :param rate: samples a second of the waveforms
    :param new_rate: samples a second that they are turned to first
    :param bands: number of bands between 20 Hz and half of ``new_rate``
    """

    def __init__(self, rate: int = 16000, new_rate: int = 16000, bands: int = 40) -> None:
        self.rate, self.new_rate = rate, new_rate
        self.hop = new_rate // 100
        self.window = torch.hann_window(new_rate // 40)
        self.fft_size = 2 ** math.ceil(math.log2(len(self.window)))
        self.filters = _filters(bands, self.fft_size // 2 + 1, new_rate)

    def __call__(self, waveform: torch.Tensor) -> torch.Tensor:
        sound = resample(waveform[0], self.rate, self.new_rate)[: self.new_rate]
        sound = F.pad(sound, (0, self.new_rate - len(sound)))
        spectrum = torch.stft(
            sound, self.fft_size, self.hop, len(self.window), self.window, pad_mode="constant", return_complex=True
        )
        bands = (self.filters @ spectrum.abs().square() + 1e-6).log().T
        return (bands - bands.mean()) / (bands.std() + 1e-6)


def _filters(bands: int, bins: int, rate: int) -> torch.Tensor:
    """Triangles ``[bands, bins]`` between neighbours' centres."""
    lowest, highest = (2595 * math.log10(1 + f / 700) for f in (20, rate / 2))
    edges = 700 * (10 ** (torch.linspace(lowest, highest, bands + 2) / 2595) - 1)
    frequencies = torch.linspace(0, rate / 2, bins)
    left, centre, right = (edges[i : bands + i, None] for i in range(3))
    rising, falling = (frequencies - left) / (centre - left), (right - frequencies) / (right - centre)
    return torch.minimum(rising, falling).clamp(min=0)


class MadeUpWords(Dataset):
    """A second of sound whose pitch rises, falls, stays or jumps: items ``(x, label)``.

    A sample is made anew from ``seed`` and its index whenever it is asked for.

    :param samples: how many; sample i is of class ``i % 4``
    :param seed: another seed gives other samples
    :param transform: what is made of the waveform ``[1, 16000]``
    """

    classes = ("rising", "falling", "level", "jumping")

    def __init__(self, samples: int, seed: int, transform: LogMel) -> None:
        self.samples, self.seed, self.transform = samples, seed, transform

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if not 0 <= index < self.samples:
            raise IndexError(f"there are {self.samples} samples, but number {index} was asked for")
        label = index % len(self.classes)
        generator = torch.Generator().manual_seed(self.seed * self.samples + index)
        low, noise = torch.rand(2, generator=generator).tolist()
        time = torch.linspace(0, 1, 16000)
        course = (time, 1 - time, torch.full_like(time, 0.5), (time > 0.5).float())[label]
        pitch = (300 + 300 * low) * (1 + 2 * course)
        tone = (2 * math.pi * pitch.cumsum(0) / 16000).sin()
        hiss = (0.1 + 0.2 * noise) * torch.randn(16000, generator=generator)
        return self.transform((tone + hiss)[None]), label
