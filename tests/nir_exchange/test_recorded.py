"""Graphs that went between us and other frameworks, with what those computed: see benchmarks/nir."""

from pathlib import Path

import numpy as np
import pytest
import torch

from spikingjelly.activation_based import functional
from spikingjelly.activation_based.nir_exchange import export_to_nir, import_from_nir
from tests.nir_exchange.graphs import same_graph

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.npz"))


def test_there_are_cases_of_two_frameworks_in_both_directions() -> None:
    ways = {path.stem.rsplit("_", 1)[0].split("_")[0] + path.stem.split("_")[1] for path in RECORDED}
    assert ways == {"fromsnntorch", "tosnntorch", "fromnorse", "tonorse"}


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_outputs_are_those_of_the_other_framework(path: Path, tmp_path: Path) -> None:
    case = np.load(path, allow_pickle=False)
    file = tmp_path / "graph.nir"
    file.write_bytes(case["graph"].tobytes())
    x, dt = torch.from_numpy(case["x"]), case["dt"].item()
    network = import_from_nir(file, dt)
    with torch.no_grad():
        in_steps = torch.stack([network(step) for step in x])
        functional.reset_net(network)
        network.step_mode = "m"
        at_once = network(x)
    for y in in_steps, at_once:
        assert np.allclose(y.numpy(), case["y"], rtol=1e-5, atol=1e-6)
    assert np.abs(case["y"]).mean() > 0.01
    functional.reset_net(network)
    graph = export_to_nir(network, x)
    same_graph(graph, export_to_nir(import_from_nir(graph), x[0]))
