"""Made-up gestures, to try a network for event cameras without a download."""

import math

import torch
from torch.utils.data import Dataset

SIZE = 128
CLASSES = [
    *(f"to {angle} degrees" for angle in range(0, 360, 45)),
    "clockwise circle",
    "counter-clockwise circle",
    "waving",
]


class MadeUpGestures(Dataset):
    """A disk that moves in one of eleven ways: items ``(frames [T, 2, 128, 128] of event counts, label)``.

    Where the disk comes to there are ON events (channel 1), where it was OFF events (channel 0), and everywhere a few
    of both as noise. A sample is made anew from ``seed`` and its index whenever it is asked for.

    :param samples: how many; sample i is of class ``i % 11``
    :param T: frames of a sample
    :param seed: another seed gives other samples
    """

    def __init__(self, samples: int, T: int, seed: int) -> None:
        self.samples = samples
        self.T = T
        self.seed = seed

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if not 0 <= index < self.samples:
            raise IndexError(f"there are {self.samples} samples, but number {index} was asked for")
        label = index % len(CLASSES)
        generator = torch.Generator().manual_seed(self.seed * self.samples + index)
        disks = _disks(*self._path(label, generator))
        change = disks.diff(dim=0)
        counts = torch.stack([(-change).clamp(min=0), change.clamp(min=0)], dim=1) * 3 + 0.01
        return torch.poisson(counts, generator=generator), label

    def _path(self, label: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Columns and rows of the disk's centre at T + 1 moments."""
        shift_x, shift_y, length, phase = (torch.rand(4, generator=generator) - 0.5).tolist()
        time = torch.linspace(-1, 1, self.T + 1)
        reach = 30 + 10 * length
        if label < 8:
            angle = label * math.pi / 4
            x, y = time * math.cos(angle), time * math.sin(angle)
        elif label < 10:
            turn = (1 if label == 8 else -1) * math.pi * (time + 2 * phase)
            x, y = turn.cos(), turn.sin()
        else:
            x, y = (2 * math.pi * (time + phase)).sin(), torch.zeros_like(time)
        centre = SIZE / 2
        return centre + reach * x + 20 * shift_x, centre + reach * y + 20 * shift_y


def _disks(x: torch.Tensor, y: torch.Tensor, radius: float = 14.0) -> torch.Tensor:
    """Pictures ``[moments, 128, 128]`` in [0, 1] of a disk with a soft edge."""
    places = torch.arange(SIZE)
    right, down = places - x[:, None], places - y[:, None]
    distance = (right[:, None, :] ** 2 + down[:, :, None] ** 2).sqrt()
    return (radius - distance).sigmoid()
