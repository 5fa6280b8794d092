"""Memories that a time step reads and does not write: part of what a kernel is built from, not states."""

import pytest
import torch

from spikingjelly.activation_based import neuron, surrogate
from tests.parity.compare import assert_same, counted

F64 = torch.float64


class Gain(neuron.BaseNode):
    """A gain and a threshold that are memories, so that ``reset`` restores them."""

    def __init__(self, gain: float | torch.Tensor = 1.0, **kwargs) -> None:
        super().__init__(surrogate_function=surrogate.ATan(), step_mode="m", **kwargs)
        self.register_memory("gain", gain)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = 0.5 * self.v + self.gain * x


class Switching(Gain):
    """Writes its gain only when it is told to."""

    adapts = False

    def neuronal_charge(self, x: torch.Tensor) -> None:
        super().neuronal_charge(x)
        if self.adapts:
            self.gain = self.gain * 0.5


class InPlace(Gain):
    def neuronal_charge(self, x: torch.Tensor) -> None:
        super().neuronal_charge(x)
        self.gain *= 0.5


def sequence() -> torch.Tensor:
    return torch.rand(9, 3, 4, dtype=F64)


def test_nodes_with_other_numbers_do_not_share_them() -> None:
    x = sequence()
    for gain in (1.0, 3.0):
        with counted() as calls:
            assert_same(lambda backend, gain=gain: Gain(gain, backend=backend), x)
        assert len(calls) == 1
    node = Gain(1.0, backend="cpp")
    before = node(x)
    node.reset()
    node.gain = 3.0
    assert not torch.equal(node(x), before)


@pytest.mark.parametrize("shape", [(), (4,), (3, 1), (3, 4)])
def test_a_tensor_keeps_its_shape_and_gets_its_gradient(shape: tuple[int, ...]) -> None:
    x, results = sequence(), []
    for backend in ("torch", "cpp"):
        leaf = torch.linspace(0.5, 2.0, 12, dtype=F64)[: torch.Size(shape).numel()].view(shape).requires_grad_()
        node = Gain(backend=backend)
        node.gain = leaf
        with counted() as calls:
            y = node(x)
        assert len(calls) == (backend == "cpp")
        assert node.gain is leaf
        results.append([y, *torch.autograd.grad((y * torch.arange(4)).sum() + node.v.sum(), leaf)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("order", [(False, True, False), (True, False, True)])
@pytest.mark.parametrize("gain", [1.5, torch.full((4,), 1.5, dtype=F64)], ids=["number", "tensor"])
def test_a_memory_that_is_written_now_and_then(order: tuple[bool, ...], gain: float | torch.Tensor) -> None:
    x, results = sequence(), []
    for backend in ("torch", "cpp"):
        outputs = []
        for adapts in order:
            node = Switching(gain if isinstance(gain, float) else gain.clone(), backend=backend)
            node.adapts = adapts
            outputs += [node(x), node(x), node.v]
        results.append(outputs)
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


def test_a_memory_that_is_written_in_place_is_a_state() -> None:
    x, results = sequence(), []
    for backend in ("torch", "cpp"):
        node = InPlace(backend=backend)
        node.gain = torch.full((3, 4), 1.5, dtype=F64)
        results.append([node(x), node.gain])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the compiler itself, about its own parts
def test_under_the_compiler_a_changed_number_compiles_anew() -> None:
    torch.compiler.reset()  # the compiler counts how often `forward` was compiled, whoever did it
    node = Gain(1.0, backend="cpp")
    x = sequence().float()
    compiled = torch.compile(node, fullgraph=True, backend="aot_eager")
    for gain in (1.0, 3.0):
        node.reset()
        node.gain = gain
        result = compiled(x)
        twin = Gain(gain, backend="torch")
        assert torch.equal(result, twin(x))
    torch.compiler.reset()
