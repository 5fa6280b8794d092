"""Self-attention of spikes against its equations, token by token."""

from typing import Any

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron, surrogate

ALL = [
    layer.SpikingSelfAttention,
    layer.TokenQKAttention,
    layer.ChannelQKAttention,
    layer.SpikeDrivenSelfAttention,
]


def step_shape(cls: type) -> tuple[int, ...]:
    return (12, 3, 2) if cls is layer.SpikeDrivenSelfAttention else (12, 6)


def lively(module: nn.Module, bias: float = 0.5) -> nn.Module:
    """Large weights and biases, so that neurons fire."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.constant_(part.weight, 2.0)
            nn.init.constant_(part.bias, bias)
    return module


def fire(x: torch.Tensor, threshold: float) -> torch.Tensor:
    """The first step of a LIF neuron with tau=2."""
    return (0.5 * x >= threshold).float()


def batch_norm(x: torch.Tensor, bias: float = 0.5) -> torch.Tensor:
    others = [dim for dim in range(x.dim()) if dim != 1]
    mean, variance = x.mean(others, keepdim=True), x.var(others, keepdim=True, correction=0)
    return 2 * (x - mean) / (variance + 1e-5).sqrt() + bias


def seen_by_projection(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    seen: list[torch.Tensor] = []
    first = module.proj_conv if isinstance(module, layer.SpikeDrivenSelfAttention) else module.proj_conv_bn
    first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    module(x)
    return seen[0]


@pytest.mark.parametrize(("tokens", "bias"), [(3, 4.0), (11, 2.0)])
def test_spiking_self_attention_multiplies_spikes(tokens: int, bias: float) -> None:
    """With more and with fewer tokens than channels of a head, which take the other order of the products."""
    torch.manual_seed(0)
    module = lively(layer.SpikingSelfAttention(12, num_heads=2, step_mode="s"), bias)
    x = torch.rand(4, 12, tokens)
    qkv = fire(batch_norm(torch.einsum("oi,nil->nol", module.qkv_conv_bn[0].weight[..., 0], x), bias), 1.0)
    expected = torch.zeros(4, 12, tokens)
    for head in range(2):
        q, k, v = (qkv[:, 12 * part + 6 * head : 12 * part + 6 * (head + 1)].transpose(1, 2) for part in range(3))
        attended = 0.125 * (q @ k.transpose(1, 2)) @ v
        expected[:, 6 * head : 6 * (head + 1)] = fire(attended, 0.5).transpose(1, 2)
    assert 0 < expected.mean() < 1
    assert torch.equal(seen_by_projection(module, x), expected)


@pytest.mark.parametrize("qka_type", ["token", "channel"])
def test_queries_choose_keys(qka_type: str) -> None:
    torch.manual_seed(0)
    module = lively(layer.QKAttention(12, num_heads=3, qka_type=qka_type, step_mode="s"))
    x = torch.rand(4, 12, 6)
    qk = fire(batch_norm(torch.einsum("oi,nil->nol", module.qk_conv_bn[0].weight[..., 0], x)), 1.0)
    q, k = qk[:, :12], qk[:, 12:]
    gate = torch.empty_like(k)
    for channel in range(12):
        head = slice(4 * (channel // 4), 4 * (channel // 4 + 1))
        total = q[:, head].sum(1) if qka_type == "token" else q[:, channel].sum(1, keepdim=True)
        gate[:, channel] = fire(total, 0.5)
    assert 0 < gate.mean() < 1
    assert torch.equal(seen_by_projection(module, x), gate * k)


def test_spike_driven_self_attention_masks_channels() -> None:
    torch.manual_seed(0)
    module = lively(layer.SpikeDrivenSelfAttention(12, num_heads=3, step_mode="s"))
    x = 3 * torch.rand(4, 12, 3, 2)
    spikes = fire(x, 1.0)
    q, k, v = (
        fire(batch_norm(torch.einsum("oi,nihw->nohw", conv.weight[..., 0, 0], spikes)), 1.0)
        for conv in (module.q_conv, module.k_conv, module.v_conv)
    )
    mask = fire((k * v).sum((2, 3), keepdim=True), 0.5)
    assert torch.equal(seen_by_projection(module, x), q * mask)
    functional.reset_net(module)
    nn.init.zeros_(module.proj_bn.weight)
    nn.init.zeros_(module.proj_bn.bias)
    assert torch.equal(module(x), x)  # the shortcut is inside


@pytest.mark.parametrize("cls", ALL)
def test_one_step_after_the_other_is_all_steps_at_once(cls: Any) -> None:
    torch.manual_seed(1)
    module = lively(cls(12, num_heads=3, tau=1.5, surrogate_function=surrogate.ATan()), 3.0)
    x = 2 * torch.rand(5, 4, *step_shape(cls))
    module(x)
    functional.reset_net(module)
    module.eval()
    at_once = module(x)
    functional.reset_net(module)
    functional.set_step_mode(module, "s")
    torch.testing.assert_close(torch.stack([module(step) for step in x]), at_once, rtol=1e-4, atol=1e-5)
    assert at_once.any()


@pytest.mark.parametrize("cls", ALL)
def test_neurons_are_the_papers_or_those_given(cls: Any) -> None:
    def of(module: nn.Module) -> dict[str, neuron.BaseNode]:
        return {name: part for name, part in module.named_modules() if isinstance(part, neuron.BaseNode)}

    for name, node in of(cls(12, 3)).items():
        assert isinstance(node, neuron.LIFNode)
        assert (node.tau, node.detach_reset, node.step_mode) == (2.0, True, "m")
        assert node.v_threshold == (0.5 if name == "attn_lif" else 1.0)
    assert {node.v_threshold for node in of(cls(12, 3, v_threshold=0.7)).values()} == {0.7}
    given = of(cls(12, 3, spiking_neuron=neuron.ParametricLIFNode, init_tau=3.0, v_threshold=0.3)).values()
    assert {(type(node), node.v_threshold) for node in given} == {(neuron.ParametricLIFNode, 0.3)}


@pytest.mark.parametrize("cls", ALL)
def test_gradients_reach_every_parameter(cls: Any) -> None:
    torch.manual_seed(2)
    module = lively(cls(12, 3), 2.0)
    module(3 * torch.rand(4, 5, *step_shape(cls))).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())
    assert all(p.grad.any() for name, p in module.named_parameters() if name.endswith("0.weight"))


@pytest.mark.parametrize("cls", ALL)
def test_what_is_refused(cls: Any) -> None:
    name = cls.__name__
    with pytest.raises(ValueError, match=f"{name}: dim must be a multiple of num_heads.*dim=12 and num_heads=5"):
        cls(12, 5)
    with pytest.raises(ValueError, match=f"{name}: num_heads must be at least 1, but 0"):
        cls(12, num_heads=0)
    with pytest.raises(TypeError, match=f"{name}: spiking_neuron must be a class of neurons.*'LIF'"):
        cls(12, 3, spiking_neuron="LIF")
    with pytest.raises(ValueError, match=f"{name}: expected x with shape .*but got x with shape"):
        cls(12, 3)(torch.rand(4, *step_shape(cls)))
    with pytest.raises(ValueError, match="step_mode='s' takes one time step"):
        cls(12, 3, step_mode="s")(torch.rand(2, 4, *step_shape(cls)))


def test_kinds_of_query_key_attention() -> None:
    with pytest.raises(ValueError, match="qka_type must be 'token' or 'channel', but 'tokens'"):
        layer.QKAttention(12, 3, "tokens")
    assert "num_heads=3, qka_type=channel, step_mode=m" in repr(layer.ChannelQKAttention(12, 3))
    assert "dim=12, num_heads=3, step_mode=m" in repr(layer.SpikingSelfAttention(12, 3))
