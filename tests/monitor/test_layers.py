"""Monitors of inputs, outputs, attributes and gradients."""

import copy
import gc
import logging
import warnings

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, monitor, neuron


def network(step_mode: str = "m") -> nn.Sequential:
    net = nn.Sequential(
        layer.Linear(3, 4, bias=False),
        neuron.IFNode(),
        nn.Sequential(layer.Linear(4, 2, bias=False), neuron.LIFNode()),
    )
    for node in (net[1], net[2][1]):
        node.store_v_seq = True
    functional.set_step_mode(net, step_mode)
    return net


X = torch.rand(5, 2, 3, generator=torch.Generator().manual_seed(1)) * 3


def by_hand(net: nn.Sequential, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Input and output of each layer, from calls one by one; ``net`` must have no hooks."""
    values = {"in": x}
    values["0"] = net[0](x)
    values["1"] = net[1](values["0"])
    values["2.0"] = net[2][0](values["1"])
    values["2.1"] = net[2][1](values["2.0"])
    return values


def same(records: list[torch.Tensor], expected: list[torch.Tensor]) -> bool:
    return len(records) == len(expected) and all(torch.equal(a, b) for a, b in zip(records, expected, strict=True))


def test_outputs_inputs_and_attributes_of_neurons() -> None:
    net = network()
    truth = by_hand(net, X)
    functional.reset_net(net)
    outputs = monitor.OutputMonitor(net, neuron.BaseNode)
    inputs = monitor.InputMonitor(net, neuron.BaseNode)
    potentials = monitor.AttributeMonitor("v_seq", False, net, neuron.BaseNode)
    y = net(X)
    assert same(outputs.records, [truth["1"], truth["2.1"]])
    assert same(inputs.records, [truth["0"], truth["2.0"]])
    assert same(potentials.records, [net[1].v_seq, net[2][1].v_seq])
    assert outputs.monitored_layers == ["1", "2.1"]
    assert outputs[-1] is y
    assert outputs[0].requires_grad  # the graph stays, unless the function cuts it


def test_records_by_place_and_by_name_over_several_calls() -> None:
    net = network("s")
    outputs = monitor.OutputMonitor(net, (neuron.IFNode, neuron.LIFNode))
    ys = [net(x) for x in X]
    assert len(outputs.records) == 10
    assert outputs.name_records_index == {"1": [0, 2, 4, 6, 8], "2.1": [1, 3, 5, 7, 9]}
    assert same(outputs["2.1"], ys)
    assert outputs[3] is ys[1]
    assert same(outputs[7::2], ys[3:])


def test_without_instance_the_class_of_the_net_is_monitored() -> None:
    net = network()
    truth = by_hand(net, X)
    functional.reset_net(net)
    node, whole = monitor.OutputMonitor(net[1]), monitor.OutputMonitor(net)
    net(X)
    assert node.monitored_layers == [""]
    assert same(node[""], [truth["1"]])
    assert whole.monitored_layers == ["", "2"]  # the inner Sequential is one as well
    assert same(whole[""], [truth["2.1"]])


def test_potentials_before_and_after_each_call() -> None:
    node = neuron.IFNode()
    before = monitor.AttributeMonitor("v", True, node)
    after = monitor.AttributeMonitor("v", False, node)
    for x in X:
        node(x)
    assert before[0] == 0.0
    assert same(before[1:], after[:-1])
    assert torch.equal(after[-1], node.v)


def test_gradients_of_inputs_and_outputs() -> None:
    net = network()
    leaf = X.clone().requires_grad_()
    truth = by_hand(net, leaf)
    for value in truth.values():
        value.retain_grad()
    weight = torch.rand(5, 2, 2)
    (truth["2.1"] * weight).sum().backward()
    grads = {name: value.grad for name, value in truth.items()}

    functional.reset_net(net)
    grad_inputs = monitor.GradInputMonitor(net, (nn.Linear, neuron.BaseNode))
    grad_outputs = monitor.GradOutputMonitor(net, (nn.Linear, neuron.BaseNode))
    x = X.clone().requires_grad_()
    (net(x) * weight).sum().backward()
    assert same(grad_outputs.records, [grads["2.1"], grads["2.0"], grads["1"], grads["0"]])
    assert same(grad_inputs.records, [grads["2.0"], grads["1"], grads["0"], grads["in"]])
    assert same(grad_inputs["1"], [grads["0"]])
    assert torch.equal(x.grad, grads["in"])


class Two(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return a + b, a * b


def test_several_inputs_and_outputs_are_tuples() -> None:
    net = Two()
    monitors = [
        monitor.InputMonitor(net),
        monitor.OutputMonitor(net),
        monitor.GradInputMonitor(net),
        monitor.GradOutputMonitor(net),
    ]
    a, b = (torch.tensor([value], requires_grad=True) for value in (2.0, 3.0))
    sum(net(a, b)).backward()
    values = [[part.item() for part in recorder[0]] for recorder in monitors]
    assert values == [[2, 3], [5, 6], [4, 3], [1, 1]]
    assert all(isinstance(recorder[0], tuple) for recorder in monitors)
    net(a, b=b)
    assert [part.item() for part in monitors[0][1]] == [2, 3]


def test_functions_are_applied() -> None:
    net = network()
    half = lambda value: value.detach() / 2  # noqa: E731
    monitors = [
        (monitor.OutputMonitor(net, neuron.IFNode, half), monitor.OutputMonitor(net, neuron.IFNode)),
        (monitor.InputMonitor(net, neuron.IFNode, half), monitor.InputMonitor(net, neuron.IFNode)),
        (
            monitor.AttributeMonitor("v_seq", False, net, neuron.IFNode, half),
            monitor.AttributeMonitor("v_seq", False, net, neuron.IFNode),
        ),
        (monitor.GradInputMonitor(net, neuron.IFNode, half), monitor.GradInputMonitor(net, neuron.IFNode)),
        (monitor.GradOutputMonitor(net, neuron.IFNode, half), monitor.GradOutputMonitor(net, neuron.IFNode)),
    ]
    net(X).sum().backward()
    for halved, whole in monitors:
        assert len(whole.records) == 1
        assert torch.equal(halved[0], whole[0].detach() / 2)
        assert bool(whole[0].any())


def test_a_missing_gradient_is_none_and_goes_into_no_function() -> None:
    linear = nn.Linear(2, 2)
    grads = monitor.GradInputMonitor(linear, function_on_grad_input=lambda grad: grad.norm())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch says that no input has a gradient
        linear(torch.rand(1, 2)).sum().backward()
    assert grads.records == [None]


@pytest.mark.parametrize("cls", [monitor.OutputMonitor, monitor.InputMonitor])
def test_disable_enable_and_clear(cls: type) -> None:
    net = network("s")
    recorder = cls(net, neuron.BaseNode)
    assert recorder.is_enable()
    net(X[0])
    recorder.disable()
    assert not recorder.is_enable()
    net(X[1])
    assert len(recorder.records) == 2
    recorder.clear_recorded_data()
    assert recorder.records == []
    assert recorder.name_records_index == {"1": [], "2.1": []}
    assert recorder["1"] == []
    recorder.enable()
    net(X[2])
    assert recorder.name_records_index == {"1": [0], "2.1": [1]}


def hooks_of(net: nn.Module) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._backward_hooks)
        for module in net.modules()
    )


MONITORS = {
    "output": lambda net: monitor.OutputMonitor(net, neuron.BaseNode),
    "input": lambda net: monitor.InputMonitor(net, neuron.BaseNode),
    "before": lambda net: monitor.AttributeMonitor("v", True, net, neuron.BaseNode),
    "after": lambda net: monitor.AttributeMonitor("v", False, net, neuron.BaseNode),
    "grad input": lambda net: monitor.GradInputMonitor(net, neuron.BaseNode),
    "grad output": lambda net: monitor.GradOutputMonitor(net, neuron.BaseNode),
}


@pytest.mark.parametrize("kind", MONITORS)
def test_hooks_go_with_remove_hooks_and_records_stay(kind: str) -> None:
    net = network()
    recorder = MONITORS[kind](net)
    assert hooks_of(net) == 2
    net(X).sum().backward()
    assert len(recorder.records) == 2
    recorder.remove_hooks()
    assert hooks_of(net) == 0
    functional.reset_net(net)
    net(X).sum().backward()
    assert len(recorder.records) == 2
    recorder.remove_hooks()


@pytest.mark.parametrize("kind", MONITORS)
def test_hooks_go_with_the_monitor(kind: str) -> None:
    net = network()
    recorder = MONITORS[kind](net)
    net(X).sum().backward()
    del recorder
    gc.collect()
    assert hooks_of(net) == 0


def test_a_copied_network_runs_after_the_monitor_is_gone() -> None:
    net = network()
    recorder = monitor.OutputMonitor(net, neuron.BaseNode)
    twin = copy.deepcopy(net)
    del recorder
    gc.collect()
    assert twin(X).shape == (5, 2, 2)


def test_the_v_seq_of_a_neuron_that_does_not_store_it() -> None:
    node = neuron.IFNode(step_mode="m")
    recorder = monitor.AttributeMonitor("v_seq", False, node)
    with pytest.raises(
        AttributeError, match=r"AttributeMonitor: IFNode '' has no attribute 'v_seq'. Set store_v_seq=True"
    ):
        node(X)
    node.store_v_seq = True
    node.reset()
    node(X)
    assert recorder[0].shape == X.shape
    with pytest.raises(AttributeError, match=r"Linear '0' has no attribute 'u'\.$"):
        run_with_attribute_monitor("u")


def run_with_attribute_monitor(name: str) -> None:
    net = network()
    recorder = monitor.AttributeMonitor(name, True, net, nn.Linear)
    net(X)
    assert recorder.records


def test_nothing_to_monitor_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        recorder = monitor.OutputMonitor(network(), nn.Conv2d)
    assert recorder.monitored_layers == []
    assert "OutputMonitor: no module of Sequential is an instance of" in caplog.text
    with pytest.raises(KeyError, match="'1' is not monitored, only 'nothing'"):
        recorder["1"]


def test_bad_arguments_are_told() -> None:
    recorder = monitor.OutputMonitor(network(), neuron.BaseNode)
    with pytest.raises(KeyError, match=r"OutputMonitor: '7' is not monitored, only '1', '2\.1'"):
        recorder["7"]
    with pytest.raises(IndexError):
        recorder[0]
    with pytest.raises(TypeError, match=r"an index must be an int, or the name of a module, but 1.5"):
        recorder[1.5]
    with pytest.raises(TypeError, match=r"OutputMonitor: net must be a torch.nn.Module, but 'net'"):
        monitor.OutputMonitor("net")
    with pytest.raises(TypeError, match=r"instance must be a class or a tuple of classes, but 'IFNode'"):
        monitor.InputMonitor(network(), "IFNode")
    with pytest.raises(NotImplementedError, match=r"BaseMonitor does not define create_hook\(name\)"):
        monitor.BaseMonitor().create_hook("1")


def test_unpack_len1_tuple() -> None:
    assert monitor.unpack_len1_tuple((1,)) == 1
    for other in ((1, 2), (), [1], 5, None):
        assert monitor.unpack_len1_tuple(other) == other
