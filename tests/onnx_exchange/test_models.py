"""Exported networks fire when the network fires, and carry its potentials."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.activation_based import base, functional, layer, neuron, surrogate
from spikingjelly.activation_based.model import parametric_lif_net, sew_resnet
from spikingjelly.activation_based.onnx_exchange import ExplicitNetwork, ONNXStream, export_program, export_to_onnx
from tests.onnx_exchange.networks import convolutional, exact, stack
from tests.versions import needs_torch

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")
T = 100


def _tensors(net: nn.Module) -> list[torch.Tensor]:
    """The states that ``net`` has after an input, as the exported network orders them."""
    flat: list[Any] = []
    for value in base.memories(net):
        flat += value if isinstance(value, list) else [value]
    return [value for value in flat if isinstance(value, torch.Tensor)]


@pytest.fixture(scope="module")
def stack_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("onnx") / "stack.onnx"
    net = exact(stack())
    export_to_onnx(net, torch.zeros(1, 6), path)
    return net, path


@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_step_in_onnxruntime_equals_the_network(stack_file: tuple[nn.Module, Path], batch_size: int) -> None:
    net, path = stack_file
    functional.reset_net(net)
    stream = ONNXStream(path, batch_size)
    fired = torch.zeros(len(net))

    def count(i: int, y: torch.Tensor) -> None:
        fired[i] += y.sum()

    hooks = [m.register_forward_hook(lambda m, a, y, i=i: count(i, y)) for i, m in enumerate(net)]
    with torch.no_grad():
        for _ in range(T):
            x = (torch.rand(batch_size, 6) < 0.5).float()
            assert np.array_equal(net(x).numpy(), stream(x.numpy()))
            ours, theirs = _tensors(net), list(stream.states.values())
            assert len(ours) <= len(theirs)  # the queue is full from the start
            for mine, other in zip(ours[:-2], theirs[:-2], strict=False):
                assert np.array_equal(mine.numpy(), other)
    for hook in hooks:
        hook.remove()
    assert all(fired[i] > 10 for i in (1, 3, 5, 6, 7)), fired


def test_names_and_the_initial_states_of_a_file(stack_file: tuple[nn.Module, Path]) -> None:
    stream = ONNXStream(stack_file[1], 2)
    names = ["1.v", "3.v", "5.v", "6.y", "6.sub_module.v", "7.y", "7.sub_module.v", "8.out_i", "9.queue.0", "9.queue.1"]
    assert list(stream.states) == names
    assert stream.step_mode == "s"
    assert np.array_equal(stream.states["1.v"], np.full((2, 8), 0.25, np.float32))
    first = stream(np.ones((2, 6)))
    carried = dict(stream.states)
    with pytest.raises(ValueError, match=r"takes x with shape \[2, 6\], but the shape \[3, 6\] was given.*reset"):
        stream(np.ones((3, 6)))
    assert all(np.array_equal(stream.states[name], value) for name, value in carried.items())
    stream.reset(3)
    assert stream.states["8.out_i"].shape == (3, 4)
    assert np.array_equal(stream(np.ones((3, 6)))[:2], first)


@needs_torch("2.8", "Batch normalisation in ONNX")
def test_a_convolutional_network_with_normalisation(tmp_path: Path) -> None:
    net = convolutional().eval()
    export_to_onnx(net, torch.zeros(1, 2, 8, 8), tmp_path / "net.onnx")
    stream, spikes = ONNXStream(tmp_path / "net.onnx", 2, threads=2), 0.0
    with torch.no_grad():
        for _ in range(T):
            x = torch.rand(2, 2, 8, 8)
            y = net(x)
            spikes += y.sum().item()
            assert np.array_equal(y.numpy(), stream(x))
            for mine, other in zip(_tensors(net), stream.states.values(), strict=True):
                assert np.allclose(mine.numpy(), other, atol=1e-5)
    assert 20 < spikes < 500


@pytest.mark.slow
def test_a_sequence_in_onnxruntime(tmp_path: Path) -> None:
    net = exact(
        nn.Sequential(layer.Linear(6, 4), neuron.LIFNode(tau=4.0, v_reset=None, v_threshold=0.25, store_v_seq=True))
    )
    functional.set_step_mode(net, "m")
    x_seq = (torch.rand(2, 7, 3, 6) < 0.5).float()
    export_to_onnx(net, x_seq[0], tmp_path / "rest.onnx", "sequence")
    export_to_onnx(net, x_seq[0], tmp_path / "carried.onnx", "sequence", carry_states=True, dynamic_batch=False)
    rest, carried = ONNXStream(tmp_path / "rest.onnx", 3), ONNXStream(tmp_path / "carried.onnx", 3)
    assert not rest.states
    with torch.no_grad():
        for part in x_seq:
            y = net(part)
            assert np.array_equal(carried(part), y.numpy())
            assert np.array_equal(carried.states["1.v"], net[1].v.numpy())
        assert y.sum() > 5
        functional.reset_net(net)
        y = net(x_seq[1])
    assert np.array_equal(rest(x_seq[1]), y.numpy())
    assert np.array_equal(rest(x_seq[1]), y.numpy())
    fixed = ONNXStream(tmp_path / "carried.onnx", 5)
    assert fixed.states["1.v"].shape == (3, 4)


def test_programs_of_sequences_with_and_without_states() -> None:
    net = exact(nn.Sequential(layer.Linear(6, 4), neuron.LIFNode(tau=4.0, v_reset=None, v_threshold=0.25)))
    x_seq = (torch.rand(2, 7, 3, 6) < 0.5).float()
    with_states = ExplicitNetwork(net, x_seq[0], "m")
    carried = export_program(with_states, x_seq[0]).module()
    rest = export_program(ExplicitNetwork(net, x_seq[0], "m", carry_states=False), x_seq[0]).module()
    functional.set_step_mode(net, "m")
    states = with_states.initial_states(3)
    with torch.no_grad():
        for part in x_seq:
            y, *states = carried(part, *states)
            assert torch.equal(y, net(part))
            assert torch.equal(states[0], net[1].v)
        assert y.sum() > 5
        functional.reset_net(net)
        assert torch.equal(rest(x_seq[1]), net(x_seq[1]))
        assert not torch.equal(rest(x_seq[1]), y)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_program_takes_any_batch_and_holds_plain_operations(batch_size: int) -> None:
    net = exact(stack())
    functional.set_backend(net, "cpp")
    step = ExplicitNetwork(net, torch.zeros(5, 6))
    program = export_program(step, torch.zeros(5, 6))
    targets = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert targets
    assert all(target.startswith("aten.") for target in targets)
    assert net[1].backend == "cpp"
    functional.set_backend(net, "torch")
    run, states = program.module(), step.initial_states(batch_size)
    with torch.no_grad():
        for _ in range(T):
            x = (torch.rand(batch_size, 6) < 0.5).float()
            y, *states = run(x, *states)
            assert torch.equal(y, net(x))


def test_a_program_of_a_fixed_batch() -> None:
    step = ExplicitNetwork(neuron.IFNode(), torch.zeros(3, 2))
    program = export_program(step, torch.zeros(3, 2), dynamic_batch=False)
    x = torch.rand(3, 2) * 2
    y, v = program.module()(x, *step.initial_states(3))
    assert torch.equal(y, (x >= 1).float())
    assert torch.equal(v, x * (x < 1))
    with pytest.raises(Exception, match="3"):
        program.module()(torch.rand(4, 2), *step.initial_states(4))


def test_the_network_is_left_as_it_is() -> None:
    net = nn.Sequential(layer.Linear(3, 2), neuron.LIFNode(backend="cpp", step_mode="s", store_v_seq=True)).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    step = ExplicitNetwork(net, torch.zeros(1, 3))
    step(torch.ones(2, 3), *step.initial_states(2))
    assert net.training
    assert (net[1].backend, net[1].v, net[1].store_v_seq) == ("cpp", 0.0, True)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert step.net[1].v == 0.0
    assert step.state_names == ("1.v",)


def test_random_numbers_of_the_caller_stay() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    ExplicitNetwork(neuron.LIFNode(), torch.zeros(1, 3))
    assert torch.equal(torch.rand(3), expected)


def test_an_initial_state_for_each_neuron() -> None:
    reset = torch.tensor([0.0, -0.5, 0.25])
    step = ExplicitNetwork(neuron.IFNode(v_reset=reset), torch.zeros(1, 3))
    assert torch.equal(step.initial_states(2)[0], reset.expand(2, 3))


def test_a_sequence_of_a_module_that_only_knows_sequences() -> None:
    net = nn.Sequential(layer.Linear(3, 2, step_mode="m"), neuron.PSN(4, surrogate.ATan()))
    run = ExplicitNetwork(net, torch.zeros(4, 1, 3), "m", carry_states=False)
    x_seq = torch.rand(4, 2, 3) * 4
    program = export_program(run, x_seq)
    with torch.no_grad():
        assert torch.equal(program.module()(x_seq), net(x_seq))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["step", "sequence"])
@pytest.mark.parametrize(
    ("make", "size"),
    [
        (lambda: parametric_lif_net.MNISTNet(8, neuron.ParametricLIFNode, v_threshold=0.25), (1, 28, 28)),
        (
            lambda: sew_resnet.sew_resnet18(cnf="ADD", spiking_neuron=neuron.IFNode, num_classes=5, width_per_group=64),
            (3, 32, 32),
        ),
    ],
    ids=["plif", "sew_resnet18"],
)
def test_published_networks(make: Any, size: tuple[int, ...], form: str, tmp_path: Path) -> None:
    net = make()
    functional.set_step_mode(net, "m")
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.weight, 2.0)
    with torch.no_grad():
        net(torch.rand(8, 2, *size))  # statistics of the normalisations
    functional.reset_net(net)
    net.eval()
    steps = 6
    x_seq = torch.rand(steps, 2, *size)
    with torch.no_grad():
        expected = net(x_seq)
    functional.reset_net(net)
    example = x_seq[0] if form == "step" else x_seq
    export_to_onnx(net, example, tmp_path / "net.onnx", form)
    stream = ONNXStream(tmp_path / "net.onnx", 2)
    found = np.stack([stream(x) for x in x_seq]) if form == "step" else stream(x_seq)
    assert expected.abs().sum() > 0
    assert np.allclose(found, expected.numpy(), atol=1e-3)
