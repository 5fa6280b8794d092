"""GatedLIFNode against the equations of the paper, neuron by neuron in Python."""

import math

import pytest
import torch

from spikingjelly.activation_based import surrogate
from spikingjelly.activation_based.neuron.gated_lif import GatedLIFNode
from tests.neuron_v15.reference import assert_fires, currents

T, C = 5, 3


def sigmoid(a: float) -> float:
    return 1 / (1 + math.exp(-a))


def randomized(inplane: int | None, surrogate_function: torch.nn.Module) -> GatedLIFNode:
    node = GatedLIFNode(T, inplane, surrogate_function=surrogate_function).double()
    with torch.no_grad():
        for parameter in node.parameters():
            parameter.normal_()
        node.v_threshold.sub_(1.0)
    return node


def one_neuron(node: GatedLIFNode, x: list[float], channel: int, fire) -> tuple[list[float], float, float]:
    """U = L + E + R of the paper for one neuron: output, potential after reset and last spike."""

    def value(parameter: torch.Tensor) -> float:
        return sigmoid(parameter.item() if parameter.dim() == 0 else parameter[channel].item())

    alpha, beta, gamma = value(node.alpha), value(node.beta), value(node.gamma)
    tau, threshold = value(node.tau), value(node.v_threshold)
    linear_decay, v_subreset = value(node.linear_decay), value(node.v_subreset)
    u = s = 0.0
    outputs = []
    for t in range(len(x)):
        exponential = alpha * tau + (1 - alpha)
        leak = exponential * u * (1 - gamma * s) - (1 - alpha) * linear_decay
        excitation = (beta * value(node.conduct[t]) + (1 - beta)) * x[t]
        u = leak + excitation - (1 - gamma) * v_subreset * s
        s = fire(u - threshold)
        outputs.append(s)
    return outputs, u * (1 - gamma * s), s


@pytest.mark.parametrize("inplane", [None, C])
@pytest.mark.parametrize("spiking", [True, False])
def test_by_hand(inplane: int | None, spiking: bool) -> None:
    node = randomized(inplane, surrogate.Sigmoid(alpha=3.0, spiking=spiking))
    x = currents(T, 2, C, 2, 2)
    y = node(x)
    if spiking:
        assert_fires(y)

    def fire(h: float) -> float:
        return float(h >= 0) if spiking else sigmoid(3.0 * h)

    for n in range(2):
        for c in range(C):
            for h in range(2):
                outputs, v, s = one_neuron(node, x[:, n, c, h, 0].tolist(), c, fire)
                assert y[:, n, c, h, 0].tolist() == pytest.approx(outputs, abs=1e-12)
                assert node.v[n, c, h, 0].item() == pytest.approx(v, abs=1e-12)
                assert node.spike[n, c, h, 0].item() == pytest.approx(s, abs=1e-12)


def test_numbers_of_the_published_package() -> None:
    node = GatedLIFNode(3, surrogate_function=surrogate.Sigmoid(4.0, spiking=False))
    values = {"alpha": 0.5, "beta": -0.4, "gamma": 0.3, "tau": -0.2, "v_threshold": 0.1, "linear_decay": -1.0}
    with torch.no_grad():
        for name, value in values.items():
            getattr(node, name).fill_(value)
        node.v_subreset.fill_(0.7)
        node.conduct.copy_(torch.tensor([0.2, -0.6, 0.9]))
    y = node(torch.tensor([0.9, -0.3, 1.4]).view(3, 1, 1, 1, 1))
    torch.testing.assert_close(y.flatten(), torch.tensor(PUBLISHED))


PUBLISHED = [0.6091098189, 0.0474109799, 0.8598805070]


@pytest.mark.parametrize("inplane", [None, C])
def test_a_second_sequence_goes_on_from_the_state(inplane: int | None) -> None:
    node = randomized(inplane, surrogate.Sigmoid(3.0, spiking=False))
    twice = GatedLIFNode(2 * T, inplane, surrogate_function=surrogate.Sigmoid(3.0, spiking=False)).double()
    twice.load_state_dict({**node.state_dict(), "conduct": torch.cat([node.conduct, node.conduct]).detach()})
    x = currents(2 * T, 2, C, 2, 2)
    y = torch.cat([node(x[:T]), node(x[T:])])
    torch.testing.assert_close(y, twice(x))
    node.reset()
    assert (node.v, node.spike) == (0.0, 0.0)
    torch.testing.assert_close(node(x[:T]), y[:T])


@pytest.mark.parametrize("inplane", [None, C])
def test_initial_values(inplane: int | None) -> None:
    node = GatedLIFNode(4, inplane)
    shape = () if inplane is None else (C,)
    expected = {"tau": 0.25, "v_threshold": 0.5, "linear_decay": 0.5 / 8, "v_subreset": 0.5, "conduct": 0.5}
    for name, value in expected.items():
        parameter = getattr(node, name)
        assert parameter.shape == ((4, *shape) if name == "conduct" else shape)
        torch.testing.assert_close(parameter.sigmoid(), torch.full_like(parameter, value))
    for gate in ("alpha", "beta", "gamma"):
        assert getattr(node, gate).shape == shape
        assert getattr(node, gate).abs().max() <= 0.1
    assert len({node.alpha.flatten()[0].item(), node.beta.flatten()[0].item(), node.gamma.flatten()[0].item()}) == 3
    assert set(node.state_dict()) == {*expected, "alpha", "beta", "gamma"}


def test_initial_values_that_are_given() -> None:
    node = GatedLIFNode(4, 2, 0.1, 0.2, init_tau=0.3, init_v_threshold=0.4, init_conduct=0.6)
    expected = {"linear_decay": 0.1, "v_subreset": 0.2, "tau": 0.3, "v_threshold": 0.4, "conduct": 0.6}
    for name, value in expected.items():
        torch.testing.assert_close(getattr(node, name).sigmoid(), torch.full_like(getattr(node, name), value))
    node = GatedLIFNode(10, init_v_threshold=0.4)
    assert node.linear_decay.sigmoid().item() == pytest.approx(0.02)
    assert node.v_subreset.sigmoid().item() == pytest.approx(0.4)


def test_torchs_seed_reproduces_the_gates() -> None:
    nodes = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        nodes.append(GatedLIFNode(2, 4))
    assert torch.equal(nodes[0].alpha, nodes[1].alpha)
    assert torch.equal(nodes[0].gamma, nodes[1].gamma)
    assert not torch.equal(nodes[0].alpha, nodes[2].alpha)


@pytest.mark.parametrize("inplane", [None, 2])
def test_gradients(inplane: int | None) -> None:
    node = GatedLIFNode(3, inplane, surrogate_function=surrogate.Sigmoid(2.0, spiking=False)).double()
    names = [name for name, _ in node.named_parameters()]

    def forward(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        node.reset()
        return torch.func.functional_call(node, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(forward, (currents(3, 1, 2, 1, 2).requires_grad_(), *node.parameters()))


def test_without_channels_any_shape_goes() -> None:
    assert GatedLIFNode(2)(torch.rand(2, 3)).shape == (2, 3)
    assert GatedLIFNode(2, 3)(torch.rand(2, 5, 3)).shape == (2, 5, 3)


def test_errors() -> None:
    for length in (1, 3):
        with pytest.raises(ValueError, match=r"GatedLIFNode was built for T=2 time steps and expects"):
            GatedLIFNode(2)(torch.rand(length, 3))
    for shape in [(2, 1, 4, 2, 2), (2, 3)]:
        with pytest.raises(ValueError, match=r"built for inplane=3 channels and expects an input \[T, N, 3, \*\]"):
            GatedLIFNode(2, 3)(torch.rand(shape))
    for name in ("tau", "v_threshold", "conduct", "linear_decay", "v_subreset"):
        for value in (0.0, 1.0, -0.5):
            with pytest.raises(ValueError, match=f"init_{name} must be between 0 and 1"):
                GatedLIFNode(
                    2, **{f"init_{name}": value, **({"init_linear_decay": 0.1} if name != "linear_decay" else {})}
                )
        with pytest.raises(TypeError, match=f"init_{name} must be a float"):
            GatedLIFNode(2, **{f"init_{name}": 1, **({"init_linear_decay": 0.1} if name != "linear_decay" else {})})
    with pytest.raises(ValueError, match="step_mode must be 'm'"):
        GatedLIFNode(2, step_mode="s")
    with pytest.raises(NotImplementedError, match="backend must be one of torch, cupy"):
        GatedLIFNode(2, backend="cuda")
    with pytest.raises(ValueError, match="inplane must be at least 1"):
        GatedLIFNode(2, 0)
    node = GatedLIFNode(2)
    node(torch.rand(2, 1, 3))
    with pytest.raises(RuntimeError, match="GatedLIFNode still carries the state"):
        node(torch.rand(2, 4, 3))


def test_repr() -> None:
    assert "T=4, inplane=3, step_mode=m, backend=auto" in repr(GatedLIFNode(4, 3))
