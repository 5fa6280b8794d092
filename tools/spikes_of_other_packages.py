"""What neurons of other packages fire for a fixed input, for the pages on migration.

Run by a Python that has the package, here three of them one after the other; each adds to the file::

    python tools/spikes_of_other_packages.py snntorch benchmarks/results/other_packages.json
    python tools/spikes_of_other_packages.py norse benchmarks/results/other_packages.json
    python tools/spikes_of_other_packages.py spikingjelly benchmarks/results/other_packages.json
"""

import argparse
import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

INPUT = [0.2 + 0.1 * (3 * t % 7) for t in range(16)]


def run(cell: Callable[..., Any], state: Any, gain: float = 1.0) -> str:
    """The spikes of one neuron as a text of 0 and 1."""
    fired = []
    for value in INPUT:
        spike, state = cell(torch.tensor([[gain * value]]), state)
        fired.append(int(spike.item()))
    return "".join(map(str, fired))


def of_snntorch() -> dict[str, str]:
    import snntorch

    zero = {"reset_mechanism": "zero"}
    variants = {"Leaky": {}, "Leaky_zero": zero, "Leaky_no_delay": {"reset_delay": False}}
    found = {}
    for name, settings in variants.items():
        cell = snntorch.Leaky(beta=0.9, **settings)
        found[name] = run(cell, cell.reset_mem())
    return found


def of_norse() -> dict[str, str]:
    import norse.torch as norse

    return {"LIFCell": run(norse.LIFCell(), None, gain=4.0), "LIFBoxCell": run(norse.LIFBoxCell(), None, gain=4.0)}


def of_spikingjelly() -> dict[str, str]:
    from spikingjelly.activation_based import neuron

    def cell_of(node: Any) -> Callable[..., Any]:
        return lambda x, state: (node(x), None)

    return {
        "LIFNode": run(cell_of(neuron.LIFNode(tau=2.0)), None, gain=3.0),
        "ParametricLIFNode": run(cell_of(neuron.ParametricLIFNode(init_tau=2.0, v_reset=None)), None, gain=3.0),
    }


PACKAGES = {"snntorch": of_snntorch, "norse": of_norse, "spikingjelly": of_spikingjelly}


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description="Store what neurons of another package fire.")
    parser.add_argument("package", choices=tuple(PACKAGES))
    parser.add_argument("file", type=Path)
    args = parser.parse_args()
    record = json.loads(args.file.read_text()) if args.file.is_file() else {}
    record["command"] = "python tools/spikes_of_other_packages.py PACKAGE benchmarks/results/other_packages.json"
    record["data"] = "input 0.2 + 0.1 * (3 * t % 7) for t = 0 to 15; for norse times 4, for spikingjelly times 3"
    record["seed"] = "none needed"
    record.setdefault("versions", {})[args.package] = importlib.metadata.version(args.package)
    record["versions"]["torch"] = torch.__version__
    record[args.package] = PACKAGES[args.package]()
    args.file.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record[args.package]))


if __name__ == "__main__":
    main()
