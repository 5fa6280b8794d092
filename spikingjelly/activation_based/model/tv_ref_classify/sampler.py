"""Repeated augmentation."""

from collections.abc import Iterator, Sized

import torch
from torch.utils.data import Sampler

from spikingjelly.activation_based.model._training.processes import get_rank, get_world_size

__all__ = ["RASampler"]


class RASampler(Sampler[int]):
    """Repeated augmentation: several views of a sample, spread over the processes, so that batches have all of them.

    An epoch has as many samples as the data set, rounded down to the same number in each process, and so only a part
    of the data set.

    :param dataset: the data set
    :param num_replicas: number of processes; None for those that train together
    :param rank: number of this process; None for its own
    :param shuffle: whether the samples come in a random order, a different one after each :meth:`set_epoch`
    :param seed: of that order
    :param repetitions: views of a sample

    :raises ValueError: if ``repetitions < 1``, or if there are fewer samples than processes

    Source: Hoffer et al., "Augment Your Batch: Improving Generalization Through Instance Repetition", CVPR 2020.
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        repetitions: int = 3,
    ) -> None:
        self.dataset = dataset
        self.num_replicas = get_world_size() if num_replicas is None else num_replicas
        self.rank = get_rank() if rank is None else rank
        self.shuffle = shuffle
        self.seed = seed
        self.repetitions = repetitions
        self.epoch = 0
        self.num_selected_samples = len(dataset) // self.num_replicas
        if repetitions < 1 or self.num_selected_samples < 1:
            raise ValueError(
                f"RASampler: expected repetitions >= 1 and at least one sample for each of {self.num_replicas} "
                f"processes, but repetitions={repetitions} and {len(dataset)} samples were given."
            )

    def __iter__(self) -> Iterator[int]:
        count = len(self.dataset)
        order = torch.arange(count)
        if self.shuffle:
            order = torch.randperm(count, generator=torch.Generator().manual_seed(self.seed + self.epoch))
        views = order.repeat_interleave(self.repetitions)[self.rank :: self.num_replicas]
        return iter(views[: self.num_selected_samples].tolist())

    def __len__(self) -> int:
        return self.num_selected_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of this epoch."""
        self.epoch = epoch
