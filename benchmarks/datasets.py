"""Data sets of events: decoding a recording, the way from it to frames, and reading frames, against upstream."""

import itertools
import json
import struct
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import n_mnist, peers
from benchmarks.report import DidNotRun, Options, Report
from benchmarks.rounds import in_words, seconds

EVENTS, GESTURES, FRAMES, ROUNDS = 1_200_000, 10, 20, 5
QUICK_EVENTS = 60_000
PEER = Path(__file__).parent / "worker" / "recordings.py"
PACKET = 4096


def run(options: Options, report: Report) -> None:
    """Print seconds and ratios for a random recording of DVS128 Gesture's format and size."""
    from spikingjelly.datasets import load_aedat_v3

    events, rounds = (QUICK_EVENTS if options.quick else EVENTS), options.rounds(ROUNDS)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        write_recording(folder / "recording.aedat", folder / "labels.csv", events)
        decoding = [seconds(lambda: load_aedat_v3(folder / "recording.aedat")) for _ in range(rounds)]
        pipeline = [seconds(prepare(folder, number)) for number in range(rounds)]
        frames, size = frames_in(folder / "ours0")
        print(f"A recording of {events} events, AEDAT 3.1, to {FRAMES} frames of each of {GESTURES} gestures")
        print(
            f"  ours, decoding         {in_words(decoding, ' ms', 1e3)}, {events / min(decoding) / 1e6:.0f} M events/s"
        )
        print(f"  ours, to frames        {in_words(pipeline, ' ms', 1e3)}")
        print(f"  frames on disk         1/{8 * frames.size / size:.0f} of float64")
        report.add("datasets", case={"events": events}, contender="ours", decoding=decoding, pipeline=pipeline)
        try:
            theirs = upstream(folder, rounds)
        except DidNotRun as problem:
            report.fail("datasets, upstream", str(problem))
        else:
            if theirs["sums"] != frames.sum((1, 2, 3, 4)).tolist():
                report.fail("datasets, upstream", "its frames hold other numbers of events")
                return
            for what, ours in (("decoding", decoding), ("pipeline", pipeline)):
                ratio = [a / b for a, b in zip(theirs[what], ours, strict=True)]
                figures = f"{in_words(theirs[what], ' ms', 1e3)}, {in_words(ratio, ' x')} as long"
                print(f"  spikingjelly {peers.SPIKINGJELLY}, {what:9} {figures}")
            report.add("datasets", case={"events": events}, contender="upstream", **theirs)
        n_mnist.run(folder, options, report)


def write_recording(path: Path, labels: Path, events: int) -> None:
    """Random events in packets, and the table of the gestures in it."""
    generator = np.random.default_rng(0)
    t = np.sort(generator.integers(0, 60_000_000, events)).astype("<u4")
    x, y, p = (generator.integers(0, end, events).astype("<u4") for end in (128, 128, 2))
    words = np.stack([x << 17 | y << 2 | p << 1 | 1, t], 1)
    with path.open("wb") as file:
        file.write(b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n")
        for start in range(0, events, PACKET):
            part = words[start : start + PACKET]
            file.write(struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, len(part), len(part), len(part)) + part.tobytes())
    edges = np.linspace(0, 60_000_000, GESTURES + 1).astype(int)
    rows = [f"{number + 1},{a},{b}" for number, (a, b) in enumerate(itertools.pairwise(edges))]
    labels.write_text("class,startTime_usec,endTime_usec\n" + "\n".join(rows) + "\n")


def prepare(folder: Path, number: int) -> Callable[[], object]:
    """The data set's own way from the recording, in a new folder."""
    from spikingjelly.datasets.dvs128_gesture import DVS128Gesture

    root = folder / f"ours{number}"
    source = root / "extract" / "DvsGesture"
    source.mkdir(parents=True)
    (source / "user01_lab.aedat").hardlink_to(folder / "recording.aedat")
    (source / "user01_lab_labels.csv").hardlink_to(folder / "labels.csv")
    (source / "trials_to_train.txt").write_text("user01_lab.aedat\n")
    (source / "trials_to_test.txt").write_text("")
    return lambda: DVS128Gesture(
        root, train=True, data_type="frame", frames_number=FRAMES, split_by="number", progress=False
    )


def frames_in(root: Path) -> tuple[np.ndarray, int]:
    """All frames ``[gestures, T, 2, H, W]``, and their bytes on disk."""
    files = sorted((root / f"frames_number_{FRAMES}_split_by_number").rglob("*.npz"), key=lambda f: int(f.parent.name))
    return np.stack([np.load(file)["frames"] for file in files]).astype(np.int64), sum(f.stat().st_size for f in files)


def upstream(folder: Path, rounds: int) -> dict:
    """Seconds of the same with upstream's own functions, in its environment."""
    command = [str(peers.python()), "-I", str(PEER), str(folder), str(FRAMES), str(rounds)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if result.returncode != 0:
        raise DidNotRun(result.stderr.strip()[-400:])
    return json.loads(result.stdout.splitlines()[-1])
