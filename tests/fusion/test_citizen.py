"""The operator inside PyTorch: compiled, exported, copied, distributed, checked by PyTorch's own checks."""

import copy
import logging
import os
import pickle
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend

from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.activation_based.neuron import _lift
from spikingjelly.fusion import choice, dispatch, trace
from spikingjelly.fusion.step import Refusal
from tests.parity.compare import counted, poisoned
from tests.versions import needs_torch

T = 6
compiles_kernels = needs_torch("2.12", "torch.compile with the kernels of neurons")


def network() -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(
        layer.Conv2d(1, 4, 3), layer.BatchNorm2d(4), neuron.ParametricLIFNode(), layer.MaxPool2d(2), layer.Flatten(),
        layer.Linear(36, 6), neuron.IFNode(), neuron.LIFNode(v_reset=None), neuron.GatedLIFNode(T),
        neuron.IzhikevichNode(a=0.1, b=0.1),
    )  # fmt: skip
    functional.set_step_mode(net, "m")
    functional.set_backend(net, "cpp")
    return net


def images(batch: int = 5, steps: int = T) -> torch.Tensor:
    return torch.rand(steps, batch, 1, 8, 8, generator=torch.Generator().manual_seed(batch)) * 5


def step_program(node: nn.Module, shape: tuple[int, ...], names: list[str]) -> tuple[str, tuple[float, ...], tuple]:
    step = _lift.step_of(node, names)
    program, numbers, _ = dispatch.planned("cpp", step, torch.zeros(shape), len(names), torch.device("cpu"))
    return program, numbers, step.tensors


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # the check of PyTorch 2.14 looks at it
@pytest.mark.parametrize("name", ["fused", "fused_forward"])
def test_pytorchs_check_of_operators(name: str) -> None:
    node = neuron.ParametricLIFNode()
    node.v = torch.zeros(4)
    program, numbers, tensors = step_program(node, (4,), ["v"])
    differentiable = name == "fused"
    x, tensors = torch.rand(T, 4, requires_grad=differentiable), [t.detach() for t in tensors]
    arguments = (x, [torch.zeros(4)], tensors, program, list(numbers), [0], T, "cpp")
    torch.library.opcheck(getattr(torch.ops.spikingjelly, name).default, arguments)


def test_pytorchs_check_of_the_backward_operator() -> None:
    node = neuron.ParametricLIFNode()
    node.v = torch.zeros(4)
    program, numbers, tensors = step_program(node, (4,), ["v"])
    detached = [tensor.detach() for tensor in tensors]
    arguments = (
        [torch.rand(T, 4), None, torch.rand(T, 4)], torch.rand(T, 4), [torch.zeros(4)], detached, program, list(numbers),
        [0], T, "cpp", [True, True, True],
    )  # fmt: skip
    torch.library.opcheck(torch.ops.spikingjelly.fused_backward.default, arguments)


@compiles_kernels
@pytest.mark.filterwarnings("ignore")  # of the compiler itself, about its own parts
def test_a_whole_network_compiles_without_breaks_and_once_for_every_size() -> None:
    eager, inner = network(), network()
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(inner, fullgraph=True, backend=counter, dynamic=True)
    frames = []
    for batch, steps in ((5, T), (5, T), (6, T), (7, T), (9, T)):
        x = images(batch, steps)
        with counted() as calls:
            outputs = [eager(x), compiled(x)]
        assert len(calls) == 10
        for output in outputs:
            output.sum().backward()
        assert torch.equal(*outputs)
        for one, other in zip(eager.parameters(), inner.parameters(), strict=True):
            torch.testing.assert_close(other.grad, one.grad)
        frames.append(counter.frame_count)
        functional.reset_net(eager)
        functional.reset_net(inner)
    assert frames == [frames[0]] * 5


@compiles_kernels
@pytest.mark.filterwarnings("ignore")
def test_another_number_of_time_steps_and_another_constant_under_compile() -> None:
    nodes = [neuron.LIFNode(step_mode="m", backend=backend) for backend in ("torch", "cpp")]
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(nodes[1], fullgraph=True, backend=counter, dynamic=True)
    frames = []
    for steps in (4, 7, 9):
        x = torch.rand(steps, 3, 5) * 2
        assert torch.equal(nodes[0](x), compiled(x))
        frames.append(counter.frame_count)
        for node in nodes:
            node.reset()
    assert frames == [frames[0]] * 3
    for node in nodes:
        node.tau = 5.0
    assert torch.equal(nodes[0](x * 3), compiled(x * 3))
    assert counter.frame_count > frames[0]


@pytest.mark.filterwarnings("ignore")
def test_state_is_carried_between_compiled_calls() -> None:
    eager, inner = network(), network()
    compiled = torch.compile(inner, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        for _ in range(3):
            assert torch.equal(eager(images()), compiled(images()))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("strict", [True, False])
def test_a_network_can_be_exported_saved_and_loaded(strict: bool, tmp_path: Path) -> None:
    x = images()
    with torch.no_grad():
        expected = network().eval()(x)
    torch.export.save(torch.export.export(network().eval(), (x,), strict=strict), tmp_path / "net.pt2")
    loaded = torch.export.load(tmp_path / "net.pt2").module()
    with torch.no_grad():
        assert torch.equal(loaded(x), expected)


@pytest.mark.parametrize("copy_of", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_go_on_where_the_original_stood(copy_of) -> None:
    net = network()
    net(images())
    twin = copy_of(net)
    assert torch.equal(net(images()), twin(images()))


def test_a_deterministic_run_is_allowed_and_repeats_itself() -> None:
    torch.use_deterministic_algorithms(True)
    try:
        grads = []
        for _ in range(2):
            net = network()
            with poisoned():
                net(images(64)).sum().backward()
            grads.append([p.grad for p in net.parameters()])
        assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))
    finally:
        torch.use_deterministic_algorithms(False)


def _train_a_part(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    net = nn.parallel.DistributedDataParallel(network())
    net(images(4)[:, 2 * rank : 2 * rank + 2]).mean().backward()
    torch.save([p.grad for p in net.parameters()], Path(folder) / f"{rank}.pt")
    dist.barrier()
    del net  # after the process group it may wait for ever
    dist.destroy_process_group()
    os._exit(0)  # a thread of gloo that drops its last tensor while Python ends aborts the process


@pytest.mark.filterwarnings("ignore")
def test_distributed_data_parallel(tmp_path: Path) -> None:
    processes = mp.spawn(_train_a_part, (str(tmp_path),), nprocs=2, join=False)
    deadline = time.monotonic() + 120
    while not processes.join(timeout=1):
        if time.monotonic() > deadline:
            for process in processes.processes:
                process.kill()
            pytest.fail("the processes did not end")
    grads = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    alone = [network() for _ in range(2)]
    for rank, net in enumerate(alone):
        net(images(4)[:, 2 * rank : 2 * rank + 2]).mean().backward()
    for a, b, *parts in zip(*grads, *[net.parameters() for net in alone], strict=True):
        assert torch.equal(a, b)
        torch.testing.assert_close(a, sum(p.grad for p in parts) / 2)


def test_without_a_compiler_the_loop_runs_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(choice, "_said", set())
    monkeypatch.setattr("spikingjelly.fusion.build.compiler", lambda: None)
    with caplog.at_level(logging.WARNING), counted() as calls:
        for _ in range(2):
            neuron.LIFNode(step_mode="m")(torch.rand(64, 64))
    assert calls == []
    (message,) = caplog.messages
    assert "no C++ compiler was found" in message
    assert message.endswith("The eager PyTorch loop runs.")


def test_the_hooks_of_the_caller_do_not_see_the_trace() -> None:
    """They would get tensors without data: save_on_cpu can't copy them, and checkpoint would begin to recompute."""
    node = neuron.ParametricLIFNode()
    node.v = torch.zeros(4)
    step = _lift.step_of(node, ["v"])
    expected = trace.trace(step, torch.Size((4,)), torch.float32, 1)
    assert not isinstance(expected, Refusal)
    seen: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: seen.append(t.detach()), lambda _: seen[0]):
        assert trace.trace(step, torch.Size((4,)), torch.float32, 1) == expected
        assert not seen
        torch.ones(2, requires_grad=True).exp()
    assert len(seen) == 1  # afterwards they go on
