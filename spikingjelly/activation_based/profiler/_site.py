"""What one operation of one module did during the whole run, and how it counts."""

from dataclasses import dataclass, field

from spikingjelly.activation_based.profiler._spikes import SILENT, joint_level


@dataclass
class Operand:
    """One of the tensors that an operation multiplies or adds up."""

    level: float | None = SILENT
    nonzero: int = 0
    accumulates: int = 0  # that its nonzero values cause
    seen: bool = False

    def add(self, level: float | None, nonzero: int, accumulates: int) -> None:
        self.seen = True
        self.level = joint_level(self.level, level)
        self.nonzero += nonzero
        self.accumulates += accumulates


@dataclass
class Site:
    """The sums over all calls of one operation.

    An operand is spikes only if it was in every call: otherwise a layer would count differently step by step and as a
    sequence.
    """

    kind: str  # "synapse" (products), "window" (pooling, sums) or "norm"
    dense_macs: int = 0  # as torch.utils.flop_counter has them
    dense_accumulates: int = 0
    norm_macs: int = 0
    values: int = 0  # all values of the first operand
    outputs: int = 0
    operands: tuple[Operand, Operand] = field(default_factory=lambda: (Operand(), Operand()))
    coincidences: int = 0  # products of which both factors are not zero

    @property
    def spike_operands(self) -> list[Operand]:
        return [operand for operand in self.operands if operand.seen and operand.level is not None]

    @property
    def accumulates(self) -> int:
        """Those that spikes cause; where both operands are spikes, the products of two of them."""
        spikes = self.spike_operands
        if len(spikes) == 2:
            return self.coincidences
        if spikes:
            return spikes[0].accumulates
        return self.dense_accumulates

    @property
    def macs(self) -> int:
        return self.norm_macs + (0 if self.spike_operands else self.dense_macs)

    @property
    def synops(self) -> int:
        return self.accumulates if self.kind == "synapse" and self.spike_operands else 0

    @property
    def dense_reads(self) -> int:
        """One for each product or sum, were all values real."""
        return self.values if self.kind == "norm" else self.dense_macs + self.dense_accumulates

    @property
    def input_reads(self) -> int:
        """One for each spike, or one for each product or sum with a real value."""
        spikes = self.spike_operands
        return sum(operand.nonzero for operand in spikes) if spikes else self.dense_reads

    @property
    def weight_reads(self) -> int:
        if self.kind != "synapse":
            return 0
        return self.accumulates if self.spike_operands else self.dense_macs

    @property
    def potential_accesses(self) -> int:
        """A spike reads and writes each sum that it reaches; a sum of real values is written when it is complete."""
        return 2 * self.accumulates if self.spike_operands else self.outputs
