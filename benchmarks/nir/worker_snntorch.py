"""Runs in the environment of snnTorch: `export FOLDER` writes graphs, `run GRAPH INPUT OUTPUT DT` runs one."""

import sys
from pathlib import Path

import nir
import numpy as np
import snntorch
import torch
from snntorch.export_nir import export_to_nir
from snntorch.import_nir import import_from_nir
from torch import nn

INPUTS, HIDDEN, STEPS = 4, 5, 40


def leaky(size: int, beta: float) -> nn.Module:
    return snntorch.Leaky(
        beta=torch.full((size,), beta), threshold=torch.full((size,), 0.7), init_hidden=True, reset_mechanism="zero",
        reset_delay=False,
    )  # fmt: skip


def networks() -> dict[str, nn.Module]:
    recurrent = {"all_to_all": True, "linear_features": HIDDEN, "init_hidden": True, "reset_mechanism": "zero"}
    return {
        "leaky": nn.Sequential(nn.Linear(INPUTS, HIDDEN), leaky(HIDDEN, 0.9), nn.Linear(HIDDEN, 3), leaky(3, 0.5)),
        "synaptic": nn.Sequential(
            nn.Linear(INPUTS, HIDDEN),
            snntorch.Synaptic(
                alpha=torch.full((HIDDEN,), 0.75), beta=torch.full((HIDDEN,), 0.5), init_hidden=True,
                threshold=torch.full((HIDDEN,), 0.7), reset_mechanism="zero", reset_delay=False,
            ),
        ),
        "rleaky": nn.Sequential(nn.Linear(INPUTS, HIDDEN), snntorch.RLeaky(beta=0.9, reset_delay=False, **recurrent)),
    }  # fmt: skip


def run(network: nn.Module, x_seq: torch.Tensor) -> np.ndarray:
    state, outputs = None, []
    for x in x_seq:
        result = network(x) if state is None else network(x, state)
        output, state = result if isinstance(result, tuple) else (result, None)
        outputs.append(output)
    return torch.stack(outputs).detach().numpy()


def export(folder: Path) -> None:
    torch.manual_seed(0)
    for name, network in networks().items():
        graph = export_to_nir(network, torch.rand(INPUTS))
        nir.write(folder / f"{name}.nir", graph)
        x_seq = (torch.rand(STEPS, 2, INPUTS) < 0.5).float() * 2
        for module in network:
            if hasattr(module, "reset_mem"):
                module.reset_mem()
        np.savez(folder / f"{name}.npz", x=x_seq.numpy(), y=run(network, x_seq))


def main() -> None:
    if sys.argv[1] == "export":
        export(Path(sys.argv[2]))
        return
    graph, inputs, outputs = sys.argv[2:5]
    samples = torch.from_numpy(np.load(inputs)["x"]).unbind(1)
    with torch.no_grad():  # without the dimension of the batch, which its Flatten would flatten as well
        y = [run(import_from_nir(nir.read(graph)), sample) for sample in samples]
    np.savez(outputs, y=np.stack(y, axis=1))


main()
