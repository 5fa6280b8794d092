"""MPBNLIFNode: the membrane potential normalised by hand, and the normalisation folded into the threshold."""

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import surrogate
from spikingjelly.activation_based.neuron.lif import LIFNode
from spikingjelly.activation_based.neuron.mpbn import MPBNBaseNode, MPBNLIFNode
from tests.neuron_v15.reference import F64, assert_fires, by_steps, currents

T, N, C = 6, 8, 3
RESETS = [0.0, -0.3, None]


def make(channels: str = "out_features", step_mode: str = "m", **kwargs: object) -> MPBNLIFNode:
    """In float64, with weights, biases and running statistics that all differ."""
    node = MPBNLIFNode(1.7, v_threshold=0.6, step_mode=step_mode, **{channels: C}, **kwargs).double()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for tensor, low, high in [
            (node.vbn.weight, 0.5, 1.5),
            (node.vbn.bias, -0.3, 0.3),
            (node.vbn.running_mean, -0.2, 0.4),
            (node.vbn.running_var, 0.5, 1.5),
        ]:
            tensor.copy_(torch.rand(C, generator=generator) * (high - low) + low)
        if node.learnable_vth:
            node.a.copy_(torch.tensor([-0.5, 0.1, 0.3]))
    return node


def by_hand(
    node: MPBNLIFNode, x: torch.Tensor, v_reset: float | None, decay_input: bool, training: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Spikes and the running statistics, channel by channel; ``x`` is [T, N, C, ...]."""
    rest, y = v_reset or 0.0, torch.zeros_like(x)
    means, variances = node.vbn.running_mean.clone(), node.vbn.running_var.clone()
    for c in range(x.shape[2]):
        v = torch.full_like(x[0, :, c], rest)
        threshold = node.a[c].exp().item() if node.learnable_vth else 0.6
        for t in range(len(x)):
            current = x[t, :, c]
            h = v - (v - rest) / 1.7 + (current / 1.7 if decay_input else current)
            mean, variance = means[c], variances[c]
            if training:
                mean, variance = h.mean(), (h - h.mean()).square().mean()
                means[c] = 0.8 * means[c] + 0.2 * mean
                variances[c] = 0.8 * variances[c] + 0.2 * variance * h.numel() / (h.numel() - 1)
            h = (h - mean) / (variance + 1e-5).sqrt() * node.vbn.weight[c].item() + node.vbn.bias[c].item()
            fires = h >= threshold
            v = torch.where(fires, h - 0.6 if v_reset is None else torch.tensor(v_reset, dtype=F64), h)
            y[t, :, c] = fires.double()
    return y, means, variances


@pytest.mark.parametrize("v_reset", RESETS)
@pytest.mark.parametrize("decay_input", [True, False])
@pytest.mark.parametrize("learnable_vth", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_by_hand(v_reset: float | None, decay_input: bool, learnable_vth: bool, training: bool) -> None:
    node = make(decay_input=decay_input, v_reset=v_reset, learnable_vth=learnable_vth, bn_momentum=0.2).train(training)
    x = currents(T, N, C, low=-1.0)
    y, mean, variance = by_hand(node, x, v_reset, decay_input, training)
    assert_fires(y)
    assert torch.equal(node(x), y)
    torch.testing.assert_close(node.vbn.running_mean, mean)
    torch.testing.assert_close(node.vbn.running_var, variance)


@pytest.mark.parametrize("shape", [(C,), (C, 4)])
def test_shapes_behind_a_linear_layer(shape: tuple[int, ...]) -> None:
    x = currents(T, N, *shape)
    node = make(bn_momentum=0.2)
    y = by_hand(node, x, 0.0, False, True)[0]
    assert torch.equal(node(x), y)


def test_shapes_behind_a_convolution() -> None:
    x = currents(T, N, C, 2, 3)
    node = make("out_channels", bn_momentum=0.2)
    y = by_hand(node, x, 0.0, False, True)[0]
    assert torch.equal(node(x), y)


@pytest.mark.parametrize("v_reset", RESETS)
@pytest.mark.parametrize("learnable_vth", [True, False])
def test_steps_parts_and_the_whole_are_one(v_reset: float | None, learnable_vth: bool) -> None:
    x = currents(T, N, C)
    nodes = [
        make(
            step_mode=mode, v_reset=v_reset, learnable_vth=learnable_vth, surrogate_function=surrogate.ATan(1.5, False)
        )
        for mode in "msm"
    ]
    y = nodes[0](x)
    torch.testing.assert_close(by_steps(nodes[1], x), y)
    torch.testing.assert_close(torch.cat([nodes[2](x[:2]), nodes[2](x[2:])]), y)
    for node in nodes[1:]:
        torch.testing.assert_close(node.v, nodes[0].v)
        torch.testing.assert_close(node.vbn.running_var, nodes[0].vbn.running_var)


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("v_reset", [-0.3, None])
def test_gradients(fold: bool, v_reset: float | None) -> None:
    node = make(v_reset=v_reset, learnable_vth=True, surrogate_function=surrogate.Sigmoid(2.0, spiking=False)).eval()
    if fold:
        node.re_parameterize_v_threshold(normalize_residual=True)
    names = [name for name, _ in node.named_parameters()]
    assert names == (["a", "gamma", "beta"] if fold else ["a", "vbn.weight", "vbn.bias"])

    def forward(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        node.reset()
        return torch.func.functional_call(node, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(forward, (currents(3, 2, C).requires_grad_(), *node.parameters()))


@pytest.mark.parametrize("v_reset", RESETS)
@pytest.mark.parametrize("learnable_vth", [True, False])
@pytest.mark.parametrize("channels", ["out_features", "out_channels"])
def test_folding_keeps_the_spikes(v_reset: float | None, learnable_vth: bool, channels: str) -> None:
    x = currents(T, N, C, *((2, 2) if channels == "out_channels" else ()), low=-3.0)
    node = make(channels, v_reset=v_reset, learnable_vth=learnable_vth).eval()
    with torch.no_grad():
        node.vbn.weight[1] *= -1  # the comparison turns round
    y = node(x)
    assert_fires(y)
    assert 0 < y[:, :, 1].mean() < 1
    node.reset()
    node.re_parameterize_v_threshold(normalize_residual=True)
    assert isinstance(node.vbn, nn.Identity)
    assert torch.equal(node(x), y)


@pytest.mark.parametrize("v_reset", RESETS)
def test_folding_without_normalising_the_residual_by_hand(v_reset: float | None) -> None:
    node = make(v_reset=v_reset).eval()
    x, rest = currents(T, N, C, low=-1.0), v_reset or 0.0
    node.re_parameterize_v_threshold()
    deviation = (node.sigma2 + 1e-5).sqrt()
    v, spikes = torch.full((N, C), rest, dtype=F64), []
    for current in x:
        h = v - (v - rest) / 1.7 + current
        fires = (h - node.mu) / deviation * node.gamma + node.beta >= 0.6
        v = torch.where(fires, h - 0.6 if v_reset is None else torch.tensor(v_reset, dtype=F64), h)
        spikes.append(fires.double())
    assert_fires(torch.stack(spikes))
    assert torch.equal(node(x), torch.stack(spikes))


@pytest.mark.parametrize("running_stats", [False, True])
def test_statistics_while_a_folded_node_is_trained(running_stats: bool) -> None:
    node = make("out_channels", "s", bn_momentum=0.3, bn_decay_momentum=0.5, bn_min_momentum=0.1)
    node.re_parameterize_v_threshold(running_stats=running_stats)
    mean, variance = node.mu.clone(), node.sigma2.clone()
    x = currents(4, N, C, 2, 2)
    potential, momenta = torch.zeros_like(x[0]), [0.3, 0.15, 0.1, 0.1]
    for current, momentum in zip(x, momenta, strict=True):
        potential = potential - potential / 1.7 + current
        share = momentum if running_stats else 1.0
        for c in range(C):
            values = potential[:, c].flatten()
            mean[c] += share * (values.mean() - mean[c])
            variance[c] += share * (values.var() - variance[c])
        fires = (potential - mean.view(C, 1, 1)) / (variance.view(C, 1, 1) + 1e-5).sqrt() * node.gamma.view(
            C, 1, 1
        ) + node.beta.view(C, 1, 1) >= 0.6
        assert torch.equal(node(current), fires.double())
        torch.testing.assert_close(node.mu, mean)
        torch.testing.assert_close(node.sigma2, variance)
        potential = torch.where(fires, 0.0, potential)
    assert node.bn_momentum == (0.1 if running_stats else 0.3)
    assert not node.mu.requires_grad
    node.eval()
    node(x[0])
    torch.testing.assert_close(node.mu, mean)


def test_fold_keeps_the_parameters_for_an_optimizer_and_can_be_changed() -> None:
    node = make()
    weight = node.vbn.weight
    node.re_parameterize_v_threshold()
    assert node.gamma is weight
    assert node.fold_bn
    assert set(node.state_dict()) == {"gamma", "beta", "mu", "sigma2"}
    node.re_parameterize_v_threshold(normalize_residual=True, running_stats=True)
    assert (node.normalize_residual, node.running_stats) == (True, True)
    assert node.gamma is weight
    other = make()
    other.re_parameterize_v_threshold(normalize_residual=True)
    other.load_state_dict(node.state_dict())


def test_state_dict_and_initial_values() -> None:
    statistics = {"vbn.weight", "vbn.bias", "vbn.running_mean", "vbn.running_var", "vbn.num_batches_tracked"}
    assert set(MPBNLIFNode(out_features=4).state_dict()) == statistics
    node = MPBNLIFNode(v_threshold=0.6, out_channels=4, learnable_vth=True)
    assert set(node.state_dict()) == {"a", *statistics}
    assert node.a.tolist() == [0.0] * 4
    assert isinstance(node.vbn, nn.BatchNorm2d)
    assert node.vbn.momentum == node.bn_momentum == 0.1
    assert (node.tau, node.decay_input, node.bn_decay_momentum, node.bn_min_momentum) == (2.0, False, 0.94, 0.005)


@pytest.mark.parametrize("v_reset", RESETS)
def test_without_normalisation_it_is_lif(v_reset: float | None) -> None:
    x = currents(T, N, C)
    node = MPBNLIFNode(1.7, False, 1.0, v_reset, step_mode="m", mpbn=False, out_features=C, learnable_vth=True)
    lif = LIFNode(1.7, False, 1.0, v_reset, step_mode="m")
    assert torch.equal(node(x), lif(x))
    torch.testing.assert_close(node.v, lif.v)
    MPBNLIFNode(mpbn=False)  # needs no number of channels


def test_stored_potentials_are_those_after_the_reset() -> None:
    node = make(store_v_seq=True, detach_reset=True)
    y = node(currents(T, N, C))
    assert node.v_seq.shape == (T, N, C)
    assert (node.v_seq[y == 1] == 0).all()
    assert node.v_seq.max() < 0.6


def test_own_charge() -> None:
    class Integrator(MPBNBaseNode):
        def neuronal_charge(self, x: torch.Tensor) -> None:
            self.v = self.v + x

    node = Integrator(step_mode="m", out_features=C).eval()
    x = currents(T, N, C).float()
    v, spikes = torch.zeros(N, C), []
    for current in x:
        v = (v + current) / (1 + 1e-5) ** 0.5
        spikes.append((v >= 1.0).float())
        v = v * (1 - spikes[-1])
    assert torch.equal(node(x), torch.stack(spikes))


def test_errors() -> None:
    for kwargs in ({}, {"out_features": 2, "out_channels": 3}, {"mpbn": False, "learnable_vth": True}):
        with pytest.raises(ValueError, match=r"give exactly one of out_features .* and out_channels .* but"):
            MPBNLIFNode(**kwargs)
    with pytest.raises(ValueError, match="out_features must be at least 1"):
        MPBNLIFNode(out_features=0)
    for name in ("bn_momentum", "bn_decay_momentum", "bn_min_momentum"):
        with pytest.raises(TypeError, match=f"{name} must be a float"):
            MPBNLIFNode(out_features=2, **{name: 1})
    for name in ("mpbn", "learnable_vth"):
        with pytest.raises(TypeError, match=f"{name} must be a bool"):
            MPBNLIFNode(out_features=2, **{name: 1})
    with pytest.raises(ValueError, match="tau must be greater than 1.0"):
        MPBNLIFNode(1.0, out_features=2)
    with pytest.raises(ValueError, match="expected 4D input"):
        MPBNLIFNode(out_channels=2)(torch.rand(3, 2))
    with pytest.raises(RuntimeError, match="built with mpbn=False: there is no normalisation to fold"):
        MPBNLIFNode(out_features=2, mpbn=False).re_parameterize_v_threshold()
    node = MPBNLIFNode(out_features=2)
    node(torch.rand(3, 2))
    with pytest.raises(RuntimeError, match="MPBNLIFNode still carries the state"):
        node(torch.rand(4, 2))
    for name in ("normalize_residual", "running_stats"):
        with pytest.raises(TypeError, match=f"{name} must be a bool"):
            node.re_parameterize_v_threshold(**{name: 1})
    with torch.no_grad():
        node.vbn.weight[1] = 0.0
    with pytest.raises(ValueError, match="a weight of vbn is 0"):
        node.re_parameterize_v_threshold()
    node = MPBNLIFNode(out_features=2)
    node.re_parameterize_v_threshold()
    with pytest.raises(ValueError, match=r"more than one value per channel, but the potential has shape \[1, 2\]"):
        node(torch.rand(1, 2))


def test_repr() -> None:
    text = repr(make(learnable_vth=True))
    assert "tau=1.7, learnable_vth=True, fold_bn=False" in text
    assert "(vbn): BatchNorm1d(3" in text
