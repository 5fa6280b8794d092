"""DSRIFNode and DSRLIFNode: spikes by hand, gradients as those of the clamped rate."""

import math

import pytest
import torch

from spikingjelly.activation_based.neuron.dsr import DSRIFNode, DSRLIFNode
from tests.neuron_v15.reference import F64, assert_fires, currents

T = 5
IF = {"T": T, "v_threshold": 1.3, "alpha": 0.4}
LIF = {"T": T, "v_threshold": 0.9, "tau": 1.5, "delta_t": 0.6, "alpha": 0.7}


def x_if(shape: tuple[int, ...] = (4, 6)) -> torch.Tensor:
    return currents(T, *shape, low=-1.5, high=3.0)


def x_lif() -> torch.Tensor:
    return currents(T, 4, 6, low=-3.0, high=7.0)


def spikes_by_hand(x: torch.Tensor, threshold: float, alpha: float, decay: float, gain: float) -> torch.Tensor:
    v, spikes = torch.zeros_like(x[0]), []
    for current in x:
        v = decay * v + gain * current
        fires = v >= alpha * threshold
        v = torch.where(fires, v - threshold, v)
        spikes.append(fires.to(x))
    return torch.stack(spikes)


@pytest.mark.parametrize("shape", [(4,), (4, 6), (2, 3, 2, 2)])
def test_if_puts_out_its_threshold(shape: tuple[int, ...]) -> None:
    x = x_if(shape)
    spikes = spikes_by_hand(x, 1.3, 0.4, decay=1.0, gain=1.0)
    assert_fires(spikes)
    node = DSRIFNode(**IF).double()
    torch.testing.assert_close(node(x), 1.3 * spikes, rtol=1e-6, atol=0)
    torch.testing.assert_close(node(x), 1.3 * spikes, rtol=1e-6, atol=0)  # nothing is carried over


def test_lif_puts_out_its_threshold_over_delta_t() -> None:
    decay = math.exp(-0.6 / 1.5)
    spikes = spikes_by_hand(x_lif(), 0.9, 0.7, decay, 1 - decay)
    assert_fires(spikes)
    torch.testing.assert_close(DSRLIFNode(**LIF).double()(x_lif()), 1.5 * spikes, rtol=1e-6, atol=0)


@pytest.mark.parametrize("scaling", [1.0, 0.3])
def test_if_gradient_is_that_of_the_clamped_mean(scaling: float) -> None:
    x = x_if().requires_grad_()
    node = DSRIFNode(**IF, v_threshold_grad_scaling=scaling).double()
    weight = torch.randn(T, 4, 6, dtype=F64)
    threshold = torch.tensor(1.3, dtype=F64, requires_grad=True)
    rate = torch.minimum(x.mean(0).clamp(min=0.0), threshold)
    by_hand = torch.autograd.grad((rate.expand(T, 4, 6) * weight).sum(), [x, threshold])
    grad_x, grad_threshold = torch.autograd.grad((node(x) * weight).sum(), [x, node.v_threshold])
    assert 0.1 < (grad_x != 0).double().mean() < 0.9
    torch.testing.assert_close(grad_x, by_hand[0])
    torch.testing.assert_close(grad_threshold, scaling * by_hand[1])


@pytest.mark.parametrize("scaling", [1.0, 0.3])
def test_lif_gradient_by_hand(scaling: float) -> None:
    x = x_lif().requires_grad_()
    node = DSRLIFNode(**LIF, v_threshold_grad_scaling=scaling).double()
    weight = torch.randn(T, 4, 6, dtype=F64)
    time_weights = [math.exp(-(T - 1 - t) * 0.6 / 1.5) for t in range(T)]
    time_weights = [w / sum(time_weights) for w in time_weights]
    mean = sum(w * current for w, current in zip(time_weights, x.detach(), strict=True))
    grad_rate = sum(w * g for w, g in zip(time_weights, weight, strict=True))
    bound = 0.9 * 1.5 / 0.6
    inside, above = (mean > 0) & (mean < bound), mean > bound
    assert inside.any()
    assert above.any()
    assert (mean < 0).any()
    grad_x, grad_threshold = torch.autograd.grad((node(x) * weight).sum(), [x, node.v_threshold])
    torch.testing.assert_close(grad_x, (grad_rate * inside / 1.5).expand(T, 4, 6))
    torch.testing.assert_close(grad_threshold, scaling * T * 0.6 * (grad_rate * above).sum())


X = [[0.7, -0.3, 2.5, 1.1], [1.4, -0.2, 1.9, 0.1], [0.2, 0.3, 2.8, 0.4], [1.0, 0.2, 1.7, -0.9]]


def published(node: torch.nn.Module, scale: float) -> tuple[list, list[float], float]:
    x = (torch.tensor(X) * scale).requires_grad_()
    y = node(x)
    weight = torch.arange(16.0).view(4, 4) / 4 - 1
    grad_x, grad_threshold = torch.autograd.grad((y * weight).sum(), [x, node.v_threshold])
    assert torch.equal(grad_x, grad_x[:1].expand(4, 4))
    return (y != 0).int().tolist(), grad_x[0].tolist(), grad_threshold.item()


def test_numbers_of_the_published_package() -> None:
    spikes, grad_x, grad_threshold = published(DSRIFNode(4, 1.2, 0.4, True, 0.5), 1.0)
    assert spikes == [[1, 0, 1, 1], [1, 0, 1, 0], [0, 0, 1, 0], [1, 0, 1, 0]]
    assert grad_x == pytest.approx([0.5, 0.75, 0.0, 1.25])
    assert grad_threshold == pytest.approx(2.0)
    spikes, grad_x, grad_threshold = published(DSRLIFNode(4, 1.2, 1.5, 0.7, 0.4, True, 0.5), 1.5)
    assert spikes == [[0, 0, 1, 1], [1, 0, 1, 0], [0, 0, 1, 0], [1, 0, 1, 0]]
    assert grad_x == pytest.approx([0.7000644, 0.8667310, 0.0, 0.0], rel=1e-5)
    assert grad_threshold == pytest.approx(2.1701353, rel=1e-5)


def test_at_the_bounds() -> None:
    """The mean input lies exactly at 0 and at the threshold: inside for IF, outside for LIF, as published."""
    x = torch.tensor([[0.0, 4.0, 4.001, -1e-6]], requires_grad=True)
    node = DSRIFNode(1, 4.0)
    assert torch.autograd.grad(node(x).sum(), x)[0].tolist() == [[1.0, 1.0, 0.0, 0.0]]
    node = DSRLIFNode(1, 1.0, tau=2.0, delta_t=0.5)
    assert torch.autograd.grad(node(x).sum(), x)[0].tolist() == [[0.0, 0.0, 0.0, 0.0]]
    inside = torch.tensor([[1e-6, 3.999]], requires_grad=True)
    assert torch.autograd.grad(node(inside).sum(), inside)[0].tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize("cls", [DSRIFNode, DSRLIFNode])
def test_a_threshold_below_its_bound_acts_as_the_bound_and_can_come_back(cls: type) -> None:
    node, bound = cls(T, v_threshold=1.0, v_threshold_lower_bound=0.5), cls(T, v_threshold=0.5)
    with torch.no_grad():
        node.v_threshold.fill_(-0.2)
    x = torch.full((T, 3), 50.0)
    assert torch.equal(node(x), bound(x))
    assert node.v_threshold == torch.tensor(-0.2), "a forward pass changes no parameter"
    (away,) = torch.autograd.grad(node(x).sum(), node.v_threshold)
    (back,) = torch.autograd.grad(-node(x).sum(), node.v_threshold)
    assert away == 0
    assert back == torch.autograd.grad(-bound(x).sum(), bound.v_threshold)[0]
    assert back < 0


@pytest.mark.parametrize("cls", [DSRIFNode, DSRLIFNode])
def test_threshold_training(cls: type) -> None:
    learned, fixed = cls(T, v_threshold=0.8), cls(T, v_threshold=0.8, v_threshold_training=False)
    assert list(learned.state_dict()) == ["v_threshold"]
    assert learned.v_threshold.shape == ()
    assert list(fixed.state_dict()) == list(fixed.parameters()) == []
    x = (torch.rand(T, 3) * 2).requires_grad_()
    assert torch.equal(learned(x), fixed(x))
    assert torch.equal(torch.autograd.grad(learned(x).sum(), x)[0], torch.autograd.grad(fixed(x).sum(), x)[0])
    fixed.double()
    assert fixed.v_threshold.dtype == F64
    optimizer = torch.optim.SGD(learned.parameters(), lr=0.1)
    learned(torch.full((T, 3), 200.0)).sum().backward()
    optimizer.step()
    assert learned.v_threshold < 0.8


@pytest.mark.parametrize("cls", [DSRIFNode, DSRLIFNode])
def test_arguments_of_other_nodes(cls: type) -> None:
    cls(T, surrogate_function=torch.sigmoid, detach_reset=True, v_reset=None, decay_input=False, store_v_seq=False)
    with pytest.raises(
        TypeError, match=rf"{cls.__name__} has no argument 'v_treshold'.*without effect, decay_input, detach"
    ):
        cls(T, v_treshold=1.0)
    DSRIFNode(T, tau=2.0)


@pytest.mark.parametrize("cls", [DSRIFNode, DSRLIFNode])
def test_errors(cls: type) -> None:
    for length in (T - 1, T + 1):
        with pytest.raises(ValueError, match=rf"{cls.__name__} was built for T={T} time steps"):
            cls(T)(torch.rand(length, 3))
    with pytest.raises(ValueError, match="v_threshold must not be below v_threshold_lower_bound=0.7, but 0.6"):
        cls(T, v_threshold=0.6, v_threshold_lower_bound=0.7)
    with pytest.raises(TypeError, match="v_threshold must be a float"):
        cls(T, v_threshold=1)
    with pytest.raises(ValueError, match="v_threshold_lower_bound must be greater than 0.0"):
        cls(T, v_threshold_lower_bound=0.0)
    with pytest.raises(ValueError, match="alpha must be greater than 0.0"):
        cls(T, alpha=0.0)
    with pytest.raises(ValueError, match="alpha is a share of v_threshold and at most 1, but 1.5"):
        cls(T, alpha=1.5)
    with pytest.raises(TypeError, match="v_threshold_grad_scaling must be a float"):
        cls(T, v_threshold_grad_scaling=1)
    with pytest.raises(TypeError, match="v_threshold_training must be a bool"):
        cls(T, v_threshold_training=1)
    with pytest.raises(ValueError, match="T must be at least 1"):
        cls(0)
    with pytest.raises(ValueError, match="step_mode must be 'm'"):
        cls(T, step_mode="s")
    with pytest.raises(NotImplementedError, match="backend must be one of torch, cupy"):
        cls(T, backend="cuda")


def test_errors_of_lif_only() -> None:
    with pytest.raises(ValueError, match="tau must be greater than 0.0"):
        DSRLIFNode(T, tau=0.0)
    with pytest.raises(ValueError, match="delta_t must be greater than 0.0"):
        DSRLIFNode(T, delta_t=-0.1)


def test_repr() -> None:
    assert "T=5, v_threshold=0.9, alpha=0.7, v_threshold_training=True" in repr(DSRLIFNode(**LIF))
    assert "tau=1.5, delta_t=0.6" in repr(DSRLIFNode(**LIF))
