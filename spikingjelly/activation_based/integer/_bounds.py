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
) -> tuple[int, int]:
    """The largest potential within ``steps`` time steps of inputs between ``low`` and ``high``, and after how many
    steps int32 was left (0: never)."""
    rest = np.zeros_like(threshold) if v_reset is None else v_reset
    lowest, highest = rest.copy(), rest.copy()
    peak = int(np.abs(rest).max())
    for step in range(1, steps + 1):
        charged_low = rest + _leaked(lowest - rest, kept) + low
        charged_high = rest + _leaked(highest - rest, kept) + high
        peak = max(peak, int(np.abs(charged_low).max()), int(np.abs(charged_high).max()))
        if peak > INT32_LIMIT:
            return peak, step
        before = lowest, highest
        if v_reset is None:
            lowest = np.minimum(charged_low, 0)
            highest = np.maximum(np.minimum(charged_high, threshold - 1), charged_high - threshold)
        else:
            lowest = np.minimum(charged_low, rest)
            highest = np.maximum(np.minimum(charged_high, threshold - 1), rest)
        if np.array_equal(before[0], lowest) and np.array_equal(before[1], highest):
            break
    return peak, 0


def _leaked(v: np.ndarray, kept: int) -> np.ndarray:
    return (v * kept + LEAK_ONE // 2) >> LEAK_BITS
