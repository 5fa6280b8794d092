"""Layers, functions, encoders, monitors and learners of clock_driven, in closed form or against activation_based."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.clock_driven import encoding, functional, layer, monitor, neuron


def test_multi_step_dropout_has_one_mask() -> None:
    x = torch.ones(5, 4, 100)
    for dropout in (layer.MultiStepDropout(p=0.3), layer.MultiStepDropout2d(0.3)):
        y = dropout(x[..., None, None] if isinstance(dropout, layer.MultiStepDropout2d) else x)
        assert dropout.p == 0.3
        assert torch.equal(y, y[:1].expand_as(y))
        assert set(y.unique().tolist()) == {0.0, torch.tensor(1 / 0.7).item()}
        mask = dropout.mask
        dropout.reset()
        assert dropout.mask is None
        assert mask.shape == y.shape[1:]
        assert torch.equal(dropout.eval()(y), y)
    assert (layer.MultiStepDropout().p, layer.MultiStepDropout2d().p) == (0.5, 0.5)


def test_dropout_keeps_its_mask_over_single_steps() -> None:
    dropout = layer.Dropout(0.5)
    first = dropout(torch.ones(2, 50))
    assert torch.equal(dropout(torch.ones(2, 50)), first)
    assert 0 < (first == 0).sum() < 100


def test_dropout_of_spikes_has_the_scale_of_others() -> None:
    dropout = layer.Dropout(0.2, dropout_spikes=True)
    assert dropout.dropout_spikes
    assert set(dropout(torch.ones(2, 50)).unique().tolist()) == {0.0, 1.25}


def test_channels_pool() -> None:
    x = torch.arange(2 * 4 * 2 * 2.0).view(2, 4, 2, 2)
    assert torch.equal(layer.ChannelsPool(nn.MaxPool1d(2))(x), x[:, 1::2])
    y = layer.ChannelsPool(nn.AvgPool1d(4, 1))(x)
    torch.testing.assert_close(y, x.mean(1, keepdim=True))
    assert layer.ChannelsPool(nn.MaxPool1d(3, 2, 1))(torch.rand(2, 7, 3, 5)).shape == (2, 4, 3, 5)


def test_axat() -> None:
    module = layer.AXAT(4, 3)
    assert {name: tuple(p.shape) for name, p in module.state_dict().items()} == {"A": (3, 4)}
    x = torch.rand(2, 4, 4)
    torch.testing.assert_close(module(x), torch.einsum("oi,nij,pj->nop", module.A, x, module.A))
    module(x).sum().backward()
    assert module.A.grad.abs().sum() > 0


def test_dct() -> None:
    dct, x = layer.DCT(4), torch.rand(2, 3, 8, 12)
    torch.testing.assert_close(dct.kernel @ dct.kernel.t(), torch.eye(4))
    # the recorded kernel of the published layer
    recorded = [
        [0.5, 0.5, 0.5, 0.5],
        [0.6533, 0.2706, -0.2706, -0.6533],
        [0.5, -0.5, -0.5, 0.5],
        [0.2706, -0.6533, 0.6533, -0.2706],
    ]
    torch.testing.assert_close(dct.kernel, torch.tensor(recorded), atol=5e-5, rtol=0)
    block = x[1, 2, 4:, 4:8]
    torch.testing.assert_close(dct(x)[1, 2, 4:, 4:8], dct.kernel @ block @ dct.kernel.t())
    published = [[5.0, -1.0, 9.0, -1.0], [-4.0, 0.0, -4.0, 0.0], [21.0, -1.0, 25.0, -1.0], [-4.0, 0.0, -4.0, 0.0]]
    torch.testing.assert_close(layer.DCT(2)(torch.arange(16.0).view(4, 4)), torch.tensor(published), atol=1e-5, rtol=0)
    assert dct.double()(x.double()).dtype == torch.float64
    assert list(dct.state_dict()) == []
    with pytest.raises(ValueError, match=r"multiples of kernel_size=4, but x has shape \[1, 1, 6, 6\]"):
        layer.DCT(4)(torch.ones(1, 1, 6, 6))


def trained_conv_bn(**kwargs) -> nn.Module:
    module = layer.ConvBatchNorm2d(2, 3, 3, **kwargs)
    for _ in range(3):
        module(torch.rand(4, 2, 8, 8))
    nn.init.uniform_(module.bn.weight)
    nn.init.uniform_(module.bn.bias)
    return module.eval()


def test_conv_batch_norm() -> None:
    module = trained_conv_bn(stride=2, padding=1, eps=1e-3, momentum=0.3)
    assert list(module.state_dict()) == [
        "conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "bn.num_batches_tracked",
    ]  # fmt: skip
    assert (module.conv.bias, module.bn.eps, module.bn.momentum) == (None, 1e-3, 0.3)
    x = torch.rand(2, 2, 8, 8)
    torch.testing.assert_close(module.get_fused_conv()(x), module(x))
    y = F.conv2d(x, module.get_fused_weight(), module.get_fused_bias(), stride=2, padding=1)
    torch.testing.assert_close(y, module(x))
    expected = module(x) * 2.0 + 0.5
    module.scale_fused_weight(2.0)
    module.scale_fused_bias(2.0, 0.5)
    torch.testing.assert_close(module.get_fused_conv()(x), expected)


def test_fuse_convbn2d_scales_its_output() -> None:
    module, x = trained_conv_bn(), torch.rand(2, 2, 8, 8)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    y = module(x)
    torch.testing.assert_close(functional.fuse_convbn2d(module.conv, module.bn)(x), y)
    torch.testing.assert_close(functional.fuse_convbn2d(module.conv, module.bn, k=3.0)(x), 3 * y)
    shifted = functional.fuse_convbn2d(module.conv, module.bn, b=0.25)
    torch.testing.assert_close(shifted.bias, module.get_fused_bias() + 0.25)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_containers_and_normalisation() -> None:
    x = torch.rand(4, 2, 3, 6, 6)
    block = layer.SeqToANNContainer(nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5))
    assert list(block.state_dict())[:2] == ["0.weight", "1.weight"]
    assert isinstance(block, nn.Sequential)
    torch.testing.assert_close(block(x), block[1](block[0](x.flatten(0, 1))).view(4, 2, 5, 4, 4))
    norm = layer.MultiStepThresholdDependentBatchNorm2d(0.5, 1.2, 3, eps=1e-4)
    assert norm.eps == 1e-4
    y = norm(x)
    torch.testing.assert_close(y.mean((0, 1, 3, 4)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.std((0, 1, 3, 4), unbiased=False), torch.full((3,), 0.6), atol=1e-3, rtol=0)
    assert layer.MultiStepThresholdDependentBatchNorm1d(1.0, 0.5, 3)(torch.rand(4, 2, 3)).shape == (4, 2, 3)
    assert layer.MultiStepThresholdDependentBatchNorm3d(1.0, 0.5, 3)(torch.rand(4, 2, 3, 2, 2, 2)).shape[-3:] == (
        2,
        2,
        2,
    )
    attention = layer.MultiStepTemporalWiseAttention(4, reduction=2, dimension=4)
    assert list(attention.state_dict()) == ["sharedMLP.0.weight", "sharedMLP.2.weight"]
    assert attention(x).shape == x.shape


def test_recurrent_containers() -> None:
    x = torch.rand(5, 2, 3)
    rc = layer.LinearRecurrentContainer(neuron.IFNode(v_threshold=0.3), in_features=3, out_features=3, bias=True)
    assert list(rc.state_dict()) == ["rc.weight", "rc.bias"]
    previous = torch.zeros(2, 3)
    node = neuron.IFNode(v_threshold=0.3)
    for step in x:
        previous = node(F.linear(torch.cat([step, previous], -1), rc.rc.weight, rc.rc.bias))
        assert torch.equal(rc(step), previous)
    element_wise = layer.ElementWiseRecurrentContainer(neuron.IFNode(), torch.add)
    assert torch.stack([element_wise(torch.full((1,), 0.6)) for _ in range(4)]).flatten().tolist() == [
        0.0,
        1.0,
        1.0,
        1.0,
    ]


def test_synapse_filter_and_neu_norm() -> None:
    synapse = layer.SynapseFilter(5.0, learnable=True)
    spikes = torch.tensor([1.0, 0.0, 1.0])
    assert [synapse(s.view(1)).item() for s in spikes] == pytest.approx([1.0, 0.8, 1.8])
    assert synapse.w.item() == pytest.approx(-math.log(4))
    norm = layer.NeuNorm(2, 3, 3, k=0.9)
    norm(torch.ones(1, 2, 3, 3))
    torch.testing.assert_close(norm.x, torch.full((1, 1, 3, 3), 0.05))
    assert layer.NeuNorm(2, 3, 3, shared_across_channels=True).w.shape == (1, 3, 3)


def test_stdp_learner() -> None:
    rule = {"f_pre": lambda w: w + 0.5, "f_post": lambda w: 2 - 3 * w}
    learner, batch = (layer.STDPLearner(2.0, 4.0, **rule) for _ in range(2))
    fc, fc_of_batch = nn.Linear(2, 3, bias=False), nn.Linear(2, 3, bias=False)
    for synapse in (fc, fc_of_batch):
        nn.init.constant_(synapse.weight, 0.5)
    steps = [([1.0, 0.0], [1.0, 0.0, 1.0]), ([1.0, 1.0], [1.0, 0.0, 0.0]), ([0.0, 1.0], [1.0, 1.0, 0.0])]
    pre, post = (torch.tensor(side) for side in zip(*steps, strict=True))
    learner.stdp(pre[0], post[0], fc, 0.1)
    # as recorded in the releases up to 0.0.0.0.14
    torch.testing.assert_close(fc.weight.detach(), torch.tensor([[0.65, 0.55], [0.6, 0.5], [0.65, 0.55]]))
    for t in (1, 2):
        learner.stdp(pre[t], post[t], fc, 0.1)
    assert learner.trace_pre.tolist() == [0.75, 1.5]
    assert learner.trace_post.tolist() == [2.3125, 1.0, 0.5625]
    batch.stdp(pre, post, fc_of_batch, 0.1)
    torch.testing.assert_close(fc_of_batch.weight[0].detach(), torch.tensor([0.5 + 0.2 + 0.15] * 2))
    assert torch.equal(batch.trace_pre, pre)
    learner.reset()
    assert learner.trace_pre == 0.0
    with pytest.raises(NotImplementedError, match=r"must be a torch.nn.Linear, but Conv2d was given"):
        learner.stdp(pre[0], post[0], nn.Conv2d(1, 1, 2), 0.1)


def clusters(v: torch.Tensor, v_threshold: float, T_in: int) -> tuple[int, int | None, int | None]:
    """Of one neuron: the number of clusters, the time of a further one, the time that ends the smallest."""
    spikes = [t for t, value in enumerate(v.tolist()) if value >= v_threshold]
    found: list[list[int]] = []
    for t in spikes:
        if found and t - found[-1][-1] <= T_in:
            found[-1].append(t)
        else:
            found.append([t])
    far = [t for t in range(len(v)) if all(abs(t - s) > T_in for s in spikes)]
    further = max(far, key=lambda t: v[t].item()) if far else None
    return len(found), further, min(found, key=len)[-1] if found else None


@pytest.mark.parametrize("T_in", [1, 2, 3])
def test_spike_cluster(T_in: int) -> None:
    v = torch.rand(15, 40) * torch.linspace(0.5, 2.0, 40)
    number, positive, negative = functional.spike_cluster(v, 1.0, T_in)
    for n in range(v.shape[1]):
        expected = clusters(v[:, n], 1.0, T_in)
        times = [mask[:, n].nonzero().flatten().tolist() for mask in (positive, negative)]
        assert (number[n], *times) == (expected[0], *[[] if t is None else [t] for t in expected[1:]])
    thresholds = torch.linspace(0.5, 1.5, 40)
    assert number.dtype == v.dtype
    assert functional.spike_cluster(v, thresholds, T_in)[0][7] == clusters(v[:, 7], thresholds[7].item(), T_in)[0]
    with pytest.raises(AssertionError, match="T_in must be at least 1, but 0 was given"):
        functional.spike_cluster(v, 1.0, 0)


def test_functions_over_time() -> None:
    x = torch.rand(4, 2, 3)
    fc, node = nn.Linear(3, 5), neuron.IFNode()
    y = functional.multi_step_forward(x, [fc, node])
    functional.reset_net(node)
    assert torch.equal(y, torch.stack([node(fc(step)) for step in x]))
    torch.testing.assert_close(functional.seq_to_ann_forward(x, nn.Sequential(fc, nn.ReLU())), fc(x).relu())
    labels = torch.tensor([0, 4])
    expected = F.cross_entropy(y.flatten(0, 1), labels.repeat(4))
    torch.testing.assert_close(functional.temporal_efficient_training_cross_entropy(y, labels), expected)


def test_encoders() -> None:
    x = torch.rand(2, 1000)
    assert encoding.PoissonEncoder()(x).mean().item() == pytest.approx(x.mean().item(), abs=0.05)
    latency = encoding.LatencyEncoder(4)
    spikes = torch.stack([latency(torch.tensor([0.0, 0.5, 1.0])) for _ in range(5)])
    assert spikes.tolist() == [[0, 0, 1], [0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]
    periodic = encoding.PeriodicEncoder(torch.eye(3))
    assert [periodic(None).argmax().item() for _ in range(4)] == [0, 1, 2, 0]
    phase = encoding.WeightedPhaseEncoder(3)
    assert [phase(torch.tensor([0.0, 0.5, 0.75])).tolist() for _ in range(3)] == [[0, 1, 1], [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_monitor(backend: str) -> None:
    net = nn.Sequential(
        nn.Linear(3, 4), neuron.LIFNode(v_threshold=0.1), nn.Linear(4, 2), neuron.IFNode(v_threshold=0.2)
    )
    records: dict[int, list[torch.Tensor]] = {1: [], 3: []}
    for i in records:
        net[i].register_forward_hook(lambda module, inputs, output, i=i: records[i].append(output.detach()))
    counter = monitor.Monitor(net, "cpu", backend)
    with pytest.raises(ValueError, match=r"no spikes of '1' were counted\. Call enable"):
        counter.get_avg_firing_rate()
    counter.enable()
    for step in torch.rand(6, 5, 3):
        net(step)
    counter.disable()
    net(step)
    spikes = {i: torch.stack(steps[:6]) for i, steps in records.items()}
    total = sum(s.sum() for s in spikes.values()) / sum(s.numel() for s in spikes.values())
    silent = {i: (s.sum((0, 1)) == 0).float() for i, s in spikes.items()}
    assert float(counter.get_avg_firing_rate()) == pytest.approx(total.item())
    assert float(counter.get_avg_firing_rate(all=False, module_name="1")) == pytest.approx(spikes[1].mean().item())
    assert float(counter.get_nonfire_ratio(False, "3")) == pytest.approx(silent[3].mean().item())
    assert float(counter.get_nonfire_ratio()) == pytest.approx(torch.cat(list(silent.values())).mean().item())
    for rate in (counter.get_avg_firing_rate(), counter.get_nonfire_ratio()):
        assert isinstance(rate, torch.Tensor) == (backend == "torch")
        assert str(rate.dtype).endswith("float32")
    with pytest.raises(ValueError, match=r"no node '7' in the network\. Its nodes: '1', '3'"):
        counter.get_nonfire_ratio(all=False, module_name="7")


def test_monitor_of_sequences() -> None:
    net = nn.Sequential(nn.Linear(3, 4), neuron.MultiStepLIFNode(v_threshold=0.1))
    counter = monitor.Monitor(net)
    counter.enable()
    y = torch.cat([net(torch.rand(6, 5, 3)), net(torch.rand(6, 5, 3))])
    assert counter.get_avg_firing_rate() == pytest.approx(y.mean().item())
    counter.reset()
    with pytest.raises(ValueError, match="no spikes"):
        counter.get_avg_firing_rate()
    with pytest.raises(ValueError, match="backend must be 'numpy' or 'torch', but 'tensor'"):
        monitor.Monitor(net, backend="tensor")
