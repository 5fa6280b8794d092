"""Training steps on the device: the recipe for the Spiking Heidelberg Digits, and a spiking VGG16."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.agreement import Tolerance, compare
from benchmarks.gpu.device import Bench
from benchmarks.gpu.vgg import VGGTraining
from benchmarks.rounds import in_turns, in_words
from benchmarks.worker.contender import jelly
from benchmarks.worker.contender.training import SHDTraining, TrainingStep

# Matrix products and convolutions may sum in another order from one call to the next.
TOLERANCE = Tolerance(flips=1e-5, gradient=1e-2, gradient_of_number=1e-3)


@dataclass(frozen=True, eq=False)
class Entrant:
    """A backend that agrees with the eager loop, and the bytes that it needs."""

    backend: str
    work: TrainingStep
    numerics: str
    memory: int


def shd(bench: Bench) -> None:
    """An epoch of 31 batches of 256, with all the data on the device."""
    T, batch, hidden, steps = (16, 4, 16, 2) if bench.quick else (256, 256, 128, 31)

    def make(backend: str) -> TrainingStep:
        return SHDTraining(jelly, T=T, batch=batch, hidden=hidden, batches=steps, device=bench.device, backend=backend)

    train(bench, f"SHD recipe [{T}, {batch}, 128], hidden {hidden}", make, steps, warm_up=1, rounds=3)


def vgg(bench: Bench) -> None:
    """Five steps to warm up and 30 that count."""
    T, batch, narrower = (2, 2, 16) if bench.quick else (4, 64, 1)

    def make(backend: str) -> TrainingStep:
        return VGGTraining(jelly, T=T, batch=batch, narrower=narrower, device=bench.device, backend=backend)

    train(bench, f"spiking VGG16 with batch norm [{T}, {batch}, 3, 32, 32]", make, steps=1, warm_up=5, rounds=30)


def train(bench: Bench, row: str, make: Callable[[str], TrainingStep], steps: int, warm_up: int, rounds: int) -> None:
    """Check, time and print a step of each backend; a turn of the clock is ``steps`` of them."""
    if bench.out_of_time(row):
        return
    print(f"{row}: forward, backward and Adam, median (min, max); memory of data, network and step")
    entrants = checked_steps(bench, row, make)
    clocks = {entrant: bench.clock(several(entrant.work, steps)) for entrant in entrants}
    in_turns(clocks, 1 if bench.quick else warm_up)
    times = in_turns(clocks, 2 if bench.quick else rounds)
    eager = statistics.median(times[entrants[0]])
    for entrant, seconds in times.items():
        step = [value / steps for value in seconds]
        faster = f"{eager / statistics.median(seconds):.2f} x as fast"
        figures = f"{in_words(step, ' ms', 1e3):26} {faster:14} {entrant.memory / 1e6:.0f} MB"
        print(f"  {entrant.backend:7} {figures:50} {entrant.numerics}", flush=True)
        bench.add(row, backend=entrant.backend, seconds=step, bytes=entrant.memory, numerics=entrant.numerics)


def checked_steps(bench: Bench, row: str, make: Callable[[str], TrainingStep]) -> list[Entrant]:
    """The eager loop, and the backends that agree with it."""
    entrants: list[Entrant] = []
    for backend in bench.backends:
        before = bench.allocated()
        work = make(backend)
        try:
            numerics = agreement(entrants[0].work, work) if entrants else "the reference"
        except Exception as problem:  # a kernel that can't be built must not end the run
            bench.report.fail(f"{row}, {backend}", str(problem))
            continue
        work.run()  # makes the optimizer's state, which stays
        memory = bench.allocated() - before + bench.peak_of(work.run)
        entrants.append(Entrant(backend, work, numerics, memory))
    return entrants


def agreement(eager: TrainingStep, work: TrainingStep) -> str:
    """Spikes and gradients of the first step against those of the eager loop."""
    expected = eager.evidence()
    firing = f"{100 * expected['rates'].mean():.1f} % of the neurons fire"
    return f"{compare(expected, work.evidence(), TOLERANCE)}; {firing}"


def several(work: TrainingStep, steps: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(steps):
            work.run()

    return run
