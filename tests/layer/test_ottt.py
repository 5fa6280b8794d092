"""Online training through time: values from spikes, gradients of weights from traces."""

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import base, functional, layer


def pair(*shape: int, requires_grad: bool = True) -> list[torch.Tensor]:
    spike = (torch.rand(shape) > 0.5).float().requires_grad_(requires_grad)
    return [spike, torch.rand(shape).requires_grad_(requires_grad)]


def test_gradients_of_a_linear_layer() -> None:
    spike, trace = pair(4, 3)
    wrapped = layer.GradwithTrace(nn.Linear(3, 2))
    weight, bias = wrapped.module.weight, wrapped.module.bias
    y = wrapped([spike, trace])
    torch.testing.assert_close(y, spike @ weight.T + bias)
    g = torch.randn(4, 2)
    y.backward(g)
    torch.testing.assert_close(weight.grad, g.T @ trace)
    torch.testing.assert_close(bias.grad, g.sum(0))
    torch.testing.assert_close(spike.grad, g @ weight)
    assert trace.grad is None
    assert list(wrapped.state_dict()) == ["module.weight", "module.bias"]


def test_gradients_of_a_convolution() -> None:
    spike, trace = pair(2, 3, 5, 5)
    conv = nn.Conv2d(3, 4, 3)
    y = layer.GradwithTrace(conv)((spike, trace))
    g = torch.randn_like(y)
    y.backward(g)
    at_trace = torch.autograd.grad(conv(trace), conv.weight, g)[0]
    at_spike = torch.autograd.grad(conv(spike), spike, g)[0]
    torch.testing.assert_close(y, conv(spike))
    torch.testing.assert_close(conv.weight.grad, at_trace)
    torch.testing.assert_close(spike.grad, at_spike)


def test_spikes_that_need_no_gradient() -> None:
    spike, trace = pair(4, 3, requires_grad=False)
    linear = nn.Linear(3, 2, bias=False)
    layer.GradwithTrace(linear)([spike, trace]).sum().backward()
    torch.testing.assert_close(linear.weight.grad, trace.sum(0).expand(2, 3))
    with torch.no_grad():
        assert torch.equal(layer.GradwithTrace(linear)([spike, trace]), linear(spike))


def test_modules_without_weights_act_on_both() -> None:
    spike, trace = pair(2, 3, 4, 4)
    out = layer.SpikeTraceOp(nn.AvgPool2d(2))([spike, trace])
    assert isinstance(out, list)
    assert torch.equal(out[0], nn.functional.avg_pool2d(spike, 2))
    assert torch.equal(out[1], nn.functional.avg_pool2d(trace, 2))
    assert out[0].requires_grad
    assert not out[1].requires_grad, "a trace is a constant"


@pytest.mark.parametrize("wrap", [layer.GradwithTrace, layer.SpikeTraceOp])
def test_tensors_just_go_through(wrap: type[nn.Module]) -> None:
    x = torch.rand(2, 3)
    assert torch.equal(wrap(nn.Flatten(0))(x), x.flatten())


class TracingNeuron(base.MemoryModule):
    """Fires above 0.5 and sends the trace along, as neurons for this training do."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.register_memory("trace", 0.0)

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor | list[torch.Tensor]:
        self.calls += 1
        spike = torch.sigmoid(8 * (x - 0.5))
        self.trace = self.trace * 0.5 + spike.detach()
        return [spike, self.trace] if self.training else spike


def make_net() -> layer.OTTTSequential:
    torch.manual_seed(1)
    return layer.OTTTSequential(
        layer.WSConv2d(1, 2, 3, padding=1),
        TracingNeuron(),
        layer.Dropout(0.3),
        nn.AvgPool2d(2),
        nn.Flatten(),
        layer.WSLinear(8, 4),
        TracingNeuron(),
        nn.Sequential(nn.Identity(), nn.Linear(4, 2)),
    )


def test_sequential_routes_pairs() -> None:
    net = make_net()
    assert list(net.state_dict())[:3] == ["0.weight", "0.bias", "0.gain"]
    x_seq = torch.rand(3, 5, 1, 4, 4)
    torch.manual_seed(2)
    y_seq = [net(x) for x in x_seq]
    assert [net[1].calls, net[6].calls] == [3, 3], "a neuron must not step twice"
    conv, first, dropout, pool, flat, fc, second, head = make_net()
    torch.manual_seed(2)
    for t, x in enumerate(x_seq):
        spike, trace = first(conv(x))
        hidden, hidden_trace = (flat(pool(dropout(v))) for v in (spike, trace))
        spike_2, trace_2 = second(fc(hidden))
        torch.testing.assert_close(y_seq[t], head(spike_2))
    head_grad, gain_grad, conv_grad = torch.autograd.grad(
        y_seq[-1].sum(), [net[7][1].weight, net[5].gain, net[0].weight]
    )
    torch.testing.assert_close(head_grad, trace_2.sum(0).expand(2, 4))
    into_fc = head[1].weight.sum(0) * 8 * spike_2 * (1 - spike_2)  # through the slope of the neuron, 8 s (1 - s)
    at_trace = torch.autograd.grad(fc(hidden_trace.detach()), fc.gain, into_fc.detach())[0]
    torch.testing.assert_close(gain_grad, at_trace)
    assert conv_grad.any()


def test_neurons_read_the_spikes_of_a_pair() -> None:
    spike, trace = pair(4, 3)
    for node in (TracingNeuron(), nn.Sequential(TracingNeuron())):
        out = layer.OTTTSequential(node)([spike, trace])
        torch.testing.assert_close(out, [torch.sigmoid(8 * (spike - 0.5)), torch.sigmoid(8 * (spike - 0.5))])
        assert [m.calls for m in node.modules() if isinstance(m, TracingNeuron)] == [1]


def test_sequential_in_evaluation_is_a_sequential() -> None:
    net = make_net().eval()
    x = torch.rand(5, 1, 4, 4)
    expected = x
    for module in make_net().eval():
        expected = module(expected)
    torch.testing.assert_close(net(x), expected)


def test_nested_wrappers_read_pairs_themselves() -> None:
    linear = nn.Linear(3, 2)
    net = layer.OTTTSequential(
        layer.SpikeTraceOp(nn.Identity()), layer.OTTTSequential(nn.Flatten(), layer.GradwithTrace(linear))
    )
    spike, trace = pair(4, 3)
    y = net([spike, trace])
    y.sum().backward()
    torch.testing.assert_close(y, linear(spike))
    torch.testing.assert_close(linear.weight.grad, trace.sum(0).expand(2, 3))


@pytest.mark.parametrize(
    "make",
    [
        lambda: layer.GradwithTrace(nn.Linear(3, 2)),
        lambda: layer.SpikeTraceOp(nn.Flatten()),
        lambda: layer.OTTTSequential(nn.Linear(3, 2)),
    ],
)
def test_other_inputs_are_refused(make) -> None:
    for wrong in ([torch.rand(2, 3)], [torch.rand(2, 3), 1.0], "spike", None):
        with pytest.raises(TypeError, match=r"expected a tensor, or a pair \[spike, trace\] as OTTTLIFNode returns"):
            make()(wrong)
    with pytest.raises(ValueError, match=r"spike and trace must have the same shape, but have \[2, 3\] and \[1, 3\]"):
        make()([torch.rand(2, 3), torch.rand(1, 3)])


# Weight standardisation


@pytest.mark.parametrize("gain", [True, False])
def test_standardised_convolution(gain: bool) -> None:
    conv = layer.WSConv2d(4, 6, 3, 2, 1, 2, 2, True, "circular", "m", gain, 0.3).double()
    assert list(conv.state_dict()) == ["weight", "bias"] + ["gain"] * gain
    if gain:
        assert torch.equal(conv.gain, torch.ones(6, 1, 1, 1))
        nn.init.uniform_(conv.gain, 0.5, 2.0)
    weight = torch.empty_like(conv.weight)
    for c in range(6):
        w = conv.weight[c]
        variance = ((w - w.mean()) ** 2).sum() / (18 - 1)
        weight[c] = (w - w.mean()) / (18 * variance + 0.3).sqrt() * (conv.gain[c] if gain else 1.0)
    torch.testing.assert_close(conv.get_weight(), weight)
    x_seq = torch.randn(3, 2, 4, 7, 7, dtype=torch.float64)
    reference = nn.Conv2d(4, 6, 3, 2, 1, 2, 2, True, "circular").double()
    reference.weight.data.copy_(weight)
    reference.bias.data.copy_(conv.bias)
    torch.testing.assert_close(conv(x_seq), torch.stack([reference(x) for x in x_seq]))
    functional.set_step_mode(conv, "s")
    torch.testing.assert_close(conv(x_seq[0]), reference(x_seq[0]))


@pytest.mark.parametrize("gain", [True, False])
def test_standardised_linear(gain: bool) -> None:
    linear = layer.WSLinear(5, 4, False, "m", gain, 0.3).double()
    assert list(linear.state_dict()) == ["weight"] + ["gain"] * gain
    if gain:
        assert torch.equal(linear.gain, torch.ones(4, 1))
        nn.init.uniform_(linear.gain, 0.5, 2.0)
    weight = torch.empty_like(linear.weight)
    for c in range(4):
        w = linear.weight[c]
        variance = ((w - w.mean()) ** 2).sum() / (5 - 1)
        weight[c] = (w - w.mean()) / (5 * variance + 0.3).sqrt() * (linear.gain[c] if gain else 1.0)
    x_seq = torch.randn(3, 2, 5, dtype=torch.float64)
    torch.testing.assert_close(linear(x_seq), x_seq @ weight.T)
    linear(x_seq).square().sum().backward()
    assert all(p.grad.any() for p in linear.parameters())


def test_standardised_rows_have_mean_zero_and_variance_of_fan_in() -> None:
    weight = layer.WSLinear(400, 3, eps=1e-12).get_weight()
    torch.testing.assert_close(weight.mean(1), torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(weight.var(1), torch.full((3,), 1 / 400))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layer.WSConv2d(1, 2, 1), r"WSConv2d: one weight for each output has no variance.*\[2, 1, 1, 1\]"),
        (lambda: layer.WSConv2d(2, 2, 1, groups=2), "WSConv2d: one weight for each output"),
        (lambda: layer.WSLinear(1, 2), r"WSLinear: one weight for each output.*\[2, 1\]"),
        (lambda: layer.WSLinear(3, 2, eps=0.0), "WSLinear: eps must be greater than 0.0, but 0.0"),
        (lambda: layer.WSConv2d(3, 2, 3, eps=-1), "WSConv2d: eps must be greater than 0.0, but -1"),
    ],
)
def test_standardisation_arguments(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
    with pytest.raises(TypeError, match="eps must be a number"):
        layer.WSLinear(3, 2, eps=None)


def test_standardised_layers_check_their_inputs() -> None:
    with pytest.raises(ValueError, match=r"WSConv2d: expected x with shape \[T, N, C, H, W\], but got"):
        layer.WSConv2d(2, 2, 3, step_mode="m")(torch.rand(2, 2, 5, 5))
    with pytest.raises(TypeError, match="WSLinear: the input must be a torch.Tensor"):
        layer.WSLinear(3, 2)([1.0])
