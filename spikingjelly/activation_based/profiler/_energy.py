"""What operations and memory accesses cost."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from spikingjelly.activation_based._checks import ArgumentValueError

_SOURCES = (
    "mac_pj = 3.7 + 0.9 and ac_pj = 0.9: 32-bit floating-point multiplication and addition at 45 nm, 0.9 V; "
    "M. Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014",
    "sram_pj: a 64-bit access to 8 KiB, 32 KiB and 1 MiB costs 10, 20 and 100 pJ at 45 nm (Horowitz 2014), half of it "
    "for 32 bits; linear between these sizes, constant outside",
    "neuron_update_pj = mac_pj + ac_pj: leak and integration, and the comparison with the threshold; an assumption",
    "Which accesses count follows E. Lemaire et al., An analytical estimation of spiking neural networks energy "
    "efficiency, ICONIP 2022 (arXiv 2210.13107): every spike reads a weight, and reads and writes a potential, at each "
    "synapse; their addressing is left out and their integer arithmetic is replaced by mac_pj and ac_pj",
)


@dataclass(frozen=True)
class EnergyCosts:
    """The constants of the energy estimates, in pJ; ``sources`` says where the defaults come from.

    :param mac_pj: a multiply-accumulate
    :param ac_pj: an accumulate
    :param neuron_update_pj: the arithmetic of one neuron at one time step
    :param sram_pj: pairs of a memory's size in bytes and the energy of one access to a word in it, sizes ascending
    :param word_bytes: bytes of a weight, of a potential and of an activation
    :param sources: where the values come from, for the report

    :raises ValueError: for negative costs, or sizes that do not ascend
    """

    mac_pj: float = 4.6
    ac_pj: float = 0.9
    neuron_update_pj: float = 5.5
    sram_pj: Sequence[tuple[float, float]] = ((8192, 5.0), (32768, 10.0), (1048576, 50.0))
    word_bytes: int = 4
    sources: Sequence[str] = field(default=_SOURCES, repr=False)

    def __post_init__(self) -> None:
        costs = (self.mac_pj, self.ac_pj, self.neuron_update_pj, *(cost for _, cost in self.sram_pj))
        if not all(cost >= 0 for cost in costs) or not self.word_bytes > 0:
            raise ArgumentValueError(f"EnergyCosts: costs must not be negative, but {self} was given.")
        sizes = [size for size, _ in self.sram_pj]
        if not sizes or sorted(set(sizes)) != sizes:
            raise ArgumentValueError(
                f"EnergyCosts: sram_pj must hold pairs of a size and a cost with ascending sizes, but {self.sram_pj} "
                "was given."
            )

    def access_pj(self, words: float) -> float:
        """The energy of one access to a memory of that many words."""
        size = words * self.word_bytes
        below = [pair for pair in self.sram_pj if pair[0] <= size]
        above = [pair for pair in self.sram_pj if pair[0] > size]
        if not below or not above:
            return (below[-1:] or above[:1])[0][1]
        (low, cheap), (high, dear) = below[-1], above[0]
        return cheap + (dear - cheap) * (size - low) / (high - low)


@dataclass(frozen=True)
class Work:
    """Operations, accesses to memories, and the sizes of these memories in words."""

    macs: float = 0.0
    acs: float = 0.0
    elementwise: float = 0.0
    neuron_updates: float = 0.0
    input_accesses: float = 0.0
    weight_accesses: float = 0.0
    potential_accesses: float = 0.0
    input_words: float = 0.0
    weight_words: float = 0.0
    potential_words: float = 0.0

    @property
    def accesses(self) -> float:
        return self.input_accesses + self.weight_accesses + self.potential_accesses

    def arithmetic_pj(self, costs: EnergyCosts) -> float:
        """Multiply-accumulates and accumulates."""
        return self.macs * costs.mac_pj + self.acs * costs.ac_pj

    def total_pj(self, costs: EnergyCosts) -> float:
        """These, the updates of neurons, element-wise operations (as accumulates), and all accesses to memory."""
        return (
            self.arithmetic_pj(costs)
            + self.neuron_updates * costs.neuron_update_pj
            + self.elementwise * costs.ac_pj
            + self.input_accesses * costs.access_pj(self.input_words)
            + self.weight_accesses * costs.access_pj(self.weight_words)
            + self.potential_accesses * costs.access_pj(self.potential_words)
        )
