"""Pictures and tables of accuracies over the number of time steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Panel:
    """Accuracies on one data set.

    :param curves: for each name, the accuracy in [0, 1] after each number of steps
    :param ann_accuracy: drawn as a dotted line
    """

    curves: Mapping[str, Mapping[int, float]]
    ann_accuracy: float


def draw_panels(path: Path, panels: Mapping[str, Panel], lowest: float | None = None) -> None:
    """Save a picture of accuracies over time steps, one panel for each title, side by side.

    :param panels: at least one; the names of their curves are the same
    :param lowest: lower end of the axis, in [0, 1]; default None: as low as the curves
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.5 + 6 * len(panels), 5), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (title, panel) in zip(axes, panels.items(), strict=True):
        _draw(ax, panel)
        ax.set_title(title)
        if lowest is not None:
            ax.set_ylim(100 * lowest, 100.5)
    axes[0].set_ylabel("test accuracy (%)")
    axes[-1].legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=120)


def _draw(axes: Any, panel: Panel) -> None:
    for index, (name, curve) in enumerate(panel.curves.items()):
        style = "-" if index < 10 else "--"  # there are ten colours
        marker = "o" if len(curve) <= 12 else None
        axes.plot(list(curve), [100 * value for value in curve.values()], style, marker=marker, label=name)
    axes.axhline(100 * panel.ann_accuracy, color="black", linestyle=":", label="ANN")
    steps = [t for curve in panel.curves.values() for t in curve]
    axes.set_xscale("log", base=2)
    ticks = [2**i for i in range(max(steps).bit_length()) if min(steps) <= 2**i]
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.set_xlabel("time steps T")
    axes.grid(alpha=0.3)


def markdown_table(first: str, curves: Mapping[str, Mapping[int, float]], steps: Sequence[int]) -> str:
    """A table in Markdown with a row for each curve and a column for each number of steps; percent."""
    lines = [f"| {first} | " + " | ".join(f"T={t}" for t in steps) + " |", "|---" * (len(steps) + 1) + "|"]
    for name, curve in curves.items():
        values = (f"{100 * curve[t]:.2f}" if t in curve else "" for t in steps)
        lines.append(f"| {name} | " + " | ".join(values) + " |")
    return "\n".join(lines)
