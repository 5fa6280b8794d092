"""Training at every time step, against the papers' equations written out for one weight."""

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import base, functional, neuron

X = [1.0, -2.0, 0.5, 1.5]
TARGET = [0.3, 0.1, -0.4, 0.2]
LR = 0.1


def squared_error(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return (y - target).pow(2).mean()


def one_weight() -> tuple[nn.Linear, torch.optim.Optimizer]:
    net = nn.Linear(1, 1, bias=False).double()
    net.weight.data.fill_(2.0)
    return net, torch.optim.SGD(net.parameters(), lr=LR)


def sequence(values: list[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).view(-1, 1, 1)


def slope(w: float, x: float, target: float) -> float:
    return 2 * (w * x - target) * x


@pytest.mark.parametrize("alpha", [0.5, 0.8])
def test_fptt_on_one_weight(alpha: float) -> None:
    net, optimizer = one_weight()
    w_ra = functional.fptt_online_training_init_w_ra(optimizer)
    w, average = 2.0, 2.0
    for _ in range(2):  # the average goes on to the next batch
        last = 0.0
        for t in range(4):
            w -= LR * (slope(w, X[t], TARGET[t]) + alpha * (w - average - last / (2 * alpha)))
            if t < 3:
                last = slope(w, X[t], TARGET[t])
                average = (average + w) / 2 - last / (2 * alpha)
        functional.fptt_online_training(net, optimizer, sequence(X), sequence(TARGET), squared_error, alpha, w_ra)
        assert net.weight.item() == pytest.approx(w, rel=1e-12)
        assert w_ra[0].item() == pytest.approx(average, rel=1e-12)
        assert net.weight.grad is None


def test_fptt_divides_the_pull_by_the_size_of_each_parameter() -> None:
    net = nn.Linear(3, 2).double()
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    w_ra = [torch.zeros_like(parameter) for parameter in net.parameters()]
    weight, bias = net.weight.detach().clone(), net.bias.detach().clone()
    x_seq = torch.zeros(1, 1, 3, dtype=torch.float64)
    functional.fptt_online_training(net, optimizer, x_seq, x_seq, lambda y, target: 0.0 * y.sum(), 0.6, w_ra)
    torch.testing.assert_close(net.weight.detach(), weight - LR * 0.6 * weight / 6)
    torch.testing.assert_close(net.bias.detach(), bias - LR * 0.6 * bias / 2)


class Leaky(base.MemoryModule):
    """Remembers what it has seen, and in what state each call began."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
        self.register_memory("v", 0.0)
        self.began: list[float] = []

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        self.began.append(float(self.v))
        self.v = 0.5 * self.v + self.w * x
        return self.v


def test_fptt_runs_the_model_twice_and_keeps_the_state_of_the_first_run() -> None:
    net = Leaky()
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    weights = []
    net.register_forward_pre_hook(lambda module, x: weights.append(module.w.item()))
    w_ra = functional.fptt_online_training_init_w_ra(optimizer)
    functional.fptt_online_training(net, optimizer, sequence(X[:3]), sequence(TARGET[:3]), squared_error, 0.5, w_ra)
    v, expected = 0.0, []
    for t, (x, w) in enumerate(zip(X[:3], weights[::2], strict=True)):
        expected.append(v)
        v = 0.5 * v + w * x
        if t < 2:
            expected.append(v)
    assert net.began == pytest.approx(expected)
    assert net.v.item() == pytest.approx(v)
    assert net.v.grad_fn is None


def test_fptt_leaves_frozen_and_unused_parameters() -> None:
    net = nn.ModuleDict({"used": nn.Linear(1, 1), "unused": nn.Linear(1, 1), "frozen": nn.Linear(1, 1)}).double()
    net["frozen"].requires_grad_(False)
    net.forward = lambda x: net["frozen"](net["used"](x))
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    before = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
    w_ra = functional.fptt_online_training_init_w_ra(optimizer)
    w_ra[-1] += 1.0  # a pull that the frozen bias must not follow
    functional.fptt_online_training(net, optimizer, sequence(X), sequence(TARGET), squared_error, 0.5, w_ra)
    changed = {name for name, parameter in net.named_parameters() if not torch.equal(parameter, before[name])}
    assert changed == {"used.weight", "used.bias"}


def test_fptt_averages_start_as_copies() -> None:
    net, optimizer = one_weight()
    w_ra = functional.fptt_online_training_init_w_ra(optimizer)
    assert w_ra[0].data_ptr() != net.weight.data_ptr()
    assert torch.equal(w_ra[0], net.weight)
    assert not w_ra[0].requires_grad


@pytest.mark.parametrize("online", [True, False])
def test_ottt_on_one_weight(online: bool) -> None:
    net, optimizer = one_weight()
    net.weight.grad = torch.full_like(net.weight, 7.0)  # of an earlier step; must not count
    w, total, losses, outputs = 2.0, 0.0, 0.0, []
    for x, target in zip(X, TARGET, strict=True):
        outputs.append(w * x)
        losses += (w * x - target) ** 2
        gradient = slope(w, x, target)
        if online:
            w -= LR * gradient
        total += gradient
    if not online:
        w -= LR * total
    batch_first = sequence(X).transpose(0, 1)
    loss, y = functional.ottt_online_training(
        net, optimizer, batch_first, sequence(TARGET).transpose(0, 1), squared_error, online
    )
    assert net.weight.item() == pytest.approx(w, rel=1e-12)
    assert loss.item() == pytest.approx(losses, rel=1e-12)
    assert y.shape == (1, 4, 1)
    assert y.flatten().tolist() == pytest.approx(outputs)
    assert not loss.requires_grad
    assert not y.requires_grad


@pytest.mark.parametrize("online", [True, False])
def test_ottt_trains_a_spiking_network(online: bool) -> None:
    net = nn.Sequential(nn.Linear(4, 16), neuron.LIFNode(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    x_seq, target_seq = torch.rand(8, 5, 4) * 2, torch.rand(8, 5, 2)
    losses = []
    for _ in range(30):
        loss, _ = functional.ottt_online_training(net, optimizer, x_seq, target_seq, squared_error, online)
        functional.reset_net(net)
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_bad_arguments_are_told() -> None:
    net, optimizer = one_weight()
    w_ra = functional.fptt_online_training_init_w_ra(optimizer)
    x, y = sequence(X), sequence(TARGET)
    with pytest.raises(ValueError, match=r"fptt_online_training: .* sequences \[T, N, \*\] of the same length"):
        functional.fptt_online_training(net, optimizer, x, y[:2], squared_error, 0.5, w_ra)
    with pytest.raises(ValueError, match=r"ottt_online_training: .* sequences \[N, T, \*\] of the same length"):
        functional.ottt_online_training(net, optimizer, x, y.repeat(1, 2, 1), squared_error, True)
    with pytest.raises(ValueError, match=r"of the same length T >= 1"):
        functional.fptt_online_training(net, optimizer, x[:0], y[:0], squared_error, 0.5, w_ra)
    with pytest.raises(ValueError, match="alpha must be greater than 0, but 0"):
        functional.fptt_online_training(net, optimizer, x, y, squared_error, 0.0, w_ra)
    for bad in ([], [torch.zeros(2)]):
        with pytest.raises(
            ValueError, match="w_ra must hold one tensor for each parameter.*fptt_online_training_init_w_ra"
        ):
            functional.fptt_online_training(net, optimizer, x, y, squared_error, 0.5, bad)
