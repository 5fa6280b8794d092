"""SimpleIFNode and SimpleLIFNode against the equations."""

import pytest
import torch

from spikingjelly.activation_based import surrogate
from spikingjelly.activation_based.neuron.simple import SimpleBaseNode, SimpleIFNode, SimpleLIFNode
from tests.neuron_v15.reference import F64, assert_fires, by_steps, currents, simulate

RESETS = [0.0, -0.3, None]


def soft() -> surrogate.Sigmoid:
    return surrogate.Sigmoid(alpha=2.5, spiking=False)


@pytest.mark.parametrize("v_reset", RESETS)
def test_if_by_hand(v_reset: float | None) -> None:
    x = currents(12, 3, 4)
    node = SimpleIFNode(v_threshold=0.8, v_reset=v_reset, step_mode="m")
    expected, v = simulate(x, lambda v, x: v + x, 0.8, v_reset, start=0.0)
    assert_fires(expected)
    assert torch.equal(node(x), expected)
    torch.testing.assert_close(node.v, v)


@pytest.mark.parametrize("v_reset", RESETS)
@pytest.mark.parametrize("decay_input", [True, False])
def test_lif_by_hand_starts_at_zero_whatever_v_reset_is(v_reset: float | None, decay_input: bool) -> None:
    x = currents(12, 3, 4)
    node = SimpleLIFNode(1.7, decay_input, 0.6, v_reset, step_mode="m")
    assert node.v == 0.0
    rest = v_reset or 0.0

    def charge(v: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return v - (v - rest) / 1.7 + (x / 1.7 if decay_input else x)

    expected, v = simulate(x, charge, 0.6, v_reset, start=0.0)
    assert_fires(expected)
    assert torch.equal(node(x), expected)
    torch.testing.assert_close(node.v, v)


@pytest.mark.parametrize("v_reset", RESETS)
def test_steps_parts_and_the_whole_are_one(v_reset: float | None) -> None:
    x = currents(9, 3, 4)
    whole, steps, parts = (SimpleLIFNode(2.3, False, 0.7, v_reset, soft(), step_mode=mode) for mode in "msm")
    y = whole(x)
    torch.testing.assert_close(by_steps(steps, x), y)
    torch.testing.assert_close(torch.cat([parts(x[:2]), parts(x[2:])]), y)
    torch.testing.assert_close(parts.v, whole.v)
    whole.reset()
    assert whole.v == 0.0
    assert torch.equal(whole(x), y)


@pytest.mark.parametrize("v_reset", RESETS)
@pytest.mark.parametrize("detach_reset", [False, True])
def test_gradients(v_reset: float | None, detach_reset: bool) -> None:
    x = currents(4, 2, 2).requires_grad_()

    def forward(x: torch.Tensor, detach: bool = detach_reset) -> torch.Tensor:
        return SimpleLIFNode(1.6, True, 0.7, v_reset, soft(), detach, "m")(x)

    if not detach_reset:
        assert torch.autograd.gradcheck(forward, x)
        return
    # by hand: the reset takes the spikes' values from a run without a graph
    with torch.no_grad():
        spike_values = forward(x)
    v, outputs, rest = torch.zeros(2, 2, dtype=F64), [], v_reset or 0.0
    for current, s in zip(x, spike_values, strict=True):
        h = v + (current - (v - rest)) / 1.6
        outputs.append(torch.sigmoid(2.5 * (h - 0.7)))
        v = h - s * 0.7 if v_reset is None else (1 - s) * h + s * v_reset
    expected = torch.autograd.grad(torch.stack(outputs).square().sum(), x)[0]
    actual = torch.autograd.grad(forward(x).square().sum(), x)[0]
    torch.testing.assert_close(actual, expected)
    assert not torch.allclose(torch.autograd.grad(forward(x, False).square().sum(), x)[0], expected)


def test_own_charge() -> None:
    class Resonator(SimpleBaseNode):
        def neuronal_charge(self, x: torch.Tensor) -> None:
            self.v = 0.9 * self.v + x

    x = currents(8, 5)
    expected, _ = simulate(x, lambda v, x: 0.9 * v + x, 1.0, 0.0, start=0.0)
    assert torch.equal(Resonator(step_mode="m")(x), expected)
    with pytest.raises(NotImplementedError, match=r"SimpleBaseNode does not define neuronal_charge\(x\)"):
        SimpleBaseNode()(x[0])


def test_errors() -> None:
    with pytest.raises(AssertionError, match="v_threshold must be a float, but 1 .* Write v_threshold=1.0"):
        SimpleIFNode(v_threshold=1)
    with pytest.raises(TypeError, match="v_reset must be a float or None"):
        SimpleIFNode(v_reset=0)
    with pytest.raises(TypeError, match="detach_reset must be a bool"):
        SimpleIFNode(detach_reset=1)
    with pytest.raises(
        TypeError, match=r"SimpleLIFNode: decay_input must be True or False, but 2.5 \(float\) was given"
    ):
        SimpleLIFNode(1.5, 2.5)
    with pytest.raises(ValueError, match=r"tau must be greater than 1.0, but 1.0 was given"):
        SimpleLIFNode(1.0, True)
    with pytest.raises(ValueError, match="step_mode must be 's' or 'm'"):
        SimpleIFNode(step_mode="x")
    with pytest.raises(TypeError, match="the input must have a floating-point dtype"):
        SimpleIFNode()(torch.ones(3, dtype=torch.int64))
    node = SimpleIFNode()
    node(torch.rand(1, 4))
    with pytest.raises(RuntimeError, match="SimpleIFNode still carries the state"):
        node(torch.rand(2, 4))


def test_repr() -> None:
    text = repr(SimpleLIFNode(1.5, False, v_reset=None, detach_reset=True))
    assert "v_threshold=1.0, v_reset=None, detach_reset=True, step_mode=s, tau=1.5, decay_input=False" in text
