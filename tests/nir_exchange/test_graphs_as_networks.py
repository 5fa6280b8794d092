"""Order, recurrent connections, delays in cycles, graphs in graphs, several inputs and outputs."""

import itertools
from typing import Any

import nir
import numpy as np
import pytest
import torch

from spikingjelly.activation_based import functional, layer
from spikingjelly.activation_based.nir_exchange import NIRNetwork, PerNeuronDelay, Scale, export_to_nir, import_from_nir
from tests.nir_exchange.graphs import same_graph

DT = 1e-3


def _input(n: int) -> Any:
    return nir.Input({"input": np.array([n])})


def _output(n: int) -> Any:
    return nir.Output({"output": np.array([n])})


def _if(n: int, threshold: float = 0.5) -> Any:
    return nir.IF(r=np.full(n, 1 / DT), v_threshold=np.full(n, threshold))


def _graph(nodes: dict[str, Any], edges: list[tuple[str, str]]) -> Any:
    return nir.NIRGraph(nodes, edges, metadata={"dt": DT}, type_check=False)


def _loop(between: dict[str, Any]) -> NIRNetwork:
    """A neuron that fires once for a spike, and whose spikes come back through ``between``."""
    names = list(between)
    around = [*zip(["cell", *names], [*names, "cell"], strict=True)]
    nodes = {"in": _input(1), "cell": _if(1), **between, "out": _output(1)}
    return import_from_nir(_graph(nodes, [("in", "cell"), *around, ("cell", "out")]))


def _response(network: NIRNetwork, steps: int = 8, mode: str = "m") -> list[float]:
    network.step_mode = mode
    functional.reset_net(network)
    x = torch.zeros(steps, 1, 1)
    x[0] = 1.0
    with torch.no_grad():
        y = network(x) if mode == "m" else torch.stack([network(step) for step in x])
    return y.flatten().tolist()


@pytest.mark.parametrize(
    ("between", "period"),
    [
        ({}, 1),
        ({"same": nir.Linear(np.ones((1, 1)))}, 1),
        ({"delay": nir.Delay(np.array([1 * DT]))}, 1),
        ({"delay": nir.Delay(np.array([3 * DT]))}, 3),
        ({"same": nir.Scale(np.ones(1)), "delay": nir.Delay(np.array([2 * DT]))}, 2),
        ({"nothing": nir.Delay(np.array([0.0]))}, 1),
        ({"graph": nir.NIRGraph.from_list(nir.Linear(np.ones((1, 1))))}, 1),
    ],
)
def test_spikes_come_back_a_time_step_later_or_after_the_delay(between: dict[str, Any], period: int) -> None:
    network = _loop(between)
    assert network.is_recurrent
    expected = [float(t % period == 0) for t in range(8)]
    assert _response(network) == _response(network, mode="s") == expected
    functional.reset_net(network)
    graph = export_to_nir(network, torch.zeros(1, 1))
    assert set(graph.edges) == set(network.plan.edges)
    if "delay" in between:
        assert graph.nodes["delay"].delay == between["delay"].delay
    assert _response(import_from_nir(graph)) == expected


def test_a_bias_on_the_way_back_counts_from_the_first_step_on() -> None:
    network = _loop({"way": nir.Affine(np.zeros((1, 1)), np.array([0.6]))})
    assert _response(network) == [1.0] * 8


def test_two_neurons_in_a_cycle_read_forward_at_once_and_backward_a_step_later() -> None:
    nodes = {"in": _input(1), "cell": _if(1), "second": _if(1), "out": _output(1)}
    edges = [("in", "cell"), ("second", "cell"), ("cell", "second"), ("second", "out")]
    network = import_from_nir(_graph(nodes, edges))
    assert network.plan.delayed == {("second", "cell")}
    assert _response(network) == [1.0] * 8


def test_the_order_of_nodes_and_edges_does_not_matter() -> None:
    nodes = {"z": _input(2), "a": nir.Scale(np.array([1.0, 2.0])), "m": _if(2), "b": _output(2)}
    edges = [("z", "a"), ("a", "m"), ("z", "m"), ("m", "b")]
    x = torch.rand(6, 2, 2)
    expected = import_from_nir(_graph(nodes, edges), step_mode="m")(x)
    shuffled = import_from_nir(_graph(dict(reversed(nodes.items())), edges[::-1]), step_mode="m")
    assert torch.equal(shuffled(x), expected)
    assert 0 < expected.mean() < 1


def test_several_inputs_and_outputs() -> None:
    nodes = {
        "left": _input(2),
        "right": _input(2),
        "half": nir.Scale(np.full(2, 0.5)),
        "sum": _output(2),
        "one": _output(2),
    }
    graph = _graph(nodes, [("left", "half"), ("half", "sum"), ("right", "sum"), ("half", "one")])
    network = import_from_nir(graph)
    left, right = torch.rand(3, 2), torch.rand(3, 2)
    total, one = network(left, right)
    assert torch.equal(one, left * 0.5)
    assert torch.equal(total, left * 0.5 + right)
    same_graph(graph, export_to_nir(network, (left, right)))
    with pytest.raises(ValueError, match=r"2 Input nodes \(left, right\), but 1 tensors"):
        network(left)


def test_several_outputs_of_a_recurrent_network_come_stacked() -> None:
    nodes = {"in": _input(1), "cell": _if(1), "spikes": _output(1), "copy": _output(1)}
    network = import_from_nir(
        _graph(nodes, [("in", "cell"), ("cell", "cell"), ("cell", "spikes"), ("cell", "copy")]), step_mode="m"
    )
    spikes, copy = network(torch.ones(4, 2, 1))
    assert spikes.shape == (4, 2, 1)
    assert torch.equal(spikes, copy)


def test_a_network_with_several_inputs_and_outputs_is_exported() -> None:
    class Two(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = Scale(torch.tensor([2.0, 3.0]))

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            z = self.scale(x)
            return z + y, z

    graph = export_to_nir(Two(), (torch.zeros(1, 2), torch.zeros(1, 2)))
    assert [type(node).__name__ for node in graph.nodes.values()] == ["Input", "Input", "Scale", "Output", "Output"]
    x, y = torch.rand(3, 2), torch.rand(3, 2)
    for mine, theirs in zip(Two()(x, y), import_from_nir(graph)(x, y), strict=True):
        assert torch.equal(mine, theirs)


def test_an_imported_network_is_a_graph_in_a_graph_when_it_is_part_of_a_network() -> None:
    inner = _loop({})
    net = torch.nn.Sequential(layer.Linear(3, 1), inner)
    graph = export_to_nir(net, torch.zeros(1, 3), dt=DT)
    assert type(graph.nodes["_1"]) is nir.NIRGraph
    x = torch.rand(6, 2, 3) * 3
    functional.set_step_mode(net, "m")
    assert inner.node("cell").step_mode == "s"
    assert torch.allclose(import_from_nir(graph, step_mode="m")(x), net(x))


def test_names_that_are_no_attribute_names() -> None:
    names = ["0", "a.b", "a_b", "forward", "plan", "", "ü", "keys"]
    nodes = {"in": _input(1), **{name: nir.Scale(np.array([2.0])) for name in names}, "out": _output(1)}
    chain = list(nodes)
    graph = _graph(nodes, list(itertools.pairwise(chain)))
    network = import_from_nir(graph)
    assert network(torch.ones(1, 1)).item() == 2.0 ** len(names)
    assert network._0 is network.node("0")
    assert len(network.state_dict()) == len(names)
    same_graph(graph, export_to_nir(network, torch.zeros(1, 1)))
    with pytest.raises(KeyError, match="no node 'in' with a module"):
        network.node("in")


def test_another_batch_without_a_reset_is_refused_in_a_recurrent_network() -> None:
    network = _loop({"way": nir.Linear(np.ones((1, 1)))})
    network(torch.ones(1, 1))
    with pytest.raises(RuntimeError, match="still carries the state"):
        network(torch.ones(3, 1))
    functional.reset_net(network)
    assert network.previous == {}
    network(torch.ones(3, 1))


def test_the_surrogate_may_be_chosen_or_comes_with_the_graph() -> None:
    from spikingjelly.activation_based import surrogate

    graph = _graph({"in": _input(1), "cell": _if(1), "out": _output(1)}, [("in", "cell"), ("cell", "out")])
    assert repr(import_from_nir(graph).node("cell").surrogate_function) == "Sigmoid(alpha=4.0, spiking=True)"
    chosen = import_from_nir(graph, surrogate_function=surrogate.Erf(3.0))
    assert repr(chosen.node("cell").surrogate_function) == "Erf(alpha=3.0, spiking=True)"
    graph.nodes["cell"].metadata = {"surrogate_function": {"name": "PiecewiseLeakyReLU", "w": 2.0, "c": 0.5}}
    assert (
        repr(import_from_nir(graph).node("cell").surrogate_function) == "PiecewiseLeakyReLU(w=2.0, c=0.5, spiking=True)"
    )


@pytest.mark.parametrize(
    "kept",
    [{"name": "check_manual_grad"}, {"name": "Nobody"}, {"name": "ATan", "x": 1.0}, {"name": "ATan", "alpha": "1"}],
)
def test_a_surrogate_that_is_not_known_is_told_of(kept: dict[str, Any], caplog: Any) -> None:
    graph = _graph({"in": _input(1), "cell": _if(1), "out": _output(1)}, [("in", "cell"), ("cell", "out")])
    graph.nodes["cell"].metadata = {"surrogate_function": kept}
    assert repr(import_from_nir(graph).node("cell").surrogate_function) == "Sigmoid(alpha=4.0, spiking=True)"
    assert "is not known here" in caplog.text


def test_delays_of_each_neuron() -> None:
    delay = PerNeuronDelay(torch.tensor([0, 2, 1]))
    x = torch.arange(1.0, 13.0).reshape(4, 1, 3)
    expected = [[1, 0, 0], [4, 0, 3], [7, 2, 6], [10, 5, 9]]
    assert torch.stack([delay(step) for step in x]).squeeze(1).tolist() == expected
    delay.reset()
    delay.step_mode = "m"
    assert delay(x).squeeze(1).tolist() == expected
    assert "delay_steps=<tensor [3]>" in repr(delay)
    for wrong in torch.tensor([-1]), torch.tensor([1.0]):
        with pytest.raises(ValueError, match="delay_steps must be a tensor of integers that are at least 0"):
            PerNeuronDelay(wrong)


def test_import_to_a_device_and_a_dtype() -> None:
    graph = _graph({"in": _input(1), "cell": _if(1), "out": _output(1)}, [("in", "cell"), ("cell", "out")])
    graph.nodes["cell"] = nir.LIF(*(np.full(1, v) for v in (5e-3, 2.0, 0.1, 0.7)))
    network = import_from_nir(graph, device="meta", dtype=torch.float64)
    assert network.node("cell").tau.device.type == "meta"
    assert network.node("cell").tau.dtype == torch.float64
