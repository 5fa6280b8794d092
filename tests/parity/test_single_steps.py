"""Single steps in a kernel, without a time dimension: every neuron of the table, layouts in memory, modes of torch."""

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from spikingjelly.activation_based import neuron
from spikingjelly.fusion import call
from tests.cases import NeuronCase
from tests.parity.compare import counted, poisoned
from tests.parity.test_fused import FUSED

F64 = torch.float64
SINGLE = [case for case in FUSED if "s" in case.modes]


def in_steps(node: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """Outputs, states and gradients of a loop over time."""
    leaf = x.clone().requires_grad_()
    y = torch.stack([node(step) for step in leaf.unbind(0)])
    states = [value for _, value in sorted(node.named_memories()) if isinstance(value, torch.Tensor)]
    weights = torch.linspace(-1.0, 1.0, y.numel(), dtype=y.dtype).view(y.shape)
    total = (y * weights).sum() + sum(state.sum() for state in states)
    grads = torch.autograd.grad(total, [leaf, *node.parameters()], allow_unused=True)
    return [y, *states, *[torch.zeros(()) if g is None else g for g in grads]]


@pytest.mark.parametrize("case", SINGLE, ids=str)
def test_every_neuron_of_the_table(case: NeuronCase) -> None:
    results, x = [], case.input(F64)
    for backend in ("torch", "cpp"):
        torch.manual_seed(0)
        node = case.make("s").double()
        node.backend = backend
        with poisoned(), counted() as calls:
            results.append(in_steps(node, x))
        assert len(calls) == (len(x) if backend == "cpp" else 0)
        node.reset()
        with torch.no_grad():
            assert torch.equal(torch.stack([node(step) for step in x]), results[-1][0])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


def test_the_output_may_be_written_to() -> None:
    node, x = neuron.LIFNode(backend="cpp"), (torch.rand(3, 5) * 3).requires_grad_()
    y = node(x)
    y += 1.0
    y *= 2.0
    assert set(y.tolist()[0]) <= {2.0, 4.0}
    other = neuron.LIFNode(backend="torch")
    expected = torch.autograd.grad((other(x) + 1.0).sum() * 2.0, x)[0]
    torch.testing.assert_close(torch.autograd.grad(y.sum(), x)[0], expected)


@pytest.mark.parametrize("mode", ["s", "m"])
def test_no_gradients_no_graph(mode: str) -> None:
    x = torch.rand(2, 5) * 3
    expected = neuron.LIFNode(backend="torch", step_mode=mode)(x)
    for context in (torch.no_grad(), torch.inference_mode(), torch.enable_grad()):
        node = neuron.LIFNode(backend="cpp", step_mode=mode)
        with context, counted() as calls:
            y = node(x.requires_grad_(isinstance(context, torch.no_grad)))
        assert len(calls) == 1
        assert not y.requires_grad
        assert not node.v.requires_grad
        assert torch.equal(y, expected)


def test_tensors_without_values() -> None:
    with FakeTensorMode():
        node = neuron.LIFNode(backend="cpp")
        x = torch.empty(2, 3, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
        y = node(x)
        assert (y.shape, y.stride(), node.v.shape) == (x.shape, x.stride(), x.shape)
        assert torch.autograd.grad(y.sum(), x)[0].shape == x.shape


LAYOUTS = {
    "contiguous": torch.empty(2, 3, 4, 5),
    "channels last": torch.empty(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
    "two exchanged": torch.empty(5, 2, 3).transpose(0, 2),
    "size 1": torch.empty(4, 1, 3).transpose(0, 1),
    "gaps": torch.empty(4, 6)[:, ::2],
    "a row missing": torch.empty(4, 6, 2)[:, :5],
    "expanded": torch.empty(3, 1).expand(3, 4),
    "overlapping": torch.empty(10).as_strided((3, 4), (2, 1)),
    "none": torch.empty(3, 0, 2),
    "a number": torch.empty(()),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_outputs_lie_in_memory_as_the_input_where_it_has_no_gaps(name: str) -> None:
    step = LAYOUTS[name]
    dense = name in ("contiguous", "channels last", "two exchanged", "size 1", "none", "a number")
    layout = call.layout_of(step.unsqueeze(0))
    assert layout == call.known_layout_of(step.unsqueeze(0))
    assert layout.shape == step.shape
    assert step.numel() == layout.N
    assert layout.strides == (step if dense else torch.empty(step.shape)).stride()
    x = torch.rand(step.shape, dtype=F64).mul_(3.0)
    given = torch.empty_strided(step.shape, step.stride(), dtype=F64) if dense else x.clone()
    x = given.copy_(x).requires_grad_()
    if step.numel():
        actual, expected = (in_steps(neuron.LIFNode(backend=b), x.detach().unsqueeze(0)) for b in ("cpp", "torch"))
        for one, other in zip(actual, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
