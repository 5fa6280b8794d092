"""Whatever a user's step reads counts when it changes; what it draws, prints or changes besides its memories is told."""

import collections
import functools
import itertools
import random
import time
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.activation_based import neuron
from spikingjelly.activation_based.neuron import _lift
from spikingjelly.fusion import dispatch
from tests.parity.compare import counted

SETTINGS = types.ModuleType("settings")
SETTINGS.inner = types.ModuleType("settings.inner")
GAIN = 1.0


class Constants:
    gain = 1.0


class Child:
    def __init__(self) -> None:
        self.gain = 1.0

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x * GAIN

    def scaled(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gain


class Slotted:
    __slots__ = ("gain",)


def times(gains: list[float], x: torch.Tensor) -> torch.Tensor:
    return x * gains[0]


def by_way_of_others(x: torch.Tensor) -> torch.Tensor:
    return first(x)


def first(x: torch.Tensor) -> torch.Tensor:
    return second(x)


def second(x: torch.Tensor) -> torch.Tensor:
    return third(x)


def third(x: torch.Tensor) -> torch.Tensor:
    return sum(x * GAIN for _ in range(2))


class Own(neuron.BaseNode):
    """Its charge is ``v + scaled(node, x)``."""

    gain = 1.0
    __slots__ = ("slot",)

    def __init__(self, scaled: Callable[[Any, torch.Tensor], torch.Tensor], **attributes: Any) -> None:
        super().__init__()
        self.scaled = scaled
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    @property
    def default(self) -> float:
        return self.constant(2.0)

    @classmethod
    def constant(cls, factor: float) -> float:
        return cls.gain * factor

    def helped(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + self.scaled(self, x)


def set_global(value: float) -> None:
    global GAIN
    GAIN = value


def slotted() -> Slotted:
    settings = Slotted()
    settings.gain = 1.0
    return settings


def cells() -> tuple[Callable[[Any, torch.Tensor], torch.Tensor], Callable[[float], None]]:
    gain = 1.0

    def scaled(node: Any, x: torch.Tensor) -> torch.Tensor:
        return x * gain

    def change(value: float) -> None:
        nonlocal gain
        gain = value

    return scaled, change


CELL = cells()
# How the step reads a number, attributes of the node, and how the number becomes 2.0.
READ: dict[str, tuple[Callable[[Any, torch.Tensor], torch.Tensor], dict[str, Any], Callable[[Any], None]]] = {
    "attribute of its class": (lambda n, x: x * n.gain, {}, lambda n: setattr(Own, "gain", 2.0)),
    "method of its class": (lambda n, x: n.helped(x), {}, lambda n: setattr(Own, "helped", lambda self, x: x * 2.0)),
    "property and class method": (lambda n, x: x * n.default, {}, lambda n: setattr(Own, "gain", 2.0)),
    "attribute of another class": (lambda n, x: x * Constants.gain, {}, lambda n: setattr(Constants, "gain", 2.0)),
    "module": (lambda n, x: x * SETTINGS.gain, {}, lambda n: setattr(SETTINGS, "gain", 2.0)),
    "module in a module": (
        lambda n, x: x * SETTINGS.inner.gain, {}, lambda n: setattr(SETTINGS.inner, "gain", 2.0)
    ),
    "function after function": (lambda n, x: by_way_of_others(x), {}, lambda n: set_global(2.0)),
    "closure": (CELL[0], {}, lambda n: CELL[1](2.0)),
    "default of a keyword": (
        lambda n, x: n.f(x), {"f": lambda x, *, gain=1.0: x * gain},
        lambda n: n.f.__kwdefaults__.update(gain=2.0),
    ),
    "array": (
        lambda n, x: x * float(n.a[0]), {"a": np.ones(2)}, lambda n: n.a.__setitem__(0, 2.0)
    ),
    "NumPy's number": (lambda n, x: x * n.a, {"a": np.float64(1.0)}, lambda n: setattr(n, "a", np.float64(2.0))),
    "queue": (
        lambda n, x: x * n.a[0], {"a": collections.deque([1.0])}, lambda n: n.a.__setitem__(0, 2.0)
    ),
    "list in a partial function": (
        lambda n, x: n.f(x), {"f": functools.partial(times, [1.0])}, lambda n: n.f.args[0].__setitem__(0, 2.0)
    ),
    "object that is called": (lambda n, x: n.f(x), {"f": Child()}, lambda n: set_global(2.0)),
    "method of an object": (lambda n, x: n.f(x), {"f": Child().scaled}, lambda n: setattr(n.f.__self__, "gain", 2.0)),
    "slot of an object": (lambda n, x: x * n.a.gain, {"a": slotted()}, lambda n: setattr(n.a, "gain", 2.0)),
    "slot of its own": (lambda n, x: x * n.slot, {"slot": 1.0}, lambda n: object.__setattr__(n, "slot", 2.0)),
    "module that is no part of it": (
        lambda n, x: x * n.a[0].negative_slope, {"a": [nn.LeakyReLU(1.0)]},
        lambda n: setattr(n.a[0], "negative_slope", 2.0),
    ),
    "kind of a number": (
        lambda n, x: x * 2 if n.a is True else x, {"a": 1}, lambda n: setattr(n, "a", True)
    ),
}  # fmt: skip


HELPED = Own.helped


@pytest.fixture(autouse=True)
def as_before() -> None:
    set_global(1.0)
    Own.helped = HELPED
    CELL[1](1.0)
    Own.gain = Constants.gain = SETTINGS.gain = SETTINGS.inner.gain = 1.0


def plan_of(node: neuron.BaseNode) -> tuple[str, tuple[float, ...]] | dispatch.Refusal:
    node.v = torch.zeros(3)
    return dispatch.plan_of(_lift.step_of(node, ["v"]), torch.zeros(3), 1)


@pytest.mark.parametrize("what", READ)
def test_a_change_of_what_a_step_reads_counts(what: str) -> None:
    scaled, attributes, change = READ[what]
    node = Own(scaled, **attributes)
    before = plan_of(node)
    assert plan_of(node) is before
    change(node)
    after = plan_of(node)
    assert not isinstance(before, dispatch.Refusal), before.reason
    assert after != before


def test_a_change_is_seen_by_the_kernel() -> None:
    node = Own(lambda n, x: x * n.gain)
    node.step_mode, node.backend, x = "m", "cpp", torch.rand(4, 3)
    results = []
    with counted() as calls:
        for Own.gain in (1.0, 2.0):
            node.reset()
            results.append(node(x))
    assert len(calls) == 2
    node.reset()
    node.backend = "torch"
    assert torch.equal(results[1], node(x))
    assert not torch.equal(*results)


def drawn(node: Own, x: torch.Tensor) -> torch.Tensor:
    return x * random.random()


def drawn_evenly(node: Own, x: torch.Tensor) -> torch.Tensor:
    return x * random.uniform(0.0, 1.0)


def printed(node: Own, x: torch.Tensor) -> torch.Tensor:
    print(x.shape)
    return x


def counted_up(node: Own, x: torch.Tensor) -> torch.Tensor:
    return x * next(node.a)


def timed(node: Own, x: torch.Tensor) -> torch.Tensor:
    return x * time.time()


OUTSIDE = {
    "Python's generator": (drawn, {}, "random draws random numbers"),
    "a function of Python's generator": (drawn_evenly, {}, "random draws random numbers"),
    "a generator of its own": (lambda n, x: x * n.a.random(), {"a": random.Random(1)}, "random draws random numbers"),
    "print": (printed, {}, "print is no operation of a kernel"),
    "an iterator": (counted_up, {"a": itertools.count()}, "next takes what it gives only once"),
    "the time": (timed, {}, "time is no operation of a kernel"),
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_what_would_happen_once_is_refused_before_it_happens(what: str, capsys: pytest.CaptureFixture) -> None:
    scaled, attributes, reason = OUTSIDE[what]
    node = Own(scaled, **attributes)
    state = random.getstate(), repr(attributes)
    refusal = plan_of(node)
    assert isinstance(refusal, dispatch.Refusal)
    assert f"{__file__}:" in refusal.reason
    assert reason in refusal.reason
    assert (random.getstate(), repr(attributes)) == state
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "generator", [np.random, np.random.default_rng(3), np.random.RandomState(3)], ids=["global", "new", "old"]
)
def test_random_numbers_of_numpy_are_refused_and_not_used_up(generator: Any) -> None:
    node = Own(lambda n, x: x * generator.normal())
    is_new = isinstance(generator, np.random.Generator)
    state = repr(generator.bit_generator.state if is_new else generator.get_state())
    refusal = plan_of(node)
    assert isinstance(refusal, dispatch.Refusal)
    assert "it draws random numbers of NumPy" in refusal.reason
    assert repr(generator.bit_generator.state if is_new else generator.get_state()) == state


LOG: list[torch.Tensor] = []


class Counting(neuron.BaseNode):
    """Counts time steps in all places but a memory."""

    def __init__(self, place: str, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.place = place
        self.inside = {"count": 0}
        self.steps: list[int] = []
        self.child = Child()
        self.child.gain = 0.0
        self.slotted = Slotted()
        self.slotted.gain = 0.0
        self.array = np.zeros(1)
        self.seen: set[int] = set()
        self.queue: collections.deque[int] = collections.deque(maxlen=2)

    def count(self) -> float:
        if self.place == "dict":
            self.inside["count"] += 1
            return self.inside["count"]
        if self.place == "list":
            self.steps.append(1)
            return len(self.steps)
        if self.place == "object":
            self.child.gain += 1
            return self.child.gain
        if self.place == "slot":
            self.slotted.gain += 1
            return self.slotted.gain
        if self.place == "array":
            self.array += 1
            return float(self.array[0])
        if self.place == "set":
            self.seen.add(len(self.seen))
            return len(self.seen)
        self.queue.append(max(self.queue, default=0) + 1)
        return max(self.queue)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + x / self.count()


@pytest.mark.parametrize("place", ["dict", "list", "object", "slot", "array", "set", "queue"])
def test_a_count_outside_the_memories_goes_on_as_in_the_loop(place: str) -> None:
    x = torch.rand(5, 3) * 2
    nodes = [Counting(place, step_mode="m", backend=backend, v_threshold=0.5) for backend in ("torch", "cpp")]
    with counted() as calls:
        results = [torch.stack([node(x), node(x)]) for node in nodes]
    assert calls == []
    assert torch.equal(*results)


class Logging(neuron.BaseNode):
    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + x
        LOG.append(self.v)


def test_a_list_of_the_program_holds_what_the_loop_puts_into_it() -> None:
    LOG.clear()
    Logging(step_mode="m", backend="cpp")(torch.rand(5, 3))
    assert [value.device.type for value in LOG] == ["cpu"] * 5


def doubled_input(node: Own, x: torch.Tensor) -> torch.Tensor:
    return x.mul_(2.0)


def test_an_input_that_is_changed_in_place_changes_with_a_kernel_as_well() -> None:
    x = torch.rand(4, 3)
    given = x.clone()
    node = Own(doubled_input)
    node.step_mode, node.backend = "m", "cpp"
    node(given)
    assert torch.equal(given, 2.0 * x)
    refusal = plan_of(node)
    assert isinstance(refusal, dispatch.Refusal)
    assert "it changes its input in place, which a kernel leaves as it is" in refusal.reason


class InPlace(neuron.BaseNode):
    """Puts out its potential and goes on to change it."""

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v += x

    def neuronal_fire(self) -> torch.Tensor:
        return self.v

    def neuronal_reset(self, spike: torch.Tensor) -> None:
        pass


def test_outputs_and_potentials_over_time_are_those_of_each_step() -> None:
    x = torch.rand(5, 3)
    for backend in ("torch", "cpp"):
        node = InPlace(step_mode="m", backend=backend, store_v_seq=True)
        y = node(x)
        torch.testing.assert_close(y, x.cumsum(0))
        assert torch.equal(node.v_seq, y)


def test_objects_that_hold_each_other_are_read() -> None:
    node = Own(lambda n, x: x * n.a.gain, a=Child())
    node.a.parent = [node, node.a]
    assert not isinstance(plan_of(node), dispatch.Refusal)


class Wrapped(torch.Tensor):
    """A tensor of another class, whose operations are its own."""


@pytest.mark.parametrize("of", ["input", "parameter"])
def test_tensors_of_other_classes_run_in_the_loop(of: str) -> None:
    node = neuron.LIFNode(step_mode="m", backend="cpp")
    x = torch.rand(4, 3) * 2
    if of == "input":
        x = x.as_subclass(Wrapped)
    else:
        node.v_threshold = torch.tensor(0.5).as_subclass(Wrapped)
    with counted() as calls:
        y = node(x)
    assert calls == []
    assert type(y) is Wrapped
    refusal = dispatch.planned("cpp", _lift.step_of(node, ["v"]), x[0], 1, x.device)
    assert isinstance(refusal, dispatch.Refusal)
    assert refusal.reason == "tensors of the class Wrapped take plain operations, not a kernel"
