"""Run the rows: all of them, or those named on the command line."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    conversion,
    datasets,
    fashion_mnist,
    integer,
    main_job,
    memory,
    memory_levels,
    models,
    neuron,
    neuron_vs_peers,
    packed_spikes,
    shd,
    sparse_products,
    tables,
    winograd,
)
from benchmarks.report import DidNotRun, Options, Report, machine, print_machine

ROWS: dict[str, Callable[[Options, Report], None]] = {
    "main_job": main_job.run,
    "neuron": neuron.run,
    "neuron_vs_peers": neuron_vs_peers.run,
    "fashion_mnist": fashion_mnist.run,
    "shd": shd.run,
    "models": models.run,
    "sparse_products": sparse_products.run,
    "tables": tables.run,
    "winograd": winograd.run,
    "memory": memory.run,
    "packed_spikes": packed_spikes.run,
    "memory_levels": memory_levels.run,
    "datasets": datasets.run,
    "ann2snn": conversion.run,
    "integer": integer.run,
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Speed and memory, one row a claim.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"{', '.join(ROWS)}; without any, all of them")
    parser.add_argument("--quick", action="store_true", help="tiny sizes and two rounds: only shows that it runs")
    parser.add_argument("--backend", default="cpp", help="what runs our neurons where the peers are met (%(default)s)")
    parser.add_argument("--profile", action="store_true", help="fashion_mnist: also print where the time goes")
    parser.add_argument("--images", type=Path, metavar="DIR", help="integer: folder of mnist and fashion-mnist")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures, as benchmarks/results/NAME.json")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.rows if name not in ROWS]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}; there are: {', '.join(ROWS)}")
    return arguments


def main() -> None:
    arguments = parse()
    report = Report(machine())
    print_machine(report.machine)
    options = Options(arguments.quick, arguments.backend, arguments.profile, arguments.images)
    for name in arguments.rows or ROWS:
        print()
        try:
            ROWS[name](options, report)
        except DidNotRun as problem:
            report.fail(name, str(problem))
        if arguments.json:
            report.write(arguments.json)  # after each row: a run that is cut off keeps what it has
    if report.failures:
        sys.exit("\nNO FIGURE for:\n" + "\n".join(f"  {failure}" for failure in report.failures))


if __name__ == "__main__":
    main()
