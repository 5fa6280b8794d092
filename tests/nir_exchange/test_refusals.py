"""What can't be exchanged is refused by name, with the nearest alternative, before anything is written."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.activation_based import base, functional, layer, neuron, surrogate
from spikingjelly.activation_based.nir_exchange import (
    Integrator,
    PerNeuronIFNode,
    Scale,
    export_to_nir,
    import_from_nir,
)

VECTOR, IMAGE = torch.zeros(2, 4), torch.zeros(2, 3, 5, 5)


class OwnLIF(neuron.LIFNode):
    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + x**2


class OwnMemory(base.MemoryModule):
    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Function(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        self.linear = layer.Linear(4, 4)
        self.cell = neuron.IFNode()

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(self, self.linear(x))


SMOOTH = neuron.IFNode(surrogate_function=surrogate.ATan(spiking=False))
REFUSED: list[tuple[nn.Module, torch.Tensor, str, str]] = [
    (neuron.IFNode(v_reset=None), VECTOR, "resets by subtraction", "v_reset=0.0"),
    (neuron.CLIFNode(v_reset=None), VECTOR, "resets by subtraction", "v_reset=0.0"),
    (neuron.CLIFNode(c_decay=1.0), VECTOR, "no time constant", "0 <= c_decay < 1"),
    (neuron.CLIFNode(v_decay=-0.5), VECTOR, "no time constant", "0 <= v_decay < 1"),
    (SMOOTH, VECTOR, "spiking=False", "set_spiking_mode"),
    (neuron.QIFNode(), VECTOR, "has no node in NIR", "neuron.LIFNode"),
    (neuron.IzhikevichNode(), VECTOR, "has no node in NIR", "neuron.LIFNode"),
    (OwnLIF(), VECTOR, "has no node in NIR", "neuron.LIFNode itself"),
    (OwnMemory(), VECTOR, "has no node in NIR", "NIR has no node with its state"),
    (layer.SynapseFilter(), VECTOR, "has no node in NIR", "LeakyIntegrator"),
    (layer.MaxPool2d(2), IMAGE, "NIR has no max pooling", "layer.AvgPool2d"),
    (nn.MaxPool2d(2), IMAGE, "NIR has no max pooling", "layer.AvgPool2d"),
    (layer.MaxPool1d(2), torch.zeros(2, 3, 4), "NIR has no max pooling", "layer.AvgPool2d"),
    (layer.AvgPool1d(2), torch.zeros(2, 3, 4), "has no node in NIR", "layer.AvgPool2d"),
    (layer.ConvTranspose2d(3, 3, 2), IMAGE, "has no node in NIR", "layer.Conv2d"),
    (layer.Conv3d(3, 3, 2), torch.zeros(2, 3, 4, 4, 4), "has no node in NIR", "two dimensions"),
    (layer.GroupNorm(3, 3), IMAGE, "has no node in NIR", "layer.BatchNorm2d"),
    (layer.WSConv2d(3, 3, 2), IMAGE, "has no node in NIR", "the layer itself"),
    (nn.ReLU(), VECTOR, "has no node in NIR", "neuron.IFNode"),
    (nn.Softmax(-1), VECTOR, "has no node in NIR", "Take it out of the network"),
    (layer.BatchNorm2d(3, track_running_stats=False), IMAGE, "no running statistics", "track_running_stats=True"),
    (layer.Conv2d(3, 3, 2, padding=1, padding_mode="circular"), IMAGE, "padding_mode='circular'", "'zeros'"),
    (layer.AvgPool2d(2, ceil_mode=True), IMAGE, "ceil_mode=True", "ceil_mode=False"),
    (layer.AvgPool2d(2, padding=1, count_include_pad=False), IMAGE, "count_include_pad=False", "Use True"),
    (layer.AvgPool2d(2, divisor_override=3), IMAGE, "divisor_override=3", "SumPool2d"),
    (layer.AdaptiveAvgPool2d(2), IMAGE, "windows of several sizes", "AvgPool2d"),
    (layer.Linear(5, 2), IMAGE, "the last dimension of features of the shape [3, 5, 5]", "layer.Flatten()"),
    (layer.Flatten(0), IMAGE, "the dimension of the batch", "start_dim=1"),
    (layer.ElementWiseRecurrentContainer(neuron.IFNode(), lambda y, x: y * x), VECTOR, "is no sum", "y + x"),
    (layer.ElementWiseRecurrentContainer(neuron.IFNode(), lambda y, x: y + y), VECTOR, "is no sum", "y + x"),
    (layer.ElementWiseRecurrentContainer(nn.Identity(), torch.add), VECTOR, "without a neuron", "Put one into it"),
    (layer.LinearRecurrentContainer(neuron.IFNode(), 5, 5), IMAGE, "features of the shape", "layer.Flatten()"),
    (nn.Identity(), VECTOR, "comes from no layer", "nothing to export"),
    (Function(lambda self, x: x.mean(0)), VECTOR, "the function 'mean'", "outside of the exported network"),
    (Function(lambda self, x: torch.cat([x, x])), VECTOR, "the function 'cat'", "modules"),
    (Function(lambda self, x: x * self.linear.bias), VECTOR, "a product with a tensor", "nir_exchange.Scale"),
    (Function(lambda self, x: self.linear(x + x)), VECTOR, "twice", "nir_exchange.Scale"),
    (Function(lambda self, x: self.cell(self.cell(x))), VECTOR, "is called twice", "Use two modules"),
    (Function(lambda self, x: x if x.sum() > 0 else -x), VECTOR, "can't be traced", "depends neither on values"),
    (Function(lambda self, x: x + self.linear.bias), VECTOR, "the function 'add'", "sums of two values"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "x", "problem", "alternative"), REFUSED, ids=lambda value: str(value)[:20].split("(")[0]
)
def test_what_nir_has_no_words_for(
    module: nn.Module, x: torch.Tensor, problem: str, alternative: str, tmp_path: Path
) -> None:
    net = nn.Sequential(nn.Identity(), module)
    with pytest.raises(NotImplementedError) as refusal:
        export_to_nir(net, x, tmp_path / "net.nir")
    text = str(refusal.value)
    assert text.startswith("export_to_nir: ")
    assert "\n" not in text
    assert problem in text
    assert alternative in text
    if not isinstance(module, nn.Identity | Function):
        assert f"'1' ({type(module).__name__})" in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("pool", "problem"),
    [
        (layer.MaxPool2d(2, ceil_mode=True), "ceil_mode=True, which NIR's pooling has not. Use False"),
        (nn.MaxPool2d(2, dilation=(1, 2)), r"dilation=\(1, 2\), which NIR's pooling has not. Use 1"),
    ],
)
def test_max_pooling_of_spikes_that_nir_has_no_words_for(pool: nn.Module, problem: str) -> None:
    with pytest.raises(NotImplementedError, match=rf"the layer '1' \(MaxPool2d\) has {problem}"):
        export_to_nir(nn.Sequential(neuron.IFNode(), pool), IMAGE)


def test_max_pooling_of_a_sum_of_spikes_is_refused() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other, self.pool = neuron.IFNode(), neuron.LIFNode(), layer.MaxPool2d(2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.pool(self.one(x) + self.other(x))

    with pytest.raises(NotImplementedError, match=r"the layer 'pool' \(MaxPool2d\) has no node in NIR"):
        export_to_nir(Sum(), IMAGE)


def test_places_that_can_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="export_to_nir: .* is a folder, but the name of a file is needed"):
        export_to_nir(layer.Linear(4, 2), VECTOR, tmp_path)
    assert not list(tmp_path.iterdir())


def test_read_outs() -> None:
    last = nn.Sequential(layer.Linear(4, 2), neuron.NonSpikingLIFNode(decode="max-mem"))
    functional.set_step_mode(last, "m")
    with pytest.raises(NotImplementedError, match=r"'1' \(NonSpikingLIFNode\).*decode='max-mem'.*decode='last-mem'"):
        export_to_nir(last, torch.zeros(3, 2, 4))
    between = nn.Sequential(neuron.NonSpikingIFNode(), layer.Linear(4, 2, step_mode="m"))
    with pytest.raises(NotImplementedError, match="'0' gives one value for a whole sequence.*LeakyIntegrator"):
        export_to_nir(between, torch.zeros(3, 2, 4))


def test_mixed_step_modes() -> None:
    net = nn.Sequential(layer.Linear(4, 4), neuron.IFNode(step_mode="m"))
    with pytest.raises(ValueError, match="'0' is in step_mode='s', but '1' in 'm'.*set_step_mode"):
        export_to_nir(net, VECTOR)


def test_a_state_that_is_left() -> None:
    for module in neuron.IFNode(), layer.Delay(2), layer.ElementWiseRecurrentContainer(neuron.IFNode(), torch.add):
        net = nn.Sequential(module)
        net(torch.rand(2, 4))
        with pytest.raises(ValueError, match=r"'0.*' \(.*\) still has the state .* of an earlier input.*reset_net"):
            export_to_nir(net, VECTOR)
        functional.reset_net(net)
        export_to_nir(net, VECTOR)


@pytest.mark.parametrize("dt", [0.0, -1e-3, float("nan")])
def test_a_time_step_without_meaning(dt: float) -> None:
    graph = export_to_nir(neuron.IFNode(), VECTOR)
    graph.metadata.clear()
    for call in (lambda: export_to_nir(neuron.IFNode(), VECTOR, dt=dt), lambda: import_from_nir(graph, dt)):
        with pytest.raises(ValueError, match="dt must be a (positive, finite number of seconds|number, but nan)"):
            call()


def test_a_time_step_other_than_the_one_it_was_made_for() -> None:
    graph = export_to_nir(neuron.LIFNode(), VECTOR, dt=1e-3)
    with pytest.raises(ValueError, match=r"dt=0.001 s, but dt=0.0001 was given.*Leave dt away"):
        import_from_nir(graph, 1e-4)
    network = import_from_nir(graph, 1e-3)
    with pytest.raises(ValueError, match="the network was made for time steps of dt=0.001 s, but dt=0.5 was asked for"):
        export_to_nir(network, VECTOR, dt=0.5)
    for module in PerNeuronIFNode(1.0, dt=1e-3), Integrator(1.0, dt=1e-3), nn.Sequential(network, nn.Identity()):
        with pytest.raises(ValueError, match=r"the layer .* was made for time steps of dt=0.001.*Export with dt=0.001"):
            export_to_nir(module, VECTOR, dt=0.5)


def test_a_time_step_that_is_too_long_for_the_neuron_or_does_not_divide_the_delay() -> None:
    one = np.ones(2)
    lif = nir.NIRGraph.from_list(nir.LIF(tau=one * 1e-3, r=one, v_leak=one * 0, v_threshold=one))
    with pytest.raises(
        ValueError, match=r"'lif' \(LIF\): its tau of 0.001 s is shorter than the time step dt=0.002.*at most 0.001"
    ):
        import_from_nir(lif, 2e-3)
    delay = nir.NIRGraph.from_list(nir.Delay(one * 1e-3))
    with pytest.raises(ValueError, match=r"'delay' \(Delay\).*is 1.429 time steps of dt=0.0007.*for example 0.001"):
        import_from_nir(delay, 7e-4)
    with pytest.raises(ValueError, match="at most 100000 can wait"):
        import_from_nir(nir.NIRGraph.from_list(nir.Delay(one * 1e6)), 1e-3)


def test_what_is_no_network_no_input_no_graph() -> None:
    with pytest.raises(TypeError, match=r"net must be a torch.nn.Module"):
        export_to_nir(3, VECTOR)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="example_input must have a floating-point dtype"):
        export_to_nir(neuron.IFNode(), torch.zeros(2, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"torch.float32 or torch.float64, but torch.float16"):
        export_to_nir(neuron.IFNode(), VECTOR.half())
    with pytest.raises(ValueError, match=r"must be \[N, \*\] with features"):
        export_to_nir(neuron.IFNode(), torch.zeros(4))
    with pytest.raises(ValueError, match=r"must be \[T, N, \*\] with features"):
        export_to_nir(neuron.IFNode(step_mode="m"), VECTOR)
    with pytest.raises(ValueError, match=r"the layer '0' \(Linear\) can't take features of the shape \[4\]"):
        export_to_nir(nn.Sequential(layer.Linear(3, 2)), VECTOR)
    with pytest.raises(TypeError, match=r"graph must be a nir.NIRGraph or a path"):
        import_from_nir(3)
    with pytest.raises(ValueError, match=r"torch.float32 or torch.float64"):
        import_from_nir(export_to_nir(neuron.IFNode(), VECTOR), dtype=torch.bfloat16)


def test_a_message_that_nir_is_missing(monkeypatch: Any) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "nir", None)
    for call in (lambda: export_to_nir(neuron.IFNode(), VECTOR), lambda: import_from_nir("x.nir")):
        with pytest.raises(ImportError, match=re.escape('pip install "spikingjelly[nir]"')):
            call()


def _graph(nodes: dict[str, Any], *edges: tuple[str, str]) -> Any:
    ends = {"in": nir.Input({"input": np.array([2])}), "out": nir.Output({"output": np.array([2])})}
    return nir.NIRGraph(ends | nodes, list(edges), type_check=False)


def _scale(n: int = 2) -> Any:
    return nir.Scale(np.ones(n))


def _image(**options: Any) -> Any:
    settings = {"padding": (0, 0), "stride": (1, 1), "dilation": (1, 1), "groups": 1} | options
    conv = nir.Conv2d((5, 5), weight=np.ones((1, 1, 3, 3)), bias=np.ones(1), **settings)
    ends = {"in": nir.Input({"input": np.array([1, 5, 5])}), "out": nir.Output({"output": None})}
    return nir.NIRGraph(ends | {"a": conv}, [("in", "a"), ("a", "out")], type_check=False)


def _inside(graph: Any, size: int = 5) -> Any:
    ends = {"in": nir.Input({"input": np.array([1, size, size])}), "out": nir.Output({"output": None})}
    return nir.NIRGraph(ends | {"graph": graph}, [("in", "graph"), ("graph", "out")], type_check=False)


ONE = np.ones(2)
MEANINGLESS = [
    (_graph({"a": _scale()}, ("in", "a"), ("a", "out"), ("a", "a")), "the cycle a -> a is no recurrent connection"),
    (_graph({"a": _scale(), "b": _scale()}, ("in", "a"), ("a", "b"), ("b", "a"), ("b", "out")), "the cycle a -> b -> a"),
    (_graph({}, ("in", "gone"), ("gone", "out")), "'gone', which the graph does not have"),
    (_graph({"a": _scale()}, ("in", "a"), ("in", "a"), ("a", "out")), "'in' -> 'a' is there twice"),
    (_graph({"a": _scale()}, ("in", "out"), ("a", "out")), "the node 'a' gets no input"),
    (_graph({"a": _scale()}, ("in", "out"), ("in", "a")), "the node 'a' leads nowhere"),
    (_graph({"a": _scale()}, ("in", "a"), ("a", "out"), ("out", "a")), "'out' is an Output, but an edge leaves it"),
    (_graph({"a": _scale()}, ("in", "a"), ("a", "out"), ("a", "in")), "'in' is an Input, but an edge leads to it"),
    (_graph({"a": nir.IF(ONE, ONE), "b": nir.IF(ONE, ONE)}, ("in", "out"), ("a", "b"), ("b", "a")), "is no recurrent|'a' leads nowhere|no path leads"),
    (_image(padding=(2**20, 2**20)), r"'a' \(Conv2d\) pads \[1, 5, 5\] to more than max_bytes"),
    (_inside(_image(padding=(2**20, 2**20))), r"'a' \(Conv2d\) pads \[1, 5, 5\] to more than max_bytes"),
    (_inside(_image(), 4), r"'graph' \(NIRGraph\) is for the shape \[1, 5, 5\], but gets \[1, 4, 4\]"),
    (_image(padding="same", stride=(2, 2)), r"'a' \(Conv2d\): padding='same' is not supported"),
    (_graph({"a": nir.Linear(np.ones((2, 2, 3)))}, ("in", "a"), ("a", "out")), r"'a' \(BatchedLinear\) can't take .*must be \[2, 3\]"),
    (_graph({"a": nir.NIRGraph({"b": _scale()}, [], type_check=False)}, ("in", "a"), ("a", "out")), "in the graph 'a': it has no Input node"),
    (nir.NIRGraph({"a": _scale(), "out": nir.Output({"output": ONE})}, [("a", "out")], type_check=False), "no Input node"),
    (nir.NIRGraph({"in": nir.Input({"input": ONE})}, [], type_check=False), "no Output node"),
    (_graph({"a": nir.Affine(np.ones((2, 3)), ONE)}, ("in", "a"), ("a", "out")), r"'a' \(Linear\) can't take what its sources give, 'in' \[2\]"),
    (_graph({"a": nir.Linear(np.ones((3, 2)))}, ("in", "a"), ("a", "out")), r"'out' \(Output\) is for the shape \[2\], but gets \[3\]"),
    (_graph({"a": nir.Linear(np.ones((3, 2))), "b": _scale(4)}, ("in", "a"), ("a", "b"), ("b", "out")), r"'b' \(Scale\) is for the shape \[4\], but gets \[3\]"),
    (_graph({"a": nir.Linear(np.ones((3, 2)))}, ("in", "a"), ("a", "out"), ("in", "out")), r"'out' .*no sum"),
    (_graph({"a": nir.LIF(ONE * -1, ONE, ONE, ONE)}, ("in", "a"), ("a", "out")), "its tau must be positive, but -1 s"),
    (_graph({"a": nir.LIF(ONE * np.nan, ONE, ONE, ONE)}, ("in", "a"), ("a", "out")), "its tau must be finite numbers"),
    (_graph({"a": nir.Scale(np.array(["x", "y"]))}, ("in", "a"), ("a", "out")), "its scale must be finite numbers"),
    (_graph({"a": nir.Delay(ONE * -1)}, ("in", "a"), ("a", "out")), "its delay must be finite and at least 0 s"),
    (_graph({"a": nir.Conv1d(2, np.ones((2, 1, 1)), 1, 0, 1, 0, ONE)}, ("in", "a"), ("a", "out")), "its groups must be 1 integers of at least 1"),
    (_graph({"a": nir.Conv1d(2, np.ones((2, 1, 1)), 1, 0, 1, 1, np.ones(3))}, ("in", "a"), ("a", "out")), "its weight must be"),
    (_graph({"a": nir.AvgPool2d(ONE * 0.5, ONE, ONE)}, ("in", "a"), ("a", "out")), "its kernel_size must be 2 integers"),
    (nir.NIRGraph({"in": nir.Input({"input": None}), "out": nir.Output({"output": None})}, [("in", "out")], type_check=False), "must state the shape"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("graph", "problem"), MEANINGLESS, ids=lambda value: str(value)[:40] if isinstance(value, str) else ""
)
def test_graphs_without_meaning(graph: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=rf"^import_from_nir: the graph: .*({problem})"):
        import_from_nir(graph)


def test_a_module_that_was_put_in_place_of_a_node() -> None:
    network = import_from_nir(export_to_nir(nn.Sequential(Scale(torch.ones(4))), VECTOR))
    network._0 = nn.ReLU()
    with pytest.raises(ValueError, match="the node '_0' replaced by a ReLU"):
        export_to_nir(network, VECTOR)
    network._0 = neuron.IFNode(v_reset=None)
    with pytest.raises(NotImplementedError, match=r"the node '_0' \(IFNode\), which resets by subtraction"):
        export_to_nir(network, VECTOR)
