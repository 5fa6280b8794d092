"""The curves over T: one picture for each size and dtype."""

import statistics
from pathlib import Path
from typing import Any

from benchmarks.report import Report

Figure = dict[str, Any]


def draw(report: Report, file: Path) -> None:
    """Save the curves of the sweep over lengths; without matplotlib, say so."""
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        print("No picture: matplotlib is not installed.")
        return
    figures = [figure for figure in report.figures if figure["row"] == "over lengths" and "seconds" in figure]
    panels = sorted({(figure["N"], figure["dtype"]) for figure in figures}, key=lambda panel: (panel[0], panel[1]))
    if not panels:
        print("No picture: no row over lengths was run.")
        return
    picture, axes = plt.subplots(1, len(panels), figsize=(4.2 * len(panels), 4), sharey=True, squeeze=False)
    for axis, (N, dtype) in zip(axes[0], panels, strict=True):
        draw_panel(axis, [figure for figure in figures if (figure["N"], figure["dtype"]) == (N, dtype)])
        axis.set_title(f"{N} neurons, {dtype}")
    axes[0][0].set_ylabel("forward and backward of LIF, ms")
    axes[0][0].legend()
    picture.suptitle(str(report.machine.get("gpu", report.machine["processor"])))
    picture.tight_layout()
    picture.savefig(file, dpi=150)
    plt.close(picture)


def draw_panel(axis: Any, figures: list[Figure]) -> None:
    """A line for each backend, dashed for the copy of as many bytes."""
    for backend in dict.fromkeys(figure["backend"] for figure in figures):
        points = sorted((f["T"], 1e3 * statistics.median(f["seconds"])) for f in figures if f["backend"] == backend)
        style = "--k" if backend == "copy" else "-o"
        label = "copy of as many bytes" if backend == "copy" else backend
        axis.plot(*zip(*points, strict=True), style, label=label)
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.set_xlabel("time steps T")
    axis.grid(True, which="both", alpha=0.3)
