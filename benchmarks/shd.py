"""A training step of the recipe for the Spiking Heidelberg Digits, on random spikes of that size."""

from benchmarks.contenders import EAGER, SNNTORCH_SOFT_RESET, UPSTREAM, fused
from benchmarks.race import Race, print_remarks
from benchmarks.report import Options, Report

T, BATCH, HIDDEN = 256, 32, 128
QUICK_T, QUICK_BATCH, QUICK_HIDDEN = 32, 4, 16


def run(options: Options, report: Report) -> None:
    """Print the milliseconds of a training step."""
    ours = fused(options.backend)
    steps, batch, hidden = (QUICK_T, QUICK_BATCH, QUICK_HIDDEN) if options.quick else (T, BATCH, HIDDEN)
    case = {"workload": "shd", "T": steps, "batch": batch, "hidden": hidden}
    contenders = (ours, EAGER, UPSTREAM, SNNTORCH_SOFT_RESET)
    print(
        f"SHD recipe [{steps}, {batch}, 128], two hidden layers of {hidden} PLIF neurons: forward, backward and Adam."
    )
    print("The readout is the same closed form for all:")
    print_remarks(contenders)
    with Race("shd", options, report) as race:
        race.run(contenders, f"training step, T={steps}, batch {batch}, hidden {hidden}", case, against=ours)
