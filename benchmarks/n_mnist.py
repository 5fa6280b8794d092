"""N-MNIST: decoding its files against Tonic, and reading prepared frames through a DataLoader."""

import json
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.report import DidNotRun, Options, Report
from benchmarks.rounds import in_turns, in_words, ratios, seconds

SAMPLES, QUICK_SAMPLES, SAMPLE_EVENTS, FRAMES, BATCH, ROUNDS = 1000, 100, 4100, 10, 50, 5
TONIC_WORKER = Path(__file__).parent / "worker" / "atis.py"


def run(folder: Path, options: Options, report: Report) -> None:
    """Print seconds, ratios and rates for random recordings of N-MNIST's format and size."""
    samples, rounds = (QUICK_SAMPLES if options.quick else SAMPLES), options.rounds(ROUNDS)
    root = folder / "N-MNIST"
    write_recordings(root, samples)
    print(f"{samples} recordings of N-MNIST's size, {SAMPLE_EVENTS} events each")
    print_decoding(root, samples, rounds, report)
    print_reading(root, samples, rounds, report)


def write_recordings(root: Path, samples: int) -> None:
    """Random files of 5-byte events in the tree of the published archive."""
    generator = np.random.default_rng(0)
    for number in range(samples):
        target = root / "extract" / "Train" / str(number % 10) / f"{number:05}.bin"
        target.parent.mkdir(parents=True, exist_ok=True)
        t = np.sort(generator.integers(0, 300_000, SAMPLE_EVENTS))
        word = np.empty((SAMPLE_EVENTS, 5), np.uint8)
        word[:, :2] = generator.integers(0, 34, (SAMPLE_EVENTS, 2))
        word[:, 2] = generator.integers(0, 2, SAMPLE_EVENTS) << 7 | t >> 16
        word[:, 3], word[:, 4] = t >> 8 & 255, t & 255
        target.write_bytes(word.tobytes())


def print_decoding(root: Path, samples: int, rounds: int, report: Report) -> None:
    """In turns with Tonic, which runs in a process of its own; the figures count if both find the same events."""
    from spikingjelly.datasets import load_ATIS_bin

    files = sorted((root / "extract").rglob("*.bin"))
    recordings = [load_ATIS_bin(file) for file in files]
    sums = [sum(int(recording[name].sum(dtype=np.int64)) for recording in recordings) for name in "txyp"]
    ways: dict[str, Callable[[], float]] = {"ours": lambda: seconds(lambda: [load_ATIS_bin(file) for file in files])}
    try:
        with tonic(root / "extract") as ask:
            if ask()["sums"] != sums:
                raise DidNotRun("it finds other events")
            ways["tonic"] = lambda: ask()["seconds"]
            times = in_turns(ways, rounds)
    except DidNotRun as problem:
        report.fail("datasets, tonic", str(problem))
        times = in_turns({"ours": ways["ours"]}, rounds)
    print(f"  ours, decoding         {in_words(times['ours'], ' ms', 1e3)}")
    if "tonic" in times:
        ratio = ratios(times["tonic"], times["ours"])
        print(
            f"  tonic {peers.TONIC}, decoding  {in_words(times['tonic'], ' ms', 1e3)}, {in_words(ratio, ' x')} as long"
        )
    for contender, values in times.items():
        report.add("datasets", case={"samples": samples}, contender=contender, decoding_atis=values)


@contextmanager
def tonic(folder: Path) -> Iterator[Callable[[], dict[str, Any]]]:
    """A process that decodes all files of ``folder`` whenever it is asked."""
    command = [str(peers.python_with_tonic()), "-I", str(TONIC_WORKER), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        questions, answers = process.stdin, process.stdout

        def ask() -> dict[str, Any]:
            try:
                questions.write("\n")
                questions.flush()
            except BrokenPipeError:
                raise DidNotRun("its process died") from None
            answer = answers.readline()
            if not answer:
                raise DidNotRun("its process died")
            return dict(json.loads(answer))

        yield ask


def print_reading(root: Path, samples: int, rounds: int, report: Report) -> None:
    """Samples a second of prepared frames: alone, and in batches through a DataLoader without and with workers."""
    from torch.utils.data import DataLoader

    from spikingjelly.datasets.n_mnist import NMNIST

    def opened() -> NMNIST:
        return NMNIST(root, True, "frame", FRAMES, "number", progress=False)

    made = seconds(opened)
    dataset = opened()
    events = sum(x.sum().item() for x, _ in DataLoader(dataset, batch_size=BATCH))
    written = samples * SAMPLE_EVENTS
    if events != written:
        report.fail("datasets, reading", f"the frames hold {events:.0f} events, and {written} were written")
        return
    ways: dict[str, Callable[[], float]] = {
        "one by one": lambda: seconds(lambda: [dataset[i] for i in range(samples)]),
        "DataLoader, 0 workers": lambda: epoch(DataLoader(dataset, BATCH)),
        "DataLoader, 2 workers": lambda: epoch(DataLoader(dataset, BATCH, num_workers=2, persistent_workers=True)),
    }
    print(f"  to {FRAMES} frames           {samples / made:.0f} a second")
    for way, values in in_turns(ways, rounds).items():
        rates = [samples / value for value in values]
        print(f"  {way:22} {in_words(rates, ' a second')}")
        report.add("datasets", case={"samples": samples, "way": way}, contender="ours", reading=rates, making=made)


def epoch(loader: Iterable[Any]) -> float:
    """Seconds of the second time through: workers have been started by then."""
    for _ in loader:
        pass
    return seconds(lambda: deque(loader, maxlen=0))
