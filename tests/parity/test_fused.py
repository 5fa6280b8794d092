"""The fused kernels against the eager loop: the same spikes, states and gradients for every neuron of the table; and
what has no kernel runs in the loop, and says why."""

import gc
import logging
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.neuron import _lift
from spikingjelly.fusion import choice
from spikingjelly.fusion.trace import trace
from tests.cases import NEURONS, SURROGATES, NeuronCase, SurrogateCase
from tests.parity.compare import assert_same, counted

F64 = torch.float64
T = 40
FUSED = [
    c for c in NEURONS if not c.cls.startswith("Simple") and not (c.cls == "MPBNLIFNode" and c.kwargs.get("mpbn", True))
]


def maker(case: NeuronCase):
    def make(backend: str) -> nn.Module:
        node = case.make("m")
        node.backend = backend
        if case.takes_v_seq:
            node.store_v_seq = True
        return node

    return make


@pytest.mark.parametrize("dtype", [F64, torch.float32], ids=str)
@pytest.mark.parametrize("case", FUSED, ids=str)
def test_every_neuron_of_the_table(case: NeuronCase, dtype: torch.dtype) -> None:
    with counted() as calls:
        assert_same(maker(case), case.input(dtype))
    assert len(calls) == 1


@pytest.mark.parametrize("spiking", [True, False])
@pytest.mark.parametrize("case", SURROGATES, ids=str)
def test_every_surrogate(case: SurrogateCase, spiking: bool) -> None:
    if not spiking and not case.has_primitive:
        pytest.skip("the surrogate has no primitive function")

    def make_surrogate() -> surrogate.SurrogateFunctionBase:
        return case.make(spiking=spiking) if case.has_primitive else case.make()

    def make(backend: str) -> nn.Module:
        return neuron.LIFNode(tau=1.7, surrogate_function=make_surrogate(), step_mode="m", backend=backend)

    x = torch.rand(9, 63, dtype=F64, generator=torch.Generator().manual_seed(1)) * 4 - 1.5
    with counted() as calls:
        assert_same(make, x)
    assert len(calls) == 1


def izhikevich(backend: str, **more) -> nn.Module:
    return neuron.IzhikevichNode(a=0.2, b=0.1, tau_w=3.0, step_mode="m", backend=backend, **more)


@pytest.mark.parametrize("size", [1, 63, 1000])
@pytest.mark.parametrize("steps", [1, 2, 9, 100, 500])
@pytest.mark.parametrize("dtype", [F64, torch.float32], ids=str)
def test_sizes_and_lengths_with_all_states_given_and_read(steps: int, size: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(size)
    x, v, w = (torch.rand(*s, dtype=F64, generator=generator).to(dtype) for s in [(steps, size), (size,), (size,)])
    assert_same(lambda backend: izhikevich(backend, store_v_seq=True), x, v=v, w=w * 0.2)


@pytest.mark.parametrize("cls", [neuron.LIAFNode, neuron.NonSpikingLIFNode, neuron.NonSpikingIFNode])
def test_nodes_that_put_out_no_spikes(cls: type) -> None:
    def make(backend: str) -> nn.Module:
        node = cls(torch.tanh, True, tau=1.5) if cls is neuron.LIAFNode else cls(decode="mean-mem")
        node.step_mode, node.backend = "m", backend
        return node

    with counted() as calls:
        assert_same(make, torch.rand(T, 7, dtype=F64) * 2)
    assert len(calls) == 1


@pytest.mark.parametrize("inplane", [None, 3])
def test_the_gated_neuron(inplane: int | None) -> None:
    with counted() as calls:
        assert_same(
            lambda backend: neuron.GatedLIFNode(6, inplane=inplane, backend=backend),
            torch.rand(6, 2, 3, 4, 5, dtype=F64) * 3,
        )
    assert len(calls) == 1


def test_gradients_through_carried_states() -> None:
    def run(backend: str) -> list[torch.Tensor]:
        node = izhikevich(backend)
        x = torch.rand(2 * T, 4, dtype=F64, generator=torch.Generator().manual_seed(1)).requires_grad_()
        y = torch.cat([node(x[:T]), node(x[T:])])
        return [y, *torch.autograd.grad((y * torch.arange(4)).sum() + node.v.sum() + node.w.sum(), [x])]

    for one, other in zip(run("torch"), run("cpp"), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


class Heterogeneous(neuron.BaseNode):
    """A threshold, a decay and a gain of its own for each channel, neuron or sample, in whatever shape broadcasts."""

    def __init__(self, shape: tuple[int, ...], **kwargs) -> None:
        super().__init__(**kwargs)
        generator = torch.Generator().manual_seed(5)
        self.decay = nn.Parameter(torch.rand(shape, generator=generator))
        self.register_buffer("gain", torch.rand(shape, generator=generator) + 0.5)
        self.v_threshold = nn.Parameter(0.5 + torch.rand(shape, generator=generator))

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v * self.decay.sigmoid() + self.gain * x


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(
    "shape", [(), (1,), (3, 1, 1), (5,), (4, 1), (3, 4, 5), (2, 3, 4, 5), (2, 1, 4, 1), (2, 1, 1, 1)]
)
def test_parameters_of_every_shape(shape: tuple[int, ...], channels_last: bool) -> None:
    x = torch.rand(7, 2, 3, 4, 5, dtype=F64)
    if channels_last:
        x = x.flatten(0, 1).to(memory_format=torch.channels_last).unflatten(0, (7, 2))
    with counted() as calls:
        assert_same(lambda backend: Heterogeneous(shape, step_mode="m", backend=backend), x)
    assert len(calls) == 1


def test_gradients_at_tensors_in_a_graph() -> None:
    def run(backend: str) -> list[torch.Tensor]:
        node = neuron.LIFNode(step_mode="m", backend=backend, surrogate_function=surrogate.ATan())
        leaf = torch.linspace(0.1, 0.4, 4, dtype=F64, requires_grad=True)
        node.v_threshold = leaf.exp()
        y = node(torch.rand(T, 3, 4, dtype=F64, generator=torch.Generator().manual_seed(1)) * 3)
        return [y, torch.autograd.grad((y * torch.arange(4)).sum(), leaf)[0]]

    for one, other in zip(run("torch"), run("cpp"), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


LAYOUTS = {
    "contiguous": lambda x: x,
    "channels last": lambda x: x.flatten(0, 1).to(memory_format=torch.channels_last).unflatten(0, x.shape[:2]),
    "transposed": lambda x: x.transpose(2, 4).contiguous().transpose(2, 4),
    "time inside": lambda x: x.permute(1, 2, 3, 4, 0).contiguous().permute(4, 0, 1, 2, 3),
    "gaps": lambda x: torch.stack([x, x], -1)[..., 0],
    "gaps in time": lambda x: torch.stack([x, x], 1)[:, 0],
    "one step for all": lambda x: x[:1].expand(x.shape),
    "one number": lambda x: x[:1, :1, :1, :1, :1].expand(x.shape),
}


@pytest.mark.parametrize("grad_layout", LAYOUTS)
@pytest.mark.parametrize("layout_name", LAYOUTS)
def test_layouts(layout_name: str, grad_layout: str) -> None:
    base, grad = torch.rand(6, 2, 3, 4, 5, dtype=F64), torch.rand(6, 2, 3, 4, 5, dtype=F64)
    results = []
    for backend in ("torch", "cpp"):
        x = LAYOUTS[layout_name](base * 3).detach().requires_grad_()
        y = neuron.LIFNode(step_mode="m", backend=backend, tau=1.5)(x)
        results.append([y, *torch.autograd.grad(y, x, LAYOUTS[grad_layout](grad))])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


def test_channels_last_stays_channels_last() -> None:
    x = LAYOUTS["channels last"](torch.rand(4, 2, 3, 5, 5)).requires_grad_()
    node = neuron.LIFNode(step_mode="m", backend="cpp")
    y = node(x)
    assert y.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)
    assert node.v.is_contiguous(memory_format=torch.channels_last)
    (grad,) = torch.autograd.grad(y.sum(), x)
    assert grad.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("case", [FUSED[i] for i in (0, 8, 20, 40, 60)], ids=str)
def test_half_precision_computes_in_float32(case: NeuronCase, dtype: torch.dtype) -> None:
    x = case.input(dtype).requires_grad_()
    exact = x.detach().float().requires_grad_()
    torch.manual_seed(0)
    node, reference = maker(case)("cpp").to(dtype), maker(case)("torch")
    y, expected = node(x), reference(exact)
    assert y.dtype == node.v.dtype == dtype
    assert (y != expected).float().mean() <= 0.02, "spikes are those of float32, but where parameters were rounded"
    grads = [torch.autograd.grad(result.sum(), leaf)[0] for result, leaf in ((y, x), (expected, exact))]
    assert grads[0].dtype == dtype
    close = torch.isclose(grads[0].float(), grads[1], rtol=0.02, atol=0.02)
    assert close.float().mean() >= 0.97


@pytest.mark.parametrize("backend", ["auto", "cpp", "cupy", "triton"])
def test_an_empty_batch(backend: str) -> None:
    node = neuron.ParametricLIFNode(step_mode="m", backend=backend)
    x = torch.zeros(4, 0, 7, requires_grad=True)
    y = node(x)
    assert y.shape == (4, 0, 7)
    y.sum().backward()
    assert x.grad.shape == x.shape
    assert node.w.grad == 0.0


def test_a_call_is_deterministic() -> None:
    x = torch.rand(16, 5000) * 2
    grads = []
    for _ in range(3):
        node = neuron.ParametricLIFNode(step_mode="m", backend="cpp")
        node(x).sum().backward()
        grads.append(node.w.grad)
    assert torch.equal(grads[0], grads[1])
    assert torch.equal(grads[1], grads[2])


def test_single_steps_are_fused_as_well() -> None:
    x = torch.rand(5, 3, 7, dtype=F64) * 2
    results = []
    for backend in ("torch", "cpp"):
        node = neuron.IzhikevichNode(a=0.2, b=0.1, backend=backend)
        leaf = x.clone().requires_grad_()
        with counted() as calls:
            y = torch.stack([node(step) for step in leaf.unbind(0)])
        results.append([y, node.v, node.w, *torch.autograd.grad(y.sum() + node.v.sum(), leaf)])
    assert calls == [(1, 3, 7)] * 5
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)


def test_online_learning_cuts_the_graph_between_steps() -> None:
    x = torch.rand(5, 3, 7, dtype=F64) * 2
    grads = []
    for backend in ("torch", "cpp"):
        node, leaf = neuron.SLTTLIFNode(backend=backend), x.clone().requires_grad_()
        y = torch.stack([node(step) for step in leaf.unbind(0)])
        assert not node.v.requires_grad
        grads.append(torch.autograd.grad((y * torch.arange(7)).sum(), leaf)[0])
    torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-12)


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


class Hidden(neuron.LIFNode):
    """A tensor that gradients flow to, where nobody looks for it."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.gains = [torch.full((4,), 1.5, dtype=F64, requires_grad=True)]

    def neuronal_charge(self, x: torch.Tensor) -> None:
        super().neuronal_charge(x * self.gains[0])


class Buffered(neuron.LIFNode):
    """A state that is a buffer and no memory."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.register_buffer("trace", torch.zeros(4, dtype=F64))

    def neuronal_reset(self, spike: torch.Tensor) -> None:
        super().neuronal_reset(spike)
        self.trace = 0.5 * self.trace + spike


class OddSlope(surrogate.SurrogateFunctionBase):
    """A spike function that is elementwise forward and not backward."""

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
        return grad_output.cumsum(-1) * alpha


REFUSED = {
    Counting: "it changes steps, which is no memory. A state that is registered with register_memory is reset",
    Remembering: "it changes steps",
    Mixing: "mean is not in the list",
    Drawing: "rand_like draws random numbers",
    Branching: "sum is not in the list",
    Rolling: "roll is not in the list",
    Hidden: "reads a tensor",
    Buffered: "it changes trace, which is no memory",
}


@pytest.mark.parametrize("cls", REFUSED)
@pytest.mark.parametrize("backend", ["cpp", "auto"])
def test_what_is_not_an_elementwise_step_runs_in_the_loop(
    cls: type[neuron.LIFNode], backend: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_said", set())
    results = []
    with caplog.at_level(logging.INFO), counted() as calls:
        for name in ("torch", backend):
            torch.manual_seed(5)
            node = cls(step_mode="m", backend=name, tau=1.5)
            x = (torch.rand(T, 3, 4, dtype=F64) * 3).requires_grad_()
            y = node(x)
            results.append([y, *torch.autograd.grad(y.sum() + node.v.sum(), [x, *getattr(node, "gains", [])])])
    assert calls == []
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)
    (message,) = caplog.messages
    assert caplog.records[0].levelno == (logging.INFO if backend == "auto" else logging.WARNING)
    assert message.startswith(f"{cls.__name__} has no fused kernel: ")
    assert REFUSED[cls] in message
    assert message.endswith("The eager PyTorch loop runs.")
    if cls not in (Counting, Remembering, Buffered):
        line = int(message.split(__file__ + ":")[1].split(":")[0])
        assert "super().neuronal_charge(x" in Path(__file__).read_text().splitlines()[line - 1]


class InPlace(neuron.LIFNode):
    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v.clone()
        self.v.mul_(0.5).add_(x)


class OwnStep(neuron.LIFNode):
    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().single_step_forward(x) * 2


class TwoStates(neuron.BaseNode):
    """A user's own: an adaptive threshold as second memory, Python arithmetic, its own fire and reset."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.register_memory("a", 0.0)
        self.k = nn.Parameter(torch.tensor(0.7))

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        super().v_float_to_tensor(x)
        if not isinstance(self.a, torch.Tensor):
            self.a = torch.zeros_like(x)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v * self.k + x - self.a

    def neuronal_fire(self) -> torch.Tensor:
        return self.surrogate_function(self.v - self.v_threshold - 0.5 * self.a)

    def neuronal_reset(self, spike: torch.Tensor) -> None:
        super().neuronal_reset(spike)
        self.a = 0.9 * self.a + 0.2 * spike


class PlainMemory(neuron.BaseNode):
    """A second memory that is a number until the first step, as the documentation of register_memory shows it."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.register_memory("current", 0.0)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.current = 0.5 * self.current + x
        self.v = 0.9 * self.v + self.current


class FromTheBook(nn.Module):
    """A spike function without a class of ours: Heaviside forward, the slope of a sigmoid backward."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        smooth = torch.sigmoid(4.0 * x)
        return (x >= 0).to(x) + smooth - smooth.detach()


@pytest.mark.parametrize("cls", [InPlace, OwnStep, TwoStates, PlainMemory])
@pytest.mark.parametrize("own_surrogate", [False, True])
def test_neurons_that_users_write(cls: type[neuron.BaseNode], own_surrogate: bool) -> None:
    more = {"surrogate_function": FromTheBook()} if own_surrogate else {}
    with counted() as calls:
        assert_same(lambda backend: cls(step_mode="m", backend=backend, **more), torch.rand(T, 3, 4, dtype=F64) * 2)
    assert len(calls) == 1


def test_the_source_of_a_kernel_is_there_to_read() -> None:
    node = PlainMemory(step_mode="m", v_threshold=1.25)
    source = node.fused_source()
    assert "PlainMemory with c0 = 0.9, c1 = 1.25" in source
    assert "void step(const R x, const R s0, const R s1" in source
    assert "typedef double R" in node.fused_source(dtype=F64)
    assert (node.v, node.current) == (0.0, 0.0)
    with pytest.raises(RuntimeError, match=r"Mixing has no fused kernel: .*test_fused.py:\d+: mean is not"):
        Mixing().fused_source(shape=(3,))


def test_a_slope_that_mixes_neurons_is_seen() -> None:
    x = torch.rand(T, 3, 4, dtype=F64, requires_grad=True)
    with counted() as calls:
        neuron.LIFNode(step_mode="m", backend="cpp", surrogate_function=OddSlope(2.0))(x)
    assert calls == []


SCALE = 1.0


class ReadsAGlobal(neuron.LIFNode):
    def neuronal_charge(self, x: torch.Tensor) -> None:
        super().neuronal_charge(x * SCALE)


class ReadsAnObject(neuron.LIFNode):
    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.settings = {"inner": [type("Settings", (), {})()]}
        self.settings["inner"][0].scale = 1.0

    def neuronal_charge(self, x: torch.Tensor) -> None:
        super().neuronal_charge(x * self.settings["inner"][0].scale)


def _set_alpha(node: neuron.LIFNode) -> None:
    node.surrogate_function.alpha = 9.0


def _set_method(node: neuron.LIFNode) -> None:
    node.neuronal_charge = lambda inputs: setattr(node, "v", node.v * 0.25 + inputs)


CHANGES = {
    "tau": lambda node: setattr(node, "tau", 3.5),
    "soft reset": lambda node: setattr(node, "v_reset", None),
    "threshold": lambda node: setattr(node, "v_threshold", torch.linspace(0.2, 1.0, 7)),
    "surrogate": _set_alpha,
    "method": _set_method,
    "global": lambda node: globals().update(SCALE=globals()["SCALE"] + 1.0),
    "object": lambda node: setattr(node.settings["inner"][0], "scale", 2.5),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_between_two_calls_counts(change: str) -> None:
    cls = {"global": ReadsAGlobal, "object": ReadsAnObject}.get(change, neuron.LIFNode)
    nodes = [cls(step_mode="m", backend=backend) for backend in ("torch", "cpp")]
    x = torch.rand(T, 7) * 2
    before = nodes[1](x)
    for node in nodes:
        node.reset()
        CHANGES[change](node)
    if change == "global":
        nodes[0].reset()
    leaves = [x.clone().requires_grad_() for _ in nodes]
    after = [node(leaf) for node, leaf in zip(nodes, leaves, strict=True)]
    grads = [torch.autograd.grad(y.sum(), leaf)[0] for y, leaf in zip(after, leaves, strict=True)]
    assert torch.equal(*after)
    torch.testing.assert_close(*grads, rtol=1e-5, atol=1e-6)
    assert change == "surrogate" or not torch.equal(before, after[1])


def test_hooks_inside_are_called() -> None:
    node = neuron.LIFNode(step_mode="m", backend="cpp")
    calls = []
    node.surrogate_function.register_forward_hook(lambda *args: calls.append(1))
    node(torch.rand(T, 7))
    assert len(calls) == T


def test_auto_leaves_small_work_to_the_loop() -> None:
    node = neuron.LIFNode(step_mode="m")
    assert node.backend == "auto"
    with counted() as calls:
        for shape in ((1, 1000), (2, 100), (3, 100), (2, 4000)):
            functional.reset_net(node)
            node(torch.rand(shape))
    assert calls == [(3, 100), (2, 4000)]


def test_without_gradients_a_kernel_runs_too() -> None:
    node = neuron.LIFNode(step_mode="m", backend="cpp")
    x = torch.rand(T, 64, requires_grad=True)
    for context in (torch.no_grad, torch.inference_mode):
        with context(), counted() as calls:
            functional.reset_net(node)
            assert not node(x).requires_grad
        assert len(calls) == 1


def test_a_first_call_in_inference_mode_leaves_the_gradients_of_later_calls() -> None:
    node = neuron.LIFNode(tau=3.375, step_mode="m", backend="cpp")  # of which no kernel was made before
    x = torch.rand(T, 64)
    with torch.inference_mode():
        node(x)
    node.reset()
    x.requires_grad_()
    node(x).sum().backward()
    assert x.grad is not None
    assert x.grad.any()


def test_autocast_keeps_the_state_in_float32_registers() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(layer.Linear(8, 64, step_mode="m"), neuron.LIFNode(step_mode="m", backend="cpp"))
    x = torch.rand(T, 5, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16), counted() as calls:
        y = net(x)
        assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert net[0].weight.grad.dtype == torch.float32
    assert len(calls) == 1
    charge = torch.nn.functional.linear(x.bfloat16(), net[0].weight.bfloat16(), net[0].bias.bfloat16())
    assert torch.equal(neuron.LIFNode(step_mode="m", backend="torch")(charge.float()), y.float())


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    ("cls", "keywords"),
    [
        (neuron.LIFNode, {"v_reset": -0.2}),
        (neuron.ParametricLIFNode, {"init_tau": 3.0}),
        (neuron.IFNode, {"v_reset": None}),
        (neuron.IzhikevichNode, {"a": 0.1, "detach_reset": True}),
    ],
)
def test_second_derivatives(cls: type, keywords: dict, keep: bool) -> None:
    found = []
    for backend in ("torch", "cpp"):
        torch.manual_seed(0)
        node = cls(step_mode="m", backend=backend, store_v_seq=keep, surrogate_function=surrogate.Sigmoid(), **keywords)
        net = nn.Sequential(nn.Linear(4, 4), node).double()
        x = (torch.rand(T, 3, 4, dtype=F64) * 4).requires_grad_()
        y = net(x)
        loss = y.sum(-1).square().sum() + node.v.square().sum() + (node.v_seq.sin().sum() if keep else 0)
        functional.reset_net(net)
        (grad,) = torch.autograd.grad(loss, x, create_graph=True)
        penalty = (grad.norm() - 1).square()
        found.append([y, grad, *torch.autograd.grad(penalty, [x, *net.parameters()])])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
    assert found[0][2].abs().max() > 0


def test_second_derivative_of_repeated_input_and_of_a_weight() -> None:
    found = []
    for backend in ("torch", "cpp"):
        node = neuron.LIFNode(step_mode="m", backend=backend)
        x = torch.linspace(0.5, 2, 6, dtype=F64).requires_grad_()
        weight = torch.ones(T, 6, dtype=F64, requires_grad=True)
        (grad,) = torch.autograd.grad((node(x.expand(T, 6)) * weight).sum(), x, create_graph=True)
        found.append(torch.autograd.grad(grad.square().sum(), [x, weight]))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_second_derivatives_of_single_steps() -> None:
    found = []
    for backend in ("torch", "cpp"):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 4), neuron.ParametricLIFNode(backend=backend)).double()
        x_seq = (torch.rand(T, 3, 4, dtype=F64) * 4).requires_grad_()
        loss = sum(net(x).square().sum() for x in x_seq) + net[1].v.square().sum()
        (grad,) = torch.autograd.grad(loss, x_seq, create_graph=True)
        found.append([grad, *torch.autograd.grad(grad.norm(), [x_seq, *net.parameters()])])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_a_second_derivative_of_a_changed_neuron_is_refused() -> None:
    node = neuron.LIFNode(step_mode="m", backend="cpp")
    x = torch.rand(T, 3, requires_grad=True)
    (grad,) = torch.autograd.grad(node(x).sum(), x, create_graph=True)
    node.tau = 3.0
    with pytest.raises(RuntimeError, match="LIFNode: a second derivative runs the neuron once more, but it is gone or"):
        grad.sum().backward()
    node.tau = 2.0
    grad.sum().backward()
    third = neuron.LIFNode(step_mode="m", backend="cpp")
    (grad,) = torch.autograd.grad(third(x).sum(), x, create_graph=True)
    del third
    gc.collect()
    with pytest.raises(RuntimeError, match="it is gone"):
        grad.sum().backward()


def test_a_call_does_not_keep_its_neuron_alive() -> None:
    node = neuron.LIFNode(step_mode="m", backend="cpp")
    y = node(torch.rand(T, 3, requires_grad=True))
    seen = weakref.ref(node)
    del node
    gc.collect()
    assert seen() is None
    assert y.requires_grad


def test_a_network_trains_the_same() -> None:
    losses = []
    for backend in ("torch", "cpp"):
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


def test_names_of_gpu_backends_run_on_the_cpu_and_say_so_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_said", set())
    x = torch.rand(T, 3, requires_grad=True)
    with caplog.at_level(logging.WARNING), counted() as calls:
        for _ in range(2):
            y = neuron.IFNode(step_mode="m", backend="cupy")(x)
    assert torch.equal(y, neuron.IFNode(step_mode="m", backend="torch")(x))
    assert len(calls) == 2
    (message,) = caplog.messages
    assert message.startswith("backend='cupy'")
    assert message.endswith("the C++ kernel runs instead.")


def test_on_cuda_a_quotient_by_a_number_is_a_product_with_its_reciprocal() -> None:
    step = _lift.step_of(neuron.LIFNode(tau=1.7), ["v"])
    programs = {
        device: trace(step, torch.Size([3]), torch.float32, 1, device_type=device).forward for device in ("cpu", "cuda")
    }
    assert [i.arguments[1] for i in programs["cpu"] if i.name == "div"] == [1.7]
    assert not [i for i in programs["cuda"] if i.name == "div"]
    factor = next(i.arguments[1] for i in programs["cuda"] if i.name == "mul")
    assert factor == float(np.float32(1.0) / np.float32(1.7)) != 1.0 / 1.7  # rounded where PyTorch rounds
    program = trace(step, torch.Size([3]), F64, 1, device_type="cuda")
    assert next(i.arguments[1] for i in program.forward if i.name == "mul") == 1.0 / 1.7
