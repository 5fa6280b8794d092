"""Settings and state of whole networks."""

import logging
import math

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import base, functional, layer, neuron


class Foreign(nn.Module):
    """Has state and settings, but is no module of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.step_mode = "s"
        self.calls: list[str] = []

    def reset(self) -> None:
        self.calls.append("reset")

    def detach(self) -> None:
        self.calls.append("detach")


class Picky(base.MemoryModule):
    """A module whose backends depend on its step mode."""

    @property
    def supported_backends(self) -> tuple[str, ...]:
        return ("torch", "cupy") if self.step_mode == "m" else ("torch",)


def nested() -> nn.Sequential:
    inner = nn.ModuleDict({"deep": nn.Sequential(neuron.LIFNode(), neuron.IFNode())})
    net = nn.Sequential(layer.Linear(3, 3), neuron.IFNode())
    net.add_module("inner", inner["deep"])
    return net


def nodes(net: nn.Module) -> list[neuron.BaseNode]:
    return [module for module in net.modules() if isinstance(module, neuron.BaseNode)]


def test_reset_net_reaches_nested_modules() -> None:
    net = nested()
    net(torch.rand(2, 3))
    assert all(isinstance(node.v, torch.Tensor) for node in nodes(net))
    functional.reset_net(net)
    assert [node.v for node in nodes(net)] == [0.0, 0.0, 0.0]


def test_detach_net_cuts_the_graph_and_keeps_the_values() -> None:
    net = nested()
    net(torch.rand(2, 3))
    before = [node.v.clone() for node in nodes(net)]
    assert all(node.v.grad_fn is not None for node in nodes(net))
    functional.detach_net(net)
    for node, value in zip(nodes(net), before, strict=True):
        assert node.v.grad_fn is None
        assert torch.equal(node.v, value)


@pytest.mark.parametrize("method", ["reset", "detach"])
def test_foreign_modules_are_called_and_logged(method: str, caplog: pytest.LogCaptureFixture) -> None:
    net = nn.Sequential(neuron.IFNode(), Foreign())
    with caplog.at_level(logging.WARNING):
        getattr(functional, f"{method}_net")(net)
    assert net[1].calls == [method]
    assert caplog.messages == [f"{method}_net: {method}() of Foreign '1' is called, but it is not a base.MemoryModule."]


def test_a_compiled_module_is_reset_once(caplog: pytest.LogCaptureFixture) -> None:
    foreign = Foreign()
    functional.reset_net(torch.compile(foreign, backend="eager"))
    assert foreign.calls == ["reset"]
    assert len(caplog.messages) == 1
    assert "Foreign '_orig_mod'" in caplog.messages[0]


def test_an_attribute_named_reset_is_not_called() -> None:
    net = neuron.IFNode()
    net.extra = nn.Linear(1, 1)
    net.extra.reset = 5
    net(torch.ones(2))
    functional.reset_net(net)
    assert (net.v, net.extra.reset) == (0.0, 5)


def test_set_step_mode_sets_everything_but_the_children_of_step_by_step_containers() -> None:
    net = nested()
    containers = [
        layer.StepModeContainer(True, nn.Linear(3, 3), neuron.IFNode()),
        layer.ElementWiseRecurrentContainer(neuron.IFNode(), lambda x, y: x + y),
        layer.LinearRecurrentContainer(neuron.IFNode(), 3, 3),
    ]
    net.extend(containers)
    functional.set_step_mode(net, "m")
    kept = [module for container in containers for module in container.modules() if module is not container]
    for module in net.modules():
        if isinstance(module, base.StepModule):
            assert module.step_mode == ("s" if any(module is k for k in kept) else "m")
    assert net(torch.rand(4, 2, 3)).shape == (4, 2, 3)
    functional.set_step_mode(net, "s")
    assert {m.step_mode for m in net.modules() if isinstance(m, base.StepModule)} == {"s"}


def test_set_step_mode_sets_foreign_modules_and_logs_it(caplog: pytest.LogCaptureFixture) -> None:
    net = nn.Sequential(Foreign())
    functional.set_step_mode(net, "m")
    assert net[0].step_mode == "m"
    assert caplog.messages == ["set_step_mode: Foreign '0' is set, but it is not a base.StepModule."]


def test_set_step_mode_sets_all_or_nothing() -> None:
    class OnlySequences(nn.Module, base.MultiStepModule):
        pass

    net = nn.Sequential(neuron.IFNode(step_mode="m"), OnlySequences())
    with pytest.raises(ValueError, match=r"OnlySequences '1' only supports step_mode='m', but 's' .* Nothing was set"):
        functional.set_step_mode(net, "s")
    assert net[0].step_mode == "m"
    with pytest.raises(ValueError, match="step_mode must be 's' or 'm', but 'x'"):
        functional.set_step_mode(nn.Linear(1, 1), "x")


@pytest.mark.parametrize("backend", ["cupy", "triton", "cpp", "auto", "torch"])
def test_set_backend_does_not_depend_on_the_step_mode_for_our_neurons(
    backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    net = nested()
    functional.set_backend(net, backend)
    assert {node.backend for node in nodes(net)} == {backend}
    assert caplog.messages == []
    functional.set_step_mode(net, "m")
    assert {node.backend for node in nodes(net)} == {backend}


@pytest.mark.parametrize("instance", [neuron.LIFNode, (neuron.LIFNode, nn.Linear)], ids=["class", "tuple"])
def test_set_backend_sets_instances_only(instance: type | tuple[type, ...]) -> None:
    net = nested()
    functional.set_backend(net, "cupy", instance)
    assert [node.backend for node in nodes(net)] == ["auto", "cupy", "auto"]


def test_set_backend_logs_what_it_leaves(caplog: pytest.LogCaptureFixture) -> None:
    net = nn.Sequential(neuron.IFNode(), Picky())
    functional.set_backend(net, "cupy", instance=base.MemoryModule)
    assert [net[0].backend, net[1].backend] == ["cupy", "torch"]
    assert caplog.messages == [
        "set_backend: Picky '1' keeps backend='torch', because it does not support 'cupy' in step_mode='s', only torch. "
        "Where that depends on the step mode, call set_step_mode first."
    ]
    functional.set_step_mode(net, "m")
    functional.set_backend(net, "cupy")
    assert net[1].backend == "cupy"


def test_bad_arguments_are_told() -> None:
    for function, more in (
        (functional.reset_net, ()),
        (functional.detach_net, ()),
        (functional.set_step_mode, ("m",)),
        (functional.set_backend, ("torch",)),
        (functional.kaiming_normal_conv_linear_weight, ()),
    ):
        with pytest.raises(TypeError, match=rf"{function.__name__}: net must be a torch.nn.Module, but 'net' \(str\)"):
            function("net", *more)
    with pytest.raises(TypeError, match=r"instance must be a class or a tuple of classes, but 'LIFNode' \(str\)"):
        functional.set_backend(nested(), "torch", "LIFNode")


def test_kaiming_normal_redraws_weights_only() -> None:
    net = nn.Sequential(layer.Conv2d(8, 16, 3), nn.ConvTranspose1d(4, 4, 5), nn.Linear(300, 200), nn.BatchNorm2d(3))
    before = {name: parameter.clone() for name, parameter in net.named_parameters()}
    torch.manual_seed(3)
    functional.kaiming_normal_conv_linear_weight(net)
    changed = {name for name, parameter in net.named_parameters() if not torch.equal(parameter, before[name])}
    assert changed == {"0.weight", "1.weight", "2.weight"}
    # gain^2 / fan_in = 2 / (1 + 5) / fan_in
    assert net[2].weight.std().item() == pytest.approx(math.sqrt(1 / 3 / 300), rel=0.02)
