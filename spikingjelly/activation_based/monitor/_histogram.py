"""Histograms whose range grows, and which can be merged exactly: their edges are multiples of a power of two."""

import math
from typing import Any, NamedTuple

import torch

State = tuple[float, float, torch.Tensor, torch.Tensor]  # lowest edge, width, counts, elements that are not finite


class Histogram(NamedTuple):
    """How often elements fell between edges.

    :param counts: ``[bins]``, int64; an element that equals an edge is in the bin above it
    :param edges: ``[bins + 1]``, float64, ascending
    :param not_finite: how many elements were infinite or NaN, which are in no bin
    """

    counts: torch.Tensor
    edges: torch.Tensor
    not_finite: int


def histogram_of(x: torch.Tensor, bins: int) -> State:
    """The histogram of all elements of one tensor."""
    # float64 holds the values of all narrower types, so that none slips over an edge; some devices do not have it.
    x = x.flatten().to("cpu" if x.device.type == "mps" else x.device, torch.float64)
    finite = x[torch.isfinite(x)]
    number_of_others = torch.tensor(len(x) - len(finite), device=x.device)
    if not len(finite):
        return 0.0, 1.0, torch.zeros(bins, dtype=torch.int64, device=x.device), number_of_others
    lowest, highest = finite.min().item(), finite.max().item()
    low, width = _range(lowest, highest, _narrowest(lowest, highest, bins), bins)
    places = ((finite - low) / width).floor().long().clamp(0, bins - 1)
    return low, width, torch.bincount(places, minlength=bins), number_of_others


def merge_histograms(a: State, b: State) -> State:
    """The histogram of the elements of both."""
    others = a[3] + b[3]
    if not a[2].any() or not b[2].any():
        low, width, counts, _ = b if b[2].any() else a
        return low, width, counts, others
    bins = len(a[2])
    (a_first, a_last), (b_first, b_last) = _occupied(a), _occupied(b)
    low, width = _range(min(a_first, b_first), max(a_last, b_last), max(a[1], b[1]), bins)
    counts = torch.zeros_like(a[2])
    for state in (a, b):
        left = state[0] + state[1] * torch.arange(bins, device=counts.device, dtype=torch.float64)
        # What lies outside the range holds nothing.
        places = ((left - low) / width).floor().long().clamp(0, bins - 1)
        counts = counts.scatter_add(0, places, state[2])
    return low, width, counts, others


def result_of_histogram(state: State) -> Histogram:
    """The counts with their edges."""
    low, width, counts, others = state
    edges = low + width * torch.arange(len(counts) + 1, dtype=torch.float64, device=counts.device)
    return Histogram(counts, edges, int(others))


def _occupied(state: State) -> tuple[float, float]:
    """The left edges of the first and the last bin that are not empty."""
    places: Any = state[2].nonzero().flatten()
    return state[0] + state[1] * places[0].item(), state[0] + state[1] * places[-1].item()


def _narrowest(lowest: float, highest: float, bins: int) -> float:
    """The power of two to begin with: for equal elements so small that others decide, but not lost beside them."""
    magnitude = max(abs(lowest), abs(highest))
    spread = max((highest / bins - lowest / bins), magnitude * 2.0**-40, 2.0**-1000)
    return 2.0 ** math.floor(math.log2(spread))


def _range(lowest: float, highest: float, width: float, bins: int) -> tuple[float, float]:
    """The lowest edge, and the least width, at least ``width``, with which ``bins`` bins hold both values."""
    while math.floor(highest / width) - math.floor(lowest / width) >= bins:
        width *= 2
    return math.floor(lowest / width) * width, width
