"""Pictures and tables of accuracies over the number of time steps."""

from collections.abc import Mapping, Sequence
from pathlib import Path


def draw_curves(
    path: Path,
    curves: Mapping[str, Mapping[int, float]],
    title: str,
    ann_accuracy: float,
    lowest: float | None = None,
) -> None:
    """Save a picture of accuracies over time steps.

    :param curves: for each name, the accuracy in [0, 1] after each number of steps
    :param ann_accuracy: drawn as a dashed line
    :param lowest: lower end of the axis; default None: as low as the curves
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for index, (name, curve) in enumerate(curves.items()):
        style = "-" if index < 10 else "--"
        few = len(curve) <= 12
        axes.plot(
            list(curve), [100 * value for value in curve.values()], style, marker="o" if few else None, label=name
        )
    axes.axhline(100 * ann_accuracy, color="black", linestyle=":", label="ANN")
    steps = [t for curve in curves.values() for t in curve]
    axes.set_xscale("log", base=2)
    ticks = [2**i for i in range(max(steps).bit_length()) if min(steps) <= 2**i]
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.set(xlabel="time steps T", ylabel="test accuracy (%)", title=title)
    if lowest is not None:
        axes.set_ylim(100 * lowest, 100.5)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=120)


def markdown_table(first: str, curves: Mapping[str, Mapping[int, float]], steps: Sequence[int]) -> str:
    """A table in Markdown with a row for each curve and a column for each number of steps; percent."""
    lines = [f"| {first} | " + " | ".join(f"T={t}" for t in steps) + " |", "|---" * (len(steps) + 1) + "|"]
    for name, curve in curves.items():
        values = (f"{100 * curve[t]:.2f}" if t in curve else "" for t in steps)
        lines.append(f"| {name} | " + " | ".join(values) + " |")
    return "\n".join(lines)
