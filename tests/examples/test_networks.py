"""Shapes, parameters and step modes of the examples' networks."""

import pytest
import torch

from spikingjelly.activation_based import functional, layer, neuron, rnn, surrogate
from spikingjelly.activation_based.examples import (
    classify_dvsg,
    conv_fashion_mnist,
    rsnn_sequential_fmnist,
    spiking_lstm_sequential_mnist,
)


def test_the_network_for_fashion_mnist() -> None:
    net = conv_fashion_mnist.CSNN(T=3, channels=4)
    assert {name: list(weight.shape) for name, weight in net.named_parameters() if weight.dim() > 1} == {
        "conv_fc.0.weight": [4, 1, 3, 3],
        "conv_fc.4.weight": [4, 4, 3, 3],
        "conv_fc.9.weight": [64, 196],
        "conv_fc.11.weight": [10, 64],
    }
    assert not any(
        name.endswith("bias") and "conv_fc.1." not in name and "conv_fc.5." not in name
        for name, _ in net.named_parameters()
    )
    rates = net(torch.rand(2, 1, 28, 28))
    assert rates.shape == (2, 10)
    assert set((3 * rates).round(decimals=4).unique().tolist()) <= {0.0, 1.0, 2.0, 3.0}


def test_repeated_views_of_the_images_give_what_copies_give() -> None:
    net = conv_fashion_mnist.CSNN(T=4, channels=4).eval()
    images = torch.rand(3, 1, 28, 28)
    rates = net(images)
    functional.reset_net(net)
    assert torch.equal(rates, net.conv_fc(images.repeat(4, 1, 1, 1, 1)).mean(0))


def test_the_encoder_is_the_first_layer_up_to_its_spikes() -> None:
    net = conv_fashion_mnist.CSNN(T=2, channels=3)
    spikes = net.spiking_encoder()(torch.rand(2, 5, 1, 28, 28))
    assert spikes.shape == (2, 5, 3, 28, 28)
    assert set(spikes.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("use_cupy", [False, True])
def test_cupy_is_passed_to_all_neurons(use_cupy: bool) -> None:
    args = ["-channels", "2", "-device", "cpu", *(["-cupy"] if use_cupy else [])]
    nets = [
        conv_fashion_mnist.CSNN(2, 2, use_cupy),
        *(build(use_cupy) for build in rsnn_sequential_fmnist.MODELS.values()),
        classify_dvsg.build(classify_dvsg.parse(args)).net,
    ]
    for net in nets:
        nodes = [module for module in net.modules() if isinstance(module, neuron.BaseNode)]
        in_sequences = [node for node in nodes if node.step_mode == "m"]
        assert in_sequences
        assert {node.backend == "cupy" for node in in_sequences} == {use_cupy}


def test_the_networks_for_rows() -> None:
    sizes = {"plain": 28 * 32 + 32 + 330, "ss": 28 * 32 + 32 + 330 + 1, "fb": 28 * 32 + 32 + 330 + 64 * 32 + 32}
    for name, size in sizes.items():
        net = rsnn_sequential_fmnist.MODELS[name](False)
        assert sum(weight.numel() for weight in net.parameters()) == size
    assert isinstance(rsnn_sequential_fmnist.StatefulSynapseNet().fc[2], layer.SynapseFilter)
    assert rsnn_sequential_fmnist.FeedBackNet().fc[1].sub_module.detach_reset


def test_rows_come_one_after_another_from_the_top() -> None:
    net = rsnn_sequential_fmnist.PlainNet()
    seen = []
    net.fc[0].register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    images = torch.rand(5, 1, 28, 28)
    assert net(images).shape == (5, 10)
    assert torch.equal(seen[0], torch.stack([images[:, 0, row] for row in range(28)]))


def test_the_network_for_gestures() -> None:
    args = classify_dvsg.parse(["-channels", "3", "-device", "cpu"])
    net = classify_dvsg.build(args).net
    assert net(torch.rand(2, 1, 2, 128, 128)).shape == (2, 1, 11)
    nodes = [module for module in net.modules() if isinstance(module, neuron.LIFNode)]
    assert [(node.tau, node.detach_reset, type(node.surrogate_function)) for node in nodes] == [
        (2.0, True, surrogate.ATan)
    ] * 7


def test_the_network_with_an_lstm() -> None:
    net = spiking_lstm_sequential_mnist.Net(hidden=6, layers=2)
    cells = [module for module in net.modules() if isinstance(module, rnn.SpikingLSTMCell)]
    assert [cell.linear_ih.bias[6:12].tolist() for cell in cells] == [[1.0] * 6] * 2
    assert not (cells[0].linear_ih.bias[:6] == 1).any()
    images = torch.rand(3, 1, 28, 28)
    rows = torch.stack([(images[:, 0, row] - 0.1307) / 0.3081 for row in range(28)])
    outputs, _ = net.lstm(rows)
    assert outputs.shape == (28, 3, 6)
    torch.testing.assert_close(net(images), net.fc(outputs.mean(0)))
