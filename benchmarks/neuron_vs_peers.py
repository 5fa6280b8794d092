"""Forward and backward of a layer of neurons against the peers, a compiled loop and a copy of the tensor."""

from benchmarks.contenders import COMPILED, COMPILED_UNBOUND, COPY, EAGER, SNNTORCH, UPSTREAM, Contender, fused
from benchmarks.race import ROUNDS, Case, Race, print_remarks
from benchmarks.report import Options, Report
from benchmarks.rounds import in_words, ratios

SIZES = ((4, 1 << 20), (16, 1 << 18), (16, 1 << 20), (100, 1 << 14), (1000, 1 << 11))
QUICK_SIZES = ((4, 1 << 10), (16, 1 << 8), (100, 1 << 6))
OWN = "user's own"
KINDS = ("LIF", "PLIF", "QIF", "Izhikevich", OWN)
COMPILES_FOR_MINUTES = 100  # time steps


def run(options: Options, report: Report) -> None:
    """Print the table of LIF over T and N, then that of the other neurons against LIF."""
    ours = fused(options.backend)
    contenders = (ours, EAGER, UPSTREAM, SNNTORCH, COMPILED, COMPILED_UNBOUND, COPY)
    print(f"Neurons with ATan, forward and backward, median (min, max) of {options.rounds(ROUNDS)} rounds.")
    print("All but the copy give the same spikes and gradients, which is checked at the sizes that are timed.")
    print("The first call builds what is needed, or takes it from the cache that an earlier run has left:")
    print_remarks(contenders)
    with Race("neuron_vs_peers", options, report) as race:
        for T, N in QUICK_SIZES if options.quick else SIZES:
            can_compile = T < COMPILES_FOR_MINUTES
            if not can_compile:
                print(f"  no torch.compile for T={T}: it unrolls the loop and builds for minutes")
            taking_part = [c for c in contenders if can_compile or c.framework != COMPILED.framework]
            race.run(taking_part, f"LIF [{T}, {N}]", sequence("LIF", T, N), against=ours)
        other_neurons(race, ours, *QUICK_SIZES[1] if options.quick else SIZES[1])


def sequence(kind: str, T: int, N: int) -> Case:
    return {"workload": "sequence", "kind": kind, "T": T, "N": N}


def other_neurons(race: Race, ours: Contender, T: int, N: int) -> None:
    """Each neuron's time as a multiple of LIF's, with the same contender and in the same round."""
    agreed = {}
    for kind in KINDS:
        taking_part = (ours, EAGER) if kind == OWN else (ours, EAGER, UPSTREAM)  # upstream's base class asks for more
        agreed[kind] = race.check(taking_part, f"{kind} [{T}, {N}]", sequence(kind, T, N))
    times = race.times([(contender, f"{kind} [{T}, {N}]") for kind in KINDS for contender in agreed[kind]])
    race.forget()
    print(f"Neurons [{T}, {N}]; x: times as long as LIF by the same contender")
    for kind in KINDS:
        for contender, numerics in agreed[kind].items():
            seconds = times[contender, f"{kind} [{T}, {N}]"]
            lif = times.get((contender, f"LIF [{T}, {N}]"))
            ratio = ratios(seconds, lif) if lif else []
            race.report.add(
                race.row, case=sequence(kind, T, N), contender=contender.name, seconds=seconds, ratio=ratio,
                ratio_to="LIF by the same contender", numerics=numerics,
            )  # fmt: skip
            figures = f"{in_words(seconds, ' ms', 1e3):27} {in_words(ratio, ' x') if ratio else '':23}"
            print(f"  {kind:11} {contender.name:19} {figures} {numerics}", flush=True)
