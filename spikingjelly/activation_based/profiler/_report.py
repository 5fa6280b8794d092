"""The report of a profile: rows, totals, comparisons, and their forms."""

import csv
import dataclasses
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikingjelly.activation_based.profiler._energy import EnergyCosts
from spikingjelly.activation_based.profiler._layers import LayerProfile
from spikingjelly.activation_based.profiler._table import profile_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SUMS = (
    *("parameters", "dense_macs", "macs", "acs", "synops", "elementwise", "neuron_updates", "spikes", "memory_bytes"),
    *("energy_pj", "energy_with_memory_pj", "ann_energy_pj", "ann_energy_with_memory_pj"),
)


@dataclass(frozen=True)
class ProfileReport:
    """What :func:`profile` counted; ``str(report)`` is a table.

    :param layers: a :class:`LayerProfile` for each layer
    :param T: time steps of a sample (their mean, where samples differ)
    :param samples: how many samples the figures are the mean of
    :param costs: the constants of the energies
    """

    layers: Sequence[LayerProfile]
    T: float
    samples: int
    costs: EnergyCosts

    def __getitem__(self, name: str) -> LayerProfile:
        """The row of the module of that name.

        :raises KeyError: if there is none
        """
        for row in self.layers:
            if row.name == name:
                return row
        raise KeyError(f"ProfileReport: no row for {name!r}, only for {', '.join(repr(r.name) for r in self.layers)}.")

    @property
    def total(self) -> LayerProfile:
        """The sums over all layers; the firing rate is that of all spiking neurons together."""
        sums: dict[str, Any] = {name: sum(getattr(row, name) for row in self.layers) for name in _SUMS}
        firing = [row for row in self.layers if row.firing_rate is not None]
        updates = sum(row.neuron_updates for row in firing)
        return LayerProfile(
            "total",
            "",
            firing_rate=sum(row.spikes for row in firing) / updates if updates else None,
            uncounted=tuple(sorted({name for row in self.layers for name in row.uncounted})),
            **sums,
        )

    @property
    def dense_flops(self) -> float:
        """FLOPs of all dense products of a sample, 2 for each multiply-accumulate."""
        return 2 * self.total.dense_macs

    @property
    def equivalent_ann_bits(self) -> int:
        """Bits of an activation that takes as many values as there are numbers of spikes in T steps.

        A quantised ANN with that many bits is the fair opponent by Yan et al., arXiv 2409.08290; its products cost
        less than the 32-bit ones that this report charges an ANN.
        """
        return math.ceil(math.log2(self.T + 1))

    @property
    def uncounted(self) -> dict[str, tuple[str, ...]]:
        """The layers with operations that no rule covers, and these operations."""
        return {row.name: row.uncounted for row in self.layers if row.uncounted}

    def to_dict(self) -> dict[str, Any]:
        """Everything in the report as dicts, lists, numbers and strings."""
        return {
            "T": self.T,
            "samples": self.samples,
            "dense_flops": self.dense_flops,
            "equivalent_ann_bits": self.equivalent_ann_bits,
            "layers": [dataclasses.asdict(row) for row in self.layers],
            "total": dataclasses.asdict(self.total),
            "uncounted": {name: list(names) for name, names in self.uncounted.items()},
            "costs": dataclasses.asdict(self.costs),
        }

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """:meth:`to_dict` as JSON, which is also written to ``path`` if there is one."""
        return _written(json.dumps(self.to_dict(), indent=2), path)

    def to_csv(self, path: str | PathLike[str] | None = None) -> str:
        """A line for each layer and one for the total as CSV, which is also written to ``path`` if there is one."""
        names = [field.name for field in dataclasses.fields(LayerProfile)]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        for row in (*self.layers, self.total):
            writer.writerow([_cell(getattr(row, name)) for name in names])
        return _written(text.getvalue(), path)

    def figure(self) -> "Figure":
        """Bars of each layer's energy and firing rate, as a matplotlib figure.

        :raises ImportError: if matplotlib is not installed
        """
        from spikingjelly.activation_based.profiler._figure import profile_figure

        return profile_figure(self)

    def __str__(self) -> str:
        return profile_text(self)


def _cell(value: Any) -> Any:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) if value and isinstance(value[0], int) else "; ".join(value)
    return "" if value is None else value


def _written(text: str, path: str | PathLike[str] | None) -> str:
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text
