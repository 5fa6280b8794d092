"""Reports as text."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spikingjelly.activation_based.profiler._layers import LayerProfile
    from spikingjelly.activation_based.profiler._report import ProfileReport

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_HEADER = (
    *("layer", "kind", "params", "input", "output", "input is", "dense MACs", "MACs", "ACs", "SynOps"),
    *("updates", "rate", "memory", "energy", "+ memory"),
)


def short(value: float) -> str:
    """A number in three or four digits with k, M, G, T."""
    for factor, prefix in _PREFIXES:
        if abs(value) >= factor:
            return f"{value / factor:.3g}{prefix}" if abs(value) < 999.5 * factor else f"{value / factor:.4g}{prefix}"
    return f"{value:.4g}"


def energy(pj: float) -> str:
    """An energy in pJ, nJ, uJ or mJ."""
    for factor, unit in ((1e9, "mJ"), (1e6, "uJ"), (1e3, "nJ")):
        if pj >= factor:
            return f"{pj / factor:.3g} {unit}"
    return f"{pj:.3g} pJ"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> list[str]:
    """Aligned columns, the first ``left`` of them to the left, and rules around the last row."""
    body = [tuple(header), *map(tuple, rows)]
    widths = [max(len(row[i]) for row in body) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(w) if i < left else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in body
    ]
    return [line.rstrip() for line in lines]


def _shape(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else "x".join(map(str, shape)) or "1"


def _cells(row: "LayerProfile") -> tuple[str, ...]:
    figures = (row.dense_macs, row.macs, row.acs, row.synops, row.neuron_updates)
    rate = "" if row.firing_rate is None else f"{row.firing_rate:.4f}"
    return (
        *(row.name, row.kind, short(row.parameters), _shape(row.input_shape), _shape(row.output_shape), row.input_kind),
        *map(short, figures),
        *(rate, short(row.memory_bytes) + "B", energy(row.energy_pj), energy(row.energy_with_memory_pj)),
    )


def profile_text(report: "ProfileReport") -> str:
    """The table, the comparison with the ANN of equal shape, notes and sources."""
    lines = table(_HEADER, [*map(_cells, report.layers), _cells(report.total)], left=2)
    rule = "-" * max(map(len, lines))
    lines = [lines[0], rule, *lines[1:-1], rule, lines[-1], "", *_comparison(report), ""]
    notes = [f"{row.name}: {note}" for row in report.layers for note in row.notes]
    if report.uncounted:
        notes.insert(0, f"INCOMPLETE: operations in {', '.join(report.uncounted)} are not counted.")
    lines += [*notes, *([""] if notes else []), "Sources of the constants:", *(f"- {s}" for s in report.costs.sources)]
    return "\n".join(lines)


def _comparison(report: "ProfileReport") -> list[str]:
    total, T = report.total, report.T
    rows = [
        ("this network", total.energy_pj, total.energy_with_memory_pj),
        ("ANN of equal shape, run once", total.ann_energy_pj, total.ann_energy_with_memory_pj),
        (f"ANN of equal shape, run {T:g} times", total.ann_energy_pj * T, total.ann_energy_with_memory_pj * T),
    ]
    texts = [(name, energy(arithmetic), energy(everything)) for name, arithmetic, everything in rows]
    return [
        f"Per sample, summed over T = {T:g} time steps; mean of {report.samples} samples.",
        *table(("energy of a sample", "MACs and ACs", "with neurons and memory"), texts, left=1),
        f"Both are 32-bit estimates without reuse of data; {report.equivalent_ann_bits}-bit activations would give an "
        "ANN as many values as T steps give a neuron.",
    ]
