"""Training steps of published networks at each level of memopt: their memory and their time."""

import dataclasses

from benchmarks.agreement import Disagreement
from benchmarks.contenders import fused
from benchmarks.packed_spikes import MALLOC, TO_THE_LAST_BIT, print_memory
from benchmarks.race import Race
from benchmarks.report import DidNotRun, Options, Report

T, BATCH, QUICK_BATCH = 4, 8, 1
SIDES = {"sew_resnet18": 64, "spikformer_4_384": 32, "spiking_vgg11_bn": 32}
PROCESSES = 3
WARM_UP = {"T": 1, "batch": 2}
LEVELS = (0, 1, 2, 3)


def run(options: Options, report: Report) -> None:
    """Print megabytes and milliseconds of a training step at each level; level 0 is the reference."""
    plain = fused(options.backend)
    levels = [
        dataclasses.replace(
            plain, name=f"level {level}", options={**plain.options, "level": level}, tolerance=TO_THE_LAST_BIT
        )
        for level in LEVELS
    ]
    batch = QUICK_BATCH if options.quick else BATCH
    print(
        f"memopt.optimize_memory, T={T}, batch {batch}, LIF neurons, backend {options.backend!r}, Adam. Peak memory of"
    )
    print("the first training step, above weights and images, each in a fresh process that gives freed memory back at")
    print("once; median (min, max):")
    for name, side in SIDES.items():
        case = {"workload": "model", "model": name, "T": T, "batch": batch, "side": side}
        title = f"{name}, {side} x {side} pixels"
        print(f"{title}, memory")
        try:
            print_memory("memory_levels", levels, case, options.rounds(PROCESSES), report, WARM_UP)
        except (DidNotRun, Disagreement) as problem:
            report.fail(f"memory_levels, {name}, memory", str(problem))
            continue
        with Race("memory_levels", options, report, **MALLOC) as race:
            race.run(levels, f"{title}, training step", case, against=levels[0])
