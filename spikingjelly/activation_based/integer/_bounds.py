"""How large the numbers in a network of integers can become: bounds for every input, not measurements."""

from dataclasses import dataclass

import numpy as np
import torch

from spikingjelly.activation_based.integer._arithmetic import INT32_LIMIT, LEAK_BITS, LEAK_ONE


@dataclass(frozen=True)
class Range:
    """Integers from ``low`` to ``high``, with 0 among them."""

    low: int
    high: int

    @property
    def largest(self) -> int:
        return max(-self.low, self.high)


def sums(weight: torch.Tensor, bias: torch.Tensor | None, x: Range) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest result of each output channel of a synapse; padding with zeros only makes them smaller."""
    rows = weight.flatten(1).numpy().astype(np.int64)
    positive, negative = rows.clip(min=0).sum(1), rows.clip(max=0).sum(1)
    offset = 0 if bias is None else bias.numpy().astype(np.int64)
    return positive * x.low + negative * x.high + offset, positive * x.high + negative * x.low + offset


def largest_sum(weight: torch.Tensor, bias: torch.Tensor | None, x: Range) -> int:
    """The largest number that turns up while a synapse adds, in any order."""
    rows = np.abs(weight.flatten(1).numpy().astype(np.int64)).sum(1) * x.largest
    return int((rows + (0 if bias is None else np.abs(bias.numpy().astype(np.int64)))).max())


def largest_potential(
    low: np.ndarray, high: np.ndarray, threshold: np.ndarray, kept: int, v_reset: np.ndarray | None, steps: int
) -> int:
    """The largest potential, before or after a reset, within ``steps`` inputs from ``low`` to ``high``."""
    rest = np.zeros_like(threshold) if v_reset is None else v_reset
    bound = _without_leak if kept == LEAK_ONE else _with_leak
    lowest, highest = bound(low, high, threshold, kept, rest, v_reset is None, steps)
    return int(np.abs(np.stack([lowest, highest, rest, threshold])).max())


def _without_leak(
    low: np.ndarray, high: np.ndarray, threshold: np.ndarray, kept: int, rest: np.ndarray, soft: bool, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Nothing stops a potential from falling; it rises to the threshold, and further where a reset takes less away
    than an input can bring."""
    steps = min(steps, INT32_LIMIT)  # beyond which any input overflows; keeps the products in int64
    fallen = rest + steps * np.minimum(low, 0)
    rise = np.maximum(high, 0)
    left_over = np.maximum(high - threshold, 0) if soft else 0
    return fallen, np.minimum(rest + steps * rise, np.maximum(threshold - 1, rest) + rise + (steps - 1) * left_over)


def _with_leak(
    low: np.ndarray, high: np.ndarray, threshold: np.ndarray, kept: int, rest: np.ndarray, soft: bool, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Step by step, until leak and input are in balance."""
    lowest, highest = rest, rest
    charged_low = charged_high = rest
    for _ in range(steps):
        before = lowest, highest
        charged_low = np.minimum(charged_low, rest + _leaked(lowest - rest, kept) + low)
        charged_high = np.maximum(charged_high, rest + _leaked(highest - rest, kept) + high)
        lowest = np.minimum(charged_low, rest)
        highest = np.maximum(np.minimum(charged_high, threshold - 1), rest)
        if soft:
            highest = np.maximum(highest, charged_high - threshold)
        if np.array_equal(before[0], lowest) and np.array_equal(before[1], highest):
            break
    return charged_low, charged_high


def _leaked(v: np.ndarray, kept: int) -> np.ndarray:
    return (v * kept + LEAK_ONE // 2) >> LEAK_BITS
