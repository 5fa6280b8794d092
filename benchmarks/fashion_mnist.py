"""A training step of a convolutional spiking network for Fashion-MNIST, on random images of that size."""

from benchmarks.contenders import EAGER, UPSTREAM, fused
from benchmarks.race import Race, print_remarks
from benchmarks.report import Options, Report

T, BATCH, CHANNELS = 4, 32, 128
QUICK_BATCH, QUICK_CHANNELS = 4, 8
OPERATIONS = 15


def run(options: Options, report: Report) -> None:
    """Print the milliseconds of a training step, and with ``--profile`` where they go."""
    ours = fused(options.backend)
    batch, channels = (QUICK_BATCH, QUICK_CHANNELS) if options.quick else (BATCH, CHANNELS)
    case = {"workload": "fashion_mnist", "T": T, "batch": batch, "channels": channels}
    contenders = (ours, EAGER, UPSTREAM)
    print(f"Fashion-MNIST network, {channels} channels, T={T}, batch {batch}: forward, backward and Adam")
    print_remarks(contenders)
    with Race("fashion_mnist", options, report) as race:
        race.run(contenders, f"training step, {channels} channels, batch {batch}", case, against=ours)
        if options.profile:
            race.print_profile((ours, EAGER), case, OPERATIONS)
