"""OTTT, SLTT and FPTT on a network of two spiking layers, against the papers' equations without autograd through it."""

import itertools
import math

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.learning import online_learning

T, N, LR, ALPHA, TAU, V_TH = 5, 3, 0.3, 0.7, 1.6, 0.6
SIZES = (4, 6, 5, 2)


def data() -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """Inputs and targets ``[T, N, *]``, and the weights of the three layers."""
    x, target = torch.rand(T, N, SIZES[0]).double(), torch.randn(T, N, SIZES[-1]).double()
    weights = [torch.randn(n_out, n_in).double() for n_in, n_out in itertools.pairwise(SIZES)]
    return x, target, weights


def squared_error(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return (y - target).square().sum()


def slope(h: torch.Tensor) -> torch.Tensor:
    """Of the sigmoid surrogate with alpha = 3."""
    s = torch.sigmoid(3 * (h - V_TH))
    return 3 * s * (1 - s)


def network(node: type, sequential: type, weights: list[torch.Tensor], **kwargs) -> nn.Module:
    modules: list[nn.Module] = []
    for weight in weights:
        linear = layer.Linear(weight.shape[1], weight.shape[0], bias=False).double()
        linear.weight.data.copy_(weight)
        modules += [linear, node(TAU, False, V_TH, None, surrogate.Sigmoid(alpha=3.0), **kwargs)]
    return sequential(*modules[:-1])  # the last layer is the readout


def weights_of(net: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in net.parameters()]


class ByHand:
    """The network with its state, and the gradients of one time step for given presynaptic activities."""

    def __init__(self, weights: list[torch.Tensor]) -> None:
        self.weights = [weight.clone() for weight in weights]
        self.v = [torch.zeros(N, n).double() for n in SIZES[1:-1]]
        self.traces = [torch.zeros(N, n).double() for n in SIZES[:-1]]
        self.spiking = 0.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.activities, self.h = [x], []
        for i, weight in enumerate(self.weights[:-1]):
            h = (1 - 1 / TAU) * self.v[i] + self.activities[-1] @ weight.T
            spike = (h >= V_TH).double()
            self.v[i] = h - V_TH * spike
            self.h.append(h)
            self.activities.append(spike)
            self.spiking += spike.mean().item() / (len(self.weights) - 1) / T
        self.traces = [(1 - 1 / TAU) * a + s for a, s in zip(self.traces, self.activities, strict=True)]
        return self.activities[-1] @ self.weights[-1].T

    def gradients(self, y: torch.Tensor, target: torch.Tensor, presynaptic: list[torch.Tensor]) -> list[torch.Tensor]:
        g = 2 * (y - target)
        found = []
        for i in reversed(range(len(self.weights))):
            found.insert(0, g.T @ presynaptic[i])
            if i:
                g = g @ self.weights[i] * slope(self.h[i - 1])
        return found

    def descend(self, gradients: list[torch.Tensor]) -> None:
        self.weights = [w - LR * g for w, g in zip(self.weights, gradients, strict=True)]


@pytest.mark.parametrize("online", [True, False])
def test_ottt(online: bool) -> None:
    x, target, weights = data()
    net = network(neuron.OTTTLIFNode, layer.OTTTSequential, weights)
    traces, trace = [], torch.zeros_like(x[0])
    for step in x:
        trace = (1 - 1 / TAU) * trace + step
        traces.append(trace)
    with_trace = WithInputTrace(net, traces)
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    loss, y_seq = online_learning.ottt_online_training(
        with_trace, optimizer, x.transpose(0, 1), target.transpose(0, 1), squared_error, online
    )
    hand, losses, total = ByHand(weights), 0.0, [0.0] * 3
    for t in range(T):
        y = hand.forward(x[t])
        torch.testing.assert_close(y_seq[:, t], y)
        losses += squared_error(y, target[t]).item()
        found = hand.gradients(y, target[t], hand.traces)
        if online:
            hand.descend(found)
        total = [a + b for a, b in zip(total, found, strict=True)]
    if not online:
        hand.descend(total)
    assert 0.1 < hand.spiking < 0.9
    torch.testing.assert_close(weights_of(net), hand.weights)
    assert loss.item() == pytest.approx(losses)


class WithInputTrace(nn.Module):
    """The input is the activity of a layer too, with a trace of its own."""

    def __init__(self, net: nn.Module, traces: list[torch.Tensor]) -> None:
        super().__init__()
        self.net, self.traces = net, list(traces)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net([x, self.traces.pop(0)])


@pytest.mark.parametrize("K", [None, 5, 2])
def test_sltt(K: int | None) -> None:
    x, target, weights = data()
    net = network(neuron.SLTTLIFNode, nn.Sequential, weights)
    net[0].weight.grad = torch.ones_like(net[0].weight)  # of an earlier step; must not count
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    chosen = (
        set(range(T)) if K is None else set(torch.randperm(T, generator=torch.Generator().manual_seed(4))[:K].tolist())
    )
    generator = torch.Generator().manual_seed(4)
    loss, y_seq = functional.sltt_online_training(net, optimizer, x, target, squared_error, K, generator)
    hand, losses, total = ByHand(weights), 0.0, [0.0] * 3
    for t in range(T):
        y = hand.forward(x[t])
        torch.testing.assert_close(y_seq[t], y)
        losses += squared_error(y, target[t]).item()
        if t in chosen:
            found = hand.gradients(y, target[t], hand.activities)
            total = [a + b for a, b in zip(total, found, strict=True)]
    hand.descend(total)
    assert len(chosen) == (K or T)
    assert 0.1 < hand.spiking < 0.9
    torch.testing.assert_close(weights_of(net), hand.weights)
    assert loss.item() == pytest.approx(losses)
    assert not y_seq.requires_grad
    assert not net[1].v.requires_grad


def test_sltt_chooses_anew_and_with_the_global_seed() -> None:
    x, target, weights = data()
    backward = []
    for seed in range(6):
        torch.manual_seed(seed)
        net = network(neuron.SLTTLIFNode, nn.Sequential, weights)
        steps = iter(range(T))
        used: list[int] = []

        def note(y: torch.Tensor, target: torch.Tensor, steps=steps, used=used) -> torch.Tensor:
            t = next(steps)
            if y.requires_grad:
                used.append(t)
            return squared_error(y, target)

        functional.sltt_online_training(net, torch.optim.SGD(net.parameters(), lr=LR), x, target, note, K=2)
        assert len(used) == 2
        backward.append(tuple(used))
    assert len(set(backward)) > 1


def test_sltt_of_ordinary_neurons() -> None:
    x, target, weights = data()
    results = []
    for node in (neuron.SLTTLIFNode, neuron.LIFNode):
        net = network(node, nn.Sequential, weights, detach_reset=True)
        functional.sltt_online_training(net, torch.optim.SGD(net.parameters(), lr=LR), x, target, squared_error)
        results.append(weights_of(net))
    torch.testing.assert_close(*results)


def test_fptt() -> None:
    """Yin, Corradi and Bohte 2021: the loss of each time step and the pull to the running average of the weights."""
    x, target, weights = data()
    net = network(neuron.LIFNode, nn.Sequential, weights)
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    w_ra = online_learning.fptt_online_training_init_w_ra(optimizer)
    functional.fptt_online_training(net, optimizer, x, target, squared_error, ALPHA, w_ra)
    hand = ByHand(weights)
    averages = [w.clone() for w in weights]
    last = [torch.zeros_like(w) for w in weights]
    for t in range(T):
        y = hand.forward(x[t])
        found = hand.gradients(y, target[t], hand.activities)
        pulls = [
            ALPHA * (w - average - g / (2 * ALPHA)) / math.prod(w.shape)
            for w, average, g in zip(hand.weights, averages, last, strict=True)
        ]
        hand.descend([g + pull for g, pull in zip(found, pulls, strict=True)])
        if t < T - 1:
            v = [value.clone() for value in hand.v]
            last = hand.gradients(hand.forward(x[t]), target[t], hand.activities)
            hand.v = v
            averages = [
                (average + w) / 2 - g / (2 * ALPHA) for average, w, g in zip(averages, hand.weights, last, strict=True)
            ]
    assert hand.spiking > 0.1
    torch.testing.assert_close(weights_of(net), hand.weights)
    torch.testing.assert_close(w_ra, averages)


def test_wrong_arguments_of_sltt() -> None:
    x, target, weights = data()
    net = network(neuron.SLTTLIFNode, nn.Sequential, weights)
    rest = net, torch.optim.SGD(net.parameters(), lr=LR)
    with pytest.raises(ValueError, match=r"sltt_online_training: .* sequences \[T, N, \*\] of the same length"):
        functional.sltt_online_training(*rest, x, target[:2], squared_error)
    with pytest.raises(ValueError, match="K must be at most T, but K=6 and T=5"):
        functional.sltt_online_training(*rest, x, target, squared_error, 6)
    with pytest.raises(ValueError, match="K must be at least 1, but 0"):
        functional.sltt_online_training(*rest, x, target, squared_error, 0)
    with pytest.raises(TypeError, match="K must be an int"):
        functional.sltt_online_training(*rest, x, target, squared_error, 2.0)


def test_the_names_of_online_learning_are_the_functions() -> None:
    for name in online_learning.__all__:
        assert getattr(online_learning, name) is getattr(functional, name)
