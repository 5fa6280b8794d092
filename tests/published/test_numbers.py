"""Numbers of release 0.0.0.0.14, computed with it on these inputs (CPU, float32) and written down here."""

import pytest
import torch

from spikingjelly.activation_based import layer, learning, rnn, surrogate
from spikingjelly.clock_driven import rnn as former_rnn


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("atan", (2.0,), (0.2884, 1.0, 0.5296)),
        ("sigmoid", (2.0,), (0.3932, 0.5, 0.4576)),
        ("piecewise_quadratic", (2.0,), (0.0, 2.0, 0.8)),
        ("log_tailed_relu", (2.0,), (2.0, 2.0, 1.0)),
        ("leaky_k_relu", (2.0, 1.0), (2.0, 1.0, 1.0)),
    ],
)
def test_the_function_of_a_surrogate_gradient_serves_in_an_autograd_function(
    name: str, parameters: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, *parameters):
            ctx.save_for_backward(x)
            ctx.parameters = parameters
            return surrogate.heaviside(x)

        @staticmethod
        def backward(ctx, grad_output):
            return getattr(surrogate, f"{name}_backward")(grad_output, ctx.saved_tensors[0], *ctx.parameters)

    x = torch.tensor([-0.5, 0.0, 0.3], requires_grad=True)
    Spike.apply(x, *parameters).sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor(expected), atol=1e-4, rtol=0.0)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (surrogate.PiecewiseExp(1.5, spiking=False), (0.35427, 0.75, 0.35427)),
        (surrogate.QPseudoSpike(3.0, spiking=False), (0.29630, 1.0, 0.29630)),
    ],
    ids=["PiecewiseExp", "QPseudoSpike"],
)
def test_smooth_surrogates_have_their_slope_at_zero(
    function: surrogate.SurrogateFunctionBase, expected: tuple[float, ...]
) -> None:
    x = torch.tensor([-0.5, 0.0, 0.5], requires_grad=True)
    function(x).sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor(expected), atol=1e-5, rtol=0.0)


def test_c_of_the_former_lstm_has_no_bound() -> None:
    cell, network = former_rnn.SpikingLSTMCell(1, 1), former_rnn.SpikingLSTM(1, 1, 1)
    for parameter in [*cell.parameters(), *network.parameters()]:
        parameter.data.fill_(0.5)
    states, seen = None, []
    for _ in range(3):
        states = cell(torch.ones(1, 1), states)
        seen.append(states[1].item())
    assert seen == [1.0, 2.0, 3.0]
    assert network(torch.ones(3, 1, 1))[0].flatten().tolist() == [1.0, 2.0, 3.0]


def test_a_seed_gives_the_weights_of_both_directions() -> None:
    torch.manual_seed(0)
    network = rnn.SpikingVanillaRNN(1, 1, 2, bidirectional=True)
    weights = {name: value.flatten().tolist() for name, value in network.state_dict().items()}
    assert weights["cells.0.linear_ih.weight"] == pytest.approx([-0.3852], abs=1e-4)
    assert weights["cells_reverse.0.linear_ih.weight"] == pytest.approx([-0.9553], abs=1e-4)
    assert weights["cells.1.linear_ih.weight"] == pytest.approx([0.8304, -0.2058], abs=1e-4)
    assert weights["cells_reverse.1.linear_ih.weight"] == pytest.approx([0.8640, -0.6482], abs=1e-4)


def test_stdp_over_a_sequence_takes_its_spikes_by_keyword() -> None:
    layer = torch.nn.Linear(1, 1)
    layer.weight.data.fill_(0.5)
    ones = torch.ones(2, 1, 1)
    kw = {"trace_pre": None, "trace_post": None, "tau_pre": 2.0, "tau_post": 4.0}
    trace_pre, trace_post, change = learning.stdp_multi_step(layer, in_spike=ones, out_spike=ones, **kw)
    assert (trace_pre.item(), trace_post.item(), change.item()) == (1.5, 1.75, -0.125)


def test_a_seed_gives_the_dropped_connections() -> None:
    module = layer.DropConnectLinear(3, 2, p=0.4)
    module.weight.data = torch.arange(6.0).view(2, 3)
    module.bias.data = torch.tensor([10.0, 20.0])
    torch.manual_seed(1)
    assert module(torch.ones(2, 3)).tolist() == [[12.0, 8.0], [13.0, 32.0]]
    module.samples_num = 5
    torch.manual_seed(2)
    torch.testing.assert_close(module.eval()(torch.ones(1, 3)), torch.tensor([[9.10364, 13.87174]]), atol=1e-4, rtol=0)


def test_names_of_the_dropped_connections() -> None:
    module = layer.DropConnectLinear(3, 2, p=0.4, invariant=True)
    assert dict(module.named_memories()) == {"dropped_w": None, "dropped_b": None}
    module.drop(5)
    assert (module.dropped_w.shape, module.dropped_b.shape) == ((5, 2, 3), (5, 2))
    x = torch.rand(5, 3)
    expected = torch.relu((module.dropped_w * x.unsqueeze(1)).sum(-1) + module.dropped_b)
    torch.testing.assert_close(module(x), expected)
    assert [name for name, _ in layer.DropConnectLinear(3, 2, bias=False).named_memories()] == ["dropped_w"]
