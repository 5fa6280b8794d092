"""CLIFNode against its two equations."""

import pytest
import torch

from spikingjelly.activation_based import surrogate
from spikingjelly.activation_based.neuron.cuba import CLIFNode
from tests.neuron_v15.reference import assert_fires, by_steps, currents

RESETS = [0.0, -0.3, None]


def node_of(mode: str, v_reset: float | None, spiking: bool) -> CLIFNode:
    node = CLIFNode(0.4, 0.6, 0.9, v_reset, surrogate.Sigmoid(alpha=2.5, spiking=spiking))
    node.step_mode = mode
    return node


@pytest.mark.parametrize("v_reset", RESETS)
def test_by_hand(v_reset: float | None) -> None:
    x = currents(12, 3, 4)
    c, v, spikes = torch.zeros(3, 4).double(), torch.full((3, 4), v_reset or 0.0).double(), []
    for current in x:
        c = 0.4 * c + current
        v = 0.6 * v + c
        fires = v >= 0.9
        v = torch.where(fires, v - 0.9 if v_reset is None else torch.tensor(v_reset).double(), v)
        spikes.append(fires.double())
    assert_fires(torch.stack(spikes))
    node = node_of("m", v_reset, spiking=True)
    assert torch.equal(node(x), torch.stack(spikes))
    torch.testing.assert_close(node.v, v)
    torch.testing.assert_close(node.c, c)


@pytest.mark.parametrize("v_reset", RESETS)
def test_steps_parts_and_the_whole_are_one(v_reset: float | None) -> None:
    x = currents(9, 3, 4)
    whole, steps, parts = (node_of(mode, v_reset, spiking=False) for mode in "msm")
    y = whole(x)
    torch.testing.assert_close(by_steps(steps, x), y)
    torch.testing.assert_close(torch.cat([parts(x[:4]), parts(x[4:])]), y)
    torch.testing.assert_close(parts.c, whole.c)
    whole.reset()
    assert (whole.c, whole.v) == (0.0, v_reset or 0.0)
    torch.testing.assert_close(whole(x), y)


@pytest.mark.parametrize("v_reset", RESETS)
def test_gradients(v_reset: float | None) -> None:
    assert torch.autograd.gradcheck(
        lambda x: node_of("m", v_reset, spiking=False)(x), currents(4, 2, 2).requires_grad_()
    )


def test_defaults_and_repr() -> None:
    node = CLIFNode()
    assert (node.c_decay, node.v_decay, node.v_threshold, node.v_reset, node.step_mode) == (0.5, 0.75, 0.5, 0.0, "s")
    assert isinstance(node.surrogate_function, surrogate.Rect)
    assert node.surrogate_function.alpha == 1.0
    assert "step_mode=s, backend=auto, c_decay=0.5, v_decay=0.75" in repr(node)


def test_errors() -> None:
    with pytest.raises(TypeError, match="c_decay must be a float, but 1"):
        CLIFNode(c_decay=1)
    with pytest.raises(TypeError, match="v_decay must be a float"):
        CLIFNode(v_decay=1)
    node = CLIFNode()
    node(torch.rand(1, 4))
    with pytest.raises(RuntimeError, match="CLIFNode still carries the state"):
        node(torch.rand(2, 4))
