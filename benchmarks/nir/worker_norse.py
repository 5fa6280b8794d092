"""Runs in the environment of Norse: `export FOLDER` writes graphs, `run GRAPH INPUT OUTPUT DT` runs one."""

import sys
from pathlib import Path

import nir
import norse.torch as norse
import numpy as np
import torch
from torch import nn

INPUTS, HIDDEN, STEPS, DT = 4, 5, 40, 1e-3


def lif(*shape: int) -> nn.Module:
    inverse, threshold = torch.full(shape, 400.0), torch.full(shape, 0.2)
    return norse.LIFBoxCell(
        norse.LIFBoxParameters(tau_mem_inv=inverse, v_leak=torch.zeros(shape), v_th=threshold), dt=DT
    )


def networks() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    leak = norse.LIBoxParameters(tau_mem_inv=torch.full((3,), 250.0), v_leak=torch.full((3,), 0.5))
    hidden = nn.Linear(INPUTS, HIDDEN), lif(HIDDEN), nn.Linear(HIDDEN, 3)
    return {
        "lif": (norse.SequentialState(*hidden, lif(3)), (INPUTS,)),
        "li": (norse.SequentialState(*hidden, norse.LIBoxCell(leak, dt=DT)), (INPUTS,)),
        "conv": (
            norse.SequentialState(
                nn.Conv2d(1, 3, 3, padding=1), lif(3, 4, 4), nn.Conv2d(3, 2, 3, stride=2), lif(2, 1, 1)
            ),
            (1, 4, 4),
        ),
    }


def run(network: nn.Module, x_seq: torch.Tensor) -> np.ndarray:
    state, outputs = None, []
    for x in x_seq:
        output, state = network(x) if state is None else network(x, state)
        outputs.append(output)
    return torch.stack(outputs).detach().numpy()


def export(folder: Path) -> None:
    torch.manual_seed(0)
    for name, (network, shape) in networks().items():
        # Norse writes dt / tau_mem_inv where NIR has 1 / tau_mem_inv: right for dt=1.
        graph = norse.to_nir(network, torch.rand(shape), dt=1.0)
        graph.infer_types()  # gives the convolutions their shape
        nir.write(folder / f"{name}.nir", graph)
        x_seq = (torch.rand(STEPS, 2, *shape) < 0.5).float() * 2
        np.savez(folder / f"{name}.npz", x=x_seq.numpy(), y=run(network, x_seq))


def main() -> None:
    if sys.argv[1] == "export":
        export(Path(sys.argv[2]))
        return
    graph, inputs, outputs, dt = sys.argv[2:6]
    samples = torch.from_numpy(np.load(inputs)["x"]).unbind(1)
    with torch.no_grad():  # without the dimension of the batch, which its Flatten would flatten as well
        y = [run(norse.from_nir(nir.read(graph), dt=float(dt)), sample) for sample in samples]
    np.savez(outputs, y=np.stack(y, axis=1))


main()
