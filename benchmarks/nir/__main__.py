"""Run the same NIR files here, in snnTorch and in Norse, each in an environment of its own, and compare the outputs.

    python -m benchmarks.nir [--record FOLDER]

The first run makes the environments (some minutes, 3 GB). Files go both ways: graphs of our networks, and graphs that
the other framework wrote. ``--record`` keeps graphs, inputs and the other frameworks' outputs for the tests.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks import peers
from benchmarks.nir.networks import NETWORKS, input_of
from spikingjelly.activation_based import functional, nir_exchange

HERE = Path(__file__).parent
NIR = ("nir==1.0.8", "nirtorch==2.6")
THEIR_DT = {"snntorch": 1e-4, "norse": 1e-3}  # in which their own networks run; snnTorch knows no other
DT = 1e-4  # of ours


@dataclass(frozen=True)
class Peer:
    """A framework, and what of our files it does not take, with what it says or does."""

    packages: tuple[str, ...]
    limits: dict[str, str]

    def python(self, name: str) -> Path:
        return peers.interpreter_with(f"nir-{name}", (peers.PINNED_TORCH, *self.packages, *NIR), peers.PINNED_TORCH)


PEERS = {
    "snntorch": Peer(
        (f"snntorch=={peers.SNNTORCH}",),
        {
            "if": "its IF takes no resistance but 1",
            "if_integers": "its IF takes no resistance but 1",
            "recurrent": "it can't read recurrent graphs, its own neither",
        },
    ),
    "norse": Peer(
        ("norse==1.1.0",),
        {"lif_no_decay_input": "it ignores the resistance, and warns", "pooling": "it leaves AvgPool2d out"},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.nir", description=__doc__.splitlines()[0])
    parser.add_argument("--record", type=Path, metavar="FOLDER", help="keep graphs, inputs and outputs")
    record = parser.parse_args().record
    failures = 0
    for name, peer in PEERS.items():
        python = peer.python(name)
        with tempfile.TemporaryDirectory() as folder:
            failures += _theirs(name, python, Path(folder), record) + _ours(name, peer, python, Path(folder), record)
    sys.exit(1 if failures else 0)


def _theirs(name: str, python: Path, folder: Path, record: Path | None) -> int:
    """Their networks here. Returns how many differ."""
    _work(name, python, "export", folder)
    failures = 0
    for graph in sorted(folder.glob("*.nir")):
        kept = np.load(graph.with_suffix(".npz"))
        network = nir_exchange.import_from_nir(graph, dt=THEIR_DT[name], step_mode="m")
        with torch.no_grad():
            y = network(torch.from_numpy(kept["x"])).numpy()
        failures += _tell(f"{name} -> here", graph.stem, kept["y"], y)
        if record:
            _record(record, f"from_{name}_{graph.stem}", graph, kept["x"], kept["y"], THEIR_DT[name])
    return failures


def _ours(name: str, peer: Peer, python: Path, folder: Path, record: Path | None) -> int:
    """Our networks there. Returns how many differ."""
    failures = 0
    for case, make in NETWORKS.items():
        torch.manual_seed(1)
        network, shape = make()
        functional.set_step_mode(network.eval(), "m")
        x = input_of(shape)
        graph, given, got = (folder / f"ours_{case}{end}" for end in (".nir", ".npz", "_there.npz"))
        nir_exchange.export_to_nir(network, x, graph, dt=DT)
        np.savez(given, x=x.numpy())
        if case in peer.limits:
            print(f"{f'here -> {name}':16} {case:20} left out: {peer.limits[case]}")
            continue
        _work(name, python, "run", graph, given, got, DT)
        there = np.load(got)["y"]
        with torch.no_grad():
            failures += _tell(f"here -> {name}", case, there, network(x).numpy())
        if record:
            _record(record, f"to_{name}_{case}", graph, x.numpy(), there, DT)
    return failures


def _tell(way: str, case: str, there: np.ndarray, here: np.ndarray) -> int:
    same = there.shape == here.shape and bool(np.allclose(there, here, rtol=1e-5, atol=1e-6))
    different = int((there != here).sum()) if there.shape == here.shape else here.size
    verdict = "same" if same else "DIFFERENT"
    print(f"{way:16} {case:20} {verdict}: {different} of {here.size} values differ, mean {here.mean():.4f}")
    return 0 if same else 1


def _work(name: str, python: Path, *arguments: object) -> None:
    worker = HERE / f"worker_{name}.py"
    subprocess.run([str(python), "-I", str(worker), *map(str, arguments)], check=True, capture_output=True)


def _record(folder: Path, name: str, graph: Path, x: np.ndarray, y: np.ndarray, dt: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = np.frombuffer(graph.read_bytes(), np.uint8)  # HDF5 is mostly gaps, which go away here
    np.savez_compressed(folder / f"{name}.npz", graph=file, x=x, y=y, dt=dt)


main()
