"""Whole networks: both step modes, PyTorch's own count of FLOPs, and what is spikes."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from spikingjelly.activation_based import functional, layer, neuron, rnn
from spikingjelly.activation_based.model import spikformer
from spikingjelly.activation_based.profiler import profile


def convolutional(step_mode: str) -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(
        layer.Conv2d(2, 4, 3, padding=1, stride=2),
        layer.BatchNorm2d(4),
        neuron.IFNode(),
        layer.MaxPool2d(2, 2),
        layer.Conv2d(4, 6, 3, padding=1, groups=2, bias=False),
        neuron.LIFNode(v_threshold=0.1),
        layer.AvgPool2d(2),
        layer.Conv2d(6, 4, 1),
        layer.SynapseFilter(tau=3.0),
        layer.Flatten(),
        layer.LinearRecurrentContainer(neuron.LIFNode(v_threshold=0.1), 16, 16),
        layer.Linear(16, 10),
        neuron.ParametricLIFNode(v_threshold=0.1),
        layer.VotingLayer(2),
    )
    functional.set_step_mode(net, step_mode)
    return net


def data(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 3


def flops_by_torch(net: nn.Module, *inputs: torch.Tensor) -> int:
    net.eval()
    functional.reset_net(net)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(*inputs)
    functional.reset_net(net)
    return counter.get_total_flops()


def spikformer_of_sequences(step_mode: str) -> nn.Module:
    torch.manual_seed(0)
    return spikformer.Spikformer(
        T=2, img_size_h=32, img_size_w=32, embed_dims=32, num_heads=4, depths=1, num_classes=10
    )


class OneLayer(nn.Module):
    def __init__(self, make, step_mode: str) -> None:
        super().__init__()
        self.inner = make()
        functional.set_step_mode(self, step_mode)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (convolutional, (3, 2, 2, 16, 16)),
        (lambda mode: OneLayer(lambda: layer.ConvTranspose2d(2, 3, 3, stride=2), mode), (3, 2, 2, 4, 4)),
        (lambda mode: OneLayer(lambda: layer.SpikingSelfAttention(16, 2), mode), (3, 2, 16, 9)),
        (lambda mode: rnn.SpikingLSTM(5, 7, 2), (4, 3, 5)),
        (lambda mode: rnn.SpikingVanillaRNN(5, 7, 2, bidirectional=True), (4, 3, 5)),
    ],
    ids=["convolutional", "transposed", "attention", "lstm", "bidirectional"],
)
def test_dense_flops_are_those_of_torch(make, shape: tuple[int, ...]) -> None:
    net, x = make("m"), data(*shape)
    assert profile(net, x).dense_flops * shape[1] == flops_by_torch(net, x) > 0


def test_dense_flops_of_a_spikformer() -> None:
    """It repeats its picture itself; what torch sees computed once counts T times here."""
    net, x = spikformer_of_sequences("m"), data(2, 3, 32, 32)
    report = profile(net, x, T=2, run=lambda net, x: net(x))
    first = next(row for row in report.layers if row.kind == "Conv2d")
    assert any("same at all time steps" in note for note in first.notes)
    assert report.dense_flops * 2 - first.dense_macs * 2 == flops_by_torch(net, x)
    assert not report.uncounted
    attention = report["blocks.0.attn"]
    assert attention.dense_macs > 0
    assert attention.input_kind == "spikes"


def test_step_modes_count_alike() -> None:
    x = data(3, 2, 2, 16, 16)
    whole, stepwise = profile(convolutional("m"), x), profile(convolutional("s"), x)
    assert whole.layers == stepwise.layers
    assert whole.total.spikes > 0
    assert (whole.T, whole.samples) == (3, 2)


def test_a_step_shown_several_times() -> None:
    x = data(2, 2, 16, 16)
    sequence = profile(convolutional("m"), x.repeat(3, 1, 1, 1, 1))
    for mode in "sm":
        assert profile(convolutional(mode), x, T=3) == sequence
    repeated = profile(convolutional("m"), x.expand(3, *x.shape))
    assert repeated.total == sequence.total
    assert "same at all time steps" in repeated["0"].notes[0]


def test_figures_are_per_sample() -> None:
    x = data(3, 4, 2, 16, 16)
    together = profile(convolutional("m"), x).total
    apart = [profile(convolutional("m"), x[:, i : i + 1]).total for i in range(4)]
    for name in ("dense_macs", "macs", "acs", "synops", "neuron_updates", "spikes", "memory_bytes", "energy_pj"):
        assert getattr(together, name) == pytest.approx(sum(getattr(row, name) for row in apart) / 4)
    assert together.parameters == apart[0].parameters == sum(p.numel() for p in convolutional("m").parameters())


def test_a_loader_and_batch_first() -> None:
    x = data(3, 5, 2, 16, 16)
    whole = profile(convolutional("m"), x)
    pairs = [(x[:, :2].transpose(0, 1), torch.zeros(2)), (x[:, 2:].transpose(0, 1), torch.zeros(3))]
    loaded = profile(convolutional("m"), pairs, batch_first=True, progress=False)
    assert loaded == whole
    assert loaded.samples == 5
    assert profile(convolutional("s"), x.transpose(0, 1), batch_first=True).layers == whole.layers
    dataset = torch.utils.data.TensorDataset(x.transpose(0, 1))
    loader = torch.utils.data.DataLoader(dataset, batch_size=2)
    assert profile(convolutional("m"), loader, batch_first=True, progress=False) == whole


def test_sequences_of_several_lengths() -> None:
    report = profile(layer.Linear(4, 3), [data(2, 1, 4), data(4, 3, 4)], progress=False)
    assert (report.samples, report.T) == (4, 3.5)
    assert report["(network)"].dense_macs == 3.5 * 12
    assert report["(network)"].ann_energy_pj == pytest.approx(12 * 4.6)


def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    x = data(2, 1, 3)
    profile(layer.Linear(3, 2), [x], progress=False)
    assert "profile" not in capsys.readouterr().err
    profile(layer.Linear(3, 2), [x])
    assert "profile" in capsys.readouterr().err


def test_figures_of_the_rows() -> None:
    report = profile(convolutional("m"), data(3, 2, 2, 16, 16))
    first, fire, recurrent = report["0"], report["2"], report["10.rc"]
    assert (first.input_shape, first.output_shape, first.input_kind) == ((2, 16, 16), (4, 8, 8), "real")
    assert first.macs == first.dense_macs == 3 * 4 * 8 * 8 * 2 * 9
    assert fire.neuron_updates == 3 * 4 * 8 * 8
    assert fire.firing_rate == pytest.approx(fire.spikes / fire.neuron_updates)
    assert 0 < fire.firing_rate < 1
    assert (recurrent.parameters, recurrent.dense_macs) == (32 * 16 + 16, 3 * 32 * 16)
    assert report["7"].input_kind == "real"  # average pooling gives quarters
    assert report["7"].macs == 3 * 6 * 4 * 4
    assert report["8"].neuron_updates == 3 * 16
    assert report["8"].firing_rate is None
    assert report["12"].parameters == 1
    with pytest.raises(KeyError, match="no row for 'nine', only for '0', '1'"):
        report["nine"]


def test_firing_rate_is_that_of_the_spikes() -> None:
    net = nn.Sequential(neuron.IFNode(step_mode="m"))
    x = data(5, 3, 7)
    spikes = net(x)
    functional.reset_net(net)
    row = profile(net, x)["0"]
    assert row.firing_rate == pytest.approx(spikes.mean().item())
    assert row.spikes * 3 == spikes.sum()


def test_spikes_in_some_steps_only_are_no_spikes() -> None:
    """A step that happens to hold zeros and ones does not make a layer cheaper when it comes alone."""
    x = torch.stack((data(2, 4), torch.ones(2, 4), torch.zeros(2, 4)))
    for net in (layer.Linear(4, 3), layer.Linear(4, 3, step_mode="m")):
        row = profile(net, x)["(network)"]
        assert (row.acs, row.macs, row.input_kind) == (0, 3 * 12, "real")


def test_scaled_spikes() -> None:
    x = (data(3, 2, 4) > 1.0).float() * 0.25
    row = profile(layer.Linear(4, 3), x)["(network)"]
    assert (row.input_kind, row.macs) == ("scaled spikes", 0)
    assert row.acs * 2 == (x != 0).sum() * 3
    x[1] *= 2
    assert profile(layer.Linear(4, 3), x)["(network)"].input_kind == "real"


def test_weights_of_ones_are_no_spikes() -> None:
    net = layer.Linear(4, 3)
    nn.init.ones_(net.weight)
    row = profile(net, data(1, 2, 4))["(network)"]
    assert (row.macs, row.acs) == (12, 0)


def test_batch_normalisation_is_folded_or_counted() -> None:
    x = data(3, 2, 2, 16, 16)
    folded, counted = profile(convolutional("m"), x), profile(convolutional("m"), x, fold_batch_norm=False)
    assert folded["1"].macs == 0
    assert "folded" in folded["1"].notes[0]
    assert counted["1"].macs == 3 * 4 * 8 * 8
    assert counted["1"].notes == ()
    assert counted.dense_flops == folded.dense_flops


@pytest.mark.parametrize("make", [lambda: nn.GroupNorm(2, 4), lambda: nn.BatchNorm1d(4, track_running_stats=False)])
def test_live_normalisation_is_never_free(make) -> None:
    row = profile(make(), data(3, 2, 4, 5))["(network)"]
    assert (row.macs, row.acs) == (2 * 3 * 4 * 5, 3 * 4 * 5)


def test_elementwise_operations_outside_neurons() -> None:
    class Residual(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = x + x
            y.mul_(2.0)
            return torch.cat((y.relu_(), x), -1)

    assert profile(Residual(), data(3, 2, 4))["(network)"].elementwise == 3 * 3 * 4
    assert profile(nn.Sequential(neuron.IFNode()), data(3, 2, 4)).total.elementwise == 0


def test_what_cannot_be_counted_is_named() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Softmax(-1), nn.LSTM(4, 3))
    report = profile(net, data(3, 2, 4), run=lambda net, x: net(x))
    assert set(report.uncounted) == {"1", "2"}
    assert report["2"].parameters == 4 * 3 * (4 + 3 + 2)
    assert "INCOMPLETE: operations in 1, 2 are not counted." in str(report)
    assert "1: not counted: _softmax" in str(report)


def test_a_layer_that_is_not_called_is_named() -> None:
    net = nn.Sequential(nn.Linear(4, 4))
    net.unused = nn.Linear(2, 2)
    net.forward = lambda x: net[0](x)
    report = profile(net, data(3, 2, 4))
    assert "was not called" in report["unused"].notes[0]
    assert report.total.parameters == 20 + 6


def test_a_network_that_catches_an_error_of_a_layer() -> None:
    class Fallback(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.narrow = nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            try:
                return self.narrow(x)
            except RuntimeError:
                return x + x

    report = profile(Fallback(), data(3, 2, 4))
    assert report["(network)"].elementwise == 3 * 4
    assert report["narrow"].elementwise == 0


def test_shared_parameters_count_once() -> None:
    shared = nn.Linear(4, 4)
    twin = nn.Linear(4, 4)
    twin.weight = shared.weight
    report = profile(nn.Sequential(shared, twin, shared), data(3, 2, 4))
    assert report.total.parameters == 16 + 4 + 4
    assert report["0"].dense_macs == 2 * 3 * 16


def test_a_class_of_neurons_of_ones_own() -> None:
    class Threshold(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x > 1.0).float()

    net, x = nn.Sequential(Threshold(), nn.Linear(4, 2)), data(3, 2, 4)
    assert profile(net, x).total.firing_rate is None
    row = profile(net, x, neurons=(Threshold,))["0"]
    assert row.neuron_updates == 12
    assert row.firing_rate == pytest.approx((x > 1.0).float().mean().item())
    assert row.elementwise == 0


def test_surrogates_of_recurrent_cells_fire() -> None:
    report = profile(rnn.SpikingVanillaRNN(5, 7, 1), (data(4, 3, 5) > 2).float())
    fire = next(row for row in report.layers if row.neuron_updates)
    assert fire.neuron_updates == 4 * 7
    assert report["cells.0.linear_hh"].input_kind == "spikes"


@pytest.mark.slow
def test_compiled_modules_count_as_they_were_written() -> None:
    net, x = convolutional("m"), data(3, 2, 2, 16, 16)
    expected = profile(net, x).total
    net[4] = torch.compile(net[4], backend="eager")
    net.eval()
    with torch.no_grad():
        net(x)
    assert profile(net, x).total == expected


def test_products_that_skip_zeros_are_counted_too() -> None:
    """Large layers on the CPU may take another way than PyTorch's operations."""
    x = (data(1, 64, 1024) > 2.8).float()
    row = profile(layer.Linear(1024, 512), x)["(network)"]
    assert row.dense_macs == 1024 * 512
    assert row.acs * 64 == x.sum() * 512
