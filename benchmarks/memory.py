"""Peak memory of forward and backward, each measurement in a fresh process."""

import statistics

from benchmarks.agreement import Disagreement, Evidence, compare
from benchmarks.contenders import COPY, EAGER, SNNTORCH, UPSTREAM, Contender, fused
from benchmarks.neuron_vs_peers import sequence
from benchmarks.report import DidNotRun, Options, Report
from benchmarks.rounds import in_words
from benchmarks.worker_process import Worker

SIZE, QUICK_SIZE, WARM_UP_NEURONS, PROCESSES = (16, 1 << 20), (16, 1 << 18), 64, 5


def run(options: Options, report: Report) -> None:
    """Print the megabytes above what lay in memory before the pass: inputs, cotangent, libraries."""
    T, N = QUICK_SIZE if options.quick else SIZE
    processes, tensor = options.rounds(PROCESSES), 4 * T * N
    print(f"Peak memory of LIF [{T}, {N}], forward and backward, above what lay there before; median (min, max) of")
    print(f"{processes} processes. The spikes and the gradient, which all have to give, are {2 * tensor / 1e6:.0f} MB:")
    reference = None
    for contender in (EAGER, fused(options.backend), UPSTREAM, SNNTORCH, COPY):
        try:
            measured = [measure(contender, T, N) for _ in range(processes)]
            evidence = measured[0][1]
            reference = evidence if contender is EAGER else reference
            numerics = "the reference" if contender is EAGER else agreement(contender, reference, evidence)
        except (DidNotRun, Disagreement) as problem:
            report.fail(f"memory, {contender.name}", str(problem))
            continue
        peaks = [peak for peak, _ in measured]
        report.add("memory", case=sequence("LIF", T, N), contender=contender.name, bytes=peaks, numerics=numerics)
        tensors = f"{statistics.median(peaks) / tensor:.1f} tensors [T, N]"
        print(f"  {contender.name:19} {in_words(peaks, ' MB', 1e-6):24} {tensors:22} {numerics}", flush=True)


def measure(contender: Contender, T: int, N: int) -> tuple[int, Evidence]:
    """The peak, and the numerics of a pass after it."""
    with Worker(contender) as worker:
        worker.prepare("warm-up", sequence("LIF", T, WARM_UP_NEURONS))  # loads and builds what the first call needs
        peak = worker.ask("memory", name="LIF", **sequence("LIF", T, N), **contender.options)["bytes"]
        return peak, worker.evidence("LIF")


def agreement(contender: Contender, reference: Evidence | None, evidence: Evidence) -> str:
    if contender.tolerance is None:
        return ""
    if reference is None:
        raise Disagreement("there is nothing to compare with")
    return compare(reference, evidence, contender.tolerance)
