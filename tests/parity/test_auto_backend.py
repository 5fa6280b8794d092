"""backend='auto' against the eager loop: the same spikes, states and gradients for every neuron of the table; and where
it can't be used, the loop runs."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.fusion import batched, dispatch, elementwise
from tests.cases import NEURONS, NeuronCase

F64 = torch.float64
T = 40
CASES = [case for case in NEURONS if case.modes == ("s", "m")]
TAKES_BACKEND = [case for case in CASES if case.takes_v_seq]


@pytest.fixture
def batched_calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Counts the sequences that the batched target ran."""
    calls: list[int] = []
    original = batched.run

    def counting(step, x_seq, states):
        calls.append(len(x_seq))
        return original(step, x_seq, states)

    monkeypatch.setattr(batched, "run", counting)
    return calls


def everything(node: nn.Module, x: torch.Tensor, initial: dict[str, torch.Tensor] | None = None) -> list[torch.Tensor]:
    """Spikes, states, potentials over time, and gradients of a random functional of all of them at everything."""
    leaves = [x, *node.parameters()]
    for name, value in (initial or {}).items():
        setattr(node, name, value)
        leaves.append(value)
    node.store_v_seq = True
    y = node(x)
    memories = [value for name, value in sorted(node.named_memories()) if name != "v_seq"]
    outputs = [y, node.v_seq, *memories]
    generator = torch.Generator().manual_seed(3)
    weights = [torch.randn(output.shape, generator=generator, dtype=output.dtype) for output in outputs]
    total = sum((o * w).sum() for o, w in zip(outputs, weights, strict=True))
    grads = torch.autograd.grad(total, leaves, allow_unused=True)
    return [*outputs, *[torch.zeros_like(leaf) if g is None else g for leaf, g in zip(leaves, grads, strict=True)]]


@pytest.mark.parametrize("case", TAKES_BACKEND, ids=str)
def test_auto_is_the_loop(case: NeuronCase, batched_calls: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_SHORTEST", 2)
    x = case.input(F64).requires_grad_()
    torch.manual_seed(0)
    expected = everything(case.make("m").double(), x)
    torch.manual_seed(0)
    actual = everything(case.make("m", backend="auto").double(), x)
    normalises = case.cls == "MPBNLIFNode" and case.kwargs.get("mpbn", True)
    assert batched_calls == ([] if normalises else [case.T])
    assert torch.equal(expected[0], actual[0])
    for one, other in zip(expected, actual, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_spikes_and_states_are_bit_equal_in_every_precision(dtype: torch.dtype, batched_calls: list[int]) -> None:
    x = replace(TAKES_BACKEND[8], T=T).input(dtype).requires_grad_()
    nodes = [TAKES_BACKEND[8].make("m", backend=backend) for backend in ("torch", "auto")]
    outputs = [node(x) for node in nodes]
    assert batched_calls == [T]
    assert torch.equal(*outputs)
    assert torch.equal(nodes[0].v, nodes[1].v)
    assert outputs[1].dtype == dtype


def test_gradients_at_initial_states_and_through_carried_ones(batched_calls: list[int]) -> None:
    def run(backend: str) -> list[torch.Tensor]:
        node = neuron.IzhikevichNode(a=0.2, b=0.1, tau_w=3.0, step_mode="m", backend=backend)
        x = torch.rand(2 * T, 4, dtype=F64, generator=torch.Generator().manual_seed(1)).requires_grad_()
        v = torch.full((4,), 0.3, dtype=F64, requires_grad=True)
        w = torch.full((4,), 0.1, dtype=F64, requires_grad=True)
        node.v, node.w = v, w
        y = torch.cat([node(x[:T]), node(x[T:])])
        return [y, *torch.autograd.grad((y * torch.arange(4)).sum() + node.v.sum() + node.w.sum(), [x, v, w])]

    for one, other in zip(run("torch"), run("auto"), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-9, atol=1e-11)
    assert batched_calls == [T, T]


def test_gradients_at_thresholds_of_each_channel_and_at_tensors_in_a_graph(batched_calls: list[int]) -> None:
    def run(backend: str, make_leaf) -> list[torch.Tensor]:
        node = neuron.LIFNode(step_mode="m", backend=backend, surrogate_function=surrogate.ATan())
        leaf, node.v_threshold = make_leaf()
        y = node(torch.rand(T, 3, 4, dtype=F64, generator=torch.Generator().manual_seed(1)) * 3)
        return [y, torch.autograd.grad((y * torch.arange(4)).sum(), leaf)[0]]

    def parameter() -> tuple:
        leaf = nn.Parameter(torch.linspace(0.5, 1.1, 4, dtype=F64))
        return leaf, leaf

    def computed() -> tuple:
        leaf = torch.linspace(0.1, 0.4, 4, dtype=F64, requires_grad=True)
        return leaf, leaf.exp()

    for make_leaf in (parameter, computed):
        for one, other in zip(run("torch", make_leaf), run("auto", make_leaf), strict=True):
            torch.testing.assert_close(other, one, rtol=1e-9, atol=1e-11)
    assert batched_calls == [T], "the tensor in a graph is left to the loop"


class Counting(neuron.LIFNode):
    """Keeps a count of time steps outside its memories."""

    steps = 0

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.steps = self.steps + 1
        super().neuronal_charge(x / self.steps)


class Remembering(neuron.LIFNode):
    """Keeps a count of time steps in a memory that is no tensor."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.register_memory("steps", 0)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.steps = self.steps + 1
        super().neuronal_charge(x / self.steps)


class Mixing(neuron.LIFNode):
    def neuronal_charge(self, x: torch.Tensor) -> None:
        super().neuronal_charge(x - x.mean(-1, keepdim=True))


class Drawing(neuron.LIFNode):
    def neuronal_charge(self, x: torch.Tensor) -> None:
        super().neuronal_charge(x * torch.rand_like(x))


class Branching(neuron.LIFNode):
    def neuronal_charge(self, x: torch.Tensor) -> None:
        super().neuronal_charge(x if x.sum() > 0 else -x)


class Rolling(neuron.LIFNode):
    def neuronal_charge(self, x: torch.Tensor) -> None:
        super().neuronal_charge(x.roll(1, -1))


class InPlace(neuron.LIFNode):
    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v.clone()
        self.v.mul_(0.5).add_(x)


class Hidden(neuron.LIFNode):
    """A tensor that gradients flow to, where nobody looks for it."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.gains = [torch.full((4,), 1.5, dtype=F64, requires_grad=True)]

    def neuronal_charge(self, x: torch.Tensor) -> None:
        super().neuronal_charge(x * self.gains[0])


class OwnStep(neuron.LIFNode):
    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().single_step_forward(x) * 2


class OddSlope(surrogate.SurrogateFunctionBase):
    """A spike function that is elementwise forward and not backward."""

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        return grad_output.cumsum(-1) * alpha


REFUSED = [Counting, Remembering, Mixing, Drawing, Branching, Rolling, InPlace, Hidden, OwnStep]


@pytest.mark.parametrize("cls", REFUSED)
def test_what_is_not_an_elementwise_step_runs_in_the_loop(cls: type[neuron.LIFNode], batched_calls: list[int]) -> None:
    results = []
    for backend in ("torch", "auto"):
        torch.manual_seed(5)
        node = cls(step_mode="m", backend=backend, tau=1.5)
        x = (torch.rand(T, 3, 4, dtype=F64) * 3).requires_grad_()
        y = node(x)
        results.append([y, *torch.autograd.grad(y.sum() + node.v.sum(), [x, *getattr(node, "gains", [])])])
    assert batched_calls == []
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


def test_a_slope_that_mixes_neurons_is_seen(batched_calls: list[int]) -> None:
    x = torch.rand(T, 3, 4, dtype=F64, requires_grad=True)
    neuron.LIFNode(step_mode="m", backend="auto", surrogate_function=OddSlope(2.0))(x)
    assert batched_calls == []


@pytest.mark.parametrize("cls", [Mixing, Drawing, Branching, Rolling])
def test_the_refusal_names_the_operation(cls: type[neuron.LIFNode]) -> None:
    node = cls(step_mode="m", backend="auto")
    x = torch.rand(T, 3, 4, requires_grad=True)
    node(x)
    refusals = [verdict.reason for verdict in elementwise._known.values() if verdict is not None]
    names = {Mixing: "mean", Drawing: "rand_like", Branching: "sum", Rolling: "roll"}
    assert any(names[cls] in reason for reason in refusals)


def test_a_changed_attribute_is_looked_at_anew(batched_calls: list[int]) -> None:
    node = neuron.LIFNode(step_mode="m", backend="auto", v_reset=0.0)
    x = torch.rand(T, 3, requires_grad=True)
    node(x)
    functional.reset_net(node)
    node.neuronal_charge = lambda inputs: setattr(node, "v", node.v + inputs - inputs.mean())
    node(x)
    assert batched_calls == [T]


def test_small_and_gradient_free_work_stays_in_the_loop(batched_calls: list[int]) -> None:
    node = neuron.LIFNode(step_mode="m", backend="auto")
    for x in (torch.rand(T, 3), torch.rand(4, 3).requires_grad_(), torch.rand(T, 1 << 14).requires_grad_()):
        functional.reset_net(node)
        node(x)
    with torch.no_grad():
        functional.reset_net(node)
        node(torch.rand(T, 3, requires_grad=True))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        functional.reset_net(node)
        node(torch.rand(T, 3, requires_grad=True))
    assert batched_calls == []


def test_a_second_derivative_is_refused_loudly() -> None:
    node = neuron.LIFNode(step_mode="m", backend="auto")
    x = torch.rand(T, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="no second derivative: use backend='torch'"):
        torch.autograd.grad(node(x).sum(), x, create_graph=True)


def test_a_network_trains_the_same_with_auto() -> None:
    losses = []
    for backend in ("torch", "auto"):
        torch.manual_seed(0)
        net = nn.Sequential(layer.Linear(6, 8), neuron.ParametricLIFNode(), layer.Linear(8, 4), neuron.LIFNode())
        functional.set_step_mode(net, "m")
        functional.set_backend(net, backend)
        optimizer = torch.optim.SGD(net.double().parameters(), lr=0.5)
        x = torch.rand(T, 5, 6, dtype=F64) * 20
        for _ in range(4):
            loss = (net(x).mean(0) - 0.3).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            functional.reset_net(net)
            losses.append(loss.item())
    assert losses[:4] == pytest.approx(losses[4:], rel=1e-9)
    assert losses[0] != losses[3]


def test_refusals_of_other_backends_say_what_runs() -> None:
    node = neuron.IFNode(step_mode="m", backend="cupy")
    x = torch.rand(T, 3, requires_grad=True)
    refusal = dispatch.find_runner("cupy", lambda: pytest.fail("there is no need to look at the step"), x, [])
    assert isinstance(refusal, dispatch.Refusal)
    assert "eager PyTorch loop" in refusal.reason
    assert torch.equal(node(x), neuron.IFNode(step_mode="m")(x))
