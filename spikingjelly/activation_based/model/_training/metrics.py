"""Numbers that are watched during a training."""

import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

import torch

from spikingjelly.activation_based.model._training.processes import (
    is_dist_avail_and_initialized,
    reduce_across_processes,
)


class SmoothedValue:
    """The last values of a number, and the mean of all.

    :param window_size: number of values that ``median``, ``avg``, ``max`` and ``value`` look at
    :param fmt: how it is printed, with these names and ``global_avg``
    """

    def __init__(self, window_size: int = 20, fmt: str | None = None) -> None:
        self.deque: deque[float] = deque(maxlen=window_size)
        self.total = 0.0
        self.count = 0
        self.fmt = "{median:.4f} ({global_avg:.4f})" if fmt is None else fmt

    def update(self, value: float, n: int = 1) -> None:
        """Add ``value``, the mean of ``n`` samples."""
        self.deque.append(float(value))
        self.count += n
        self.total += float(value) * n

    def synchronize_between_processes(self) -> None:
        """Make ``global_avg`` the mean over the samples of all processes; the window stays this process's own."""
        if is_dist_avail_and_initialized():
            sums = reduce_across_processes(torch.tensor([self.count, self.total], dtype=torch.float64))
            self.count, self.total = int(sums[0]), float(sums[1])

    @property
    def median(self) -> float:
        return torch.tensor(list(self.deque)).median().item()

    @property
    def avg(self) -> float:
        return sum(self.deque) / len(self.deque)

    @property
    def global_avg(self) -> float:
        return self.total / self.count

    @property
    def max(self) -> float:
        return max(self.deque)

    @property
    def value(self) -> float:
        return self.deque[-1]

    def __str__(self) -> str:
        if not self.count:
            return "no value"
        names = ("median", "avg", "global_avg", "max", "value")
        return self.fmt.format(**{name: getattr(self, name) for name in names})


class MetricLogger:
    """Several :class:`SmoothedValue`, each an attribute of its name.

    :param delimiter: between them, where they are printed
    """

    def __init__(self, delimiter: str = "\t") -> None:
        self.meters: defaultdict[str, SmoothedValue] = defaultdict(SmoothedValue)
        self.delimiter = delimiter

    def add_meter(self, name: str, meter: SmoothedValue) -> None:
        """Watch ``name`` with a meter of your own."""
        self.meters[name] = meter

    def update(self, **kwargs: float | torch.Tensor) -> None:
        """Add a value to each of the meters named."""
        for name, value in kwargs.items():
            self.meters[name].update(float(value))

    def synchronize_between_processes(self) -> None:
        """:meth:`SmoothedValue.synchronize_between_processes` of all meters."""
        for meter in self.meters.values():
            meter.synchronize_between_processes()

    def log_every(self, iterable: Iterable[Any], print_freq: int, header: str = "") -> Iterator[Any]:
        """The items of ``iterable``; after each ``print_freq`` of them the meters are printed, and after the last."""
        start = time.monotonic()
        number = -1
        for number, item in enumerate(iterable):
            yield item
            if (number + 1) % print_freq == 0:
                print(f"{header} [{number + 1}/{_length(iterable)}] {self}")
        print(f"{header} {number + 1} batches in {time.monotonic() - start:.1f} s. {self}")

    def __getattr__(self, name: str) -> SmoothedValue:
        meters = self.__dict__.get("meters", {})
        if name in meters:
            return meters[name]
        raise AttributeError(f"MetricLogger has no meter {name!r}, only {', '.join(meters) or 'none yet'}.")

    def __str__(self) -> str:
        return self.delimiter.join(f"{name}: {meter}" for name, meter in self.meters.items())


def accuracy(output: torch.Tensor, target: torch.Tensor, topk: Sequence[int] = (1,)) -> list[torch.Tensor]:
    """Percentages of samples whose class is among the k greatest outputs, for each k in ``topk``.

    :param output: ``[N, classes]``
    :param target: classes ``[N]``, or a weight for each class ``[N, classes]``, of which the greatest counts
    :param topk: where there are fewer classes than k, all of them count
    """
    with torch.inference_mode():
        classes = target.argmax(1) if target.dim() == 2 else target
        best = output.topk(min(max(topk), output.shape[1]), dim=1).indices
        right = best == classes[:, None]
        return [right[:, :k].any(1).float().mean() * 100.0 for k in topk]


def _length(iterable: Iterable[Any]) -> str:
    return str(len(iterable)) if isinstance(iterable, Sized) else "?"
