"""A training step of a convolutional spiking network for Fashion-MNIST, on random images of that size."""

import itertools

from benchmarks.contenders import EAGER, UPSTREAM, UPSTREAM_BY_COPIES, fused
from benchmarks.race import Race, print_remarks
from benchmarks.report import Options, Report

T, BATCH, CHANNELS = 4, 32, (64, 128)
QUICK_BATCH, QUICK_CHANNELS = 4, (8,)
OPERATIONS = 15
# What is freed stays in the process, in large pages: else the faults of new memory are a third of a step, and scatter.
KEEP_MEMORY = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
}


def run(options: Options, report: Report) -> None:
    """Print the milliseconds of a training step, and with ``--profile`` where they go."""
    ours = fused(options.backend)
    batch, widths = (QUICK_BATCH, QUICK_CHANNELS) if options.quick else (BATCH, CHANNELS)
    print(
        f"Fashion-MNIST network, T={T}, batch {batch}: forward, backward and Adam, for all contenders as published (the"
    )
    print("image copied T times), and tuned (x.expand(T, *x.shape), net.to(memory_format=torch.channels_last))")
    print("All of them under " + " ".join(f"{name}={value}" for name, value in KEEP_MEMORY.items()))
    print_remarks([UPSTREAM_BY_COPIES])
    with Race("fashion_mnist", options, report, **KEEP_MEMORY) as race:
        for channels, published in itertools.product(widths, (True, False)):
            case = {"workload": "fashion_mnist", "T": T, "batch": batch, "channels": channels, "published": published}
            title = f"training step, {channels} channels, {'as published' if published else 'tuned'}"
            upstream = UPSTREAM if published else UPSTREAM_BY_COPIES
            race.run((ours, EAGER, upstream), title, case, against=ours)
            if options.profile:
                race.print_profile((ours, EAGER), case, OPERATIONS)
