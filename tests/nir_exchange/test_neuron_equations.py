"""Each node against the equations of the NIR paper, in steps of forward Euler, written out with NumPy."""

from typing import Any

import nir
import numpy as np
import pytest
import torch

from spikingjelly.activation_based import functional, neuron
from spikingjelly.activation_based.nir_exchange import PerNeuronIFNode, PerNeuronLIFNode, import_from_nir

DT, N, T = 1e-3, 5, 60


def reference(node: Any, x_seq: np.ndarray) -> np.ndarray:
    """Spikes, or potentials where the node does not fire."""
    p = {k: np.asarray(v, np.float64) for k, v in node.to_dict().items() if k not in ("type", "metadata")}
    kind = type(node).__name__
    v = np.zeros(x_seq.shape[1:]) + p.get("v_leak", p.get("v_reset", 0.0))
    current, outputs = np.zeros_like(v), []
    for x in x_seq:
        if kind in ("I", "IF"):
            v = v + DT * p["r"] * x
        elif kind in ("LI", "LIF"):
            v = v + DT / p["tau"] * (p["v_leak"] - v + p["r"] * x)
        else:
            current = current + DT / p["tau_syn"] * (-current + p["w_in"] * x)
            v = v + DT / p["tau_mem"] * (p["v_leak"] - v + p["r"] * current)
        if "v_threshold" in p:
            z = v > p["v_threshold"]
            v = np.where(z, p["v_reset"], v)
        outputs.append(z.astype(float) if "v_threshold" in p else v)
    return np.stack(outputs)


def _values(low: float, high: float, same: bool) -> np.ndarray:
    values = np.random.default_rng(int(1e6 * high) % 997).uniform(low, high, N)
    return np.full(N, values[0]) if same else values


def _nodes(same: bool) -> dict[str, Any]:
    def values(low: float, high: float) -> np.ndarray:
        return _values(low, high, same)

    fire = {"v_threshold": values(0.3, 1.0), "v_reset": values(-0.5, 0.2)}
    leak = {"r": values(1.0, 3.0), "v_leak": values(-0.3, 0.3)}
    current = {"tau_syn": values(2e-3, 9e-3), "tau_mem": values(2e-3, 8e-3), "w_in": values(0.5, 2.0)}
    return {
        "IF": nir.IF(r=values(100, 900), **fire),
        "IF, plain": nir.IF(r=np.full(N, 1 / DT), **fire),
        "LIF": nir.LIF(tau=values(2e-3, 7e-3), **leak, **fire),
        "LIF, input decays": nir.LIF(values(2e-3, 7e-3), np.ones(N), fire["v_reset"], **fire),
        "LIF, input does not decay": nir.LIF(np.full(N, 4e-3), np.full(N, 4.0), fire["v_reset"], **fire),
        "CubaLIF": nir.CubaLIF(**current, **leak, **fire),
        "I": nir.I(r=values(100, 900)),
        "LI": nir.LI(tau=values(2e-3, 7e-3), **leak),
        "CubaLI": nir.CubaLI(**current, **leak),
    }


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("name", _nodes(True))
def test_a_node_computes_what_its_equations_say(name: str, same: bool) -> None:
    node = _nodes(same)[name]
    x_seq = torch.rand(T, 3, N, dtype=torch.float64) * 3 - 0.5
    network = import_from_nir(nir.NIRGraph.from_list(node), DT, dtype=torch.float64, step_mode="m")
    with torch.no_grad():
        y = network(x_seq).numpy()
    expected = reference(node, x_seq.numpy())
    assert np.allclose(y, expected, atol=1e-9)
    assert np.abs(expected).mean() > 0.02
    plain = {
        "IF, plain": neuron.IFNode,
        "LIF, input decays": neuron.LIFNode,
        "LIF, input does not decay": neuron.LIFNode,
    }
    if same and name in plain:
        assert type(next(network.children())) is plain[name]


def test_a_neuron_fires_above_the_threshold_of_the_graph_and_not_at_it() -> None:
    threshold = np.array([0.5, 0.25, np.nextafter(np.float32(0.5), np.float32(0))], np.float32)
    node = nir.IF(r=np.full(3, 1 / DT), v_threshold=threshold)
    network = import_from_nir(nir.NIRGraph.from_list(node), DT)
    assert network(torch.full((1, 3), 0.5)).tolist() == [[0.0, 1.0, 1.0]]
    functional.reset_net(network)
    network = import_from_nir(nir.NIRGraph.from_list(nir.Threshold(threshold)), DT)
    assert network(torch.full((1, 3), 0.5)).tolist() == [[0.0, 1.0, 1.0]]


def test_parameters_for_each_neuron_run_in_a_kernel_as_well() -> None:
    for make in (
        lambda backend: PerNeuronIFNode(torch.rand(300) * 2e3, torch.rand(300) + 0.5, -torch.rand(300), DT),
        lambda backend: PerNeuronLIFNode(torch.rand(300) * 0.01 + DT, 3.0, torch.rand(300), torch.rand(300) + 1, dt=DT),
    ):
        outputs = []
        for backend in "torch", "cpp":
            torch.manual_seed(0)
            node = make(backend)
            node.step_mode = "m"
            node.backend = backend
            outputs.append(node(torch.rand(12, 4, 300) * 2))
        assert torch.equal(*outputs)
        assert 0.05 < outputs[0].mean() < 0.95


def test_the_potential_begins_at_rest_and_each_reset_returns_there() -> None:
    node = PerNeuronLIFNode(0.01, v_leak=torch.tensor([0.0, 0.7]), v_reset=-1.0, v_threshold=5.0, dt=DT)
    for _ in range(2):
        node(torch.zeros(3, 2))
        assert node.v.tolist() == [[0.0, pytest.approx(0.7)]] * 3
        node.v = node.v + 1
        node.reset()
    node = PerNeuronIFNode(1.0, v_reset=torch.tensor([0.25]), v_threshold=5.0, dt=DT)
    node(torch.zeros(1, 1))
    assert node.v.tolist() == [[0.25]]


def test_another_batch_without_a_reset_is_refused() -> None:
    node = PerNeuronLIFNode(0.01, v_leak=torch.ones(2), dt=DT)
    node(torch.zeros(1, 2))
    with pytest.raises(RuntimeError, match="still carries the state"):
        node(torch.zeros(3, 2))


def test_parameters_move_and_are_saved() -> None:
    node = PerNeuronLIFNode(torch.tensor([0.01, 0.02]), v_leak=torch.ones(2), dt=DT).double()
    assert node(torch.zeros(1, 2, dtype=torch.float64)).dtype == torch.float64
    assert list(node.state_dict()) == ["tau", "r", "v_leak", "v_threshold", "v_reset"]
    assert "dt=0.001" in repr(node)


@pytest.mark.parametrize("dt", [0.0, -1.0, float("inf"), float("nan")])
def test_a_time_step_must_be_positive(dt: float) -> None:
    with pytest.raises(ValueError, match="dt must be a (positive, finite number of seconds|number, but nan)"):
        PerNeuronIFNode(1.0, dt=dt)
