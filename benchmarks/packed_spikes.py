"""A training step with spikes that wait for the backward pass as one bit each: its memory and its time."""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.agreement import Disagreement, Evidence, Tolerance, compare
from benchmarks.contenders import Contender, fused
from benchmarks.race import Race
from benchmarks.report import DidNotRun, Options, Report
from benchmarks.rounds import in_words
from benchmarks.worker_process import Worker

T, BATCH, WIDTH = 8, 16, 32
QUICK_BATCH, QUICK_WIDTH = 2, 4
PROCESSES = 5
WARM_UP = {"T": 1, "batch": 1, "width": 1}
TO_THE_LAST_BIT = Tolerance(gradient=0.0, gradient_of_number=0.0)
WAYS = {"packed": {"packed": True}, "ckpt": {"checkpointed": True}}
# From this size on, what is freed goes back at once, and the peak is that of the tensors, not of what malloc keeps.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20)}


def run(options: Options, report: Report) -> None:
    """Print megabytes and milliseconds of a training step with packing, and with checkpoints instead."""
    batch, width = (QUICK_BATCH, QUICK_WIDTH) if options.quick else (BATCH, WIDTH)
    print(
        f"Six convolutions with batch norm and LIF, {width} to {4 * width} channels, T={T}, batch {batch}; ckpt: each"
    )
    print("block under torch.utils.checkpoint. Peak memory of the first training step, above weights and images, each")
    print("in a fresh process that gives freed memory back at once; median (min, max):")
    ours = fused(options.backend)
    measure_layers("layer.Conv2d", ours, {}, WAYS, options, report)
    theirs = dataclasses.replace(ours, name="nn.Conv2d")
    measure_layers("nn.Conv2d", theirs, {"foreign": True}, {"packed": WAYS["packed"]}, options, report)


def measure_layers(
    convolution: str,
    plain: Contender,
    settings: dict[str, Any],
    ways: dict[str, dict[str, Any]],
    options: Options,
    report: Report,
) -> None:
    """Memory and time of a network with such convolutions, plain and in other ways."""
    batch, width = (QUICK_BATCH, QUICK_WIDTH) if options.quick else (BATCH, WIDTH)
    case = {"workload": "vgg", "T": T, "batch": batch, "width": width, **settings}
    contenders = [plain] + [
        dataclasses.replace(plain, name=f"{plain.name}, {name}", options={**plain.options, **way})
        for name, way in ways.items()
    ]
    print(f"{convolution}, memory")
    try:
        print_memory("packed_spikes", contenders, case, options.rounds(PROCESSES), report, WARM_UP)
    except (DidNotRun, Disagreement) as problem:
        report.fail(f"packed_spikes, {convolution}, memory", str(problem))
        return
    with Race("packed_spikes", options, report) as race:
        race.run(contenders, f"training step, {convolution}, {width} channels, batch {batch}", case, plain)


def print_memory(
    row: str,
    contenders: Sequence[Contender],
    case: dict[str, Any],
    processes: int,
    report: Report,
    warm_up: dict[str, Any],
) -> None:
    """The first of ``contenders`` is the reference.

    :param warm_up: what is smaller in the step that loads and builds what the first call needs
    :raises Disagreement: if another one's spikes or gradients differ in a bit
    """
    measured = {contender: [measure(contender, case, warm_up) for _ in range(processes)] for contender in contenders}
    reference = measured[contenders[0]]
    usual = statistics.median(peak for peak, _ in reference)
    for contender, runs in measured.items():
        numerics = "the reference"
        if runs is not reference:
            numerics = compare(reference[0][1], runs[0][1], TO_THE_LAST_BIT)
        peaks = [peak for peak, _ in runs]
        report.add(row, case=case, contender=contender.name, bytes=peaks, numerics=numerics)
        share = f"{100 * statistics.median(peaks) / usual:.0f} %"
        print(f"  {contender.name:19} {in_words(peaks, ' MB', 1e-6):24} {share:6} {numerics}", flush=True)


def measure(contender: Contender, case: dict[str, Any], warm_up: dict[str, Any]) -> tuple[int, Evidence]:
    """The peak of the first training step, and the numerics of one after it."""
    with Worker(contender, **MALLOC) as worker:
        worker.prepare("warm-up", {**case, **warm_up})
        peak = worker.ask("memory", name="step", **case, **contender.options)["bytes"]
        return peak, worker.evidence("step")
