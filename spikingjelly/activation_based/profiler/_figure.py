"""The report of a profile as a picture."""

from typing import TYPE_CHECKING

import numpy as np

from spikingjelly._extras import needing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from spikingjelly.activation_based.profiler._report import ProfileReport

# Of Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
_BLUE, _ORANGE, _GREEN = "#0072B2", "#E69F00", "#009E73"
_UNITS = ((1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))


def profile_figure(report: "ProfileReport") -> "Figure":
    """Energy of each layer on the left, firing rates on the right."""
    with needing("matplotlib", "ProfileReport.figure", "plot"):
        from matplotlib.figure import Figure
    figure = Figure(figsize=(10, 1.8 + 0.28 * len(report.layers)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
    _draw_energy(left, report)
    _draw_rates(right, report)
    left.set_yticks(np.arange(len(report.layers)), [f"{row.name} ({row.kind})" for row in report.layers])
    left.set_ylim(len(report.layers) - 0.4, -0.6)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")
    return figure


def _draw_energy(axes: "Axes", report: "ProfileReport") -> None:
    arithmetic = np.array([row.energy_pj for row in report.layers], dtype=float)
    everything = np.array([row.energy_with_memory_pj for row in report.layers], dtype=float)
    ann = np.array([row.ann_energy_with_memory_pj for row in report.layers], dtype=float)
    largest = max(everything.max(initial=0.0), ann.max(initial=0.0))
    factor, unit = next((pair for pair in _UNITS if largest >= pair[0]), _UNITS[-1])
    places = np.arange(len(report.layers))
    axes.barh(places, arithmetic / factor, color=_BLUE, label="MACs and ACs")
    rest = (everything - arithmetic) / factor
    axes.barh(places, rest, left=arithmetic / factor, color=_ORANGE, hatch="//", label="neurons and memory")
    axes.plot(ann[ann > 0] / factor, places[ann > 0], "kD", markersize=4, label="ANN run once, with memory")
    axes.set_xlim(left=0)
    axes.set(xlabel=f"energy per sample ({unit})", ylabel="layer", title=f"T = {report.T:g}, {report.samples} samples")


def _draw_rates(axes: "Axes", report: "ProfileReport") -> None:
    rates = [(place, row.firing_rate) for place, row in enumerate(report.layers) if row.firing_rate is not None]
    axes.barh([place for place, _ in rates], [rate for _, rate in rates], color=_GREEN)
    axes.set(xlabel="firing rate (spikes per\nneuron and time step)", xlim=(0, 1))
