"""Samples of a training, shared among processes."""

from collections.abc import Callable, Iterator, Sized
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler, default_collate
from torch.utils.data.distributed import DistributedSampler

from spikingjelly.activation_based.model._training.processes import get_rank, get_world_size
from spikingjelly.activation_based.model._training.randomness import seed_worker
from spikingjelly.activation_based.model.tv_ref_classify.sampler import RASampler
from spikingjelly.activation_based.model.tv_ref_classify.transforms import RandomCutmix, RandomMixup


class EachOnce(Sampler[int]):
    """Every sample of a data set, in one of the processes: none twice, so that a test is exact."""

    def __init__(self, dataset: Sized) -> None:
        self.indices = range(get_rank(), len(dataset), get_world_size())

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)


def make_samplers(args: Any, dataset: Any, dataset_test: Any) -> tuple[Any, Any]:
    """Samplers of the two data sets: shuffled, with repeated augmentation if wished; and each sample once."""
    if args.ra_sampler:
        return RASampler(dataset, seed=args.seed, repetitions=args.ra_reps), EachOnce(dataset_test)
    train: DistributedSampler[Any] = DistributedSampler(
        dataset, get_world_size(), get_rank(), shuffle=True, seed=args.seed
    )
    return train, EachOnce(dataset_test)


def make_collate(args: Any, num_classes: int) -> Callable[[Any], Any]:
    """Batches with mixup or cutmix, one of them by chance where both are wished."""
    kinds = ((RandomMixup, args.mixup_alpha), (RandomCutmix, args.cutmix_alpha))
    mixes = [kind(num_classes, p=1.0, alpha=alpha) for kind, alpha in kinds if alpha > 0]
    return _Mixed(mixes) if mixes else default_collate


class _Mixed:
    def __init__(self, mixes: list[Any]) -> None:
        self.mixes = mixes

    def __call__(self, samples: Any) -> Any:
        mix = self.mixes[int(torch.randint(len(self.mixes), (1,)))]
        batch, target = default_collate(samples)
        return mix(batch, target)


def make_loader(args: Any, dataset: Any, sampler: Any, collate: Callable[[Any], Any] | None = None) -> DataLoader:
    """The batches of a data set."""
    return DataLoader(
        dataset, batch_size=args.batch_size, sampler=sampler, num_workers=args.workers, collate_fn=collate,
        pin_memory=not args.disable_pinmemory and str(args.device).startswith("cuda"), worker_init_fn=seed_worker,
    )  # fmt: skip
