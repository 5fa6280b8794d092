"""A training step with spikes that wait for the backward pass as one bit each: its memory and its time."""

import dataclasses
import statistics
from typing import Any

from benchmarks.agreement import Disagreement, Evidence, Tolerance, compare
from benchmarks.contenders import Contender, fused
from benchmarks.fashion_mnist import BATCH, CHANNELS, QUICK_BATCH, QUICK_CHANNELS, T
from benchmarks.race import Race
from benchmarks.report import DidNotRun, Options, Report
from benchmarks.rounds import in_words
from benchmarks.worker_process import Worker

PROCESSES = 5
WARM_UP = {"T": 1, "batch": 1, "channels": 1}
TO_THE_LAST_BIT = Tolerance(gradient=0.0, gradient_of_number=0.0)


def run(options: Options, report: Report) -> None:
    """Print megabytes and milliseconds of a training step of the Fashion-MNIST network with and without packing."""
    batch, channels = (QUICK_BATCH, QUICK_CHANNELS) if options.quick else (BATCH, CHANNELS)
    case = {"workload": "fashion_mnist", "T": T, "batch": batch, "channels": channels}
    plain = fused(options.backend)
    packed = dataclasses.replace(plain, name=f"{plain.name}, packed", options={**plain.options, "packed": True})
    print(f"Fashion-MNIST network, {channels} channels, T={T}, batch {batch}. Peak memory of the first training step,")
    print("above weights and images, each in a fresh process; median (min, max):")
    try:
        print_memory(plain, packed, case, options.rounds(PROCESSES), report)
    except (DidNotRun, Disagreement) as problem:
        report.fail("packed_spikes, memory", str(problem))
        return
    with Race("packed_spikes", options, report) as race:
        race.run((plain, packed), f"training step, {channels} channels, batch {batch}", case, against=plain)


def print_memory(plain: Contender, packed: Contender, case: dict[str, Any], processes: int, report: Report) -> None:
    """
    :raises Disagreement: if packing changes a spike or a bit of a gradient
    """
    measured = {contender: [measure(contender, case) for _ in range(processes)] for contender in (plain, packed)}
    evidence = {contender: runs[0][1] for contender, runs in measured.items()}
    numerics = {plain: "the reference", packed: compare(evidence[plain], evidence[packed], TO_THE_LAST_BIT)}
    usual = statistics.median(peak for peak, _ in measured[plain])
    for contender, runs in measured.items():
        peaks = [peak for peak, _ in runs]
        report.add("packed_spikes", case=case, contender=contender.name, bytes=peaks, numerics=numerics[contender])
        share = f"{100 * statistics.median(peaks) / usual:.0f} %"
        print(f"  {contender.name:19} {in_words(peaks, ' MB', 1e-6):24} {share:6} {numerics[contender]}", flush=True)


def measure(contender: Contender, case: dict[str, Any]) -> tuple[int, Evidence]:
    """The peak of the first training step, and the numerics of one after it."""
    with Worker(contender) as worker:
        worker.prepare("warm-up", {**case, **WARM_UP})  # loads and builds what the first call needs
        peak = worker.ask("memory", name="step", **case, **contender.options)["bytes"]
        return peak, worker.evidence("step")
