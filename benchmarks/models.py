"""Forward and backward of published models against the published package: time and peak memory."""

import dataclasses
from typing import Any

from benchmarks.agreement import Disagreement, Evidence, compare
from benchmarks.contenders import EAGER, UPSTREAM, Contender, fused
from benchmarks.fashion_mnist import KEEP_MEMORY
from benchmarks.packed_spikes import measure
from benchmarks.race import Race
from benchmarks.report import DidNotRun, Options, Report
from benchmarks.rounds import in_words

T, PROCESSES, OPERATIONS = 4, 3, 15
# model -> images in a batch, pixels on each side
CASES = {"sew_resnet18": ((2, 224), (4, 64)), "spikformer_4_384": ((2, 32),)}
QUICK_CASES = {"sew_resnet18": ((2, 64),), "spikformer_4_384": ((1, 16),)}
# What is smaller in the step that loads and builds what the first call needs.
WARM_UP = {"batch": 2, "side": 32}


def run(options: Options, report: Report) -> None:
    """Print milliseconds and megabytes of forward and backward."""
    print("Spikes and gradients are compared with PyTorch's own convolutions in all packages: skip_zeros(False). Times")
    print("and memory are those of the networks as they are:")
    ours = fused(options.backend)
    levels = [
        dataclasses.replace(ours, name=f"ours, memopt level {level}", options={**ours.options, "level": level})
        for level in (1, 2)
    ]
    for name, sizes in (QUICK_CASES if options.quick else CASES).items():
        for batch, side in sizes:
            case = {"workload": "model", "model": name, "T": T, "batch": batch, "side": side, "static": True}
            title = f"{name}, T={T}, batch {batch}, {side} x {side}"
            time(title, case, (ours, *levels, EAGER, UPSTREAM), options, report)
            print_memory(title, case, (ours, *levels, UPSTREAM), options, report)


def time(title: str, case: dict[str, Any], contenders: tuple[Contender, ...], options: Options, report: Report) -> None:
    for published in (True, False):
        way = "as published" if published else "channels last"
        with Race("models", options, report, **KEEP_MEMORY) as race:
            settings = {**case, "published": published}
            race.run(contenders, f"{title}, {way}", settings, against=contenders[0])
            if options.profile:
                race.print_profile(contenders[:1], settings, OPERATIONS)


def print_memory(
    title: str, case: dict[str, Any], contenders: tuple[Contender, ...], options: Options, report: Report
) -> None:
    print(f"{title}, as published: peak memory above weights and images, median (min, max)")
    reference: Evidence | None = None
    for contender in contenders:
        try:
            measured = [measure(contender, case, WARM_UP) for _ in range(options.rounds(PROCESSES))]
            evidence = measured[0][1]
            numerics = "the reference" if reference is None else compare(reference, evidence, contender.tolerance)
        except (DidNotRun, Disagreement) as problem:
            report.fail(f"models, memory, {contender.name}", str(problem))
            continue
        reference = evidence if reference is None else reference
        peaks = [peak for peak, _ in measured]
        report.add("models", case={**case, "memory": True}, contender=contender.name, bytes=peaks, numerics=numerics)
        print(f"  {contender.name:19} {in_words(peaks, ' MB', 1e-6):24} {numerics}", flush=True)
