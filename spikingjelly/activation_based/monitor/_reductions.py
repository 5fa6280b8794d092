"""Reductions: what is kept of all records in place of the records."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, describe
from spikingjelly.activation_based.monitor._histogram import histogram_of, merge_histograms, result_of_histogram

Dims = tuple[int, ...]


@dataclass(frozen=True)
class Reduction:
    """How tensors that come one after another become one value, in memory that does not grow.

    :param measure: ``(x, dims)`` to the state of one tensor without graph, ``x``, in which the dimensions ``dims`` are
        reduced: all of them, or those of time and samples. A state is a tensor, or a tuple of tensors and numbers
    :param merge: two states, the earlier one first, to the state of both together
    :param result: a state to the value; default: the state itself
    :param per_neuron: whether ``measure`` takes heed of ``dims``
    """

    measure: Callable[[torch.Tensor, Dims], Any]
    merge: Callable[[Any, Any], Any]
    result: Callable[[Any], Any] = lambda state: state
    per_neuron: bool = False


def histogram(bins: int = 64) -> Reduction:
    """The reduction ``'histogram'`` with another number of bins: a :class:`Histogram` of the elements.

    The range grows with the records: the width of the bins is the smallest power of two with which ``bins`` of them
    hold all that came, and bins are joined in pairs when it doubles, so that counts are exact.

    :param bins: number of bins, at least 2
    """
    if isinstance(bins, bool) or not isinstance(bins, int):
        raise ArgumentTypeError(f"histogram: bins must be an int, but {describe(bins)} was given.")
    if bins < 2:
        raise ArgumentValueError(f"histogram: bins must be at least 2, but {bins} was given.")
    return Reduction(lambda x, _: histogram_of(x, bins), merge_histograms, result_of_histogram)


def wide(x: torch.Tensor) -> torch.Tensor:
    """``x`` in float64, or in float32 on devices that have no more."""
    return x.to(torch.float32 if x.device.type == "mps" else torch.float64)


def _number_of(x: torch.Tensor, dims: Dims) -> int:
    number = 1
    for dim in dims:
        number *= x.shape[dim]
    return number


def _at_least_single(x: torch.Tensor) -> torch.Tensor:
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def _sum(x: torch.Tensor, dims: Dims) -> torch.Tensor:
    if not x.is_floating_point():
        return x.sum(dims)  # int64
    return wide(_at_least_single(x).sum(dims))


def _sum_and_number(x: torch.Tensor, dims: Dims) -> tuple[torch.Tensor, int]:
    return _sum(x, dims), _number_of(x, dims)


def _spikes_and_number(x: torch.Tensor, dims: Dims) -> tuple[torch.Tensor, int]:
    return _sum(x != 0, dims), _number_of(x, dims)


def _ratio(state: tuple[torch.Tensor, int]) -> torch.Tensor:
    return wide(state[0]) / state[1]


def _deviation(x: torch.Tensor, dims: Dims) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Mean, sum of squared deviations from it, number."""
    x = _at_least_single(x)
    mean = x.mean(dims, keepdim=True)
    return wide(mean.squeeze(dims)), wide(((x - mean) ** 2).sum(dims)), _number_of(x, dims)


def _merge_deviations(a: tuple[Any, Any, int], b: tuple[Any, Any, int]) -> tuple[Any, Any, int]:
    # Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979
    number = a[2] + b[2]
    shift = b[0] - a[0]
    return a[0] + shift * (b[2] / number), a[1] + b[1] + shift**2 * (a[2] * b[2] / number), number


def _add_pairs(a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x + y for x, y in zip(a, b, strict=True))


REDUCTIONS = {
    "mean": Reduction(_sum_and_number, _add_pairs, _ratio, per_neuron=True),
    "sum": Reduction(_sum, torch.add, per_neuron=True),
    "rate": Reduction(_spikes_and_number, _add_pairs, _ratio, per_neuron=True),
    "max": Reduction(torch.amax, torch.maximum, per_neuron=True),
    "min": Reduction(torch.amin, torch.minimum, per_neuron=True),
    "std": Reduction(
        _deviation, _merge_deviations, lambda state: torch.sqrt(state[1] / (state[2] - 1)), per_neuron=True
    ),
    "last": Reduction(lambda x, _: x.clone(), lambda _, latest: latest),
    "histogram": histogram(),
}


def checked_reduction(owner: str, reduce: Any, per_neuron: bool) -> Reduction:
    """The reduction that ``reduce`` names or is.

    :raises TypeError: (also an AssertionError) if it is neither
    :raises ValueError: (also an AssertionError) if no reduction has that name, or it can't be done for each neuron
    """
    names = ", ".join(map(repr, REDUCTIONS))
    if not isinstance(reduce, str | Reduction):
        raise ArgumentTypeError(
            f"{owner}: reduce must be None, one of {names}, or a monitor.Reduction, but {describe(reduce)} was given."
        )
    if isinstance(reduce, str) and reduce not in REDUCTIONS:
        raise ArgumentValueError(f"{owner}: reduce must be one of {names}, but {reduce!r} was given.")
    reduction = REDUCTIONS[reduce] if isinstance(reduce, str) else reduce
    if per_neuron and not reduction.per_neuron:
        those = ", ".join(repr(name) for name, r in REDUCTIONS.items() if r.per_neuron)
        given = repr(reduce) if isinstance(reduce, str) else "one without it"
        raise ArgumentValueError(
            f"{owner}: per_neuron=True goes with {those} and with a monitor.Reduction that has per_neuron=True, but "
            f"reduce is {given}."
        )
    return reduction
