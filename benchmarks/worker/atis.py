"""``atis.py FOLDER``: Tonic's decoder of 5-byte events on all files of a folder, once for each line of standard input.

Answers each with a line of JSON: the seconds, and the sums of the columns over all files.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from tonic import io

COLUMNS = ("t", "x", "y", "p")
EVENT = np.dtype([("x", np.int32), ("y", np.int32), ("t", np.int64), ("p", np.int8)])


def main() -> None:
    files = sorted(str(path) for path in Path(sys.argv[1]).rglob("*.bin"))
    for _ in sys.stdin:
        began = time.perf_counter()
        recordings = [io.read_mnist_file(file, EVENT) for file in files]
        seconds = time.perf_counter() - began
        sums = [sum(int(recording[name].astype(np.int64).sum()) for recording in recordings) for name in COLUMNS]
        print(json.dumps({"seconds": seconds, "sums": sums}), flush=True)


if __name__ == "__main__":
    main()
