"""Copies of an image in all time steps are computed once up to the first neuron, and nobody can tell from outside."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import checkpoint

from spikingjelly.activation_based import _equal_steps, functional, layer, neuron

T, N = 4, 2
FUNCTIONS = (torch.conv2d, torch.nn.functional.batch_norm, torch.nn.functional.linear)


@pytest.fixture(autouse=True)
def pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the work is."""
    monkeypatch.setattr(_equal_steps, "SMALLEST_WORK", 0)


class Batches(TorchFunctionMode):
    """The sizes of the batches on which layers compute."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in FUNCTIONS:
            x = args[0]
            self.seen.append(x.shape[0] * (x.shape[1] if function is torch.nn.functional.linear and x.dim() > 2 else 1))
        return function(*args, **(kwargs or {}))


def batches(net: nn.Module, x_seq: torch.Tensor) -> list[int]:
    with Batches() as batches:
        net(x_seq)
    return batches.seen


def image(*shape: int) -> torch.Tensor:
    return torch.rand(*(shape or (N, 3, 6, 6)), dtype=torch.float64, generator=torch.Generator().manual_seed(3)) * 3


def sequence(*shape: int) -> torch.Tensor:
    x = image(*shape)
    return x.unsqueeze(0).repeat(T, *[1] * x.dim())


def in_steps(*layers: nn.Module) -> nn.Sequential:
    net = nn.Sequential(*layers).double()
    functional.set_step_mode(net, "m")
    return net


def conv_bn(**options: Any) -> nn.Sequential:
    torch.manual_seed(0)
    return in_steps(layer.Conv2d(3, 4, 3, **options), layer.BatchNorm2d(4))


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int]] = {
    "convolution and neuron": (lambda: in_steps(layer.Conv2d(3, 4, 3), neuron.LIFNode(backend="cpp")), (), 1),
    "normalised": (lambda: in_steps(*conv_bn(), neuron.IFNode(backend="cpp")), (), 2),
    "eager neuron": (lambda: in_steps(*conv_bn(), neuron.IFNode(backend="torch")), (), 2),
    "learned, pooled": (
        lambda: in_steps(*conv_bn(), layer.MaxPool2d(2), neuron.ParametricLIFNode(backend="cpp"), layer.Flatten()), (), 2,
    ),
    "cumulative": (
        lambda: in_steps(layer.Conv2d(3, 4, 3), layer.BatchNorm2d(4, momentum=None), neuron.IFNode()), (), 2,
    ),
    "one dimension": (lambda: in_steps(layer.Conv1d(3, 4, 3), layer.BatchNorm1d(4), neuron.IFNode()), (N, 3, 6), 1),
    "linear": (lambda: in_steps(layer.Flatten(), layer.Linear(12, 5), layer.BatchNorm1d(5), neuron.LIFNode()), (N, 3, 4), 2),
    "strided, padded": (lambda: in_steps(layer.Conv2d(3, 4, 3, stride=2, padding=1), neuron.LIFNode()), (), 1),
}  # fmt: skip


def results(net: nn.Module, x_seq: torch.Tensor) -> list[torch.Tensor]:
    y = net(x_seq)
    weight = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1))
    grads = torch.autograd.grad((y * weight).sum(), list(net.parameters()))
    return [y, *grads, *[b for b in net.buffers() if b.is_floating_point()]]


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("training", [True, False])
def test_outputs_gradients_and_buffers(name: str, training: bool) -> None:
    make, shape, layers = NETS[name]
    torch.manual_seed(0)
    once = make().train(training)
    always = copy.deepcopy(once)
    x_seq = sequence(*shape)
    with functional.skip_zeros(False):
        assert batches(copy.deepcopy(once), x_seq)[:layers] == [T * N] * layers
        expected = results(always, x_seq)
    assert batches(copy.deepcopy(once), x_seq)[:layers] == [N] * layers
    for got, wanted in zip(results(once, x_seq), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_the_output_is_that_of_equal_work_at_each_step(order: torch.memory_format) -> None:
    net = conv_bn().to(memory_format=order)
    y = net(sequence())
    with functional.skip_zeros(False):
        expected = net(sequence())
    assert y.stride() == expected.stride()
    y.view(T * N, 4, 4, 4).add_(1.0)
    assert not y.__dict__, "what a sequence is made of is not saved with it"


@pytest.mark.parametrize("t", range(T))
def test_one_entry_that_differs(t: int) -> None:
    x_seq = sequence()
    x_seq[t, -1, -1, -1, -1] += 1.0
    net = conv_bn()
    assert batches(net, x_seq) == [T * N] * 2


WRITES: dict[str, Callable[[torch.Tensor], Any]] = {
    "in place": lambda y: y.relu_(),
    "into a part": lambda y: y[1].zero_(),
    "without a gradient": lambda y: torch.no_grad()(y.mul_)(2.0),
    "one entry": lambda y: torch.no_grad()(y[1, 0, 0, 0].__setitem__)(1, 9.0),
    "through .data": lambda y: y.data.mul_(2.0),
    "through .data, one time step": lambda y: y.data[2].zero_(),
    "through NumPy": lambda y: y.detach().numpy().fill(1.0),
}


@pytest.mark.parametrize("name", WRITES)
def test_who_writes_to_the_copies_is_obeyed(name: str) -> None:
    conv, norm = conv_bn()
    outputs = []
    for enabled in (False, True):
        with functional.skip_zeros(enabled):
            y = conv(sequence())
            WRITES[name](y)
            assert batches(copy.deepcopy(norm), y) == [T * N]
            outputs.append(norm(y))
    torch.testing.assert_close(*outputs, rtol=1e-12, atol=1e-12)


def test_who_cuts_the_graph_is_obeyed() -> None:
    conv, norm = conv_bn()
    norm(conv(sequence()).detach_()).sum().backward()
    assert conv.weight.grad is None


def test_copies_that_are_put_into_another_graph() -> None:
    conv, norm = conv_bn()
    reached = []

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, scale: torch.Tensor) -> torch.Tensor:
            with torch.enable_grad():
                return conv(sequence())

        @staticmethod
        def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
            reached.append(grad.shape)
            return grad.sum()

    norm(Own.apply(torch.ones((), dtype=torch.float64, requires_grad=True))).sum().backward()
    assert reached == [(T, N, 4, 4, 4)]


def test_another_layer_may_take_the_copies_too() -> None:
    """The gradients of both ways meet."""

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = conv_bn()

        def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
            y = self.conv(x_seq)
            return self.norm(y) + y * torch.arange(1.0, T + 1).view(-1, 1, 1, 1, 1)

    net = Residual()
    with functional.skip_zeros(False):
        expected = results(copy.deepcopy(net), sequence())
    for got, wanted in zip(results(net, sequence()), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-11)


REPEATS = {"copies": lambda x: x.unsqueeze(0).repeat(T, 1, 1, 1, 1), "view": lambda x: x.expand(T, *x.shape)}


@pytest.mark.parametrize("repeat", REPEATS)
@pytest.mark.parametrize("ask", ["retain_grad", "hook"])
def test_gradients_of_the_time_steps_can_be_asked_for_before_the_next_layer(repeat: str, ask: str) -> None:
    found = []
    for x_seq, enabled in ((REPEATS[repeat](image()), True), (REPEATS["copies"](image()), False)):
        conv, norm = conv_bn()
        with functional.skip_zeros(enabled):
            y = conv(x_seq)
            grads: list[torch.Tensor] = []
            if ask == "retain_grad":
                y.retain_grad()
            else:
                y.register_hook(grads.append)
            (norm(y) * torch.arange(float(T)).view(-1, 1, 1, 1, 1)).square().sum().backward()
        found.append(y.grad if ask == "retain_grad" else grads[0])
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("repeat", REPEATS)
@pytest.mark.parametrize("ask", ["retain_grad", "hook"])
@pytest.mark.parametrize("following", ["norm", "neuron"])
def test_later_they_are_refused(repeat: str, ask: str, following: str) -> None:
    conv, norm = conv_bn()
    after = norm if following == "norm" else neuron.IFNode(step_mode="m", backend="cpp")
    y = conv(REPEATS[repeat](image()))
    z = after(y)
    if ask == "retain_grad":
        y.retain_grad()
    else:
        y.register_hook(lambda grad: None)
    with pytest.raises(
        RuntimeError, match=r"the gradient of a sequence \[4, 2, 4, 4, 4\] was asked for after"
    ) as error:
        z.sum().backward()
    assert "skip_zeros(False)" in str(error.value)


@pytest.mark.parametrize("repeat", REPEATS)
def test_a_hook_that_is_gone_again_refuses_nothing(repeat: str) -> None:
    conv, norm = conv_bn()
    y = conv(REPEATS[repeat](image()))
    z = norm(y)
    y.register_hook(lambda grad: None).remove()
    z.sum().backward()
    assert conv.weight.grad is not None


@pytest.mark.parametrize("hook", ["register_forward_hook", "register_full_backward_hook", "register_forward_pre_hook"])
@pytest.mark.parametrize("number", [0, 1])
def test_modules_with_hooks_compute_each_time_step(hook: str, number: int) -> None:
    net = conv_bn()
    getattr(net[number], hook)(lambda *args: None)
    assert batches(net, sequence())[number] == T * N


def test_hooks_of_all_modules() -> None:
    handle = torch.nn.modules.module.register_module_forward_hook(lambda *args: None)
    try:
        assert batches(conv_bn(), sequence()) == [T * N] * 2
    finally:
        handle.remove()


def test_a_forward_hook_may_ask_for_the_gradient_afterwards() -> None:
    """As those who look into networks do: they keep an output, and ask for its gradient when the loss is there."""
    net = in_steps(*conv_bn(), neuron.IFNode(backend="cpp"))
    kept: list[torch.Tensor] = []
    net[0].register_forward_hook(lambda module, args, y: kept.append(y))
    loss = net(sequence()).square().sum()
    assert torch.autograd.grad(loss, kept)[0].shape == (T, N, 4, 4, 4)


def test_an_input_that_asks_for_its_gradient() -> None:
    x_seq = sequence().requires_grad_()
    net = conv_bn()
    assert batches(net, x_seq) == [T * N] * 2
    (net(x_seq) * torch.arange(float(T)).view(-1, 1, 1, 1, 1)).square().sum().backward()
    assert x_seq.grad is not None
    assert not torch.equal(x_seq.grad[0], x_seq.grad[1])


def test_a_class_of_a_user_is_called_as_ever() -> None:
    class Noisy(layer.Conv2d):
        def _conv_forward(self, x: torch.Tensor, *others: Any) -> torch.Tensor:
            return super()._conv_forward(x + torch.rand_like(x), *others)

    class NoisyNorm(layer.BatchNorm2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x)

    y = Noisy(3, 4, 3, step_mode="m").double()(sequence())
    assert not torch.equal(y[0], y[1])
    net = in_steps(layer.Conv2d(3, 4, 3), NoisyNorm(4))
    assert batches(net, sequence()) == [N, T * N]


@pytest.mark.parametrize("repeat", REPEATS)
def test_reentrant_checkpoints(repeat: str) -> None:
    """They hand on what was computed without a gradient, in a graph of their own."""
    grads = []
    for again in (False, True):
        conv, norm = conv_bn()

        def run(scale: torch.Tensor, conv: nn.Module = conv) -> torch.Tensor:
            return conv(REPEATS[repeat](image()))

        scale = torch.ones((), requires_grad=True)
        y = checkpoint(run, scale, use_reentrant=True) if again else run(scale)
        (norm(y) * torch.arange(float(T)).view(-1, 1, 1, 1, 1)).square().sum().backward()
        assert conv.weight.grad is not None
        grads.append(conv.weight.grad)
    torch.testing.assert_close(*grads, rtol=1e-10, atol=1e-10)


def test_second_derivatives() -> None:
    found = []
    for enabled in (False, True):
        net = in_steps(*conv_bn(), neuron.LIFNode(backend="cpp"))
        with functional.skip_zeros(enabled):
            y = net(sequence())
            (grad,) = torch.autograd.grad(y.mean(0).square().sum(), net[0].weight, create_graph=True)
            found.append(torch.autograd.grad(grad.square().sum(), net[0].weight)[0])
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_a_gradient(mode: Any) -> None:
    net = in_steps(*conv_bn(), neuron.IFNode(backend="cpp")).eval()
    expected = net(sequence())
    functional.reset_net(net)
    with mode():
        assert batches(net, sequence())[0] == N
        functional.reset_net(net)
        assert torch.equal(net(sequence()), expected)


def test_what_traces_or_transforms_sees_all_time_steps() -> None:
    net = conv_bn().eval()
    expected = net(sequence())
    other = sequence()
    other[1:] = 0.0
    assert torch.equal(make_fx(net)(sequence())(other), net(other))
    parameters = dict(net.named_parameters())
    loss = lambda p: torch.func.functional_call(net, p, sequence()).square().sum()  # noqa: E731
    for name, grad in torch.func.grad(loss)(parameters).items():
        (wanted,) = torch.autograd.grad(expected.square().sum(), parameters[name], retain_graph=True)
        torch.testing.assert_close(grad, wanted, rtol=1e-10, atol=1e-10)


def test_autocast() -> None:
    net = conv_bn().float()
    with torch.autocast("cpu", torch.bfloat16):
        y = net(sequence().float())
    assert y.dtype == torch.bfloat16
    assert torch.equal(y[0], y[3])


def test_little_work_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    net = in_steps(layer.Conv2d(3, 4, 3))
    monkeypatch.setattr(_equal_steps, "SMALLEST_WORK", N * 3 * 6 * 6 * 4 * 9)
    assert batches(net, sequence()) == [N]
    monkeypatch.setattr(_equal_steps, "SMALLEST_WORK", N * 3 * 6 * 6 * 4 * 9 + 1)
    assert batches(net, sequence()) == [T * N]


def test_one_time_step() -> None:
    assert batches(conv_bn(), image().unsqueeze(0)) == [N, N]


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_large_copies_use_memory_again(order: torch.memory_format) -> None:
    """A training step needs as much in the next."""
    conv = layer.Conv2d(1, 32, 1, step_mode="m").to(memory_format=order)
    x_seq = torch.rand(16, 1, 64, 64).contiguous(memory_format=order).repeat(T, 1, 1, 1, 1)
    places = set()
    for _ in range(3):
        y = conv(x_seq)
        places.add(y.data_ptr())
        assert torch.equal(y[0], y[T - 1])
        del y
    assert len(places) == 1
