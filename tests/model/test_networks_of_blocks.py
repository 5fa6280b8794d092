"""Spikformer, QKFormer, Spike-driven Transformer and MS-ResNet: sizes of the papers, step modes, inputs, gradients."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.model import (
    masnn,
    max_resnet,
    maxformer,
    ms_resnet,
    qkformer,
    spike_driven_transformer,
    spikformer,
)

# Millions of parameters in the tables of the papers, which are rounded in either direction.
SIZES = {
    "spikformer.spikformer_4_256": 4.15,
    "spikformer.spikformer_2_384": 5.76,
    "spikformer.spikformer_4_384": 9.32,
    "spikformer.spikformer_8_384": 16.81,
    "spikformer.spikformer_8_512": 29.68,
    "spikformer.spikformer_8_768": 66.34,
    "qkformer.qkformer_10_384": 16.47,
    "qkformer.qkformer_10_512": 29.08,
    "qkformer.qkformer_10_768": 64.96,
    "spike_driven_transformer.sdt_8_384": 16.81,
    "spike_driven_transformer.sdt_6_512": 23.37,
    "spike_driven_transformer.sdt_8_512": 29.68,
    "spike_driven_transformer.sdt_8_768": 66.34,
    "ms_resnet.ms_resnet18": 11.69,
    "ms_resnet.ms_resnet34": 21.80,
    "ms_resnet.ms_resnet104": 77.28,
    # as in release 2.0.0
    "maxformer.maxformer_10_384": 16.236616,
    "maxformer.maxformer_cifar": 6.602932,
    "max_resnet.max_resnet18": 12.502090,
    "masnn.masnn_dvs128_gesture": 2.340535,
    "masnn.att_ms_resnet18": 11.867960,
}
MODULES = {
    module.__name__.split(".")[-1]: module
    for module in (spikformer, qkformer, spike_driven_transformer, ms_resnet, maxformer, max_resnet, masnn)
}

SMALL: dict[str, Callable[..., nn.Module]] = {
    "spikformer on patches of 4": lambda **k: spikformer.Spikformer(
        T=3, in_channels=2, img_size_h=16, img_size_w=12, patch_size=4, num_classes=5, embed_dims=16, num_heads=2,
        mlp_ratio=2.0, depths=2, **k,
    ),
    "spikformer on patches of 16": lambda **k: spikformer.Spikformer(3, 2, 32, 48, 16, 5, 24, 4, 3.0, 1, **k),
    "qkformer, tokens": lambda **k: qkformer.QKFormer(
        T=3, in_channels=2, num_classes=5, embed_dims=32, num_heads=(1, 2, 4), depths=(1, 1, 2), mlp_ratio=2.0, **k
    ),
    "qkformer, channels": lambda **k: qkformer.QKFormer(3, 2, 5, 24, (2, 2, 2), (1, 0, 1), 3.0, "channel", **k),
    "spike-driven transformer": lambda **k: spike_driven_transformer.SpikeDrivenTransformer(
        T=3, in_channels=2, num_classes=5, embed_dims=16, num_heads=2, depths=2, mlp_ratio=2.0, pooling_stat="0110", **k
    ),
    "ms-resnet": lambda **k: ms_resnet.MSResNet(
        T=3, in_channels=2, num_classes=5, layers=(1, 2, 1), base_channels=4, stem_kernel_size=3, stem_stride=1,
        stem_pool=True, stage_channels=(6, 4, 8), **k,
    ),
    "ms-resnet with four stages": lambda **k: ms_resnet.MSResNet(3, 2, 5, (1, 1, 1, 1), 4, **k),
    "max-resnet": lambda **k: max_resnet.MaxResNet(3, 2, 5, (1, 2, 1), 4, stage_channels=(6, 4, 8), **k),
    "max-former": lambda **k: maxformer.MaxFormer(3, 2, 5, 16, (1, 1, 1), 3.0, **k),
    "max-former for small images": lambda **k: maxformer.MaxFormer(3, 2, 5, 32, (1, 1, 1), 2.0, cifar=True, **k),
}  # fmt: skip


def count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def lively(name: str, **keywords: Any) -> nn.Module:
    """A network whose neurons fire, with running statistics of an input."""
    torch.manual_seed(4)
    net = SMALL[name](**keywords)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 1.0, 2.0)
            nn.init.constant_(module.bias, 0.3)
            module.momentum = 1.0
    net(2 * torch.rand(3, 4, 2, 32, 32))
    functional.reset_net(net)
    return net


@pytest.mark.parametrize("name", SIZES)
def test_sizes_of_the_papers(name: str) -> None:
    module, function = name.split(".")
    with torch.device("meta"):
        net = getattr(MODULES[module], function)()
    own = count(net) + (biases_of_the_papers_spikformer(net) if module == "spikformer" else 0)
    assert own / 1e6 == pytest.approx(SIZES[name], abs=0.011)


def biases_of_the_papers_spikformer(net: nn.Module) -> int:
    """Its linear layers but queries, keys and values have biases, which the normalisation takes away again."""
    convs = [(name, part) for name, part in net.named_modules() if isinstance(part, nn.Conv1d)]
    return sum(part.out_channels for name, part in convs if "qkv" not in name)


@pytest.mark.parametrize("name", SMALL)
def test_one_step_after_the_other_is_all_steps_at_once(name: str) -> None:
    net = lively(name, surrogate_function=surrogate.ATan()).eval()
    x = 2 * torch.rand(3, 4, 2, 32, 32)
    at_once = net(x)
    functional.reset_net(net)
    functional.set_step_mode(net, "s")
    steps = torch.stack([net(step) for step in x])
    assert steps.shape == (3, 4, 5)
    expected = at_once if isinstance(net, spikformer.Spikformer) else at_once[None]
    torch.testing.assert_close(
        steps if isinstance(net, spikformer.Spikformer) else steps.mean(0)[None], expected, rtol=1e-4, atol=1e-5
    )
    assert len({tuple(row.tolist()) for row in steps.flatten(0, 1)}) > 6  # that differ, so that something was compared


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("training", [True, False])
def test_an_image_is_repeated_over_time(name: str, training: bool) -> None:
    net = lively(name).train(training)
    state = {key: value.clone() for key, value in net.state_dict().items()}
    images = 2 * torch.rand(4, 2, 32, 32)
    once = net(images)
    after = {key: value.clone() for key, value in net.state_dict().items()}
    functional.reset_net(net)
    net.load_state_dict(state)
    repeated = net(images.repeat(3, 1, 1, 1, 1))
    torch.testing.assert_close(once, repeated, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(after, net.state_dict(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SMALL)
def test_sequences_of_any_length(name: str) -> None:
    y = lively(name)(torch.rand(5, 2, 2, 32, 32))
    assert y.shape == ((5, 2, 5) if name.startswith("spikformer") else (2, 5))


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_every_parameter(name: str) -> None:
    net = lively(name, spiking_neuron=neuron.ParametricLIFNode, surrogate_function=surrogate.ATan())
    net(2 * torch.rand(4, 2, 32, 32)).square().sum().backward()
    assert not [key for key, p in net.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    reached = [bool(p.grad.any()) for p in net.parameters()]
    assert reached[0]
    assert sum(reached) > 0.6 * len(reached)  # an attention of few tokens may be silent


@pytest.mark.parametrize("name", SMALL)
def test_state_dict_makes_an_equal_network(name: str, tmp_path: Any) -> None:
    net = lively(name).eval()
    torch.save(net.state_dict(), tmp_path / "net.pt")
    other = SMALL[name]().eval()
    other.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))
    images = torch.rand(2, 2, 32, 32)
    assert torch.equal(net(images), other(images))


@pytest.mark.parametrize("name", SMALL)
def test_what_is_refused(name: str) -> None:
    owner = type(SMALL[name]()).__name__
    with pytest.raises(ValueError, match=rf"{owner}: step_mode='m' takes images \[N, C, H, W\] or a sequence"):
        SMALL[name]()(torch.rand(2, 32, 32))
    single = SMALL[name](step_mode="s")
    with pytest.raises(ValueError, match=rf"{owner}: step_mode='s' takes one time step \[N, C, H, W\]"):
        single(torch.rand(3, 2, 2, 32, 32))
    with pytest.raises(TypeError, match="spiking_neuron must be a class of neurons.*3 "):
        SMALL[name](spiking_neuron=3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: spikformer.Spikformer(T=0), "Spikformer: T must be at least 1, but 0"),
        (lambda: spikformer.Spikformer(patch_size=8), "patch_size must be 4 or 16, but 8"),
        (lambda: spikformer.Spikformer(embed_dims=20, num_heads=2), "embed_dims must be a multiple of 8"),
        (lambda: spikformer.Spikformer(embed_dims=16, mlp_ratio=0.0), "mlp_ratio must be greater than 0"),
        (lambda: spikformer.Spikformer(depths=-1), "depths must be at least 0, but -1"),
        (lambda: spikformer.Spikformer(img_size_h=0), "img_size_h must be at least 1, but 0"),
        (lambda: qkformer.QKFormer(in_channels=0), "QKFormer: in_channels must be at least 1, but 0"),
        (lambda: qkformer.QKFormer(embed_dims=20), "embed_dims must be a multiple of 8"),
        (lambda: qkformer.QKFormer(depths=(1, 2)), r"depths must be three numbers.*\(1, 2\)"),
        (lambda: qkformer.QKFormer(num_heads=(1,)), r"num_heads must be three numbers.*\(1,\)"),
        (lambda: qkformer.QKFormer(qka_type="row"), "qka_type must be 'token' or 'channel', but 'row'"),
        (lambda: spike_driven_transformer.SpikeDrivenTransformer(pooling_stat="012"), "must be four characters.*'012'"),
        (lambda: spike_driven_transformer.SpikeDrivenTransformer(num_classes=0), "num_classes must be at least 1"),
        (lambda: ms_resnet.MSResNet(layers=(1, 1)), r"three or four stages, but \(1, 1\)"),
        (lambda: ms_resnet.MSResNet(layers=(1, 1, 0)), "a number of blocks in layers must be at least 1, but 0"),
        (lambda: ms_resnet.MSResNet(stem_kernel_size=6), "stem_kernel_size must be odd.* but 6 was given"),
        (lambda: ms_resnet.MSResNet(stem_kernel_size=0), "stem_kernel_size must be at least 1, but 0"),
        (lambda: ms_resnet.MSResNet(stage_channels=(1, 1)), r"one number for each of the 4 stages, but \(1, 1\)"),
    ],
)
def test_sizes_that_do_not_fit(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_parts_of_a_spikformer_in_both_step_modes() -> None:
    stem = spikformer.SpikformerPatchStem(16, 20, 4, 2, 16, spiking_neuron=neuron.IFNode)
    assert (stem.image_size, stem.grid_size, stem.num_patches) == ((16, 20), (4, 5), 20)
    block = spikformer.SpikformerBlock(16, 2, mlp_ratio=1.5)
    mlp = spikformer.SpikformerMLP(16, 8, 12, v_threshold=0.4)
    conv = spikformer.SpikformerConv2dBNLIF(2, 3, 5, stride=2, padding=1, pool=True, tau=3.0)
    x = torch.rand(3, 2, 2, 16, 20)
    patches = stem(x)
    assert patches.shape == (3, 2, 16, 4, 5)
    assert block(patches).shape == patches.shape
    assert mlp(patches.flatten(-2)).shape == (3, 2, 12, 20)
    assert conv(x).shape == (3, 2, 3, 4, 5)
    assert conv.neuron.tau == 3.0
    assert mlp.neuron2.v_threshold == 0.4
    for part, step in ((stem, x[0]), (block, patches[0].detach()), (conv, x[0])):
        functional.reset_net(part)
        functional.set_step_mode(part, "s")
        assert part(step).dim() == 4


def test_start_values() -> None:
    net = spikformer.spikformer_4_256(num_classes=3)
    weights = [m.weight for m in net.modules() if isinstance(m, nn.Conv1d | nn.Conv2d)]
    assert torch.cat([w.flatten() for w in weights]).std().item() == pytest.approx(0.02, rel=0.01)
    block = ms_resnet.MSResNet(2, layers=(1, 2, 1), base_channels=8).layer2[1]
    functional.set_step_mode(block, "s")
    x = torch.randn(2, 16, 6, 6)
    assert torch.equal(block(x), x)
    assert (block.bn1.weight == 0.5).all()


def test_names_in_the_state_dict() -> None:
    keys = set(SMALL["spikformer on patches of 4"]().state_dict())
    assert {"patch_embed.stages.0.conv_bn.block.0.weight", "blocks.1.attn.qkv_conv_bn.1.running_var"} <= keys
    assert {"patch_embed.positional_encoding.conv_bn.block.1.bias", "blocks.0.mlp.fc2.0.weight", "head.bias"} <= keys
    keys = set(SMALL["qkformer, tokens"]().state_dict())
    assert {"patch_embed1.conv3.bias", "patch_embed3.shortcut.1.weight", "stage2.0.attn.qk_conv_bn.0.weight"} <= keys
    assert {"stage3.1.attn.proj_conv_bn.1.bias", "stage1.0.mlp.fc1.bias", "head.weight"} <= keys
    keys = set(SMALL["spike-driven transformer"]().state_dict())
    assert {"patch_embed.stages.2.1.weight", "patch_embed.final_stage.0.bias", "patch_embed.rpe_bn.bias"} <= keys
    assert {"blocks.0.attn.q_conv.weight", "blocks.1.attn.proj_conv.bias", "blocks.0.mlp.bn2.weight"} <= keys
    keys = set(SMALL["ms-resnet"]().state_dict())
    assert {"stem.1.weight", "layer1.0.downsample.0.weight", "layer2.1.conv2.weight", "head.weight"} <= keys


def test_published_names_take_the_place_of_the_first_arguments() -> None:
    net = spikformer.spikformer_ti(2, 1, 32, 32, 7, neuron.IFNode, v_threshold=0.5)
    assert (net.T, net.embed_dims, net.depths) == (2, 256, 4)
    assert net(torch.rand(2, 1, 32, 32)).shape == (2, 2, 7)
    assert {m.v_threshold for m in net.modules() if isinstance(m, neuron.IFNode)} == {0.5}
    with torch.device("meta"):
        assert (spikformer.spikformer_s().embed_dims, spikformer.spikformer_s().depths) == (384, 6)
        assert spikformer.spikformer_cifar10(6, 100).T == 6
        sizes = [
            m.kernel_size
            for m in spike_driven_transformer.sdt_8_384(pooling_stat="0011").patch_embed.modules()
            if isinstance(m, layer.MaxPool2d)
        ]
    assert len(sizes) == 2


NETWORK = "in_channels=3, num_classes=1000"
SIGNATURES = {
    spikformer.Spikformer: "T=4, in_channels=3, img_size_h=224, img_size_w=224, patch_size=16, num_classes=1000, embed_dims=256, "
    "num_heads=8, mlp_ratio=4.0, depths=4",
    spikformer.spikformer_ti: "T=4, in_channels=3, img_size_h=224, img_size_w=224, num_classes=1000",
    spikformer.spikformer_s: "T=4, in_channels=3, img_size_h=224, img_size_w=224, num_classes=1000",
    spikformer.spikformer_cifar10: "T=4, num_classes=10",
    spikformer.SpikformerBlock: "dim, num_heads, mlp_ratio=4.0",
    spikformer.SpikformerMLP: "in_features, hidden_features, out_features",
    spikformer.SpikformerPatchStem: "img_size_h=224, img_size_w=224, patch_size=16, in_channels=3, embed_dims=256",
    spikformer.SpikformerConv2dBNLIF: "in_channels, out_channels, kernel_size, stride=1, padding=0, pool=False",
    qkformer.QKFormer: f"T=4, {NETWORK}, embed_dims=384, num_heads=(3, 6, 6), depths=(1, 2, 7), mlp_ratio=4.0, qka_type='token'",
    qkformer.qkformer_10_384: f"T=4, {NETWORK}",
    spike_driven_transformer.SpikeDrivenTransformer: f"T=4, {NETWORK}, embed_dims=384, num_heads=8, depths=8, mlp_ratio=4.0, "
    "pooling_stat='1111'",
    spike_driven_transformer.sdt_8_384: f"T=4, {NETWORK}",
    ms_resnet.MSResNet: f"T=6, {NETWORK}, layers=(2, 2, 2, 2), base_channels=64, stem_kernel_size=7, stem_stride=2, "
    "stem_pool=False, stage_channels=None",
    ms_resnet.ms_resnet18: f"T=6, {NETWORK}",
    ms_resnet.ms_resnet34: f"T=6, {NETWORK}",
}


@pytest.mark.parametrize("published", SIGNATURES, ids=lambda published: published.__name__)
def test_published_signatures(published: Any) -> None:
    parameters = inspect.signature(published).parameters.values()
    written = [p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters]
    assert ", ".join(written) == f"{SIGNATURES[published]}, spiking_neuron=None, kwargs"
