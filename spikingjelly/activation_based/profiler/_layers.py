"""From what was seen of each module to the rows of the report."""

import math
from dataclasses import dataclass

from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based.profiler._counting import Ledger
from spikingjelly.activation_based.profiler._energy import EnergyCosts, Work
from spikingjelly.activation_based.profiler._scope import Scope, Seen
from spikingjelly.activation_based.profiler._site import Site


@dataclass(frozen=True)
class LayerProfile:
    """The figures of one layer, or of the network: per sample and summed over its T time steps.

    ``input_shape``, ``output_shape``: of one sample at one time step. ``input_kind``: "spikes" (0 and 1),
    "scaled spikes" (0 and another value), "real", or nothing where nothing is summed.

    ``dense_macs``: multiply-accumulates if nothing was sparse, those on zero padding included, as
    ``torch.utils.flop_counter`` counts them (it says 2 FLOPs for each). ``macs``: those that real values need.
    ``acs``: accumulates that spikes cause, and additions of pooling. ``synops``: the accumulates at synapses alone.
    ``elementwise``: values of element-wise operations outside neurons.

    ``neuron_updates``: neurons times time steps. ``spikes``: of these neurons. ``firing_rate``: spikes per neuron and
    time step, None where the outputs are no spikes. ``memory_bytes``: read and written.

    ``energy_pj``: multiply-accumulates and accumulates. ``energy_with_memory_pj``: with neurons, element-wise
    operations and memory. ``ann_energy_pj``, ``ann_energy_with_memory_pj``: the same for one run of the ANN of equal
    shape, whose neurons compare once. ``uncounted``: operations that no rule covers.
    """

    name: str
    kind: str
    parameters: int
    input_shape: tuple[int, ...] | None = None
    output_shape: tuple[int, ...] | None = None
    input_kind: str = ""
    dense_macs: float = 0.0
    macs: float = 0.0
    acs: float = 0.0
    synops: float = 0.0
    elementwise: float = 0.0
    neuron_updates: float = 0.0
    spikes: float = 0.0
    firing_rate: float | None = None
    memory_bytes: float = 0.0
    energy_pj: float = 0.0
    energy_with_memory_pj: float = 0.0
    ann_energy_pj: float = 0.0
    ann_energy_with_memory_pj: float = 0.0
    uncounted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Presented:
    """How much data the network saw."""

    samples: int
    sample_steps: int  # the time steps of all samples together
    batch_steps: int  # the time steps of all batches together

    @property
    def T(self) -> float:
        return self.sample_steps / self.samples


def layer_profiles(
    scope: Scope, ledgers: dict[str, Ledger], shown: Presented, costs: EnergyCosts
) -> list[LayerProfile]:
    """One row for each module that computes, has parameters, or can't be counted; in the order of the network."""
    rows = []
    counted_parameters: set[int] = set()
    for name, module in scope.net.named_modules():
        if name in scope.seen:
            dynamic = name in scope.dynamics
            own = [p for p in module.parameters(recurse=dynamic) if id(p) not in counted_parameters]
            counted_parameters |= {id(p) for p in own}
            ledger = ledgers.get(name, Ledger())
            if dynamic or own or ledger.sites or ledger.elementwise or ledger.uncounted or ledger.folded:
                parameters = sum(p.numel() for p in own)
                rows.append(_Row(name, module, parameters, ledger, scope.seen[name], dynamic, shown).profile(costs))
    return rows


@dataclass
class _Row:
    name: str
    module: nn.Module
    parameters: int
    ledger: Ledger
    seen: Seen
    dynamic: bool
    shown: Presented

    def profile(self, costs: EnergyCosts) -> LayerProfile:
        work, ann, sites = self._work(), self._ann_work(), self._sites
        fires = self.dynamic and not isinstance(self.module, layer.SynapseFilter) and self.seen.output_level is not None
        return LayerProfile(
            self.name or "(network)",
            type(self.module).__name__,
            self.parameters,
            self.seen.input_shape,
            self.seen.output_shape,
            " + ".join(dict.fromkeys(filter(None, map(_input_kind, sites)))),
            self._each(sum(site.dense_macs for site in sites)),
            work.macs,
            work.acs,
            self._each(sum(site.synops for site in sites)),
            work.elementwise,
            work.neuron_updates,
            self._each(self.seen.output_nonzero) if fires else 0.0,
            self.seen.output_nonzero / self.seen.output_values if fires and self.seen.output_values else None,
            work.accesses * costs.word_bytes,
            work.arithmetic_pj(costs),
            work.total_pj(costs),
            ann.arithmetic_pj(costs),
            ann.total_pj(costs),
            tuple(sorted(self.ledger.uncounted)),
            tuple(self._notes()),
        )

    @property
    def _sites(self) -> list[Site]:
        return list(self.ledger.sites.values())

    def _each(self, total: float) -> float:
        return total / self.shown.samples

    def _work(self) -> Work:
        sites, updates = self._sites, self.seen.output_values if self.dynamic else 0
        sent = self.seen.output_values if self.seen.output_level is None else self.seen.output_nonzero
        return Work(
            self._each(sum(site.macs for site in sites)),
            self._each(sum(site.accumulates for site in sites)),
            self._each(self.ledger.elementwise),
            self._each(updates),
            self._each(sum(site.input_reads for site in sites) + (sent if self.dynamic else 0)),
            self._each(sum(site.weight_reads for site in sites)),
            self._each(sum(site.potential_accesses for site in sites) + 2 * self.seen.states * updates),
            *self._words(),
        )

    def _ann_work(self) -> Work:
        """One run: without the time steps, if the layer had them."""
        over_time = self.seen.steps >= self.shown.batch_steps
        once = self.shown.samples * (self.shown.T if over_time else 1)
        sites, updates = self._sites, self.seen.output_values if self.dynamic else 0
        dense = sum(site.dense_macs for site in sites)
        accumulates = sum(site.dense_accumulates for site in sites)
        return Work(
            (dense + sum(site.norm_macs for site in sites)) / once,
            (accumulates + updates) / once,
            self.ledger.elementwise / once,
            0.0,
            sum(site.dense_reads for site in sites) / once,
            sum(site.dense_macs for site in sites if site.kind == "synapse") / once,
            sum(site.outputs for site in sites) / once,
            *self._words(),
        )

    def _words(self) -> tuple[float, float, float]:
        inputs = 0 if self.seen.input_shape is None else math.prod(self.seen.input_shape)
        outputs = 0 if self.seen.output_shape is None else math.prod(self.seen.output_shape)
        return inputs, self.parameters, outputs * (self.seen.states if self.dynamic else 1)

    def _notes(self) -> list[str]:
        notes = []
        if self.ledger.folded:
            notes.append("batch normalisation counted as folded into the layer before")
        if self.seen.repeats:
            notes.append("its input is the same at all time steps: computing it once would save all but one of T")
        if not self.seen.calls and not self.ledger.sites:
            notes.append("was not called; what its parameters do is counted in the module that uses them")
        if self.ledger.uncounted:
            notes.append(f"not counted: {', '.join(sorted(self.ledger.uncounted))}")
        return notes


def _input_kind(site: Site) -> str:
    if site.kind == "norm":
        return "real"
    levels = [operand.level for operand in site.spike_operands]
    if not levels:
        return "real"
    return "spikes" if all(level in (0.0, 1.0) for level in levels) else "scaled spikes"
