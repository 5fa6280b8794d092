"""The ILC nodes: spikes of the last time step reach all neurons of their population."""

import pytest
import torch

from spikingjelly.activation_based import functional, surrogate
from spikingjelly.activation_based.neuron.ilc import ILCBaseNode, ILCCLIFNode, ILCIFNode, ILCLIFNode
from tests.neuron_v15.reference import F64, assert_fires, currents

ACT, POP = 2, 3
RESETS = [0.0, -0.3, None]
NODES = {
    "IF": lambda **kw: ILCIFNode(ACT, POP, 0.9, **kw),
    "LIF": lambda **kw: ILCLIFNode(ACT, POP, 0.6, 0.9, **kw),
    "CLIF": lambda **kw: ILCCLIFNode(ACT, POP, 0.4, 0.6, 0.9, **kw),
}


def soft() -> surrogate.Sigmoid:
    return surrogate.Sigmoid(alpha=2.5, spiking=False)


def by_hand(name: str, node: ILCBaseNode, x: torch.Tensor, v_reset: float | None) -> torch.Tensor:
    """Sample by sample and neuron by neuron; connection (p, i) -> (p, j) has the weight conn[p * POP + j, 0, i]."""
    weight, bias = node.conn.weight.detach(), node.conn.bias.detach()
    y = torch.zeros_like(x)
    for n in range(x.shape[1]):
        v, c, last = [v_reset or 0.0] * (ACT * POP), [0.0] * (ACT * POP), None
        for t in range(len(x)):
            inputs = x[t, n].tolist()
            if last is not None:
                for p in range(ACT):
                    for j in range(POP):
                        k = p * POP + j
                        inputs[k] += bias[k].item()
                        inputs[k] += sum(weight[k, 0, i].item() * last[p * POP + i] for i in range(POP))
            last = []
            for k, current in enumerate(inputs):
                c[k] = 0.4 * c[k] + current
                h = {"IF": v[k] + current, "LIF": 0.6 * v[k] + current, "CLIF": 0.6 * v[k] + c[k]}[name]
                s = float(h >= 0.9)
                v[k] = h - s * 0.9 if v_reset is None else (v_reset if s else h)
                last.append(s)
            y[t, n] = torch.tensor(last, dtype=F64)
    return y


@pytest.mark.parametrize("name", NODES)
@pytest.mark.parametrize("v_reset", RESETS)
def test_by_hand(name: str, v_reset: float | None) -> None:
    node = NODES[name](v_reset=v_reset).double()
    x = currents(8, 4, ACT * POP, low=-1.0)
    expected = by_hand(name, node, x, v_reset)
    assert_fires(expected)
    before = x.clone()
    assert torch.equal(node(x), expected)
    assert torch.equal(x, before), "the input is left alone"
    assert torch.equal(node(x), expected), "each sequence starts at rest"


@pytest.mark.parametrize("name", NODES)
def test_gradients_also_of_the_connections(name: str) -> None:
    node = NODES[name](v_reset=-0.2, surrogate_function=soft()).double()

    def forward(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(node, {"conn.weight": weight, "conn.bias": bias}, (x,))

    inputs = (currents(3, 2, ACT * POP).requires_grad_(), node.conn.weight, node.conn.bias)
    assert torch.autograd.gradcheck(forward, inputs)


@pytest.mark.parametrize("name", NODES)
def test_state_dict_and_state(name: str) -> None:
    node = NODES[name]()
    assert set(node.state_dict()) == {"conn.weight", "conn.bias"}
    assert node.conn.weight.shape == (ACT * POP, 1, POP)
    x = currents(5, 2, ACT * POP).float().requires_grad_()
    for _ in range(2):
        node(x).sum().backward()
    node(currents(3, 7, ACT * POP).float())  # another batch needs no reset
    assert node.spike.shape == (7, ACT * POP)
    functional.reset_net(node)
    assert node.spike is None
    assert node.v == 0.0


def test_defaults() -> None:
    assert [NODES_OF_DEFAULTS(ACT, POP).v_threshold for NODES_OF_DEFAULTS in (ILCIFNode, ILCLIFNode, ILCCLIFNode)] == [
        1.0, 1.0, 0.5,
    ]  # fmt: skip
    node = ILCCLIFNode(ACT, POP)
    assert (node.c_decay, node.v_decay, node.v_reset, node.step_mode) == (0.5, 0.75, 0.0, "m")
    assert ILCLIFNode(ACT, POP).v_decay == 0.75
    assert isinstance(node.surrogate_function, surrogate.Rect)


def test_errors() -> None:
    for shape in [(5, 2, 7), (5, 6), (5, 2, 6, 1)]:
        with pytest.raises(ValueError, match=r"act_dim=2 populations of dec_pop_dim=3 neurons and expects .* N, 6\]"):
            ILCIFNode(ACT, POP)(torch.rand(shape))
    with pytest.raises(ValueError, match="act_dim must be at least 1"):
        ILCIFNode(0, POP)
    with pytest.raises(TypeError, match="dec_pop_dim must be an int"):
        ILCIFNode(ACT, 3.0)
    with pytest.raises(TypeError, match="v_decay must be a float"):
        ILCLIFNode(ACT, POP, 1)
    with pytest.raises(TypeError, match="c_decay must be a float"):
        ILCCLIFNode(ACT, POP, 1)
    with pytest.raises(ValueError, match="step_mode must be 'm'"):
        ILCIFNode(ACT, POP).step_mode = "s"
    with pytest.raises(NotImplementedError, match="backend must be one of torch"):
        ILCIFNode(ACT, POP).backend = "cupy"
    with pytest.raises(NotImplementedError, match=r"ILCBaseNode does not define neuronal_charge"):
        ILCBaseNode(ACT, POP)(torch.rand(2, 1, 6))
