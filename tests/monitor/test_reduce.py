"""Records that are reduced on the fly are what the kept records come to, and hold no memory."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, monitor, neuron

TRUTH: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "mean": lambda x: x.double().mean(),
    "sum": lambda x: x.double().sum(),
    "rate": lambda x: (x != 0).double().mean(),
    "max": torch.max,
    "min": torch.min,
    "std": lambda x: x.double().std(),
}
PER_NEURON: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "mean": lambda x: x.double().mean(0),
    "sum": lambda x: x.double().sum(0),
    "rate": lambda x: (x != 0).double().mean(0),
    "max": lambda x: x.amax(0),
    "min": lambda x: x.amin(0),
    "std": lambda x: x.double().std(0),
}


def network(step_mode: str) -> nn.Sequential:
    torch.manual_seed(3)
    net = nn.Sequential(layer.Linear(3, 4), neuron.LIFNode(store_v_seq=True), layer.Linear(4, 2), neuron.IFNode())
    with torch.no_grad():
        net[0].weight.abs_()
        net[2].weight.abs_().mul_(3)  # all neurons fire now and then
    functional.set_step_mode(net, step_mode)
    return net


def watch(kind: str, net: nn.Module, **options: Any) -> monitor.BaseMonitor:
    nodes = (neuron.BaseNode,)
    if kind == "attribute":
        name = "v_seq" if net[1].step_mode == "m" else "v"
        return monitor.AttributeMonitor(name, False, net, neuron.LIFNode, **options)
    cls = {
        "input": monitor.InputMonitor,
        "output": monitor.OutputMonitor,
        "grad input": monitor.GradInputMonitor,
        "grad output": monitor.GradOutputMonitor,
    }[kind]
    return cls(net, nodes, **options)


KINDS = ("input", "output", "attribute", "grad input", "grad output")


def run(net: nn.Module, batches: int = 3) -> None:
    """Batches of different sizes, of 5 time steps each."""
    generator = torch.Generator().manual_seed(1)
    for batch in range(batches):
        functional.reset_net(net)
        x = torch.rand(5, batch + 2, 3, generator=generator) * 3
        y = net(x) if net[1].step_mode == "m" else torch.stack([net(x_t) for x_t in x])
        (y * torch.rand(y.shape, generator=generator)).sum().backward()


@pytest.mark.parametrize("step_mode", ["s", "m"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_reduced_on_the_fly_is_what_the_records_come_to(kind: str, step_mode: str) -> None:
    net = network(step_mode)
    kept = watch(kind, net)
    of_all = {name: watch(kind, net, reduce=name) for name in TRUTH}
    of_neurons = {name: watch(kind, net, reduce=name, per_neuron=True) for name in PER_NEURON}
    last, histogram = watch(kind, net, reduce="last"), watch(kind, net, reduce="histogram")
    run(net)
    names = kept.monitored_layers
    assert names == (["1"] if kind == "attribute" else ["1", "3"])
    for name in names:
        records = [record.detach() for record in kept[name]]
        assert len(records) == (3 if step_mode == "m" else 15)
        everything = torch.cat([record.flatten() for record in records])
        rows = torch.cat([record.flatten(0, -2) for record in records])
        assert everything.any()
        for reduce, truth in TRUTH.items():
            torch.testing.assert_close(of_all[reduce][name], truth(everything), rtol=1e-6, atol=1e-7, check_dtype=False)
        for reduce, truth in PER_NEURON.items():
            value = of_neurons[reduce][name]
            assert value.shape == (4 if name == "1" else 2,)
            torch.testing.assert_close(value, truth(rows), rtol=1e-6, atol=1e-7, check_dtype=False)
        assert torch.equal(last[name], records[-1])
        counts, _ = np.histogram(everything.double().numpy(), histogram[name].edges.numpy())
        assert counts.tolist() == histogram[name].counts.tolist()
        assert histogram[name].counts.sum() == len(everything)
        assert len(histogram[name].counts) == 64


@pytest.mark.parametrize("reduce", [*TRUTH, "last", "histogram"])
def test_no_record_and_no_graph_is_kept(reduce: str) -> None:
    net = network("m")
    recorder = monitor.OutputMonitor(net, neuron.BaseNode, reduce=reduce)
    alive = []
    sizes = []
    for _ in range(20):
        functional.reset_net(net)
        y = net(torch.rand(5, 3, 3))
        alive += [weakref.ref(y), weakref.ref(y.grad_fn)]
        del y
        sizes.append(bytes_of(recorder))
    functional.reset_net(net)
    gc.collect()
    assert not [reference for reference in alive if reference() is not None]
    assert sizes[0] == sizes[-1] > 0
    for value in recorder.records:
        tensors = value[:2] if reduce == "histogram" else (value,)
        assert not any(tensor.requires_grad for tensor in tensors)


def bytes_of(recorder: monitor.BaseMonitor) -> int:
    """Of the values and of what they are made of."""

    def inside(value: Any) -> list[torch.Tensor]:
        if isinstance(value, torch.Tensor):
            return [value]
        return [t for part in value for t in inside(part)] if isinstance(value, tuple | list) else []

    tensors = inside([running._states for running in recorder._running.values()])
    return sum(t.numel() * t.element_size() for t in tensors)


def test_kept_records_hold_their_graph_as_ever() -> None:
    net = network("m")
    recorder = monitor.OutputMonitor(net, neuron.BaseNode)
    net(torch.rand(5, 3, 3))
    assert recorder[0].grad_fn is not None
    assert recorder.records is recorder.records
    recorder.records = []
    assert recorder.records == []


class Say(nn.Module):
    """Gives what it is told to."""

    def forward(self, x: Any) -> Any:
        return x


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_more(dtype: torch.dtype) -> None:
    """100,000 ones and a half overflow, or stand still, in half precision."""
    say = Say()
    monitors = {name: monitor.OutputMonitor(say, reduce=name) for name in ("sum", "mean", "std", "rate")}
    x = torch.ones(1000, dtype=dtype)
    x[0] = 0.5
    for _ in range(100):
        say(x)
    assert monitors["sum"][""] == 100 * 999.5
    assert monitors["mean"][""] == pytest.approx(0.9995, abs=1e-9)
    assert monitors["std"][""] == pytest.approx(x.float().repeat(100).double().std().item(), rel=1e-6)
    assert monitors["rate"][""] == 1


def test_the_spread_around_a_large_mean_is_not_lost() -> None:
    say = Say()
    recorder = monitor.OutputMonitor(say, reduce="std")
    records = [1e6 + torch.rand(100, dtype=torch.float64) for _ in range(20)]
    for record in records:
        say(record)
    torch.testing.assert_close(recorder[""], torch.cat(records).std(), rtol=1e-9, atol=0)


@pytest.mark.parametrize("reduce", TRUTH)
def test_numbers_booleans_and_integers(reduce: str) -> None:
    say = Say()
    recorder = monitor.OutputMonitor(say, reduce=reduce)
    for value in (
        2,
        True,
        0.5,
        torch.tensor([True, False]),
        torch.tensor([3, 4], dtype=torch.uint8),
        torch.tensor(7.0),
    ):
        say(value)
    numbers = torch.tensor([2, 1, 0.5, 1, 0, 3, 4, 7], dtype=torch.float64)
    torch.testing.assert_close(recorder[""].double(), TRUTH[reduce](numbers).double())


def test_tuples_are_reduced_part_by_part_and_none_is_passed_over() -> None:
    say = Say()
    recorder = monitor.OutputMonitor(say, reduce="sum")
    say((torch.ones(2), None, torch.ones(3)))
    say([torch.ones(2), torch.ones(1), torch.ones(3)])
    assert recorder[""] == (4, 1, 6)
    with pytest.raises(RuntimeError, match=r"OutputMonitor of '': a record has 1 parts, those before it have 3"):
        say(torch.ones(2))
    recorder.clear_recorded_data()
    say(None)
    assert recorder[""] is None
    assert recorder.records == [None]


def test_nothing_in_a_record_is_nothing_to_reduce() -> None:
    say = Say()
    for reduce in ("max", "mean", "histogram"):
        recorder = monitor.OutputMonitor(say, reduce=reduce)
        say(torch.ones(0, 3))
        assert recorder[""] is None


def test_clear_disable_and_enable() -> None:
    net = network("s")
    recorder = monitor.OutputMonitor(net, neuron.BaseNode, lambda spike: 1 + 0 * spike, reduce="sum")
    assert recorder.records == []
    assert recorder["1"] is None
    net(torch.rand(2, 3))
    assert recorder.records == [8, 4]
    assert recorder["3"] == recorder[1] == recorder[-1] == 4
    recorder.disable()
    net(torch.rand(2, 3))
    assert recorder.records == [8, 4]
    recorder.clear_recorded_data()
    assert recorder.records == []
    assert recorder["1"] is None
    recorder.enable()
    net(torch.rand(2, 3))
    assert recorder["1"] == 8
    with pytest.raises(KeyError, match="'7' is not monitored"):
        recorder["7"]


def test_records_of_modules_that_have_not_run_are_left_out() -> None:
    net = network("m")
    recorder = monitor.OutputMonitor(net, neuron.BaseNode, reduce="mean")
    net[3](torch.ones(2, 1, 2))
    assert recorder.records == [recorder["3"]]
    assert recorder["1"] is None


def test_in_inference_mode_and_out_of_it() -> None:
    say = Say()
    recorder = monitor.OutputMonitor(say, reduce="mean")
    with torch.inference_mode():
        say(torch.ones(2))
    say(torch.zeros(2))
    assert recorder[""] == 0.5


@pytest.mark.parametrize("reduce", ["mean", "std", "max"])
def test_what_was_kept_goes_along_to_another_device(reduce: str) -> None:
    say = Say()
    recorder = monitor.OutputMonitor(say, reduce=reduce)
    say(torch.ones(2))
    assert recorder[""].device.type == "cpu"
    say(torch.ones(2, device="meta"))
    assert recorder[""].device.type == "meta"


def test_the_last_record_is_a_copy() -> None:
    say = Say()
    recorder = monitor.OutputMonitor(say, reduce="last")
    x = torch.zeros(2)
    say(x)
    x += 1
    assert recorder[""].tolist() == [0, 0]


def test_a_potential_in_multi_step_mode_has_no_dimension_of_time() -> None:
    net = network("m")
    recorder = monitor.AttributeMonitor("v", False, net, neuron.LIFNode, reduce="max", per_neuron=True)
    net(torch.rand(5, 3, 3))
    assert torch.equal(recorder["1"], net[1].v.amax(0))


def test_a_histogram_grows_in_both_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    say = Say()
    recorder = monitor.OutputMonitor(say, reduce=monitor.histogram(bins=7))
    records = [torch.zeros(3), torch.full((2,), 1e-3)]
    records += [torch.randn(50, generator=generator) * scale for scale in (0.01, 3.0, 1.0, 1e3)]
    widths = []
    for record in records:
        say(record)
        histogram = recorder[""]
        widths.append((histogram.edges[1] - histogram.edges[0]).item())
        so_far = torch.cat(records[: len(widths)]).double().numpy()
        assert np.histogram(so_far, histogram.edges.numpy())[0].tolist() == histogram.counts.tolist()
        assert histogram.counts.sum() == len(so_far)
    assert len(histogram.counts) == 7
    assert widths == sorted(widths)
    assert np.log2(widths[-1]) % 1 == 0
    span = so_far.max() - so_far.min()
    assert 7 * widths[-1] < 2.5 * span


def test_a_histogram_counts_what_is_not_finite() -> None:
    say = Say()
    recorder = monitor.OutputMonitor(say, reduce="histogram")
    say(torch.tensor([np.nan, np.inf]))
    assert recorder[""].counts.sum() == 0
    say(torch.tensor([-np.inf, 1.0, 5.0]))
    assert recorder[""].not_finite == 3
    assert recorder[""].counts.sum() == 2
    assert recorder[""].edges[0] <= 1 < 5 < recorder[""].edges[-1]


def test_a_reduction_of_ones_own() -> None:
    net = network("m")
    norm = monitor.Reduction(lambda x, dims: (x**2).sum(dims), torch.add, lambda square: square.sqrt(), per_neuron=True)
    kept = monitor.InputMonitor(net, neuron.LIFNode)
    whole = monitor.InputMonitor(net, neuron.LIFNode, reduce=norm)
    neurons = monitor.InputMonitor(net, neuron.LIFNode, reduce=norm, per_neuron=True)
    run(net)
    rows = torch.cat([record.detach().flatten(0, 1) for record in kept["1"]])
    torch.testing.assert_close(whole["1"], rows.norm())
    torch.testing.assert_close(neurons["1"], rows.norm(dim=0))


def test_what_cannot_be_reduced_is_told() -> None:
    say = Say()

    def told(record: Any, **options: Any) -> None:
        recorder = monitor.OutputMonitor(say, reduce="mean", **options)
        for part in record:
            say(part)
        del recorder

    with pytest.raises(TypeError, match=r"OutputMonitor of '': reduce needs records that are real tensors, .*'text'"):
        told(["text"])
    with pytest.raises(TypeError, match=r"torch\.complex64"):
        told([torch.ones(2, dtype=torch.complex64)])
    with pytest.raises(ValueError, match=r"per_neuron=True needs records \[N, \*\], but one is .* shape \[3\]"):
        told([torch.ones(3)], per_neuron=True)
    with pytest.raises(RuntimeError, match=r"a record is of neurons \[1\], those before it are of neurons \[4\]"):
        told([torch.ones(3, 4), torch.ones(3, 1)], per_neuron=True)
    node = neuron.IFNode(step_mode="m")
    recorder = monitor.OutputMonitor(node, reduce="max", per_neuron=True)
    with pytest.raises(ValueError, match=r"per_neuron=True needs records \[T, N, \*\]"):
        node(torch.ones(3, 4))
    assert recorder.records in ([], [None])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"reduce": "median"}, ValueError, r"InputMonitor: reduce must be one of 'mean', .*, but 'median' was given"),
        ({"reduce": torch.mean}, TypeError, r"reduce must be None, one of .* or a monitor.Reduction, but <built-in"),
        ({"per_neuron": True}, ValueError, r"per_neuron=True says how records are reduced, but reduce is None"),
        ({"reduce": "mean", "per_neuron": 1}, TypeError, r"per_neuron must be a bool, but 1 \(int\)"),
        ({"reduce": "last", "per_neuron": True}, ValueError, r"goes with 'mean', 'sum', .*, but reduce is 'last'"),
        ({"reduce": monitor.histogram(8), "per_neuron": True}, ValueError, r"but reduce is one without it"),
    ],
)
def test_bad_arguments_are_told(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        monitor.InputMonitor(Say(), **options)


def test_bad_bins_are_told() -> None:
    with pytest.raises(ValueError, match="histogram: bins must be at least 2, but 1 was given"):
        monitor.histogram(1)
    with pytest.raises(TypeError, match=r"histogram: bins must be an int, but 2.0"):
        monitor.histogram(2.0)
