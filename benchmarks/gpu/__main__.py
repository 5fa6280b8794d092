"""Run the rows in order of importance, until they are done or the time is up."""

import argparse
import sys
import traceback
from pathlib import Path

import torch

from benchmarks.gpu import plot, sweep, training
from benchmarks.gpu.device import Bench, facts, usable_backends
from benchmarks.report import Report, print_machine

RESULTS = Path(__file__).parents[1] / "results"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.gpu", description="Speed and memory of the backends on a GPU.")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"), help="cpu only shows that it runs")
    parser.add_argument("--quick", action="store_true", help="tiny sizes and two rounds")
    parser.add_argument("--seconds", type=float, default=420.0, help="when no further row is begun (%(default)s)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of gpu.json and gpu.png (%(default)s)")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("this PyTorch finds no CUDA device; --device cpu --quick shows that the rows run")
    return arguments


def main() -> None:
    arguments = parse()
    report = Report(facts(arguments.device))
    print_machine(report.machine)
    backends = usable_backends(arguments.device, report)
    bench = Bench(arguments.device, arguments.quick, arguments.seconds, backends, report, arguments.out / "gpu.json")
    for rows in (sweep.large_half, training.shd, training.vgg, sweep.over_lengths):
        try:
            rows(bench)
        except Exception as problem:  # such as memory that runs out: the other rows still have their turn
            traceback.print_exc()
            report.fail(rows.__name__, f"{type(problem).__name__}: {problem}")
    report.write(bench.file)
    plot.draw(report, arguments.out / "gpu.png")
    if report.failures:
        sys.exit("NO FIGURE for:\n" + "\n".join(f"  {failure}" for failure in report.failures))


if __name__ == "__main__":
    main()
