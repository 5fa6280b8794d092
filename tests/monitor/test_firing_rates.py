"""Firing rates in the files of TensorBoard, and in anything else that has add_scalar."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, monitor, neuron


class FakeWriter:
    def __init__(self) -> None:
        self.scalars: list[tuple[str, float, int]] = []
        self.histograms: list[tuple[str, torch.Tensor, int]] = []
        self.flushed = 0

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.append((tag, value, step))

    def add_histogram(self, tag: str, values: torch.Tensor, step: int) -> None:
        self.histograms.append((tag, values, step))

    def flush(self) -> None:
        self.flushed += 1


class OnlyScalars:
    def __init__(self) -> None:
        self.scalars: list[tuple[str, float, int]] = []

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.append((tag, value, step))


def network(step_mode: str = "m") -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(
        layer.Linear(3, 5), neuron.IFNode(), layer.Linear(5, 4), neuron.PSN(T=6) if step_mode == "m" else nn.Identity()
    )
    with torch.no_grad():
        net[0].weight.abs_()
    functional.set_step_mode(net, step_mode)
    return net


def run(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The spikes of the first neurons, by another way than the monitor's."""
    functional.reset_net(net)
    if net[1].step_mode == "m":
        net(x)
        functional.reset_net(net)
        return net[1].forward(net[0].forward(x)).detach()
    for x_t in x:
        net(x_t)
    functional.reset_net(net)
    return torch.stack([net[1].forward(net[0].forward(x_t)) for x_t in x]).detach()


def hooks_of(net: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in net.modules())


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_rates_of_the_batches_since_the_last_writing(step_mode: str) -> None:
    net, writer = network(step_mode), FakeWriter()
    batches = [torch.rand(6, n, 3) * 4 for n in (2, 3, 4, 1, 5)]
    spikes = []
    with monitor.FiringRateWriter(net, writer, every=2, tag="rate", first_step=10) as rates:
        for x in batches:
            spikes.append(run(net, x))
            rates.step()
    first = [(tag, value, step) for tag, value, step in writer.scalars if tag == "rate/1"]
    expected = [torch.cat([s.flatten() for s in spikes[i : i + 2]]).mean().item() for i in (0, 2, 4)]
    assert [step for _, _, step in first] == [11, 13, 14]
    assert [value for _, value, _ in first] == pytest.approx(expected)
    assert len(set(expected)) == 3
    assert {tag for tag, _, _ in writer.scalars} == ({"rate/1", "rate/3"} if step_mode == "m" else {"rate/1"})
    assert writer.flushed == 1
    assert hooks_of(net) == 0


def test_a_file_of_tensorboard(tmp_path: Path) -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from torch.utils.tensorboard import SummaryWriter

    net = network()
    with SummaryWriter(str(tmp_path)) as writer:
        with monitor.FiringRateWriter(net, writer, every=3, potential_tag="potential") as rates:
            for _ in range(6):
                functional.reset_net(net)
                net(torch.rand(6, 2, 3) * 4)
                rates.step()
            potential = net[1].v.detach()
        read = event_accumulator.EventAccumulator(str(tmp_path), size_guidance={"histograms": 0})
        read.Reload()
        events = read.Scalars("firing_rate/1")
        assert [event.step for event in events] == [2, 5]
        assert all(0 < event.value < 1 for event in events)
        assert set(read.Tags()["scalars"]) == {"firing_rate/1", "firing_rate/3"}
        histograms = read.Histograms("potential/1")
    assert read.Tags()["histograms"] == ["potential/1"]  # PSN has no potential
    assert [event.step for event in histograms] == [2, 5]
    assert histograms[-1].histogram_value.num == potential.numel()
    assert histograms[-1].histogram_value.sum == pytest.approx(potential.sum().item(), rel=1e-5)


def test_hooks_go_and_what_came_is_written_after_an_exception() -> None:
    net, writer = network(), FakeWriter()
    watch = monitor.FiringRateWriter(net, writer, every=100)

    def fail() -> None:
        with watch as rates:
            net(torch.rand(6, 2, 3))
            rates.step()
            assert hooks_of(net) == 2
            raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        fail()
    assert hooks_of(net) == 0
    assert [(tag, step) for tag, _, step in writer.scalars] == [("firing_rate/1", 0), ("firing_rate/3", 0)]
    assert writer.flushed == 1


def test_hooks_go_even_if_the_writer_fails() -> None:
    net = network()

    class Full(FakeWriter):
        def flush(self) -> None:
            raise OSError("no space left")

    def train() -> None:
        with monitor.FiringRateWriter(net, Full(), potential_tag="v"):
            net(torch.rand(6, 2, 3))

    with pytest.raises(OSError, match="no space left"):
        train()
    assert hooks_of(net) == 0


def test_the_block_can_be_entered_again_and_counts_on() -> None:
    net, writer = network(), OnlyScalars()
    watch = monitor.FiringRateWriter(net, writer)
    for _ in range(2):
        with watch as rates:
            functional.reset_net(net)
            net(torch.rand(6, 2, 3))
            rates.step()
        functional.reset_net(net)
        net(torch.rand(6, 2, 3))  # not watched
    assert [step for tag, _, step in writer.scalars if tag.endswith("1")] == [0, 1]


def test_layers_that_did_not_run_are_left_out_and_a_single_layer_has_the_tag_alone() -> None:
    node, writer = neuron.IFNode(), FakeWriter()
    with monitor.FiringRateWriter(node, writer, tag="r") as rates:
        rates.step()
        node(torch.tensor([[2.0, 0.0]]))
        rates.step()
    assert writer.scalars == [("r", 0.5, 1)]


def test_instance_and_neurons_that_give_more_than_spikes() -> None:
    net = nn.Sequential(neuron.OTTTLIFNode(v_threshold=0.5), nn.Identity())
    writer = FakeWriter()
    with monitor.FiringRateWriter(net, writer, instance=neuron.OTTTLIFNode) as rates:
        net(torch.tensor([[2.0, 0.0, 0.0, 2.0]]))
        rates.step()
    assert writer.scalars == [("firing_rate/0", 0.5, 0)]


def test_spikes_that_are_not_1_count_as_one() -> None:
    node = neuron.DSRIFNode(T=4, v_threshold=6.0)
    writer = FakeWriter()
    with monitor.FiringRateWriter(node, writer) as rates:
        y = node(torch.full((4, 1, 2), 6.0))
        rates.step()
    assert y.max() > 1
    assert writer.scalars == [("firing_rate", (y != 0).double().mean().item(), 0)]


def test_only_the_first_process_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    net = network()
    for rank, writes in ((0, True), (3, False)):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        writer = FakeWriter() if writes else None
        with monitor.FiringRateWriter(net, writer, potential_tag="v") as rates:
            assert hooks_of(net) == (4 if writes else 0)
            functional.reset_net(net)
            net(torch.rand(6, 2, 3))
            rates.step()
        if writes:
            assert writer.scalars
            assert writer.flushed == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"writer": None}, TypeError, r"writer must have a method add_scalar\(tag, value, step\), .* but None"),
        ({"writer": OnlyScalars(), "potential_tag": "v"}, TypeError, r"writer must have a method add_histogram"),
        ({"every": 0}, ValueError, "FiringRateWriter: every must be at least 1, but 0 was given"),
        ({"first_step": -1}, ValueError, "first_step must be at least 0, but -1 was given"),
        ({"first_step": 1.5}, TypeError, "first_step must be an int, but 1.5"),
    ],
)
def test_bad_arguments_are_told(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        monitor.FiringRateWriter(network(), **{"writer": FakeWriter(), **options})


@pytest.mark.filterwarnings("ignore")
def test_wrong_use_is_told() -> None:
    watch = monitor.FiringRateWriter(network(), FakeWriter())
    with pytest.raises(RuntimeError, match=r"step\(\) is called inside of `with"):
        watch.step()
    with watch, pytest.raises(RuntimeError, match="it watches already"):
        watch.__enter__()
    with pytest.raises(ValueError, match=r"no module of Linear is an instance of .* Name the classes"):
        monitor.FiringRateWriter(nn.Linear(2, 2), FakeWriter()).__enter__()
