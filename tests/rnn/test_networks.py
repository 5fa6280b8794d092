"""Networks of each kind against a slow loop, and against PyTorch's where the equations coincide."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spikingjelly.activation_based import rnn, surrogate
from tests.rnn import slow

T, N, INPUT, HIDDEN = 4, 3, 4, 6
KINDS = tuple(slow.NETWORKS)
double = {"dtype": torch.float64}


def network(kind: str, num_layers: int = 1, **kwargs) -> rnn.SpikingRNNBase:
    return slow.NETWORKS[kind](INPUT, HIDDEN, num_layers, **kwargs).double()


def smooth(kind: str, first, second) -> dict:
    return (
        {"surrogate_function": second}
        if kind == "vanilla"
        else {"surrogate_function1": first, "surrogate_function2": second}
    )


def as_list(states) -> list[torch.Tensor]:
    return [states] if isinstance(states, torch.Tensor) else list(states)


def as_given(states: list[torch.Tensor]):
    return tuple(states) if len(states) > 1 else states[0]


def gradients(net: nn.Module, x: torch.Tensor, states: list, y: torch.Tensor, final: list, seed: int = 7) -> list:
    generator = torch.Generator().manual_seed(seed)
    loss = sum((out * torch.randn(out.shape, generator=generator, **double)).sum() for out in (y, *final))
    return list(torch.autograd.grad(loss, [x, *states, *net.parameters()]))


LAYERS_AND_DROPOUT = ((1, None), (2, None), (2, False), (2, True))
COMBINATIONS = list(itertools.product(KINDS, LAYERS_AND_DROPOUT, (False, True), (False, True)))


@pytest.mark.parametrize(("kind", "layers_and_dropout", "bidirectional", "bias"), COMBINATIONS)
def test_against_the_slow_loop(kind: str, layers_and_dropout: tuple, bidirectional: bool, bias: bool) -> None:
    layers, invariant = layers_and_dropout
    dropout = {} if invariant is None else {"dropout_p": 0.4, "invariant_dropout_mask": invariant}
    spikes = smooth(kind, surrogate.ATan(), surrogate.Sigmoid(alpha=2.0))
    net = network(kind, layers, bias=bias, bidirectional=bidirectional, **dropout, **spikes)
    x = torch.randn(T, N, INPUT, **double, requires_grad=True)
    states = [torch.rand_like(state).requires_grad_() for state in slow.zeros(net, x)]
    results = []
    for run in (lambda: net(x, as_given(states)), lambda: slow.run(net, x, states)):
        torch.manual_seed(1)
        y, final = run()
        results.append([y, *as_list(final), *gradients(net, x, states, y, as_list(final))])
    assert results[0][0].shape == (T, N, HIDDEN * (1 + bidirectional))
    for mine, truth in zip(*results, strict=True):
        torch.testing.assert_close(mine, truth, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_spikes_with_erf_from_zeros(kind: str) -> None:
    net = network(kind, 2)
    x = torch.randn(T, N, INPUT, **double)
    y, final = net(x)
    truth, states = slow.run(net, x, slow.zeros(net, x))
    assert torch.equal(y, truth)
    assert all(map(torch.equal, as_list(final), states))
    assert set(y.unique().tolist()) == {0.0, 1.0}
    assert repr(slow.surrogates_of(net.cells[1])[0]) == "Erf(alpha=2.0, spiking=True)"


def test_the_bound_of_c_is_reached_and_gradients_pass_it() -> None:
    cell = rnn.SpikingLSTMCell(1, 1)
    nn.init.zeros_(cell.weight_ih())
    nn.init.zeros_(cell.weight_hh())
    nn.init.ones_(cell.bias_ih())
    c = torch.tensor([[0.75]], requires_grad=True)
    h, after = cell(torch.zeros(1, 1), (torch.zeros(1, 1), c))
    assert (h.item(), after.item()) == (1.0, 1.0)
    assert torch.autograd.grad(after, c)[0].item() == 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_smooth_gates_are_derivatives(kind: str) -> None:
    erf = surrogate.Erf(alpha=0.5, spiking=False)  # flat, so that c of the LSTM stays below its bound
    net = network(kind, 2, bidirectional=True, **smooth(kind, erf, erf))
    x = torch.randn(2, 2, INPUT, **double, requires_grad=True)
    states = [torch.rand_like(state).mul(0.1).requires_grad_() for state in slow.zeros(net, x)]
    kinds = len(states)
    parameters = dict(net.named_parameters())

    def run(x, *rest):
        weights = dict(zip(parameters, rest[kinds:], strict=True))
        y, final = torch.func.functional_call(net, weights, (x, as_given(list(rest[:kinds]))))
        return torch.cat([out.flatten() for out in (y, *as_list(final))])

    assert torch.autograd.gradcheck(run, (x, *states, *parameters.values()), fast_mode=True)


# Against PyTorch


def torch_network(net: rnn.SpikingRNNBase, cls: type[nn.RNNBase], **kwargs) -> nn.RNNBase:
    """PyTorch's network with the weights of ``net``."""
    theirs = cls(INPUT, HIDDEN, net.num_layers, bias=net.bias, bidirectional=net.bidirectional, **kwargs).double()
    for number in range(net.num_layers):
        for cells, suffix in ((net.cells, ""), (getattr(net, "cells_reverse", net.cells), "_reverse")):
            if suffix and not net.bidirectional:
                continue
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if net.bias else 2]:
                getattr(theirs, f"{name}_l{number}{suffix}").data.copy_(getattr(cells[number], name)())
    return theirs


def in_torch_order(state: torch.Tensor, net: rnn.SpikingRNNBase) -> torch.Tensor:
    return state.unflatten(0, (-1, net.num_layers)).transpose(0, 1).flatten(0, 1)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("kind", "cls", "activation"),
    [
        ("gru", nn.GRU, torch.tanh),
        ("vanilla", nn.RNN, torch.tanh),
        ("vanilla", lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k), torch.relu),
    ],
)
def test_smooth_gates_give_the_networks_of_pytorch(kind: str, cls, activation, bias: bool, bidirectional: bool) -> None:
    gates = smooth(kind, surrogate.Sigmoid(alpha=1.0, spiking=False), activation)
    net = network(kind, 3, bias=bias, bidirectional=bidirectional, **gates)
    theirs = torch_network(net, cls)
    x = torch.randn(T, N, INPUT, **double)
    h = torch.randn(3 * (1 + bidirectional), N, HIDDEN, **double)
    y, final = net(x, h)
    their_y, their_final = theirs(x, in_torch_order(h, net))
    torch.testing.assert_close(y, their_y, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(in_torch_order(final, net), their_final, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_smooth_lstm_differs_from_pytorch_in_the_output_alone(bidirectional: bool) -> None:
    """Without recurrent weights ``c`` is PyTorch's, as long as it is below the bound, and ``h`` is o c, not o tanh(c)."""
    net = network("lstm", bidirectional=bidirectional, **smooth("lstm", torch.sigmoid, torch.tanh))
    for cells in (net.cells, *([net.cells_reverse] if bidirectional else [])):
        nn.init.zeros_(cells[0].weight_hh())
    x = torch.randn(T, N, INPUT, **double)
    _, (h, c) = net(x)
    _, (their_h, their_c) = torch_network(net, nn.LSTM)(x)
    assert c.max() < 1
    torch.testing.assert_close(c, their_c, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(h / c * c.tanh(), their_h, rtol=1e-10, atol=1e-12)


# Dropout


@pytest.mark.parametrize("invariant", [False, True])
def test_dropout_masks_between_layers(invariant: bool) -> None:
    """The second layer copies its input, which is 1 before dropout, so that the output shows the mask."""
    net = rnn.SpikingVanillaRNN(
        INPUT, HIDDEN, 2, dropout_p=0.5, invariant_dropout_mask=invariant, surrogate_function=lambda x: x
    )
    for cell, bias in zip(net.cells, (1.0, 0.0), strict=True):
        for parameter in cell.parameters():
            nn.init.zeros_(parameter)
        nn.init.constant_(cell.bias_ih(), bias)
    nn.init.eye_(net.cells[1].weight_ih())
    x = torch.randn(40, 32, INPUT)
    y, h = net(x)
    assert set(y.unique().tolist()) == {0.0, 2.0}
    assert 0.3 < y.mean() / 2 < 0.7
    assert torch.equal(y, y[:1].expand_as(y)) is invariant
    assert h[0].unique().item() == 1.0, "states of the layer below are not dropped"
    assert not torch.equal(net(x)[0], y), "each call draws anew"
    assert net.eval()(x)[0].unique().item() == 1.0


def test_dropout_of_everything_and_of_nothing() -> None:
    for p, value in ((1.0, 0.0), (0.0, 1.0)):
        net = rnn.SpikingVanillaRNN(INPUT, HIDDEN, 2, bias=False, dropout_p=p, surrogate_function=torch.cos)
        nn.init.eye_(net.cells[1].weight_ih())
        nn.init.zeros_(net.cells[1].weight_hh())
        nn.init.zeros_(net.cells[0].weight_ih())
        nn.init.zeros_(net.cells[0].weight_hh())
        torch.testing.assert_close(net(torch.rand(T, N, INPUT))[0], torch.full((T, N, HIDDEN), value).cos())


# Properties


@settings(max_examples=8)
@given(kind=st.sampled_from(KINDS), layers=st.integers(1, 3), seed=st.integers(0, 1000))
def test_time_reversed_is_directions_exchanged(kind: str, layers: int, seed: int) -> None:
    torch.manual_seed(seed)
    net, exchanged = (network(kind, layers, bidirectional=True) for _ in range(2))
    for mine, theirs in ((exchanged.cells, net.cells_reverse), (exchanged.cells_reverse, net.cells)):
        mine.load_state_dict(theirs.state_dict())
        for cell in mine[1:]:
            cell.weight_ih().data.copy_(cell.weight_ih().data.roll(HIDDEN, dims=1))
    x = torch.randn(T, N, INPUT, **double)
    y, final = net(x)
    exchanged_y, exchanged_final = exchanged(x.flip(0))
    assert torch.equal(exchanged_y, y.flip(0).roll(HIDDEN, dims=-1))
    for state, other in zip(as_list(final), as_list(exchanged_final), strict=True):
        assert torch.equal(other, state.roll(layers, dims=0))


@settings(max_examples=8)
@given(kind=st.sampled_from(KINDS), bidirectional=st.booleans(), seed=st.integers(0, 1000))
def test_samples_do_not_see_each_other(kind: str, bidirectional: bool, seed: int) -> None:
    torch.manual_seed(seed)
    net = network(kind, 2, bidirectional=bidirectional)
    x = torch.randn(T, N, INPUT, **double)
    together = net(x)[0]
    assert torch.equal(together, torch.cat([net(sample)[0] for sample in x.split(1, dim=1)], dim=1))


@settings(max_examples=8)
@given(kind=st.sampled_from(KINDS), cut=st.integers(1, T - 1), seed=st.integers(0, 1000))
def test_final_states_go_on(kind: str, cut: int, seed: int) -> None:
    torch.manual_seed(seed)
    net = network(kind, 2)
    x = torch.randn(T, N, INPUT, **double)
    y, final = net(x)
    head, states = net(x[:cut])
    tail, states = net(x[cut:], states)
    assert torch.equal(torch.cat([head, tail]), y)
    assert all(map(torch.equal, as_list(states), as_list(final)))
