"""A picture of what an agent has learned."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def running_mean(values: Sequence[float], window: int) -> np.ndarray:
    """Mean of the last ``window`` values at each place, of fewer at the beginning."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(1, len(values) + 1)
    begin = np.maximum(end - window, 0)
    return (sums[end] - sums[begin]) / (end - begin)


def draw(path: Path, title: str, episodes: Sequence[tuple[int, float]], target: float, window: int) -> None:
    """Save a picture of the return of each episode over the steps of training, their running mean, and the target.

    :param episodes: ``(steps at its end, return)`` of each episode
    """
    from matplotlib.figure import Figure

    steps, returns = [step for step, _ in episodes], [value for _, value in episodes]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(steps, returns, ".", color="C0", markersize=3, alpha=0.4, label="one episode")
    newest = np.append(np.diff(steps) > 0, True)[: len(steps)]  # of episodes that ended together
    mean = running_mean(returns, window)[newest]
    axes.plot(np.array(steps)[newest], mean, color="C1", linewidth=2, label=f"mean of the last {window}")
    axes.axhline(target, color="black", linestyle="--", linewidth=1, label="target")
    axes.set(title=title, xlabel="steps in the environments", ylabel="return")
    axes.legend(loc="best", fontsize="small")
    figure.savefig(path, dpi=120)
