"""One update of the weights from one or several batches."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from spikingjelly.activation_based.model._training import sharding


class Groups:
    """The batches of a loader, ``size`` of them together, and in the last group those that are left."""

    def __init__(self, loader: Any, size: int) -> None:
        if size < 1:
            raise ValueError(f"--accumulation-steps must be at least 1, but {size} was given.")
        self.loader = loader
        self.size = size

    def __len__(self) -> int:
        return -(-len(self.loader) // self.size)

    def __iter__(self) -> Iterator[list[Any]]:
        batches = iter(self.loader)
        while group := list(islice(batches, self.size)):
            yield group


def shares(group: list[Any]) -> Iterator[tuple[float, Any, bool]]:
    """For each batch its part in the samples of the group, the batch, and whether it is the last. With these parts, a
    sum of mean losses is the mean loss of the group."""
    count = sum(len(x) for x, _ in group)
    for number, batch in enumerate(group):
        yield len(batch[0]) / count, batch, number == len(group) - 1


@contextmanager
def exchange(model: nn.Module, wanted: bool) -> Iterator[None]:
    """Whether processes exchange the gradients of a backward pass inside; forward belongs inside too."""
    if isinstance(model, DistributedDataParallel) and not wanted:
        with model.no_sync():
            yield
        return
    if sharding.is_sharded(model):
        part: Any = model
        part.set_requires_gradient_sync(wanted)
    yield


def step(model: nn.Module, optimizer: torch.optim.Optimizer, scaler: Any, norm: float | None) -> None:
    """Update the weights by their gradients, which are scaled down to ``norm`` at most."""
    if scaler is not None:
        scaler.unscale_(optimizer)
    if norm is not None and sharding.is_sharded(model):
        sharding.clip_gradients(model, norm)
    elif norm is not None:
        nn.utils.clip_grad_norm_(model.parameters(), norm)
    if scaler is None:
        optimizer.step()
    else:
        scaler.step(optimizer)
        scaler.update()
