"""Run the rows: all of them, or those named on the command line."""

import os
import platform
import sys

import torch

from benchmarks import main_job, neuron

ROWS = {"main_job": main_job.run, "neuron": neuron.run}


def main() -> None:
    names = sys.argv[1:] or list(ROWS)
    unknown = set(names) - set(ROWS)
    if unknown:
        sys.exit(f"no such row: {', '.join(sorted(unknown))}; there are: {', '.join(ROWS)}")
    load = os.getloadavg()[0]
    versions = f"torch {torch.__version__}, Python {platform.python_version()}"
    print(f"{versions}, {torch.get_num_threads()} threads, load {load:.2f}")
    if load > 0.5:
        print("The machine is busy: ratios are worth little, times nothing.")
    for name in names:
        ROWS[name]()


if __name__ == "__main__":
    main()
