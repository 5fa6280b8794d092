"""What is wrong with which layer, and what to change."""

import dataclasses
import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from spikingjelly.activation_based.profiler._table import short, table

_WIDTH = 88  # of the advice: what fits on a page without scrolling
_ADVICE = {
    "silent": "No neuron of it fires, so nothing passes. Lower v_threshold, scale its input up (larger weights, "
    "normalisation in front of it), or show more time steps.",
    "dead": "These neurons add nothing. Lower v_threshold, scale its input up, put normalisation in front of it, or "
    "use fewer neurons.",
    "saturated": "These neurons fire at every time step and carry no information. Raise v_threshold, scale its input "
    "down, put normalisation in front of it, or let it leak faster (smaller tau).",
    "vanishing gradient": "Its surrogate passes next to no gradient there. Take a wider surrogate (for Sigmoid and "
    "ATan a smaller alpha), or bring the potentials closer to v_threshold with normalisation.",
    "no gradient": "No gradient of the loss arrives at its spikes. Look for detach() or torch.no_grad() behind it, for "
    "weights of zero, and at the layers behind it.",
}


@dataclass(frozen=True)
class Finding:
    """Something wrong with a layer.

    ``problem``: "silent", "dead", "saturated", "vanishing gradient" or "no gradient"; ``share``: of the neurons;
    ``advice``: what to change.
    """

    problem: str
    share: float

    @property
    def advice(self) -> str:
        return _ADVICE[self.problem]


@dataclass(frozen=True)
class LayerHealth:
    """The figures of one layer of neurons.

    ``neurons``: in one sample. ``firing_rate``: spikes per neuron and time step. ``never_fires``, ``always_fires``: the
    shares of neurons that do so in all samples and time steps. ``vanishing``: the share of neurons, over samples, whose
    input gets less than a small part of the gradient that arrives at their spikes; None without a loss, and where none
    arrives. Rates and shares are None where the outputs are no spikes.
    """

    name: str
    kind: str
    neurons: int
    firing_rate: float | None
    never_fires: float | None
    always_fires: float | None
    vanishing: float | None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class HealthReport:
    """What :func:`health` found; ``str(report)`` is a table with advice.

    :param layers: a :class:`LayerHealth` for each layer of neurons, in the order of the network
    :param samples: how many samples were shown
    """

    layers: Sequence[LayerHealth]
    samples: int

    def __getitem__(self, name: str) -> LayerHealth:
        """The row of the module of that name.

        :raises KeyError: if there is none
        """
        for row in self.layers:
            if row.name == name:
                return row
        raise KeyError(f"HealthReport: no row for {name!r}, only for {', '.join(repr(r.name) for r in self.layers)}.")

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not any(row.findings for row in self.layers)

    @property
    def findings(self) -> dict[str, tuple[Finding, ...]]:
        """The layers with findings."""
        return {row.name: row.findings for row in self.layers if row.findings}

    def to_dict(self) -> dict[str, Any]:
        """Everything in the report as dicts, lists, numbers and strings."""
        layers = [dataclasses.asdict(row) for row in self.layers]
        for layer, row in zip(layers, self.layers, strict=True):
            layer["findings"] = [{**dataclasses.asdict(found), "advice": found.advice} for found in row.findings]
        return {"samples": self.samples, "healthy": self.healthy, "layers": layers}

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """:meth:`to_dict` as JSON, which is also written to ``path`` if there is one."""
        text = json.dumps(self.to_dict(), indent=2)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def __str__(self) -> str:
        header = ("layer", "kind", "neurons", "rate", "never fire", "always fire", "vanishing", "findings")
        lines = table(header, [_cells(row) for row in self.layers], left=2)
        lines.insert(1, "-" * max(map(len, lines)))
        lines += ["", f"{self.samples} samples. " + ("Nothing was found." if self.healthy else "What to change:")]
        for problem, advice in _ADVICE.items():
            found = [
                f"{row.name or '(network)'} ({f.share:.1%})"
                for row in self.layers
                for f in row.findings
                if f.problem == problem
            ]
            if found:
                text = f"- {problem}: {', '.join(found)}. {advice}"
                lines += textwrap.wrap(
                    text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
                )
        return "\n".join(lines)


def _cells(row: LayerHealth) -> tuple[str, ...]:
    shares = ("" if s is None else f"{s:.1%}" for s in (row.never_fires, row.always_fires, row.vanishing))
    rate = "no spikes" if row.firing_rate is None else f"{row.firing_rate:.4f}"
    return (row.name, row.kind, short(row.neurons), rate, *shares, ", ".join(f.problem for f in row.findings) or "-")
