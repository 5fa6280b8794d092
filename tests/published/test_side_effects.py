"""Neurons whose steps do more than compute tensors: what they record, count and draw, as release 0.0.0.0.14 did it."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import leaky_relu

from spikingjelly.activation_based import neuron
from spikingjelly.fusion import trace
from tests.parity.compare import counted

BACKENDS = ("torch", "cupy")
SEEN: list[torch.Tensor] = []
CALLS = {"fire": 0}


def frames() -> torch.Tensor:
    return (torch.arange(24.0).sin().abs() * 2).view(4, 2, 3)


class DrawsFromModules(neuron.IFNode):
    def neuronal_charge(self, x):
        self.v = self.v + x * float(np.random.rand()) + random.random() * 0.1


class DrawsFromGenerators(neuron.IFNode):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.rng, self.pair = np.random.default_rng(0), (random.Random(1), np.random.RandomState(2))

    def neuronal_charge(self, x):
        self.v = self.v + x * self.rng.random() + self.pair[0].random() * self.pair[1].rand()


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_step_draws_its_own_numbers(backend: str) -> None:
    random.seed(0)
    np.random.seed(0)
    node = DrawsFromModules(step_mode="m", backend=backend)
    with counted() as kernels:
        y = node(frames())
    assert not kernels
    assert y.sum(0).flatten().tolist() == [1.0, 2.0, 4.0, 1.0, 1.0, 3.0]
    assert node.v.flatten().tolist() == pytest.approx([0.8443, 0.7378, 0.0, 0.9377, 0.4247, 0.9481], abs=1e-4)
    assert (random.random(), np.random.rand()) == pytest.approx((0.511275, 0.423655), abs=1e-6)


def test_generators_of_the_neuron_give_the_same_numbers() -> None:
    nodes = [DrawsFromGenerators(step_mode="m", backend=backend) for backend in BACKENDS]
    for node in nodes:
        node(frames())
    assert torch.equal(nodes[0].v, nodes[1].v)
    assert nodes[0].rng.random() == nodes[1].rng.random()
    assert nodes[0].pair[0].random() == nodes[1].pair[0].random()
    assert nodes[0].pair[1].rand() == nodes[1].pair[1].rand()


class Records(neuron.LIFNode):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.history: list[torch.Tensor] = []
        self.log: dict[str, Any] = {"steps": 0, "kinds": set()}

    def neuronal_fire(self):
        spike = super().neuronal_fire()
        self.history.append(spike.detach())
        self.log["steps"] += 1
        self.log["kinds"].add(spike.dtype)
        return spike


class RecordsOutside(neuron.LIFNode):
    def neuronal_fire(self):
        spike = super().neuronal_fire()
        SEEN.append(spike.detach())
        CALLS["fire"] += 1
        return spike


@pytest.mark.parametrize("step_mode", ["s", "m"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_each_step_is_recorded_once(step_mode: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []
    monkeypatch.setitem(globals(), "SEEN", seen)
    monkeypatch.setitem(CALLS, "fire", 0)
    nodes = Records(step_mode=step_mode, backend=backend), RecordsOutside(step_mode=step_mode, backend=backend)
    for node in nodes:
        x = frames()
        y = node(x) if step_mode == "m" else torch.stack([node(each) for each in x])
        records = seen if node is nodes[1] else node.history
        assert torch.equal(torch.stack(records), y)
    assert (nodes[0].log, CALLS["fire"]) == ({"steps": 4, "kinds": {torch.float32}}, 4)


class Lateral(neuron.LIFNode):
    """Holds down another neuron, which is no part of it."""

    def __init__(self, other: neuron.IFNode, **kwargs):
        super().__init__(**kwargs)
        self.others = [other]

    def neuronal_fire(self):
        spike = super().neuronal_fire()
        self.others[0].v = self.others[0].v - 0.1
        return spike


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_that_acts_on_another_neuron(backend: str) -> None:
    other = neuron.IFNode()
    other.v = torch.zeros(2, 3)
    Lateral(other, step_mode="m", backend=backend)(frames())
    torch.testing.assert_close(other.v, torch.full((2, 3), -0.4))


class Observer:
    def __init__(self):
        self.steps, self.last = 0, None

    def look(self, spike):
        self.steps, self.last = self.steps + 1, spike.detach()


class Observed(neuron.LIFNode):
    def __init__(self, observe, **kwargs):
        super().__init__(**kwargs)
        self.observe = observe

    def neuronal_fire(self):
        spike = super().neuronal_fire()
        self.observe(spike)
        return spike


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_observer_sees_each_step(backend: str) -> None:
    observer = Observer()
    y = Observed(observer.look, step_mode="m", backend=backend)(frames())
    assert observer.steps == 4
    assert torch.equal(observer.last, y[-1])


class CallsTorch(neuron.LIFNode):
    def neuronal_charge(self, x):
        super().neuronal_charge(leaky_relu(x, 0.5))


def test_functions_of_torch_by_their_names_have_a_kernel() -> None:
    node, loop = CallsTorch(step_mode="m", backend="cupy"), CallsTorch(step_mode="m", backend="torch")
    with counted() as kernels:
        assert torch.equal(node(frames() - 0.5), loop(frames() - 0.5))
    assert len(kernels) == 1


class Counts(neuron.LIFNode):
    count = 0

    def neuronal_charge(self, x):
        super().neuronal_charge(x)
        self.count += 1


class Prepares(neuron.LIFNode):
    ready = False

    def neuronal_charge(self, x):
        self.ready = True
        super().neuronal_charge(x)


def test_a_step_that_changes_its_module_is_not_traced_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = []
    run_trace, node = trace.trace, Counts(backend="cupy")
    monkeypatch.setattr(trace, "trace", lambda *args: (traced.append(1), run_trace(*args))[1])
    for _ in range(5):
        for x in frames():
            node(x)
        node.reset()
    assert node.count == 20
    assert len(traced) == 3


def test_a_module_that_is_ready_after_its_first_step_has_a_kernel_then() -> None:
    node, loop = Prepares(step_mode="m", backend="cupy"), Prepares(step_mode="m", backend="torch")
    with counted() as kernels:
        for _ in range(4):
            assert torch.equal(node(frames()), loop(frames()))
            node.reset()
            loop.reset()
    assert len(kernels) == 3


def test_an_input_that_is_changed_in_place_after_the_call() -> None:
    x = frames().requires_grad_()
    given = x * 1.0
    given += neuron.LIFNode(step_mode="m", backend="cupy")(given)
    with pytest.raises(RuntimeError, match=r"changed in place .* Write x = x \+ y, or set backend='torch'"):
        given.sum().backward()
