"""Times that are taken in turns, so that what else happens on the machine hits all alike."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Name = TypeVar("Name")


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turns(ways: Mapping[Name, Callable[[], float]], rounds: int) -> dict[Name, list[float]]:
    """Let each way give its seconds once a round."""
    times: dict[Name, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, seconds_of in ways.items():
            times[name].append(seconds_of())
    return times


def ratios(seconds: Sequence[float], others: Sequence[float]) -> list[float]:
    """Round by round."""
    return [a / b for a, b in zip(seconds, others, strict=True)]


def in_words(values: Sequence[float], unit: str = "", scale: float = 1.0) -> str:
    """Median (least, most), each with three digits."""
    median, least, most = (scale * f(values) for f in (statistics.median, min, max))
    return f"{short(median)}{unit} ({short(least)}, {short(most)})"


def short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
