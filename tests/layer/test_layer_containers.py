"""Containers: the same result as running each time step by hand, with modules that stay in step mode 's'."""

import copy
from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import base, functional, layer, neuron

T, N = 4, 3


def with_state() -> list[nn.Module]:
    torch.manual_seed(1)
    return [nn.Linear(5, 6), neuron.LIFNode(v_threshold=0.3)]


def without_state() -> list[nn.Module]:
    torch.manual_seed(1)
    return [layer.Conv1d(2, 3, 2), nn.Flatten()]


def step_by_step(modules: list[nn.Module], x_seq: torch.Tensor) -> torch.Tensor:
    net = nn.Sequential(*modules)
    return torch.stack([net(x) for x in x_seq])


def test_multi_step_container_keeps_state_between_steps_and_calls() -> None:
    x_seq = torch.rand(2 * T, N, 5) * 4
    container = layer.MultiStepContainer(*with_state())
    y_seq = torch.cat([container(x_seq[:T]), container(x_seq[T:])])
    assert torch.equal(y_seq, step_by_step(with_state(), x_seq))
    assert 0 < y_seq.mean() < 1
    functional.reset_net(container)
    assert torch.equal(container(x_seq), y_seq)


def test_seq_to_ann_container_is_stateless_modules_at_each_step() -> None:
    x_seq = torch.rand(T, N, 2, 5)
    container = layer.SeqToANNContainer(*without_state())
    torch.testing.assert_close(container(x_seq), step_by_step(without_state(), x_seq))


def test_time_as_last_dimension() -> None:
    stateful, stateless = torch.rand(T, N, 5) * 4, torch.rand(T, N, 2, 5)
    y = layer.TLastMultiStepContainer(*with_state())(stateful.movedim(0, -1))
    torch.testing.assert_close(y.movedim(-1, 0), step_by_step(with_state(), stateful))
    y = layer.TLastSeqToANNContainer(*without_state())(stateless.movedim(0, -1))
    torch.testing.assert_close(y.movedim(-1, 0), step_by_step(without_state(), stateless))


@pytest.mark.parametrize("stateful", [True, False])
def test_step_mode_container_follows_its_step_mode(stateful: bool) -> None:
    make, x_seq = (with_state, torch.rand(T, N, 5) * 4) if stateful else (without_state, torch.rand(T, N, 2, 5))
    container = layer.StepModeContainer(stateful, *make())
    assert container.step_mode == "s"
    single = torch.stack([container(x) for x in x_seq])
    assert torch.equal(single, step_by_step(make(), x_seq))
    functional.reset_net(container)
    functional.set_step_mode(container, "m")
    assert container.step_mode == "m"
    assert all(getattr(module, "step_mode", "s") == "s" for module in container)
    torch.testing.assert_close(container(x_seq), single)
    assert repr(container).startswith(f"StepModeContainer(\n  stateful={stateful}, step_mode=m\n")


def test_stateful_says_whether_steps_are_merged() -> None:
    seen = []
    probe = nn.Identity()
    probe.register_forward_hook(lambda module, args, output: seen.append(tuple(output.shape)))
    x_seq = torch.rand(T, N, 2)
    for stateful in (True, False):
        container = layer.StepModeContainer(stateful, probe)
        container.step_mode = "m"
        container(x_seq)
    assert seen == [(N, 2)] * T + [(T * N, 2)]


SEQUENCE_ONLY = [
    layer.MultiStepContainer,
    layer.SeqToANNContainer,
    layer.TLastMultiStepContainer,
    layer.TLastSeqToANNContainer,
]


@pytest.mark.parametrize("cls", SEQUENCE_ONLY)
def test_containers_for_sequences_only(cls: type[nn.Module]) -> None:
    container = cls(nn.Linear(5, 5))
    assert isinstance(container, nn.Sequential)
    assert isinstance(container, base.MultiStepModule)
    assert container.step_mode == "m"
    assert list(container.state_dict()) == ["0.weight", "0.bias"]
    with pytest.raises(ValueError, match=rf"{cls.__name__}: step_mode must be 'm', but 's' \(str\)"):
        container.step_mode = "s"


MAKERS: dict[str, Callable[..., nn.Module]] = {
    **{cls.__name__: cls for cls in SEQUENCE_ONLY},
    "StepModeContainer": lambda *args: layer.StepModeContainer(True, *args),
    "ElementWiseRecurrentContainer": lambda *args: layer.ElementWiseRecurrentContainer(nn.Sequential(*args), torch.add),
    "LinearRecurrentContainer": lambda *args: layer.LinearRecurrentContainer(nn.Sequential(*args), 5, 5),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("nested", [False, True])
def test_modules_in_step_mode_m_are_refused(name: str, nested: bool) -> None:
    wrong: nn.Module = neuron.LIFNode(step_mode="m")
    if nested:
        wrong = nn.Sequential(nn.Identity(), wrong)
    message = rf"{name}: its modules must be in step_mode='s', .*\(LIFNode\) is in step_mode='m'"
    for error in (ValueError, AssertionError):
        with pytest.raises(error, match=message):
            MAKERS[name](nn.Linear(5, 5), wrong)


@pytest.mark.parametrize("name", MAKERS)
def test_modules_set_to_m_later_are_refused_too(name: str) -> None:
    node = neuron.LIFNode()
    container = MAKERS[name](nn.Linear(5, 5), node)
    node.step_mode = "m"
    with pytest.raises(ValueError, match=rf"{name}: its modules must be .*'(sub_module\.)?1' \(LIFNode\) is in"):
        container(torch.rand(N, 5, 5))


def test_wrong_features_are_refused_at_the_first_step() -> None:
    container = layer.LinearRecurrentContainer(nn.Sequential(nn.Linear(3, 4), nn.Tanh()), 3, 5)
    with pytest.raises(ValueError, match=r"out_features is 5, but .* output of shape \[2, 4\]\. Write out_features=4"):
        container(torch.rand(2, 3))
    container.step_mode = "m"
    with pytest.raises(AssertionError, match=r"out_features is 5"):
        container(torch.rand(1, 2, 3))


@pytest.mark.parametrize("name", ["StepModeContainer", "ElementWiseRecurrentContainer", "LinearRecurrentContainer"])
def test_set_step_mode_stops_at_containers_that_have_their_own(name: str) -> None:
    net = nn.Sequential(MAKERS[name](nn.Linear(5, 5), layer.Linear(5, 5), neuron.LIFNode()), neuron.LIFNode())
    functional.set_step_mode(net, "m")
    modes = [module.step_mode for module in net.modules() if isinstance(module, base.StepModule)]
    assert modes == ["m", "s", "s", "m"]
    assert net(torch.rand(T, N, 5)).shape == (T, N, 5)


def test_sequential_abilities_remain() -> None:
    named = OrderedDict([("fc", nn.Linear(5, 5)), ("act", nn.ReLU()), ("out", nn.Linear(5, 2))])
    for container in (layer.MultiStepContainer(named), layer.StepModeContainer(False, named)):
        assert list(container.state_dict()) == ["fc.weight", "fc.bias", "out.weight", "out.bias"]
        head = container[:2]
        assert type(head) is type(container)
        assert head.step_mode == container.step_mode
        assert head[0] is named["fc"]
        assert len(head) == 2
        assert torch.equal(copy.deepcopy(container).state_dict()["fc.bias"], named["fc"].bias)
    container.step_mode = "m"
    assert container[1:].step_mode == "m"
    assert container[1:].stateful is False


def test_step_mode_container_arguments() -> None:
    with pytest.raises(
        TypeError, match=r"StepModeContainer: stateful must be a bool, but Linear.* \(Linear\) was given"
    ):
        layer.StepModeContainer(nn.Linear(2, 2))
    with pytest.raises(TypeError, match="Write stateful=True"):
        layer.StepModeContainer(1, nn.Linear(2, 2))


@pytest.mark.parametrize("cls", SEQUENCE_ONLY)
def test_inputs_that_are_no_sequences(cls: type[nn.Module]) -> None:
    with pytest.raises(TypeError, match="x_seq must be a torch.Tensor, but None"):
        cls(nn.Identity())(None)
    with pytest.raises(ValueError, match="x_seq must be a sequence"):
        cls(nn.Identity())(torch.tensor(1.0))


# Recurrent containers, against a loop


@pytest.mark.parametrize("mode", ["s", "m"])
def test_element_wise_recurrence(mode: str) -> None:
    container = layer.ElementWiseRecurrentContainer(nn.Tanh(), lambda y, x: x - 3 * y, step_mode=mode)
    x_seq = torch.randn(T, N, 2)
    y, expected = torch.zeros(N, 2), []
    for x in x_seq:
        y = torch.tanh(x - 3 * y)
        expected.append(y)
    y_seq = container(x_seq) if mode == "m" else torch.stack([container(x) for x in x_seq])
    torch.testing.assert_close(y_seq, torch.stack(expected))
    assert torch.equal(container.y, y_seq[-1])
    assert "element-wise function=<function" in repr(container)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("mode", ["s", "m"])
def test_linear_recurrence(mode: str, bias: bool) -> None:
    sub_module = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    container = layer.LinearRecurrentContainer(sub_module, 3, 4, bias, mode)
    assert container.rc.weight.shape == (3, 7)
    assert (container.rc.bias is not None) is bias
    assert [name for name in container.state_dict() if name.startswith("rc")] == ["rc.weight", "rc.bias"][: 1 + bias]
    x_seq = torch.randn(T, N, 2, 3)
    y, expected = torch.zeros(N, 2, 4), []
    for x in x_seq:
        joined = x @ container.rc.weight[:, :3].T + y @ container.rc.weight[:, 3:].T
        y = sub_module(joined + container.rc.bias if bias else joined)
        expected.append(y)
    y_seq = container(x_seq) if mode == "m" else torch.stack([container(x) for x in x_seq])
    torch.testing.assert_close(y_seq, torch.stack(expected))


def test_recurrence_in_evaluation_has_gradients() -> None:
    container = layer.ElementWiseRecurrentContainer(neuron.LIFNode(), torch.add, "m").eval()
    x_seq = torch.rand(T, N, 2, requires_grad=True)
    container(x_seq)[-1].sum().backward()
    assert x_seq.grad[0].any()


@pytest.mark.parametrize("mode", ["s", "m"])
@pytest.mark.parametrize("own_class", [False, True])
def test_set_step_mode_leaves_containers_for_sequences(mode: str, own_class: bool) -> None:
    class Loop(nn.Sequential, base.MultiStepModule):
        def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
            return functional.multi_step_forward(x_seq, super().forward)

    node = neuron.LIFNode(v_threshold=0.3)
    container = Loop(node) if own_class else layer.MultiStepContainer(node)
    net = nn.Sequential(layer.SeqToANNContainer(layer.Linear(5, 5)), container, layer.Linear(5, 2))
    functional.set_step_mode(net, mode)
    assert (net[0].step_mode, net[0][0].step_mode, node.step_mode, net[2].step_mode) == ("m", "s", "s", mode)
    x_seq = torch.rand(T, N, 5)
    assert net[:2](x_seq).shape == (T, N, 5)
    expected = neuron.LIFNode(v_threshold=0.3, step_mode="m")(net[0](x_seq))
    functional.reset_net(net)
    assert torch.equal(net[:2](x_seq), expected)
