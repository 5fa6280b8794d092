"""Eight-bit weights, blocks, the file for netx read back by nothing but integers, and lava-dl's blocks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.activation_based import lava_exchange as lava
from spikingjelly.activation_based.lava_exchange import BlockContainer, CubaLIFNode, SumPool2d
from tests.exchange import fake_lava
from tests.exchange.loihi import run_file

h5py = pytest.importorskip("h5py")


def cuba(**more) -> CubaLIFNode:
    return CubaLIFNode(**{"current_decay": 0.3, "voltage_decay": 0.1, "scale": 64, "v_threshold": 0.9, **more})


def network() -> nn.Sequential:
    return nn.Sequential(
        BlockContainer(nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), bias=False), cuba()),
        nn.Dropout(0.5),
        BlockContainer(SumPool2d((2, 3), stride=(1, 2), padding=(0, 1), dilation=(2, 1)), cuba(v_threshold=2.5)),
        nn.Sequential(BlockContainer(nn.Conv2d(4, 6, 2, groups=2, bias=False), cuba(scale=128)), layer.Flatten()),
        BlockContainer(nn.Linear(24, 5, bias=False), cuba(current_decay=1.0)),
    )


def spread(net: nn.Module) -> nn.Module:
    """Weights over the whole range of eight bits and beyond."""
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.8)
    net[0].synapse.weight.data.view(-1)[:2] = torch.tensor([10.0, -10.0])
    return net.eval()


def test_quantize_8b() -> None:
    x = torch.tensor([-5.0, -4.0, -2.01, -0.017, 0.0, 0.0157, 0.04, 3.9, 3.97, 3.99, 5.0], requires_grad=True)
    units = lava.quantize_8b(x, 64, descale=True)
    assert units.tolist() == [-256, -256, -128, -2, 0, 2, 2, 250, 254, 255, 255]
    assert torch.equal(lava.quantize_8b(x, 64), units / 64)
    assert lava.quantize_8bit is lava.quantize_8b
    units.sum().backward()
    assert (x.grad / 64).tolist() == [0, *[1] * 8, 0, 0]
    assert lava.quantize_8b(torch.tensor([0.2]), 32, descale=True).tolist() == [6]
    with pytest.raises(ValueError, match=r"scale must be greater than 0, but 0 was given"):
        lava.quantize_8b(x, 0)


def test_step_quantize() -> None:
    x = torch.tensor([0.4, 0.6, 1.5])
    assert lava.step_quantize(x).tolist() == [0, 1, 2]
    assert lava.step_quantize(x, 0.5).tolist() == [0.5, 0.5, 1.5]
    assert torch.equal(lava.step_quantize_atgf.apply(x, 0.5), lava.step_quantize(x, 0.5))


def test_orders_of_time() -> None:
    x = torch.rand(5, 2, 3, 4)
    assert torch.equal(lava.TNX_to_NXT(x), x.permute(1, 2, 3, 0))
    assert torch.equal(lava.NXT_to_TNX(lava.TNX_to_NXT(x)), x)
    for function in (lava.TNX_to_NXT, lava.NXT_to_TNX):
        with pytest.raises(TypeError, match=r"x_seq must be a torch.Tensor"):
            function(None)


def test_sum_pool() -> None:
    x = torch.rand(2, 3, 9, 10)
    torch.testing.assert_close(SumPool2d(3, 2, 1)(x), 9 * nn.functional.avg_pool2d(x, 3, 2, 1))
    torch.testing.assert_close(SumPool2d((2, 3))(x), 6 * nn.functional.avg_pool2d(x, (2, 3)))
    assert SumPool2d(2, 1, 0, 3)(x)[0, 1, 2, 4].item() == pytest.approx(float(x[0, 1, 2::3, 4::3][:2, :2].sum()))


def test_a_block_computes_with_rounded_weights_and_learns_the_others() -> None:
    block = BlockContainer(nn.Linear(3, 2, bias=False), cuba(scale=32))
    block.synapse.weight.data = torch.tensor([[0.1, -0.2, 0.033], [9.0, -9.0, 0.5]])
    assert (block.weight() * 32).tolist() == [[4.0, -6.0, 2.0], [254.0, -256.0, 16.0]]
    block(torch.eye(3)).sum().backward()
    assert (block.synapse.weight.grad != 0).tolist() == [[True] * 3, [False, False, True]]
    block.quantize = False
    assert torch.equal(block.weight(), block.synapse.weight)
    assert "quantize=False" in repr(block)


def test_step_modes_of_a_block() -> None:
    net = spread(network())
    x = (torch.rand(7, 2, 2, 9, 8) < 0.4).float()
    functional.set_step_mode(net, "m")
    assert net[0].neu.step_mode == "m"
    together = net(x)
    functional.reset_net(net)
    functional.set_step_mode(net, "s")
    assert torch.equal(torch.stack([net(x_t) for x_t in x]), together)
    assert 0.02 < together.mean() < 0.98
    assert BlockContainer(nn.Linear(2, 2, bias=False), cuba(), step_mode="m").neu.step_mode == "m"


def test_autocast_leaves_the_neurons_in_float32() -> None:
    block = BlockContainer(nn.Linear(3, 2, bias=False), cuba())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert block(torch.ones(2, 3)).dtype == torch.float32


def test_integers_that_read_the_file_give_the_networks_spikes(tmp_path: Path) -> None:
    net = spread(network())
    functional.set_step_mode(net, "m")
    lava.export_hdf5(net, tmp_path / "network.net", (2, 9, 8))
    x = (torch.rand(12, 3, 2, 9, 8) < 0.4).float()
    y = net(x)
    with h5py.File(tmp_path / "network.net") as file:
        for sample in range(3):
            assert np.array_equal(run_file(file, x[:, sample].numpy()), y[:, sample].detach().numpy())
    assert [path.name for path in tmp_path.iterdir()] == ["network.net"]


def test_if_and_lif_are_cases_of_the_chips_neuron(tmp_path: Path) -> None:
    """Weights and inputs on a coarse grid, so that the float neurons round nothing either."""
    net = nn.Sequential(
        layer.Conv2d(1, 3, 3, bias=False), neuron.IFNode(v_threshold=4.0), nn.AvgPool2d(2),
        neuron.LIFNode(tau=2.0, decay_input=False, v_threshold=0.375), layer.Flatten(),
        layer.Linear(12, 4, bias=False), neuron.LIFNode(tau=4.0, decay_input=False),
    )  # fmt: skip
    for parameter in net.parameters():
        parameter.data = torch.randint(-3, 5, parameter.shape) / 4
    lava.export_hdf5(net, tmp_path / "n.net", (1, 6, 6))
    with h5py.File(tmp_path / "n.net") as file:
        kinds = [file[f"layer/{i}/type"][0].decode() for i in range(4)]
        units = [
            tuple(int(file[f"layer/{i}/neuron/{name}"][()]) for name in ("iDecay", "vDecay", "vThMant"))
            for i in (0, 1, 3)
        ]
        assert file["layer/1/weight"][()].tolist() == [16]
    assert kinds == ["conv", "pool", "flatten", "dense"]
    assert units == [(4096, 0, 256), (4096, 2048, 24), (4096, 1024, 64)]


def test_the_layout_of_the_file(tmp_path: Path) -> None:
    lava.export_hdf5(spread(network()), str(tmp_path / "n.net"), [2, 9, 8])
    with h5py.File(tmp_path / "n.net") as file:
        assert sorted(file["layer"]) == ["0", "1", "2", "3", "4"]
        conv = {name: file["layer/0"][name][()] for name in file["layer/0"] if name not in ("neuron", "weight", "type")}
        assert {name: np.asarray(value).tolist() for name, value in conv.items()} == {
            "shape": [4, 5, 6], "inChannels": 2, "outChannels": 4, "kernelSize": [3, 2], "stride": [2, 1],
            "padding": [1, 0], "dilation": [1, 2], "groups": 1,
        }  # fmt: skip
        weight = file["layer/0/weight"][()]
        assert weight.shape == (4, 2, 3, 2)
        assert weight.dtype == np.int32
        assert (weight % 2 == 0).all()
        assert (weight.min(), weight.max()) == (-256, 254)
        assert file["layer/3/shape"][()].tolist() == [24, 1, 1]
        dense = file["layer/4"]
        assert [int(dense[name][()]) for name in ("inFeatures", "outFeatures")] == [24, 5]
        assert dense["shape"][()].tolist() == [5, 1, 1]
        assert dense["neuron/type"][0] == b"CUBA"
        assert int(dense["neuron/refDelay"][()]) == 1
        assert dense["type"][0] == b"dense"


def bias() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 2), cuba())


def used() -> nn.Module:
    net = nn.Sequential(nn.Linear(4, 2, bias=False), cuba())
    net(torch.rand(1, 4))
    return net


def mixed() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 2, bias=False), cuba(), nn.Linear(2, 2, bias=False), cuba(step_mode="m"))


def behind(synapse: nn.Module, *more: nn.Module) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(synapse, *more)


LINEAR, CONV = nn.Linear(4, 2, bias=False), nn.Conv2d(1, 2, 3, bias=False)
REFUSED = {
    "bias": (bias, (4,), ValueError, r"0 \(Linear\) has a bias, which a synapse of the chip has not"),
    "state": (used, (4,), ValueError, r"1 \(CubaLIFNode\) holds the state.*functional\.reset_net"),
    "step modes": (mixed, (4,), ValueError, r"layers in both step modes.*set_step_mode\(net, 'm'\)"),
    "no neurons": (behind(LINEAR, nn.Flatten()), (4,), ValueError, r"0 \(Linear\) has no neurons behind it, but 1 \(Flatten\).*Add a CubaLIFNode\."),
    "batch norm behind": (behind(CONV, nn.BatchNorm2d(2), cuba()), (1, 4, 4), ValueError, r"0 \(Conv2d\) has no neurons.*but 1 \(BatchNorm2d\).*train without it"),
    "no module": (lambda: torch.relu, (4,), TypeError, r"the network must be a module or a list of modules, but"),
    "neurons missing at the end": (behind(LINEAR), (4,), ValueError, r"0 \(Linear\) has no neurons"),
    "no synapse": (behind(cuba()), (4,), ValueError, r"0 \(CubaLIFNode\) has no synapse in front"),
    "nothing": (behind(nn.Dropout()), (4,), ValueError, r"the network has no layers"),
    "max pooling": (behind(nn.MaxPool2d(2), cuba()), (1, 4, 4), TypeError, r"0 \(MaxPool2d\) is no layer of the chip.*SumPool2d with neurons behind\."),
    "batch norm": (behind(CONV, cuba(), nn.BatchNorm2d(2)), (1, 4, 4), TypeError, r"2 \(BatchNorm2d\).*train without it"),
    "a whole model": (lambda: nn.ReLU(), (4,), TypeError, r"the network \(ReLU\) is no layer of the chip.*nn\.Sequential"),
    "soft reset": (behind(LINEAR, neuron.IFNode(v_reset=None)), (4,), ValueError, r"1: the chip resets to 0\.0, but IFNode has v_reset=None"),
    "decayed input": (behind(LINEAR, neuron.LIFNode()), (4,), ValueError, r"make LIFNode with decay_input=False"),
    "other neuron": (behind(LINEAR, neuron.QIFNode()), (4,), TypeError, r"lava_exchange: 1: the chip has CubaLIFNode.*but QIFNode was given"),
    "changed neuron": (behind(LINEAR, neuron.OTTTLIFNode(v_reset=0.0)), (4,), TypeError, r"but OTTTLIFNode was given"),
    "decays": (behind(LINEAR, cuba(voltage_decay=torch.rand(2))), (4,), ValueError, r"one voltage decay a layer.*a decay for each channel"),
    "norm": (behind(LINEAR, cuba(norm=nn.Identity())), (4,), ValueError, r"or a norm"),
    "pool too heavy": (behind(SumPool2d(2), cuba(scale=256)), (1, 4, 4), ValueError, r"has the weight 256\.0 .* up to 254"),
    "pool too fine": (behind(nn.AvgPool2d(3), cuba()), (1, 4, 4), ValueError, r"has the weight 7\.1.*even integers"),
    "partial flatten": (behind(CONV, cuba(), nn.Flatten(2)), (1, 4, 4), ValueError, r"2 must flatten all of a sample"),
    "wrong features": (behind(LINEAR, cuba()), (5,), ValueError, r"0 \(Linear\) takes \[4\].*but gets \[5\]"),
    "wrong channels": (behind(CONV, cuba()), (3, 4, 4), ValueError, r"takes \[1, H, W\], but gets \[3, 4, 4\]"),
    "pool of features": (behind(SumPool2d(2), cuba()), (4,), ValueError, r"takes \[C, H, W\], but gets \[4\]"),
    "padding by name": (behind(nn.Conv2d(1, 2, 3, padding="same", bias=False), cuba()), (1, 4, 4), ValueError, r"padding='same'; write it as numbers"),
    "ceil mode": (behind(nn.AvgPool2d(2, ceil_mode=True), cuba()), (1, 4, 4), ValueError, r"ceil_mode or divisor_override"),
    "shape": (behind(LINEAR, cuba()), (4, 4), ValueError, r"input_shape must be \(C, H, W\) or \(C,\), but \(4, 4\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_chip_has_not_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    make, shape, error, message = REFUSED[name]
    with pytest.raises(error, match=message) as caught:
        lava.export_hdf5(make(), tmp_path / "n.net", shape)
    assert isinstance(caught.value, AssertionError)
    assert not list(tmp_path.iterdir())


def test_places_that_can_not_be_written(tmp_path: Path) -> None:
    net = nn.Sequential(LINEAR, cuba())
    with pytest.raises(FileNotFoundError, match=r"export_hdf5: the folder .*nowhere of n\.net does not exist"):
        lava.export_hdf5(net, tmp_path / "nowhere" / "n.net", (4,))
    with pytest.raises(IsADirectoryError, match=r"export_hdf5: .* is a folder, but the name of a file is needed"):
        lava.export_hdf5(net, tmp_path, (4,))
    assert not list(tmp_path.iterdir())


def test_blocks_take_what_the_chip_has() -> None:
    for synapse, neurons, message in (
        (nn.ReLU(), cuba(), r"expected Linear or Conv2d or SumPool2d, but ReLU"),
        (LINEAR, neuron.IFNode(), r"expected CubaLIFNode, but IFNode"),
    ):
        with pytest.raises(TypeError, match=message):
            BlockContainer(synapse, neurons)
    with pytest.raises(ValueError, match=r"Make it with bias=False"):
        BlockContainer(nn.Linear(2, 2), cuba())
    with pytest.raises(ValueError, match=r"pads with zeros, but padding_mode='circular'"):
        BlockContainer(nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular", bias=False), cuba())
    with pytest.raises(ValueError, match=r"step_mode must be 's' or 'm'"):
        BlockContainer(LINEAR, cuba(), step_mode="t")


def test_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ImportError, match=r'needs h5py, .*pip install "spikingjelly\[lava\]"'):
        lava.export_hdf5(network(), tmp_path / "n.net", (2, 9, 8))


NEEDING_LAVA: dict[str, Callable[[], object]] = {
    "to_lava_neuron": lambda: lava.to_lava_neuron(cuba(step_mode="m")),
    "linear_to_lava_synapse_dense": lambda: lava.linear_to_lava_synapse_dense(LINEAR),
    "conv2d_to_lava_synapse_conv": lambda: lava.conv2d_to_lava_synapse_conv(CONV),
    "avgpool2d_to_lava_synapse_pool": lambda: lava.avgpool2d_to_lava_synapse_pool(nn.AvgPool2d(2)),
    "to_lava_block_dense": lambda: lava.to_lava_block_dense(LINEAR, cuba(step_mode="m")),
    "to_lava_block_conv": lambda: lava.to_lava_block_conv(CONV, cuba(step_mode="m")),
    "to_lava_block_pool": lambda: lava.to_lava_block_pool(nn.AvgPool2d(2), cuba(step_mode="m")),
    "to_lava_block_flatten": lambda: lava.to_lava_block_flatten(nn.Flatten()),
    "to_lava_blocks": lambda: lava.to_lava_blocks([LINEAR, cuba(step_mode="m")]),
}


@pytest.mark.parametrize("name", NEEDING_LAVA)
def test_what_needs_lava_says_so(name: str) -> None:
    with pytest.raises(ImportError, match=r"lava-dl, which was archived in May 2026.*export_hdf5"):
        NEEDING_LAVA[name]()


def test_lava_blocks_have_the_networks_weights_and_neurons() -> None:
    net = spread(network())
    functional.set_step_mode(net, "m")
    with fake_lava.installed() as slayer:
        conv, pool, grouped, flatten, dense = lava.to_lava_blocks(net)
        assert isinstance(flatten, slayer.block.cuba.Flatten)
    for block, ours in ((conv, net[0]), (grouped, net[3][0]), (dense, net[4])):
        assert torch.equal(block.synapse.weight.flatten(), ours.weight().detach().flatten())
    assert torch.equal(pool.synapse.weight, torch.ones(1, 1, 2, 3, 1))
    assert conv.synapse.geometry == ((2, 1), (1, 0), (1, 2), 1)
    assert grouped.synapse.geometry[-1] == 2
    assert pool.synapse.geometry == ((1, 2), (0, 1), (2, 1))
    assert (conv.neuron.current_decay, conv.neuron.voltage_decay) == pytest.approx((0.3, 0.1))
    assert conv.neuron.threshold == 57 / 64
    assert grouped.neuron.more["scale"] == 128


def test_lava_synapses_and_unrounded_blocks() -> None:
    torch.nn.init.normal_(LINEAR.weight)
    with fake_lava.installed():
        assert torch.equal(lava.linear_to_lava_synapse_dense(LINEAR).weight[..., 0, 0, 0], LINEAR.weight)
        assert torch.equal(lava.conv2d_to_lava_synapse_conv(CONV).weight[..., 0], CONV.weight)
        assert lava.avgpool2d_to_lava_synapse_pool(nn.AvgPool2d(2)).weight.flatten().tolist() == [0.25] * 4
        assert lava.avgpool2d_to_lava_synapse_pool(SumPool2d(2)).weight.flatten().tolist() == [1.0] * 4
        node = cuba(step_mode="m")
        as_it_is = lava.to_lava_block_dense(LINEAR, node, quantize_to_8bit=False)
        assert torch.equal(as_it_is.synapse.weight.flatten(), LINEAR.weight.flatten())
        assert torch.equal(lava.to_lava_block_conv(CONV, node, False).synapse.weight.flatten(), CONV.weight.flatten())
        pool = lava.to_lava_block_pool(nn.AvgPool2d((1, 3)), node, False)
        assert pool.synapse.weight.flatten().tolist() == pytest.approx([1 / 3] * 3)
        norm = lava.BatchNorm2d(3, eps=1e-3, momentum=0.2, weight_exp_bits=4)
        norm(torch.rand(2, 3, 4, 4))
        theirs = norm.to_lava()
        assert theirs.arguments[:4] == (3, 0.2, 4, 1e-3)
        assert torch.equal(theirs.running_mean, norm.running_mean)
        assert torch.equal(theirs.running_var, norm.running_var)


def test_a_lava_neuron_runs_on_our_sequences() -> None:
    x = torch.rand(6, 3, 4)
    node = neuron.LIFNode(tau=4.0, decay_input=False, v_threshold=1.3, step_mode="m")
    with fake_lava.installed():
        theirs = lava.to_lava_neuron(node)
    spikes, v = lava.lava_neuron_forward(theirs, x, 0.0)
    assert torch.equal(spikes, node(x))
    torch.testing.assert_close(v, node.v)
    again, _ = lava.lava_neuron_forward(theirs, x, v)
    assert torch.equal(again, node(x))


def test_the_parameters_of_lavas_neuron() -> None:
    found = lava.to_lava_neuron_param_dict(neuron.IFNode(v_threshold=0.75, step_mode="m"))
    assert found == {
        "threshold": 0.75, "current_decay": 1.0, "voltage_decay": 0.0, "tau_grad": 1, "scale_grad": 1, "scale": 64,
        "norm": None, "dropout": None, "shared_param": True, "persistent_state": False, "requires_grad": False,
        "graded_spike": False,
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"set step_mode='m', but 's' was found"):
        lava.to_lava_neuron_param_dict(neuron.IFNode())


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_the_names_of_clock_driven() -> None:
    from spikingjelly.clock_driven import lava_exchange, neuron

    node = neuron.MultiStepLIFNode(tau=4.0, decay_input=False, lava_s_cale=128)
    found = lava_exchange.to_lava_neuron_param_dict(node)
    assert (found["voltage_decay"], found["scale"]) == (0.25, 128)
    assert lava_exchange.quantize_8bit is lava.quantize_8b
    lava_exchange.check_fc(LINEAR)
    lava_exchange.check_conv2d(CONV)
    for check, wrong in ((lava_exchange.check_fc, CONV), (lava_exchange.check_conv2d, LINEAR)):
        with pytest.raises(TypeError, match=r"expected (Linear|Conv2d), but"):
            check(wrong)
    with pytest.raises(ValueError, match=r"has a bias"):
        lava_exchange.check_fc(nn.Linear(2, 2))
