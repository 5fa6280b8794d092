"""How many spikes a charge becomes, in closed form."""

import pytest
import torch

from spikingjelly.activation_based import ann2snn, functional, neuron
from spikingjelly.activation_based.ann2snn import _neurons


def sixteenths(*shape: int, low: int = -8, high: int = 24) -> torch.Tensor:
    """Numbers whose sums have no rounding."""
    return torch.randint(low, high, shape).double() / 16


def started(node: torch.nn.Module, v: float) -> torch.nn.Module:
    node.v = v
    node.set_reset_value("v", v)
    node.step_mode = "m"
    return node


@pytest.mark.parametrize("v_init", [0.0, 0.5])
@pytest.mark.parametrize("T", [1, 7, 32])
def test_integrate_and_fire_rounds_a_constant_current_down(T: int, v_init: float) -> None:
    x = sixteenths(200)
    node = started(neuron.IFNode(v_threshold=1.0, v_reset=None), v_init)
    assert torch.equal(node(x.expand(T, 200)).sum(0), (T * x + v_init).floor().clamp(0, T))


@pytest.mark.parametrize("v_init", [0.0, 0.5])
def test_delayed_neurons_round_the_whole_charge_down(v_init: float) -> None:
    x = sixteenths(9, 200)
    node = started(_neurons.DelayedIFNode(), v_init)
    spikes = node(x)
    count = (x.sum(0) + v_init).floor().clamp(0, 9)
    assert torch.equal(spikes, (torch.arange(1, 10).view(9, 1) <= count).double())
    assert torch.equal(node.v, x.sum(0) + v_init - count)
    functional.reset_net(node)
    assert torch.equal(node(x[:1].expand(9, 200)).sum(0), (9 * x[0] + v_init).floor().clamp(0, 9))


def test_delayed_neurons_with_another_threshold_and_their_limits() -> None:
    node = _neurons.DelayedIFNode(v_threshold=0.5)
    assert node(torch.tensor([[0.2], [1.2]])).tolist() == [[1.0], [1.0]]
    assert "v_threshold=0.5, step_mode=m" in repr(node)
    with pytest.raises(ValueError, match="step_mode must be 'm'"):
        node.step_mode = "s"
    with pytest.raises(ValueError, match="can't be computed before all input is there"):
        node.single_step_forward(torch.ones(1))
    x = torch.full((4, 3), 0.3, requires_grad=True)
    node.reset()
    node(x).sum().backward()
    assert (x.grad > 0).all()


@pytest.mark.parametrize("v_init", [0.0, 0.5])
def test_signed_neurons_lose_no_charge(v_init: float) -> None:
    """With time to settle, the count is that of the whole charge, in whatever order it came."""
    x = torch.cat([sixteenths(8, 300, low=-24, high=32), torch.zeros(20, 300, dtype=torch.float64)])
    node = started(_neurons.SignedIFNode(v_threshold=1.0, v_reset=None), v_init)
    spikes = node(x)
    wanted = (x.sum(0) + v_init).floor().clamp_min(0)
    assert torch.equal(spikes.sum(0), wanted)
    assert set(spikes.unique().tolist()) == {-1.0, 0.0, 1.0}
    assert (spikes.cumsum(0) >= 0).all()
    plain = started(neuron.IFNode(v_threshold=1.0, v_reset=None), v_init)
    assert not torch.equal(plain(x).sum(0), wanted)


def test_signed_neurons_step_by_step_and_with_another_threshold() -> None:
    x = torch.randn(12, 64)
    node = _neurons.SignedIFNode(v_threshold=0.7)
    node.step_mode = "m"
    fused = node(x)
    node.reset()
    node.step_mode = "s"
    v, count = torch.zeros(64), torch.zeros(64)
    for t in range(12):
        v = v + x[t]
        spike = (v >= 0.7).float() - ((v < 0) & (count > 0)).float()
        v, count = v - spike * 0.7, count + spike
        assert torch.equal(node(x[t]), spike)
        assert torch.equal(fused[t], spike)
    assert "for" in node.fused_source()
    with pytest.raises(ValueError, match=r"only the soft reset, v_reset=None, but v_reset=0.0 was given"):
        _neurons.SignedIFNode(1.0, 0.0)


def test_neurons_with_initial_potentials_of_their_own() -> None:
    start = torch.tensor([0.0, 0.5, 0.9])
    node = _neurons.StartedIFNode(start, v_threshold=1.0, v_reset=None)
    for mode in "sm":
        node.step_mode = mode
        for _ in range(2):
            functional.reset_net(node)
            x = torch.full((2, 3), 0.25)
            spikes = node(x.expand(3, 2, 3)) if mode == "m" else torch.stack([node(x) for _ in range(3)])
            assert spikes.sum(0).tolist() == [[0.0, 1.0, 1.0]] * 2
    assert list(node.state_dict()) == ["v_start"]


def test_the_quantised_activation_and_its_gradient() -> None:
    activation = ann2snn.QCFS(L=4, threshold=2.0)
    x = torch.tensor([-1.0, 0.0, 0.2, 0.3, 0.8, 1.9, 2.0, 5.0], requires_grad=True)
    y = activation(x)
    assert y.tolist() == [0.0, 0.0, 0.0, 0.5, 1.0, 2.0, 2.0, 2.0]
    y.sum().backward()
    assert x.grad.tolist() == [0.0, *[1.0] * 6, 0.0]
    inside = (y.detach() - x.detach())[1:7] / 2.0
    assert activation.threshold.grad.item() == pytest.approx(inside.sum().item() + 1.0, abs=1e-5)
    assert repr(activation) == "QCFS(L=4, threshold=2.000000)"
    for wrong, message in (
        ({"L": 0}, "L must be an int of at least 1, but 0"),
        ({"threshold": 0.0}, "threshold must be"),
    ):
        with pytest.raises(ValueError, match=message):
            ann2snn.QCFS(**wrong)


@pytest.mark.parametrize("L", [1, 3, 8])
def test_the_quantised_activation_is_a_neuron_that_starts_at_half_its_threshold(L: int) -> None:
    x = sixteenths(300, low=-24, high=48)
    node = started(neuron.IFNode(v_threshold=1.0, v_reset=None), 0.5)
    rates = 2 * node((x / 2).expand(L, 300)).mean(0)
    torch.testing.assert_close(rates, ann2snn.QCFS(L, 2.0).double()(x).detach())
