"""Batches: whole ones from a set of images that lies in memory, collated ones from other data sets."""

import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler


class TooFewSamplesError(ValueError):
    """There are not enough samples to train on."""


class ImageBatches(Dataset):
    """Indexed with a list of indices, gives ``(images [N, 1, H, W] in [0, 1], labels [N])``.

    One look-up a batch: taking 64 images one by one and stacking them would cost more than training on them.

    :param data: images as uint8 ``[N, H, W]``
    :param targets: labels as int64 ``[N]``
    """

    def __init__(self, data: torch.Tensor, targets: torch.Tensor) -> None:
        self.data = data
        self.targets = targets

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, indices: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        return self.data[indices].unsqueeze(1).float() / 255.0, self.targets[indices]


def loader(data: torch.Tensor, targets: torch.Tensor, batch_size: int, train: bool, workers: int = 0) -> DataLoader:
    """A loader of :class:`ImageBatches`: shuffled and without the incomplete last batch for training.

    :raises TooFewSamplesError: (a ValueError) if a training set is smaller than one batch
    """
    batches = ImageBatches(data, targets)
    _check_number(len(batches), batch_size, train, "images")
    order = RandomSampler(batches) if train else SequentialSampler(batches)
    return DataLoader(
        batches, batch_size=None, sampler=BatchSampler(order, batch_size, drop_last=train), num_workers=workers
    )


def collated(dataset: Dataset, batch_size: int, train: bool, workers: int = 0) -> DataLoader:
    """A loader of ``(samples [N, ...], labels [N])``, one item after another: shuffled and without the incomplete last
    batch for training.

    :raises TooFewSamplesError: (a ValueError) if a training set is smaller than one batch
    """
    _check_number(len(dataset), batch_size, train, "samples")  # type: ignore[arg-type]
    return DataLoader(dataset, batch_size, shuffle=train, drop_last=train, num_workers=workers)


def _check_number(samples: int, batch_size: int, train: bool, what: str) -> None:
    if train and samples < batch_size:
        raise TooFewSamplesError(f"the training set has {samples} {what}, fewer than one batch of {batch_size}")
