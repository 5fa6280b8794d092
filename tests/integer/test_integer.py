"""Networks of integers: every bit against numpy's integers, what is lost against floats, and what can't happen."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.activation_based.integer import IntegerNetwork, IntegerNode, IntegerSynapse, quantize_network
from spikingjelly.activation_based.integer._bounds import largest_potential
from tests.integer import simulation
from tests.parity.compare import counted

NODES: dict[str, Callable[[], nn.Module]] = {
    "IF": lambda: neuron.IFNode(v_threshold=0.7),
    "IF, soft": lambda: neuron.IFNode(v_reset=None),
    "IF, reset below": lambda: neuron.IFNode(v_reset=-0.3),
    "LIF": lambda: neuron.LIFNode(tau=1.7, v_threshold=0.4),
    "LIF, soft, whole input": lambda: neuron.LIFNode(tau=3.0, decay_input=False, v_reset=None),
    "LIF, reset above": lambda: neuron.LIFNode(tau=2.3, v_threshold=0.5, v_reset=0.2),
    "PLIF": lambda: neuron.ParametricLIFNode(init_tau=2.6, decay_input=False),
}


def convolutional(node: Callable[[], nn.Module]) -> nn.Sequential:
    net = nn.Sequential(
        nn.Sequential(
            layer.Conv2d(2, 6, 3, padding=1, stride=(2, 1)), layer.BatchNorm2d(6), node(),
            layer.AvgPool2d(2, padding=1), nn.Identity(),
        ),
        layer.Conv2d(6, 4, (3, 2), dilation=(1, 2), groups=2, bias=False), node(), layer.MaxPool2d(2, 1),
        layer.Dropout(0.5), layer.Flatten(), layer.Linear(4, 20, bias=False), layer.BatchNorm1d(20), node(),
        layer.Linear(20, 5), node(),
    )  # fmt: skip
    return prepared(net, torch.rand(8, 2, 12, 7))


def prepared(net: nn.Sequential, x: torch.Tensor) -> nn.Sequential:
    """Batch statistics of its own, in evaluation."""
    for part in net.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 1.0, 3.0)
            nn.init.uniform_(part.bias, 0.0, 1.5)
    for parameter in net[-2].parameters():
        parameter.data *= 3
    for _ in range(20):
        net(x)
        functional.reset_net(net)
    return net.eval()


def as_integers(y: torch.Tensor) -> np.ndarray:
    integers = y.numpy().astype(np.int64)
    assert np.array_equal(integers, y.numpy())
    return integers


def assert_every_bit(q: IntegerNetwork, x_seq: torch.Tensor) -> np.ndarray:
    """In both step modes: outputs and potentials."""
    expected, potentials = simulation.run(q.record, x_seq.numpy())
    scale = 1.0 if q.output_units is None else q.output_units.numpy()
    nodes = [part for part in q.layers if isinstance(part, IntegerNode)]
    for step_mode in ("m", "s"):
        functional.set_step_mode(q, step_mode)
        functional.reset_net(q)
        y = q(x_seq) if step_mode == "m" else torch.stack([q(x) for x in x_seq])
        assert np.array_equal(y.numpy(), (expected / scale).astype(np.float32))
        for node, potential in zip(nodes, potentials, strict=True):
            assert np.array_equal(as_integers(node.v), potential)
    functional.reset_net(q)
    return expected


@pytest.mark.parametrize("name", NODES)
def test_every_bit_is_that_of_the_integers(name: str) -> None:
    net, x = convolutional(NODES[name]), torch.rand(20, 8, 2, 12, 7)
    spikes = assert_every_bit(quantize_network(net, [x[0]]), x)
    assert 0.01 < spikes.mean() < 0.99


@pytest.mark.parametrize("dims", [1, 3])
def test_convolutions_of_other_dimensions(dims: int) -> None:
    conv = (layer.Conv1d, None, layer.Conv3d)[dims - 1]
    net = nn.Sequential(conv(2, 3, 2, stride=2, padding=1), neuron.IFNode(v_threshold=0.1), layer.Flatten())
    nn.init.uniform_(net[0].weight, -0.2, 0.4)
    x = torch.rand(6, 2, 2, *[5] * dims)
    assert assert_every_bit(quantize_network(net, [(x[0], None)]), x).mean() > 0.01


def test_the_kernel_runs_sequences() -> None:
    net = nn.Sequential(layer.Linear(30, 40), neuron.LIFNode(v_threshold=0.1))
    q = quantize_network(net, [torch.rand(200, 30)])
    functional.set_step_mode(q, "m")
    with counted() as shapes, torch.no_grad():
        y = q(torch.rand(9, 200, 30))
    assert shapes == [(9, 200, 40)]
    assert 0 < y.mean() < 1


def test_sums_are_the_same_where_zeros_are_skipped_and_under_autocast() -> None:
    net = nn.Sequential(
        layer.Conv2d(16, 32, 3, padding=1), neuron.IFNode(v_threshold=0.05), layer.Flatten(),
        layer.Linear(32 * 64, 32), neuron.IFNode(v_threshold=0.05),
    )  # fmt: skip
    x = (torch.rand(4, 64, 16, 8, 8) < 0.05).float()
    q = quantize_network(net, [x])
    functional.set_step_mode(q, "m")
    results = []
    for skipped, half in ((True, False), (False, False), (True, True)):
        functional.reset_net(q)
        with functional.skip_zeros(skipped), torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            results.append(q(x))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])
    assert 0 < results[0].mean() < 1
    assert results[2].dtype == torch.float32


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_more_bits_are_closer_to_the_floats(bits: int) -> None:
    net = nn.Sequential(
        layer.Linear(60, 30), neuron.IFNode(v_threshold=0.4), layer.Linear(30, 20), neuron.IFNode(v_threshold=0.3)
    )
    functional.set_step_mode(net, "m")
    x = torch.rand(100, 60).expand(16, 100, 60)
    with torch.no_grad():
        expected = net(x)
    functional.reset_net(net)
    q = quantize_network(net, [x[0]], bits=bits)
    functional.set_step_mode(q, "m")
    largest = max(int(part.weight.abs().max()) for part in q.layers if isinstance(part, IntegerSynapse))
    assert largest <= 2 ** (bits - 1) - 1
    assert q.input_range.high == 2**bits - 1
    wrong = (q(x) != expected).float().mean()
    assert wrong < {2: 0.45, 4: 0.15, 8: 0.03}[bits]
    assert bits == 8 or wrong > 0.01


def test_thresholds_are_exact_and_have_eight_bits() -> None:
    thresholds = torch.tensor([0.1, 0.77, 3.0])
    net = nn.Sequential(layer.Linear(5, 3, bias=False), neuron.IFNode(v_threshold=thresholds))
    q = quantize_network(net, [torch.ones(1, 5)])
    synapse, node = q.layers
    assert node.mantissa.dtype == torch.uint8
    units = (node.mantissa.double() * 2.0 ** node.shift.double()) / thresholds.double()
    exact = net[0].weight.detach().double() * units.view(-1, 1)
    assert (synapse.weight.double() - exact).abs().max() <= 0.5
    assert (synapse.weight.abs().amax(1) >= 125).all()


def test_sums_at_the_end_are_given_as_floats() -> None:
    net = nn.Sequential(layer.Linear(12, 9), neuron.IFNode(v_threshold=0.3), layer.Linear(9, 4))
    functional.set_step_mode(net, "m")
    x = (torch.rand(10, 6, 12) < 0.5).float()
    q = quantize_network(net, [x])
    assert q.input_scale == 1.0
    assert_every_bit(q, x)
    functional.set_step_mode(q, "m")
    torch.testing.assert_close(q(x), net(x).detach(), rtol=0, atol=0.05)


def test_linear_layers_take_the_last_dimension() -> None:
    net = nn.Sequential(layer.Linear(4, 3), neuron.IFNode(v_threshold=0.1), layer.Linear(3, 5))
    functional.set_step_mode(net, "m")
    x = torch.rand(6, 2, 5, 4)
    q = quantize_network(net, [x])
    functional.set_step_mode(q, "m")
    torch.testing.assert_close(q(x), net(x).detach(), rtol=0, atol=0.2)


def test_pooling_and_voting_at_the_end() -> None:
    pooled = nn.Sequential(layer.Conv2d(1, 2, 3), neuron.IFNode(v_threshold=0.2), layer.AvgPool2d(2))
    voted = nn.Sequential(layer.Linear(8, 6), neuron.IFNode(v_threshold=0.2), layer.VotingLayer(3))
    for net, x in ((pooled, torch.rand(5, 3, 1, 6, 6)), (voted, torch.rand(5, 3, 8))):
        functional.set_step_mode(net, "m")
        nn.init.uniform_(net[0].weight, -0.2, 0.3)
        q = quantize_network(net, [x])
        functional.set_step_mode(q, "m")
        y = q(x)
        assert y.shape == net(x).shape
        functional.reset_net(q)
        spikes = q.layers(q.integers(x))
        expected = spikes / 4 if net is pooled else spikes.unflatten(-1, (2, 3)).mean(-1)
        torch.testing.assert_close(y, expected)
        assert 0 < y.mean() < 1


@pytest.mark.parametrize(
    ("x", "scale", "low", "high"),
    [
        (torch.tensor([[0.0, 1.0, 0.0]]), 1.0, 0, 1),
        (torch.tensor([[0.0, 3.0, 200.0]]), 1.0, 0, 200),
        (torch.tensor([[-3.0, 3.0, 100.0]]), 1.0, -3, 100),
        (torch.tensor([[0.0, 0.25, 0.5]]), 0.5 / 255, 0, 255),
        (torch.tensor([[-0.6, 0.25, 0.5]]), 0.6 / 127, -127, 127),
        (torch.tensor([[0.0, 1000.0, 3.0]]), 1000 / 255, 0, 255),
    ],
)
def test_the_range_of_the_input(x: torch.Tensor, scale: float, low: int, high: int) -> None:
    q = quantize_network(nn.Sequential(layer.Linear(3, 2), neuron.IFNode()), [x * 0, (x, None)])
    assert q.input_scale == pytest.approx(scale)
    assert (q.input_range.low, q.input_range.high) == (low, high)
    assert q.integers(x * 3).min() >= low
    assert q.integers(x * 3).max() <= high


def test_a_static_input_is_one_time_step_until_the_first_neurons() -> None:
    net = convolutional(NODES["LIF"])
    q = quantize_network(net, [torch.rand(8, 2, 12, 7)])
    functional.set_step_mode(q, "m")
    x = torch.rand(3, 2, 12, 7)
    seen = []
    q.layers[0].register_forward_hook(lambda module, args, y: seen.append((args[0].stride(0), y.stride(0))))
    together = q(x.expand(5, *x.shape))
    functional.reset_net(q)
    assert torch.equal(q(x.repeat(5, 1, 1, 1, 1)), together)
    assert seen[0] == (0, 0)


class TestOverflow:
    def test_wider_floats_where_sums_or_potentials_need_them(self) -> None:
        net = nn.Sequential(
            layer.Linear(1000, 3, bias=False), neuron.IFNode(v_threshold=50.0), layer.Linear(3, 2), neuron.LIFNode()
        )
        nn.init.constant_(net[0].weight, 1.0)
        x = torch.rand(40, 4, 1000)
        q = quantize_network(net, [x], steps=40)
        assert [part.dtype for part in q.layers] == [torch.float64, torch.float64, torch.float32, torch.float32]
        assert assert_every_bit(q, x).shape == (40, 4, 2)
        net[0].weight.data[:, 300:] = 0.0
        net[1].v_threshold = 2.0
        assert [p.dtype for p in quantize_network(net, [x], steps=1).layers[:2]] == [torch.float32, torch.float64]

    def test_the_bound_is_reached_and_never_passed(self) -> None:
        """The worst input stays where the bound says, and one more step would leave float32's integers."""
        net = nn.Sequential(layer.Linear(40, 1, bias=False), neuron.IFNode(v_reset=None))
        nn.init.constant_(net[0].weight, -0.5)
        q = quantize_network(net, [torch.ones(1, 40)], steps=500)
        assert q.layers[1].dtype == torch.float32
        q(torch.ones(1, 40))
        worst = torch.ones(499, 1, 40)
        functional.set_step_mode(q, "m")
        q(worst)
        assert int(q.layers[1].v) == 500 * 40 * int(q.layers[0].weight[0, 0])

    def test_a_potential_that_could_leave_int32_is_refused(self) -> None:
        net = nn.Sequential(layer.Linear(1000, 2), neuron.IFNode())
        with pytest.raises(
            OverflowError,
            match=r"potential behind 0 could reach \d+ within 100000 time steps after a reset, more than int32 holds",
        ):
            quantize_network(net, [torch.rand(2, 1000)], steps=100_000)
        leaky = nn.Sequential(layer.Linear(1000, 2), neuron.LIFNode())
        quantize_network(leaky, [torch.rand(2, 1000)], steps=100_000)

    def test_a_sum_that_could_leave_int32_is_refused(self) -> None:
        net = nn.Sequential(layer.Linear(70_000, 2, bias=False), neuron.IFNode(v_threshold=1e-3))
        nn.init.constant_(net[0].weight, 1e-3)
        with pytest.raises(OverflowError, match=r"a sum of 0 could reach 22\d+, more than int32 holds \(2147483647\)"):
            quantize_network(net, [torch.rand(1, 70_000)], steps=1)

    def test_more_time_steps_than_were_asked_for(self) -> None:
        q = quantize_network(nn.Sequential(layer.Linear(3, 2), neuron.IFNode()), [torch.rand(4, 3)], steps=5)
        functional.set_step_mode(q, "m")
        q(torch.rand(4, 1, 3))
        with pytest.raises(OverflowError, match=r"made for 5 time steps after a reset.*this is number 6.*reset_net"):
            q(torch.rand(2, 1, 3))
        functional.reset_net(q)
        q(torch.rand(5, 1, 3))


@pytest.mark.parametrize("kept", [4096, 4000, 1000, 0])
@pytest.mark.parametrize("v_reset", [None, 0, -300, 50])
def test_no_input_drives_a_potential_past_the_bound(kept: int, v_reset: int | None) -> None:
    """The most extreme inputs, alternating, at random, and those that keep it just below the threshold."""
    generator = np.random.default_rng(0)
    for low, high, threshold in ((-40, 30, 100), (-5, 400, 100), (0, 7, 1000), (-900, 0, 3), (-20, 100, 100)):
        layer = {"kept": kept, "mantissa": torch.tensor([threshold]), "shift": torch.tensor([0])}
        reset = None if v_reset is None else torch.tensor([v_reset], dtype=torch.int32)
        bound = largest_potential(
            *(np.array([value]) for value in (low, high, threshold)), kept, None if reset is None else reset.numpy(), 60
        )
        seen = 0
        for inputs in (
            np.full((60, 1), low), np.full((60, 1), high), generator.choice([low, high], (60, 50)),
            generator.integers(low, high + 1, (60, 200)), np.repeat([[low], [high]], 30, 0),
        ):  # fmt: skip
            neurons = simulation.Neurons({**layer, "v_reset": reset})
            for x in inputs:
                before = neurons.v
                neurons.step(x[None].T)
                rest = 0 if reset is None else v_reset
                old = np.full_like(neurons.v, rest) if before is None else before
                charged = rest + (((old - rest) * kept + 2**11) >> 12) + x[None].T
                seen = max(seen, int(np.abs(charged).max()), int(np.abs(neurons.v).max()))
        assert seen <= bound
        assert bound <= 1.3 * max(seen, threshold, abs(v_reset or 0))


class TestFiles:
    def test_a_saved_network_computes_the_same(self, tmp_path: Path) -> None:
        x = torch.rand(6, 3, 2, 12, 7)
        q = quantize_network(convolutional(NODES["LIF, reset above"]), [x], steps=9)
        functional.set_step_mode(q, "m")
        expected = q(x)
        q.save(tmp_path / "net.pt")
        assert [path.name for path in tmp_path.iterdir()] == ["net.pt"]
        loaded = IntegerNetwork.load(str(tmp_path / "net.pt"))
        functional.set_step_mode(loaded, "m")
        assert torch.equal(loaded(x), expected)
        assert loaded.steps == 9
        state = {name: value.dtype for name, value in loaded.state_dict().items()}
        assert set(state.values()) == {torch.int8, torch.int32, torch.uint8}

    def test_a_state_dict_is_that_of_the_same_integers_or_refused(self) -> None:
        q, other = (
            quantize_network(nn.Sequential(layer.Linear(3, 2), neuron.IFNode()), [torch.rand(4, 3)]) for _ in "ab"
        )
        q.load_state_dict(q.state_dict())
        with pytest.raises(
            RuntimeError, match=r"holds other integers.*Use IntegerNetwork\.save and IntegerNetwork\.load"
        ):
            q.load_state_dict(other.state_dict())

    def test_files_that_are_none(self, tmp_path: Path) -> None:
        q = quantize_network(nn.Sequential(layer.Linear(3, 2), neuron.IFNode()), [torch.rand(4, 3)])
        good = tmp_path / "good.pt"
        q.save(good)
        with pytest.raises(FileNotFoundError, match=r"there is no file .*nowhere\.pt"):
            IntegerNetwork.load(tmp_path / "nowhere.pt")
        with pytest.raises(FileNotFoundError, match=r"IntegerNetwork\.save: the folder .*nowhere of net\.pt does not"):
            q.save(tmp_path / "nowhere" / "net.pt")
        with pytest.raises(IsADirectoryError, match=r"IntegerNetwork\.save: .* is a folder"):
            q.save(tmp_path)
        assert list(tmp_path.iterdir()) == [good]
        broken = tmp_path / "broken.pt"
        broken.write_bytes(good.read_bytes()[:-200])
        with pytest.raises(ValueError, match=r"broken\.pt is no file of IntegerNetwork\.save, or it is truncated"):
            IntegerNetwork.load(broken)
        torch.save({"weight": torch.ones(2)}, broken)
        with pytest.raises(ValueError, match=r"no record of a network of integers"):
            IntegerNetwork.load(broken)
        torch.save(nn.Linear(2, 2), broken)  # code would have to run
        with pytest.raises(ValueError, match=r"nothing in it was executed"):
            IntegerNetwork.load(broken)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda r: r.pop("steps"), r"'steps' is missing"),
            (lambda r: r.update(steps=0), r"number of steps makes no sense"),
            (lambda r: r.update(input_scale=float("nan")), r"input or number of steps makes no sense"),
            (lambda r: r.update(input_low=1), r"input or number of steps makes no sense"),
            (lambda r: r["layers"][0].update(kind="lambda"), r"layer 0 of the record is of no known kind"),
            (lambda r: r["layers"][0].update(weight=torch.ones(2, 3)), r"'weight' of layer 0 .* no torch.int8"),
            (lambda r: r["layers"][0].update(bias=torch.ones(3, dtype=torch.int32)), r"'bias' of layer 0 .* wrong shape"),
            (lambda r: r["layers"][0].update(weight=None), r"'weight' of layer 0 of the record is no weight"),
            (lambda r: r["layers"][0].update(geometry={"groups": 1}), r"'geometry' of layer 0 .* must have \[\], but \{'groups'"),
            (lambda r: r["layers"].append({"kind": "max_pool"}), r"'geometry' of layer 1 .* \['kernel_size', 'padding', 'stride'\]"),
            (lambda r: r["layers"].clear(), r"no layer with weights"),
            (lambda r: r["layers"][0].update(kept=5000), r"neurons of layer 0 of the record make no sense"),
            (lambda r: r["layers"][0].update(shift=None), r"neurons of layer 0 of the record make no sense"),
        ],
    )  # fmt: skip
    def test_records_that_make_no_sense(self, change: Callable[[dict], object], message: str) -> None:
        record = quantize_network(nn.Sequential(layer.Linear(3, 2), neuron.IFNode()), [torch.rand(4, 3)]).record
        change(record)
        with pytest.raises(ValueError, match=message):
            IntegerNetwork(record)

    def test_a_record_whose_numbers_overflow(self) -> None:
        record = quantize_network(nn.Sequential(layer.Linear(3, 2), neuron.IFNode()), [torch.rand(4, 3)]).record
        record["steps"] = 10**9
        with pytest.raises(OverflowError, match=r"potential behind 0 could reach"):
            IntegerNetwork(record)


def linear(*more: nn.Module) -> nn.Sequential:
    return nn.Sequential(layer.Linear(4, 2), *more)


def with_a_state() -> nn.Sequential:
    net = linear(neuron.IFNode())
    net(torch.rand(1, 4))
    return net


def weights(value: float) -> nn.Sequential:
    net = linear(neuron.IFNode())
    nn.init.constant_(net[0].weight, value)
    return net


IF = neuron.IFNode
REFUSED: dict[str, tuple[Callable[[], nn.Module], type, str]] = {
    "a layer": (lambda: linear(IF(), nn.ReLU()), TypeError, r"2 \(ReLU\) has no integer form\. There are Linear"),
    "a model": (lambda: nn.ReLU(), TypeError, r"the network \(ReLU\) has no integer form.*inside nn\.Sequential"),
    "another neuron": (lambda: linear(neuron.QIFNode()), TypeError, r"1 \(QIFNode\) has no integer form"),
    "a subclass": (lambda: linear(type("Mine", (IF,), {})()), TypeError, r"Mine.*not their subclasses"),
    "resets": (lambda: linear(IF(v_reset=torch.zeros(2))), TypeError, r"must have one v_reset"),
    "a threshold of 0": (lambda: linear(IF(v_threshold=0.0)), ValueError, r"thresholds above 0, but has 0\.0"),
    "thresholds": (lambda: linear(IF(v_threshold=torch.ones(3))), ValueError, r"has 3 thresholds for 2 channels"),
    "two synapses": (lambda: linear(layer.Linear(2, 2), IF()), ValueError, r"0 has no neurons behind it"),
    "pool before neurons": (lambda: nn.Sequential(layer.Conv2d(1, 1, 2), layer.AvgPool2d(2), IF()), ValueError, r"2 \(IFNode\) stands behind no Linear.*Put pooling behind"),
    "lonely norm": (lambda: linear(IF(), layer.BatchNorm1d(2)), ValueError, r"2 \(BatchNorm1d\) stands behind no Linear"),
    "norm of batches": (lambda: linear(layer.BatchNorm1d(2, track_running_stats=False), IF()), ValueError, r"no running statistics"),
    "nothing": (lambda: nn.Sequential(layer.Flatten()), ValueError, r"no layer with weights"),
    "early vote": (lambda: nn.Sequential(layer.Linear(4, 4), IF(), layer.VotingLayer(2), layer.Linear(2, 2)), ValueError, r"2 \(VotingLayer\) must be the last"),
    "circular": (lambda: nn.Sequential(layer.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), IF()), ValueError, r"padding_mode='circular'"),
    "ceil mode": (lambda: linear(IF(), layer.MaxPool2d(2, ceil_mode=True)), ValueError, r"2 \(MaxPool2d\) has ceil_mode"),
    "uneven mean": (lambda: linear(IF(), layer.AvgPool2d(2, padding=1, count_include_pad=False)), ValueError, r"count_include_pad=False"),
    "partial flatten": (lambda: linear(IF(), nn.Flatten(2)), ValueError, r"2 must flatten all of a sample"),
    "state": (with_a_state, ValueError, r"1 \(IFNode\) holds the state.*functional\.reset_net"),
    "huge weights": (lambda: weights(1e6), ValueError, r"channel 0 of 0 has a weight so much larger than its threshold"),
    "infinite weights": (lambda: weights(float("inf")), ValueError, r"0 has weights that are not finite"),
    "no module": (lambda: "net", TypeError, r"net must be a module, but 'net'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_integer_form_is_refused(name: str) -> None:
    make, error, message = REFUSED[name]
    with pytest.raises(error, match=message) as caught:
        quantize_network(make(), [torch.rand(3, 4)])
    assert isinstance(caught.value, AssertionError)


@pytest.mark.parametrize(
    ("loader", "error", "message"),
    [
        ([], ValueError, r"no samples, or zeros only"),
        ([torch.zeros(2, 4)], ValueError, r"no samples, or zeros only"),
        ([torch.full((2, 4), float("nan"))], ValueError, r"not finite"),
        ([[3, 4]], TypeError, r"must give tensors or \(x, y\) pairs, but 3"),
    ],
)
def test_bad_samples(loader: list, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        quantize_network(linear(IF()), loader)


def test_bad_arguments_and_inputs() -> None:
    for bits, message in (
        (1, r"bits must be at least 2"),
        (9, r"bits must be at most 8"),
        (8.0, r"bits must be an int"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            quantize_network(linear(IF()), [torch.rand(2, 4)], bits=bits)
    with pytest.raises(ValueError, match=r"steps must be at least 1"):
        quantize_network(linear(IF()), [torch.rand(2, 4)], steps=0)
    q = quantize_network(linear(IF()), [torch.rand(2, 4)])
    with pytest.raises(TypeError, match=r"must have a floating-point dtype"):
        q(torch.ones(2, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"integers are computed on the CPU"):
        q(torch.empty(2, 4, device="meta"))
    functional.set_step_mode(q, "m")
    with pytest.raises(ValueError, match=r"expects a sequence \[T, N, \*\]"):
        q(torch.rand(0, 2, 4))


def test_the_float_network_is_left_as_it_is() -> None:
    net = convolutional(NODES["LIF"])
    before = {name: value.clone() for name, value in net.state_dict().items()}
    quantize_network(net, [torch.rand(4, 2, 12, 7)])
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not net.training
