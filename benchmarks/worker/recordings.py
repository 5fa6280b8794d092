"""``recordings.py FOLDER FRAMES ROUNDS``: upstream's functions on a recording, in the environment of the peers.

Prints one line of JSON: seconds of decoding, seconds from the recording to frames, and the sums of the frames.
"""

import csv
import json
import sys
import time
from pathlib import Path
from unittest.mock import MagicMock

sys.path.insert(0, str(Path(__file__).parent))  # which -I leaves out

from contender import torchvision_operators

# Its data sets import torchvision and torchaudio, whose released builds want CUDA; what is timed here needs neither.
torchvision_operators.declare()
for _name in ("torchaudio", "torchaudio.datasets", "torchaudio.datasets.utils", "torchaudio.transforms"):
    sys.modules[_name] = MagicMock()

import numpy as np  # noqa: E402

from spikingjelly import datasets  # noqa: E402


def main() -> None:
    folder, frames, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    decoding, pipeline, sums = [], [], []
    for number in range(rounds):
        target = folder / f"theirs{number}"
        target.mkdir()
        began = time.perf_counter()
        events = datasets.load_aedat_v3(str(folder / "recording.aedat"))
        decoding.append(time.perf_counter() - began)
        sums = to_frames(events, folder / "labels.csv", target, frames)
        pipeline.append(time.perf_counter() - began)
    print(json.dumps({"decoding": decoding, "pipeline": pipeline, "sums": sums}))


def to_frames(events: dict, labels: Path, target: Path, frames: int) -> list[int]:
    """Cut, files of events, files of frames; the sums are read afterwards."""
    with labels.open(newline="") as file:
        rows = [[int(value) for value in row] for row in list(csv.reader(file))[1:]]
    (target / "frames").mkdir()
    for label, start, end in rows:
        chosen = (events["t"] >= start) & (events["t"] < end)
        sample = target / f"{label}.npz"
        np.savez(sample, **{name: events[name][chosen] for name in "txyp"})
        datasets.integrate_events_file_to_frames_file_by_fixed_frames_number(
            np.load, str(sample), str(target / "frames"), "number", frames, 128, 128
        )
    return [int(np.load(target / "frames" / f"{label}.npz")["frames"].sum()) for label, *_ in rows]


if __name__ == "__main__":
    main()
