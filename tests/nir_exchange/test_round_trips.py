"""A graph to a network and back is the same graph; a network to a graph and back gives the same spikes."""

from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.model import ms_resnet, parametric_lif_net
from spikingjelly.activation_based.nir_exchange import (
    CurrentBasedLeakyIntegrator,
    Integrator,
    LeakyIntegrator,
    PerNeuronCUBALIFNode,
    PerNeuronDelay,
    PerNeuronIFNode,
    PerNeuronLIFNode,
    Scale,
    Threshold,
    export_to_nir,
    import_from_nir,
)
from tests.nir_exchange.graphs import random_graphs, same_graph

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # shrinking such graphs takes minutes


@settings(max_examples=30, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(random_graphs())
def test_a_graph_to_a_network_and_back_is_the_same_graph(graph: Any) -> None:
    network = import_from_nir(graph)
    shape = [int(n) for n in graph.nodes["in"].input_type["input"]]
    same_graph(graph, export_to_nir(network, torch.zeros(2, *shape)))
    x = torch.rand(5, 2, *shape)
    with torch.no_grad():
        in_steps = torch.stack([network(step) for step in x])
        functional.reset_net(network)
        network.step_mode = "m"
        assert torch.allclose(network(x), in_steps, atol=1e-5)


@settings(max_examples=10, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(random_graphs())
def test_a_graph_in_a_file_is_the_same_graph(tmp_path_factory: Any, graph: Any) -> None:
    path = tmp_path_factory.mktemp("nir") / "graph.nir"
    shape = [int(n) for n in graph.nodes["in"].input_type["input"]]
    export_to_nir(import_from_nir(graph), torch.zeros(2, *shape), path)
    same_graph(graph, export_to_nir(import_from_nir(path), torch.zeros(2, *shape)))


@pytest.mark.parametrize(
    "pool",
    [layer.MaxPool2d(2), layer.MaxPool2d((3, 2), stride=(2, 1), padding=1), layer.MaxPool2d(2, 3)],
    ids=["2", "3x2 with padding", "stride"],
)
@pytest.mark.parametrize(
    "between", [nn.Identity(), layer.Delay(2), layer.MaxPool2d(2, 1)], ids=lambda m: type(m).__name__
)
def test_max_pooling_of_spikes(pool: nn.Module, between: nn.Module) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(layer.Conv2d(1, 2, 3), neuron.LIFNode(v_threshold=0.8), between, pool, layer.Flatten())
    nn.init.uniform_(net[0].weight, -1.0, 1.0)
    functional.set_step_mode(net, "m")
    x = 2 * torch.rand(8, 3, 1, 8, 8)
    graph = export_to_nir(net, x, dt=1e-3)
    assert "MaxPool2d" not in {type(node).__name__ for node in graph.nodes.values()}
    imported = import_from_nir(graph, step_mode="m")
    with torch.no_grad():
        expected, found = net(x), imported(x)
    assert torch.equal(found, expected)
    assert 0.05 < expected.mean() < 0.95
    functional.reset_net(imported)
    same_graph(graph, export_to_nir(imported, x))


def test_published_networks() -> None:
    """With max pooling behind neurons, voting, and sums of branches."""
    torch.manual_seed(0)
    plif = parametric_lif_net.MNISTNet(channels=2, spiking_neuron=neuron.LIFNode, v_threshold=0.05)
    ms = ms_resnet.MSResNet(in_channels=1, num_classes=3, layers=(1, 1, 1), base_channels=2)
    for net, x in ((plif, torch.rand(4, 2, 1, 28, 28)), (ms, torch.rand(4, 2, 1, 16, 16))):
        net.eval()
        functional.set_step_mode(net, "s")
        with torch.no_grad():
            imported = import_from_nir(export_to_nir(net, x[0]))
            expected, found = (torch.stack([each(step) for step in x]) for each in (net, imported))
        assert torch.allclose(found, expected, atol=1e-6)
        assert expected.abs().mean() > 0.01


class Residual(nn.Module):
    """Sums and products with numbers as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.first = layer.Linear(6, 6)
        self.block = nn.Sequential(layer.Linear(6, 6), neuron.LIFNode(v_threshold=0.2))
        self.last = neuron.IFNode()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        return self.last(x * 0.5 + self.block(x))


def _dense(*modules: nn.Module) -> nn.Module:
    return nn.Sequential(layer.Linear(6, 6), *modules, layer.Linear(6, 4), neuron.LIFNode(3.0, v_threshold=0.2))


def _normed() -> nn.Module:
    net = nn.Sequential(
        layer.Conv2d(1, 2, 2, groups=1, bias=False), layer.BatchNorm2d(2), neuron.IFNode(v_threshold=0.3),
        layer.BatchNorm2d(2), neuron.IFNode(), layer.AdaptiveAvgPool2d((1, 2)), layer.Flatten(), layer.Linear(4, 4),
        layer.BatchNorm1d(4), neuron.LIFNode(v_threshold=0.2), layer.BatchNorm1d(4), nn.Dropout(),
    )  # fmt: skip
    for module in net:
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.3, 2.0)
            nn.init.uniform_(module.weight, 0.5, 2.0)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return net


def _rand(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3))


NETWORKS = {
    "if": lambda: _dense(neuron.IFNode(0.4, -0.3)),
    "lif": lambda: _dense(neuron.LIFNode(1.7, True, 0.1, -0.2, surrogate.ATan(3.0))),
    "lif_no_decay_input": lambda: _dense(neuron.LIFNode(2.7, False, 0.4, 0.05, surrogate.LeakyKReLU(leak=0.1))),
    "lif_with_thresholds": lambda: _dense(neuron.LIFNode(v_threshold=_rand(6), v_reset=-_rand(6))),
    "plif": lambda: _dense(neuron.ParametricLIFNode(2.345678, False, 0.4)),
    "cuba": lambda: _dense(neuron.CLIFNode(0.3, 0.9, 0.4, -0.1)),
    "cuba_without_memory": lambda: _dense(neuron.CLIFNode(0.0, 0.0, 0.4)),
    "delay": lambda: _dense(layer.Delay(3), neuron.IFNode(0.3)),
    "delays": lambda: _dense(PerNeuronDelay(torch.tensor([0, 1, 2, 0, 5, 1])), neuron.IFNode(0.3)),
    "voting": lambda: nn.Sequential(layer.Linear(6, 13), neuron.IFNode(0.3), layer.VotingLayer(2)),
    "scale_and_threshold": lambda: _dense(Scale(_rand(6)), Threshold(_rand(6), surrogate.ATan())),
    "per_neuron_if": lambda: _dense(PerNeuronIFNode(_rand(6) * 2e3, _rand(6), -_rand(6), 1e-3)),
    "per_neuron_lif": lambda: _dense(PerNeuronLIFNode(_rand(6) * 0.1 + 1e-3, _rand(6) * 9, _rand(6), _rand(6) + 1, -_rand(6), 1e-3)),
    "per_neuron_cuba": lambda: _dense(
        PerNeuronCUBALIFNode(_rand(6) * 0.01 + 1e-3, _rand(6) * 0.01 + 2e-3, 3.0, -0.1, 0.4, -0.5, _rand(6) * 2, 1e-3)
    ),
    "integrators": lambda: nn.Sequential(
        Integrator(_rand(6) * 1e3, 1e-3), LeakyIntegrator(_rand(6) * 0.1 + 1e-3, 2.0, 0.3, 1e-3),
        CurrentBasedLeakyIntegrator(4e-3, _rand(6) * 0.1 + 1e-3, 2.0, 0.3, 1.5, 1e-3),
    ),
    "linear_recurrent": lambda: _dense(layer.LinearRecurrentContainer(neuron.LIFNode(v_threshold=0.2), 6, 6, bias=False)),
    "sum_recurrent": lambda: _dense(
        layer.ElementWiseRecurrentContainer(nn.Sequential(nn.Linear(6, 6), neuron.IFNode()), lambda y, x: x + y)
    ),
    "containers": lambda: nn.Sequential(
        layer.StepModeContainer(False, nn.Linear(6, 6)), layer.StepModeContainer(True, nn.Identity(), neuron.IFNode(0.2))
    ),
    "residual": Residual,
    "normed": _normed,
}  # fmt: skip


MADE_FOR_ONE_TIME_STEP = ("per_neuron_if", "per_neuron_lif", "per_neuron_cuba", "integrators")


@pytest.mark.parametrize(
    ("name", "dt"),
    [(name, dt) for name in NETWORKS for dt in (1e-3, 7e-5) if dt == 1e-3 or name not in MADE_FOR_ONE_TIME_STEP],
)
def test_a_network_to_a_graph_and_back_gives_the_same_spikes(name: str, dt: float, tmp_path: Path) -> None:
    net = NETWORKS[name]().eval()
    x = torch.rand(30, 3, 1, 2, 3) * 2 if name == "normed" else torch.rand(30, 3, 6) * 2
    functional.set_step_mode(net, "m")
    functional.set_backend(net, "torch", instance=neuron.BaseNode)
    state = {key: value.clone() for key, value in net.state_dict().items()}
    export_to_nir(net, x, tmp_path / "net.nir", dt)
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    assert all(m.step_mode == "m" for m in net if hasattr(m, "step_mode")) if isinstance(net, nn.Sequential) else True
    with torch.no_grad():
        expected = net(x)
        for mode in "sm":
            back = import_from_nir(tmp_path / "net.nir", step_mode=mode)
            functional.set_backend(back, "torch", instance=neuron.BaseNode)
            y = back(x) if mode == "m" else torch.stack([back(step) for step in x])
            assert torch.allclose(y, expected, atol=1e-5), name
    assert expected.float().abs().mean() > 0.0


@pytest.mark.parametrize("name", ["if", "lif", "lif_no_decay_input", "plif", "cuba", "cuba_without_memory"])
def test_plain_neurons_come_back_as_they_were(name: str) -> None:
    net = NETWORKS[name]()
    for x in torch.zeros(2, 6), torch.zeros(2, 6, dtype=torch.float64):
        back = import_from_nir(export_to_nir(net.to(x.dtype), x, dt=3e-4), dtype=x.dtype)
        twin = back.node("_1")
        assert type(twin) is type(net[1])
        assert twin.extra_repr() == net[1].extra_repr()
        assert repr(twin.surrogate_function) == repr(net[1].surrogate_function)
        if name == "plif":
            assert torch.equal(twin.w, net[1].w)


def test_the_potential_of_a_read_out_is_the_last_of_the_graph() -> None:
    for node in neuron.NonSpikingLIFNode(3.0), neuron.NonSpikingIFNode():
        net = nn.Sequential(layer.Linear(6, 2), node)
        functional.set_step_mode(net, "m")
        x = torch.rand(9, 3, 6)
        back = import_from_nir(export_to_nir(net, x), step_mode="m")
        assert torch.allclose(back(x)[-1], net(x), atol=1e-5)


def test_batch_normalisation_is_folded_where_nothing_else_reads_the_layer_before() -> None:
    graph = export_to_nir(NETWORKS["normed"]().eval(), torch.zeros(1, 1, 2, 3))
    kinds = [type(node).__name__ for node in graph.nodes.values()]
    assert kinds == [
        "Input",
        "Conv2d",
        "IF",
        "Conv2d",
        "IF",
        "AvgPool2d",
        "Flatten",
        "Affine",
        "LIF",
        "Affine",
        "Output",
    ]

    class Branch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.norm = layer.Linear(6, 6), layer.BatchNorm1d(6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.linear(x)
            return x + self.norm(x)

    branch = Branch().eval()
    branch.norm.running_mean.fill_(0.7)
    x = torch.rand(4, 6)
    graph = export_to_nir(branch, x)
    assert [type(node).__name__ for node in graph.nodes.values()] == ["Input", "Affine", "Affine", "Output"]
    assert torch.allclose(import_from_nir(graph)(x), branch(x), atol=1e-5)


def test_flatten_may_be_a_function_or_a_method() -> None:
    class Flat(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.flatten(x, start_dim=2).flatten(1)

    x = torch.rand(2, 3, 4, 5)
    graph = export_to_nir(Flat(), x)
    assert [(n.start_dim, n.end_dim) for n in graph.nodes.values() if isinstance(n, nir.Flatten)] == [(1, -1), (0, -1)]
    assert torch.equal(import_from_nir(graph)(x), x.flatten(1))


def test_a_graph_tells_its_time_step_and_its_surrogate() -> None:
    net = nn.Sequential(layer.Linear(6, 6), neuron.LIFNode(surrogate_function=surrogate.ATan(3.0)))
    graph = export_to_nir(net, torch.zeros(1, 6), dt=2e-3)
    assert graph.metadata["dt"] == 2e-3
    assert graph.metadata["discretisation"] == "forward Euler"
    assert graph.nodes["_1"].metadata["surrogate_function"] == {"name": "ATan", "alpha": 3.0}
    assert np.allclose(graph.nodes["_1"].tau, 4e-3)
    assert export_to_nir(net, torch.zeros(1, 6)).metadata["dt"] == 1e-4


def test_other_readers_find_valid_types(tmp_path: Path) -> None:
    export_to_nir(_normed(), torch.zeros(1, 1, 2, 3), tmp_path / "net.nir")
    assert isinstance(nir.read(tmp_path / "net.nir"), nir.NIRGraph)


def test_a_grouped_convolution_is_told_of(caplog: Any) -> None:
    net = layer.Conv2d(4, 4, 3, groups=2)
    x = torch.rand(2, 4, 5, 5)
    graph = export_to_nir(net, x)
    assert "type_check=False" in caplog.text
    assert torch.allclose(import_from_nir(graph)(x), net(x), atol=1e-6)


def test_gradients_flow_through_an_imported_network() -> None:
    net = import_from_nir(export_to_nir(NETWORKS["linear_recurrent"](), torch.zeros(1, 6)), step_mode="m")
    net(torch.rand(5, 2, 6)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    assert sum(p.grad.abs().sum() for p in net.parameters()) > 0


def test_importing_draws_no_random_numbers() -> None:
    graph = export_to_nir(_normed(), torch.zeros(1, 1, 2, 3))
    before = torch.get_rng_state()
    import_from_nir(graph)
    assert torch.equal(before, torch.get_rng_state())
