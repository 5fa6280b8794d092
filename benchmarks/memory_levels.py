"""Forward and backward of published networks at each level of memopt: their memory and their time."""

import dataclasses

from benchmarks.agreement import Disagreement
from benchmarks.contenders import fused
from benchmarks.packed_spikes import MALLOC, print_memory
from benchmarks.race import Race
from benchmarks.report import DidNotRun, Options, Report

T, QUICK_BATCH = 4, 2
# model -> images in a batch, pixels on each side
MODELS = {"sew_resnet18": (16, 64), "spikformer_4_384": (4, 32), "spiking_vgg11_bn": (16, 32)}
PROCESSES = 3
WARM_UP = {"T": 1, "batch": 2}
LEVELS = (0, 1, 2, 3)


def run(options: Options, report: Report) -> None:
    """Print megabytes and milliseconds of each level; level 0 is the reference."""
    plain = fused(options.backend)
    levels = [
        dataclasses.replace(plain, name=f"level {level}", options={**plain.options, "level": level}) for level in LEVELS
    ]
    print(f"Forward and backward of published networks under memopt.optimize_memory, T={T}, LIF neurons, backend")
    print(f"{options.backend!r}. Peak memory above weights and images, with the gradients of the weights, each in a")
    print("fresh process that gives freed memory back at once; median (min, max):")
    for name, (usual, side) in MODELS.items():
        batch = QUICK_BATCH if options.quick else usual
        case = {"workload": "model", "model": name, "T": T, "batch": batch, "side": side}
        title = f"{name}, {batch} images of {side} x {side}"
        print(f"{title}, memory")
        try:
            print_memory("memory_levels", levels, case, options.rounds(PROCESSES), report, WARM_UP)
        except (DidNotRun, Disagreement) as problem:
            report.fail(f"memory_levels, {name}, memory", str(problem))
            continue
        with Race("memory_levels", options, report, **MALLOC) as race:
            race.run(levels, f"{title}, time", case, against=levels[0])
