"""Parts that run again in the backward pass, by ours and by torch's own checkpoint."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.checkpoint import checkpoint as torch_checkpoint

from spikingjelly.activation_based import base, functional, layer, memopt, monitor, neuron
from tests.memopt.networks import (
    Attention,
    Net,
    Residual,
    assert_same,
    computes_again,
    images,
    lif,
    net,
    step_by_step,
    training,
    whole_sequence,
)

FORWARDS = {"m": whole_sequence, "s": step_by_step}


def by_parts(run: Callable[..., Any]) -> Callable[[nn.Module, torch.Tensor], torch.Tensor]:
    """``run`` for the stem, the head and each block of :class:`Net`."""

    def forward(net: nn.Module, x_seq: torch.Tensor) -> torch.Tensor:
        for part in (net.stem, *net.body, net.head):
            x_seq = run(part, x_seq)
        return x_seq

    return forward


def in_steps(forward: Callable[..., torch.Tensor], net: nn.Module) -> Callable[[nn.Module, torch.Tensor], torch.Tensor]:
    if net.stem[0].step_mode == "m":
        return forward
    return lambda net, x_seq: torch.stack([forward(net, x) for x in x_seq])


@pytest.mark.parametrize("step_mode", ["m", "s"])
@pytest.mark.parametrize("backend", ["cpp", "torch"])
def test_same_numbers(backend: str, step_mode: str) -> None:
    expected = training(net(backend, step_mode), FORWARDS[step_mode])
    made = net(backend, step_mode)
    assert_same(training(made, in_steps(by_parts(memopt.checkpoint), made)), expected)


def test_the_state_goes_on_over_calls_and_a_reset_before_the_backward_pass_does_not_matter() -> None:
    found = []
    for run in (lambda part, x: part(x), memopt.checkpoint):
        node = neuron.ParametricLIFNode(step_mode="m", backend="torch")
        x_seqs = [images(number).requires_grad_() for number in range(3)]
        y = torch.cat([run(node, x_seq) for x_seq in x_seqs])
        state = node.v.detach().clone()
        functional.reset_net(node)
        y.square().sum().backward()
        assert node.v == 0.0
        found.append([y.detach(), state, node.w.grad, *[x_seq.grad for x_seq in x_seqs]])
    assert all(tensor.any() for tensor in found[0])
    assert all(map(torch.equal, *found))


def test_a_mode_that_changes_before_the_backward_pass() -> None:
    found = []
    for run in (lambda part, x: part(x), memopt.checkpoint):
        torch.manual_seed(0)
        part = nn.Sequential(layer.Linear(8, 8), layer.BatchNorm2d(2), layer.Dropout(0.5), layer.Linear(8, 8))
        functional.set_step_mode(part, "m")
        y = run(part, images())
        part.eval()
        y.square().sum().backward()
        assert not part[2].training
        found.append([parameter.grad for parameter in part.parameters()] + list(part.buffers()))
    assert all(map(torch.equal, *found))


def test_backward_twice_through_one_graph() -> None:
    found = []
    for run in (lambda part, x: part(x), memopt.checkpoint):
        torch.manual_seed(0)
        part = nn.Sequential(layer.Linear(8, 8), layer.BatchNorm2d(2), neuron.LIFNode(backend="torch"))
        functional.set_step_mode(part, "m")
        y = run(part, images())
        for _ in range(2):
            y.square().sum().backward(retain_graph=True)
        found.append([parameter.grad for parameter in part.parameters()] + [part[2].v.detach(), part[1].running_var])
    assert all(map(torch.equal, *found))


class Queue(base.MemoryModule):
    """The sum of the last two inputs; its list changes in place."""

    def __init__(self) -> None:
        super().__init__()
        self.register_memory("last", [])
        self.weight = nn.Parameter(torch.ones(()))

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        self.last.append(x * self.weight)
        if len(self.last) > 2:
            self.last.pop(0)
        return sum(self.last) ** 2


def test_lists_that_change_in_place() -> None:
    found = []
    for run in (lambda part, x: part(x), memopt.checkpoint):
        queue = Queue()
        y = torch.stack([run(queue, x) for x in images()])
        assert len(queue.last) == 2
        y.sum().backward()
        assert len(queue.last) == 2
        found.append(queue.weight.grad)
    assert torch.equal(*found)


class Total(base.MemoryModule):
    def __init__(self) -> None:
        super().__init__()
        self.register_memory("total", torch.zeros(4, 2, 8, 8))

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        self.total.add_(x.detach())
        return self.total * x


def test_a_memory_that_changes_in_place_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"Total has changed its total \(shape \[4, 2, 8, 8\]\) in place"):
        memopt.checkpoint(Total(), images()[0].requires_grad_())


def test_a_parameter_that_changes_before_the_backward_pass_is_an_error() -> None:
    linear = nn.Linear(8, 8)
    y = memopt.checkpoint(linear, images())
    with torch.no_grad():
        linear.weight.add_(1)
    with pytest.raises(RuntimeError, match=r"Linear has changed its weight \(shape \[8, 8\]\) in place"):
        y.sum().backward()


def test_a_function_with_its_modules_and_keywords() -> None:
    node = neuron.LIFNode(step_mode="m", backend="torch")
    found = []
    for again in (False, True):
        functional.reset_net(node)
        node(images(1))

        def double(x_seq: torch.Tensor, factor: float) -> torch.Tensor:
            return node(x_seq * factor)

        x_seq = images().requires_grad_()
        y = memopt.checkpoint(double, x_seq, modules=[node], factor=0.5) if again else double(x_seq, 0.5)
        y.square().sum().backward()
        found.append([y.detach(), x_seq.grad, node.v.detach()])
    assert all(map(torch.equal, *found))


def test_hooks_are_refused() -> None:
    made = net()
    watch = monitor.OutputMonitor(made, neuron.LIFNode)
    with pytest.raises(RuntimeError, match=r"LIFNode has a forward hook.*monitor.remove_hooks\(\)"):
        memopt.checkpoint(made.stem, images())
    with torch.no_grad():
        memopt.checkpoint(made.stem, images())
    functional.reset_net(made)
    watch.remove_hooks()
    memopt.checkpoint(made.stem, images()).sum().backward()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: memopt.checkpoint(3, images()), r"expected a module or a function, but 3 \(int\)"),
        (lambda: memopt.checkpoint(torch.sum, images(), modules=[torch.sum]), "modules must be torch.nn.Modules"),
    ],
    ids=["function", "modules"],
)
def test_wrong_arguments(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("backend", ["torch", "cpp"])
@pytest.mark.parametrize("step_mode", ["m", "s"])
def test_torchs_own_checkpoint_over_neurons_is_an_error_not_a_wrong_gradient(
    step_mode: str, backend: str, reentrant: bool
) -> None:
    node = neuron.LIFNode(step_mode=step_mode, backend=backend)
    x = images().requires_grad_()
    y = torch_checkpoint(node, x, use_reentrant=reentrant)
    state = node.v.clone()
    with pytest.raises(
        RuntimeError, match=r"LIFNode is called inside a backward pass.*Use memopt.checkpoint\(part, x\)"
    ):
        y.sum().backward()
    assert torch.equal(node.v, state)


@pytest.mark.parametrize("reentrant", [True, False])
def test_torchs_own_checkpoint_is_right_where_the_function_resets(reentrant: bool) -> None:
    """Also if it runs the neurons twice."""
    node = lif("torch", step_mode="m")

    def from_rest(x_seq: torch.Tensor) -> torch.Tensor:
        functional.reset_net(node)
        return node(node(x_seq) * 2 + x_seq)

    found = []
    for run in (
        lambda x_seq: from_rest(x_seq),
        lambda x_seq: torch_checkpoint(from_rest, x_seq, use_reentrant=reentrant),
    ):
        x_seq = images().requires_grad_()
        run(x_seq).square().sum().backward()
        found.append(x_seq.grad)
    assert torch.equal(*found)


@computes_again
def test_inside_a_network_that_keeps_less() -> None:
    class Parts(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return by_parts(memopt.checkpoint)(self, x)

    torch.manual_seed(0)
    made = memopt.optimize_memory(Parts("torch"), level=3)
    assert_same(training(made), training(net("torch")))


@computes_again
@pytest.mark.usefixtures("every_size")
@pytest.mark.parametrize(
    "run", [memopt.checkpoint, lambda f, x: torch_checkpoint(f, x, use_reentrant=False)], ids=["ours", "torch's"]
)
def test_inside_such_a_network_a_checkpoint_keeps_nothing_but_its_input(run: Callable[..., Any]) -> None:
    freed = []

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)

        def part(self, x: torch.Tensor) -> torch.Tensor:
            between = self.first(x).sigmoid()
            freed.append(StorageWeakRef(between.untyped_storage()))
            return self.second(between)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = run(self.part, x)
            assert freed[0].expired()
            return y

    memopt.optimize_memory(Twice(), level=3)(torch.rand(4, 8)).sum().backward()
    assert len(freed) == 2


def test_copies_carry_no_trace() -> None:
    made = nn.Sequential(Residual("torch"), Attention("torch"))
    functional.set_step_mode(made, "m")
    x_seq = torch.rand(3, 4, 4, 8, 8)
    memopt.checkpoint(made, x_seq).sum().backward()
    copied = copy.deepcopy(made)
    assert not [name for module in copied.modules() for name in module.__dict__ if name == "_second_run"]
