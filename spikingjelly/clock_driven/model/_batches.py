"""Means over the batches of an epoch."""

import time
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist

Right = Callable[[torch.Tensor, torch.Tensor], tuple[Any, Any]]


class Means:
    """Percentages of samples that are right, and the mean loss; of all processes, where several train together.

    :param name: begins the names in the line that :meth:`report` prints
    :param right: ``(output, target)`` to the numbers of samples that are right at first and among five
    """

    def __init__(self, name: str, right: Right) -> None:
        self.name, self.right = name, right
        self.acc1: Any = 0.0
        self.acc5: Any = 0.0
        self.loss, self.samples, self.start = 0.0, 0, time.perf_counter()

    def add(self, output: torch.Tensor, target: torch.Tensor, loss: torch.Tensor) -> None:
        acc1, acc5 = self.right(output.detach(), target)
        self.acc1, self.acc5 = self.acc1 + acc1, self.acc5 + acc5
        self.loss += loss.item() * target.shape[0]
        self.samples += target.shape[0]

    def report(self) -> tuple[Any, Any, float]:
        """Print and return them.

        :raises ValueError: if there was no batch
        """
        if self.samples == 0:
            raise ValueError("data_loader gave no batch: give one with at least one sample.")
        acc1, acc5, loss, samples = self._of_all_processes()
        acc1, acc5, loss = acc1 / samples * 100.0, acc5 / samples * 100.0, loss / samples
        name, speed = self.name, samples / (time.perf_counter() - self.start)
        print(
            f"{name.capitalize()}: {name}_acc1={acc1:.3f}, {name}_acc5={acc5:.3f}, {name}_loss={loss:.6f}, "
            f"samples/s={speed:.3f}"
        )
        return acc1, acc5, loss

    def _of_all_processes(self) -> tuple[Any, Any, float, float]:
        own = (self.acc1, self.acc5, self.loss, float(self.samples))
        if not (dist.is_available() and dist.is_initialized()):
            return own
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        total = torch.tensor([float(value) for value in own], dtype=torch.float64, device=device)
        dist.all_reduce(total)
        return tuple(total.tolist())
