"""Noisy nodes: where the noise enters, what its spectrum is, and how it is drawn, stored and replayed."""

import pytest
import torch

from spikingjelly.activation_based import functional, surrogate
from spikingjelly.activation_based.neuron._exploration_noise import colored_noise
from spikingjelly.activation_based.neuron.ilc import ILCCLIFNode
from spikingjelly.activation_based.neuron.noisy import NoisyBaseNode, NoisyCLIFNode, NoisyILCBaseNode, NoisyILCCLIFNode
from spikingjelly.activation_based.neuron.noisy_non_spiking import NoisyNonSpikingBaseNode, NoisyNonSpikingIFNode
from tests.neuron_v15.reference import F64, assert_fires, currents

T, NUM = 4, 6
RESETS = [0.0, -0.3, None]
# class: a node of NUM neurons, width of its noise
NODES = {
    "CLIF": (lambda **kw: NoisyCLIFNode(NUM, 0.4, 0.6, T=T, **kw), 2 * NUM),
    "ILCCLIF": (lambda **kw: NoisyILCCLIFNode(2, 3, 0.4, 0.6, T=T, **kw), 2 * NUM),
    "IF": (lambda **kw: NoisyNonSpikingIFNode(NUM, T=T, **kw), NUM),
}


def make(name: str, **kwargs: object) -> torch.nn.Module:
    return NODES[name][0](**kwargs).double()


def spiking_by_hand(name: str, node, x: torch.Tensor, cn: torch.Tensor, v_reset: float | None) -> torch.Tensor:
    """``cn`` [N, T, 2 * NUM]: first the noise of the input, then that of the output."""
    strength = 0.3 / NUM**0.5
    v, c = torch.full((x.shape[1], NUM), v_reset or 0.0, dtype=F64), torch.zeros(x.shape[1], NUM, dtype=F64)
    outputs = []
    for t in range(T):
        current = x[t] + strength * cn[:, t, :NUM]
        if name == "ILCCLIF" and t > 0:
            for p in (0, 1):
                rows = slice(3 * p, 3 * p + 3)
                current[:, rows] += outputs[-1][:, rows] @ node.conn.weight[rows, 0].T + node.conn.bias[rows]
        c = 0.4 * c + current
        h = 0.6 * v + c
        fires = h >= 0.8
        v = torch.where(fires, h - 0.8 if v_reset is None else torch.tensor(v_reset, dtype=F64), h)
        outputs.append(fires.double() + strength * cn[:, t, NUM:])
    return torch.stack(outputs)


@pytest.mark.parametrize("name", ["CLIF", "ILCCLIF"])
@pytest.mark.parametrize("v_reset", RESETS)
def test_spiking_nodes_by_hand(name: str, v_reset: float | None) -> None:
    node = make(name, sigma_init=0.3, v_threshold=0.8, v_reset=v_reset)
    x, cn = currents(T, 5, NUM, low=-1.0), torch.randn(5, T, 2 * NUM, dtype=F64)
    node.load_colored_noise(cn)
    expected = spiking_by_hand(name, node, x, cn, v_reset)
    y = node(x)
    torch.testing.assert_close(y, expected)
    assert_fires((y > 0.5).double())
    torch.testing.assert_close(node(x), expected)  # each sequence starts at rest
    node.cancel_load()
    node.reset_noise(1)
    once = node(x)
    shared = node.get_colored_noise().expand(5, T, 2 * NUM)
    torch.testing.assert_close(once, spiking_by_hand(name, node, x, shared, v_reset))


def test_non_spiking_node_by_hand() -> None:
    node = make("IF", sigma_init=0.3, decode="max-mem")
    assert set(node.state_dict()) == {"sigma"}
    torch.testing.assert_close(node.sigma, torch.full((NUM,), 0.3 / NUM**0.5, dtype=F64), rtol=1e-6, atol=0)
    with torch.no_grad():
        node.sigma.copy_(torch.rand(NUM))
    x, cn = currents(T, 5, NUM, low=-2.0), torch.randn(5, T, NUM, dtype=F64)
    node.load_colored_noise(cn)
    v, potentials = torch.zeros(5, NUM, dtype=F64), []
    for t in range(T):
        v = v + x[t] + node.sigma * cn[:, t]
        potentials.append(v)
    torch.testing.assert_close(node(x), torch.stack(potentials).amax(0))


def test_gradients() -> None:
    node, x = make("IF"), currents(T, 2, NUM).requires_grad_()
    node.load_colored_noise(torch.randn(2, T, NUM, dtype=F64))
    assert torch.autograd.gradcheck(
        lambda x, sigma: torch.func.functional_call(node, {"sigma": sigma}, (x,)), (x, node.sigma)
    )
    node = make("ILCCLIF", surrogate_function=surrogate.Sigmoid(2.0, spiking=False))
    node.load_colored_noise(torch.randn(2, T, 2 * NUM, dtype=F64))
    assert torch.autograd.gradcheck(
        lambda x, weight: torch.func.functional_call(node, {"conn.weight": weight}, (x,)), (x, node.conn.weight)
    )


@pytest.mark.parametrize("name", NODES)
def test_an_episode(name: str) -> None:
    node, x = make(name, beta=1.0), currents(T, 3, NUM)
    node.reset_noise(3)
    outputs, used = [], []
    for step in range(3):
        outputs.append(node(x))
        used.append(node.get_colored_noise())
        assert node.noise_step == step
        functional.reset_net(node)
    assert used[0].shape == (T, NODES[name][1])
    assert not torch.equal(outputs[0], outputs[1])
    with pytest.raises(RuntimeError, match=r"used up the noise of 3 forward passes. Call reset_noise\(num_rl_step\)"):
        node(x)
    # what was stored replays what was experienced
    node.load_colored_noise(torch.stack([used[1]] * 3))
    torch.testing.assert_close(node(x), outputs[1])
    assert node.noise_step == 2
    node.cancel_load()
    node.reset_noise(1)
    assert not torch.allclose(node(x), outputs[0])


@pytest.mark.parametrize("name", NODES)
def test_without_noise(name: str) -> None:
    node, x = make(name, is_training=False), currents(T, 3, NUM)
    expected = x.sum(0)
    if name != "IF":
        plain = ILCCLIFNode(2, 3, 0.4, 0.6, node.v_threshold).double()
        plain.load_state_dict({**plain.state_dict(), **node.state_dict()})
        if name == "CLIF":
            torch.nn.init.zeros_(plain.conn.weight)
            torch.nn.init.zeros_(plain.conn.bias)
        expected = plain(x)
        assert_fires(expected)
    torch.testing.assert_close(node(x), expected)
    assert node(currents(T + 3, 3, NUM)).shape[-1] == NUM  # any number of time steps
    node.is_training = True
    node.reset_noise(1)
    node.eval()
    assert not torch.allclose(node(x), expected), "eval() leaves is_training alone"


@pytest.mark.parametrize("name", NODES)
def test_noise_is_no_part_of_the_state_dict_and_moves(name: str) -> None:
    node = NODES[name][0]()
    before = list(node.state_dict())
    node.reset_noise(2)
    node.load_colored_noise(torch.randn(3, T, NODES[name][1]))
    assert list(node.state_dict()) == before
    node.double()
    assert node(currents(T, 3, NUM)).dtype == F64
    node.cancel_load()
    assert node(currents(T, 3, NUM)).dtype == F64
    assert node.get_colored_noise().dtype == F64


def test_two_backward_passes_without_a_reset() -> None:
    node, x = make("ILCCLIF"), currents(T, 2, NUM).requires_grad_()
    node.reset_noise(2)
    for _ in range(2):
        spikes = node(x)
        (gradient,) = torch.autograd.grad(spikes.sum(), x)
        assert spikes.shape[0] == T
        assert gradient.any()


@pytest.mark.parametrize("beta", [0.0, 0.7, 1.0, 2.0])
def test_spectrum_and_strength_of_the_noise(beta: float) -> None:
    samples = 256
    noise = colored_noise(samples, 2000, beta).double()
    assert noise.shape == (samples, 2000)
    deviation = noise - noise.mean(0)
    assert deviation.square().mean().item() == pytest.approx(1.0, rel=0.03)
    assert noise.mean().abs() < 0.1
    # power of each frequency by the definition of the Fourier transform
    k = torch.arange(samples // 2 + 1, dtype=F64)
    angle = 2 * torch.pi / samples * torch.outer(k, torch.arange(samples, dtype=F64))
    power = ((angle.cos() @ noise).square() + (angle.sin() @ noise).square()).mean(1)
    law = power[1:] * k[1:] ** beta
    assert (law / law.mean() - 1).abs().max() < 0.2
    assert (power[0] / power[1] - 1).abs() < 0.2, "frequency 0 has the power of the lowest other one"


def test_noise_of_a_single_sample() -> None:
    assert colored_noise(1, 3000, 1.0).std().item() == pytest.approx(1.0, rel=0.05)


def test_noise_is_correlated_across_the_steps_of_the_environment() -> None:
    node = NoisyCLIFNode(500, T=T, beta=2.0)
    node.reset_noise(20)
    x, last, first = torch.zeros(T, 1, 500), None, []
    for _ in range(20):
        node(x)
        noise = node.get_colored_noise()
        if last is not None:
            first.append((noise[0] - last).square().mean().item())
        last = noise[-1]
    across = sum(first) / len(first)
    assert across < 0.3, "neighbouring samples of Brownian noise are close, also between two steps"
    node.beta = 0.0
    node.reset_noise(2)
    node(x)
    one = node.get_colored_noise()
    node(x)
    assert (node.get_colored_noise()[0] - one[-1]).square().mean() > 1.5
    v_noise, s_noise = one.split(500, -1)
    assert (v_noise * s_noise).mean().abs() < 0.1, "the two noises are independent"


def test_torchs_seed_reproduces_the_noise() -> None:
    node, x, noises = NoisyCLIFNode(NUM, T=T), torch.rand(T, 1, NUM), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        node.reset_noise(1)
        node(x)
        noises.append(node.get_colored_noise().clone())
    assert torch.equal(noises[0], noises[1])
    assert not torch.equal(noises[0], noises[2])


def test_strength_and_defaults() -> None:
    node = NoisyCLIFNode(16)
    assert node.sigma_v == node.sigma_s == 0.5 / 4
    assert (node.T, node.beta, node.v_threshold, node.v_reset, node.is_training) == (5, 0.0, 0.5, 0.0, True)
    assert (node.c_decay, node.v_decay) == (0.5, 0.75)
    node = NoisyILCCLIFNode(2, 3)
    assert node.sigma_v == pytest.approx(0.5 / 6**0.5)
    assert (node.num_node, node.v_threshold) == (6, 1.0)
    assert NoisyNonSpikingIFNode(4).sigma.tolist() == [0.25] * 4
    assert NoisyNonSpikingIFNode(4).decode == "last-mem"


@pytest.mark.parametrize("name", NODES)
def test_errors(name: str) -> None:
    factory, width = NODES[name]
    node, x = factory(), torch.rand(T, 3, NUM)
    with pytest.raises(RuntimeError, match=r"used up the noise of 0 forward passes. Call reset_noise\(num_rl_step\)"):
        node(x)
    node.reset_noise(2)
    with pytest.raises(
        RuntimeError, match=r"has used no noise yet. Call reset_noise\(num_rl_step\), then run the node"
    ):
        node.get_colored_noise()
    with pytest.raises(ValueError, match=rf"draws noise for T={T} time steps, but"):
        node(torch.rand(T + 1, 3, NUM))
    with pytest.raises(ValueError, match=r"num_node=6|expects an input \[T, N, 6\]"):
        node(torch.rand(T, 3, NUM + 1))
    assert node.noise_step == -1, "a refused input uses no noise"
    with pytest.raises(ValueError, match=rf"cn must be noise of shape \[N, {T}, {width}\]"):
        node.load_colored_noise(torch.rand(3, T, width + 1))
    with pytest.raises(TypeError, match="cn must be a torch.Tensor"):
        node.load_colored_noise([1.0])
    node.load_colored_noise(torch.rand(2, T, width))
    with pytest.raises(ValueError, match=r"loaded noise for a batch of 2, but .* Load the noise of this batch"):
        node(x)
    with pytest.raises(ValueError, match="num_rl_step must be at least 1"):
        node.reset_noise(0)
    with pytest.raises(ValueError, match="step_mode must be 'm'"):
        node.step_mode = "s"
    with pytest.raises(TypeError, match="is_training must be a bool"):
        factory(is_training=1)
    with pytest.raises(TypeError, match="sigma_init must be a float"):
        factory(sigma_init=1)
    with pytest.raises(TypeError, match="beta must be a float"):
        factory(beta=1)


def test_errors_of_sizes() -> None:
    for make_one in (lambda: NoisyCLIFNode(0), lambda: NoisyNonSpikingIFNode(0)):
        with pytest.raises(ValueError, match="num_node must be at least 1"):
            make_one()
    with pytest.raises(ValueError, match="act_dim must be at least 1"):
        NoisyILCCLIFNode(0, 3)
    with pytest.raises(ValueError, match="dec_pop_dim must be at least 1"):
        NoisyILCCLIFNode(2, 0)
    with pytest.raises(ValueError, match="T must be at least 1"):
        NoisyCLIFNode(3, T=0)
    with pytest.raises(ValueError, match="decode must be one of"):
        NoisyNonSpikingIFNode(3, decode="all")
    for node in (NoisyBaseNode(6, T=1), NoisyILCBaseNode(2, 3, T=1), NoisyNonSpikingBaseNode(6, T=1)):
        node.reset_noise(1)
        with pytest.raises(NotImplementedError, match=rf"{type(node).__name__} does not define neuronal_charge"):
            node(torch.rand(1, 1, 6))


def test_repr() -> None:
    assert "num_node=6, is_training=True, T=4, beta=1.0" in repr(NoisyCLIFNode(6, T=4, beta=1.0))
    assert "num_node=6, is_training=False, T=4" in repr(NoisyNonSpikingIFNode(6, False, 4))
