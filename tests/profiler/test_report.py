"""The forms of a report, and what a profile leaves behind."""

import csv
import io
import json
import subprocess
import sys

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.activation_based.profiler import EnergyCosts, ProfileReport, health, profile


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(layer.Linear(6, 8), neuron.IFNode(v_threshold=0.3), layer.Linear(8, 3), neuron.LIFNode())


@pytest.fixture
def report() -> ProfileReport:
    return profile(network(), torch.rand(4, 2, 6) * 3)


def test_table(report: ProfileReport) -> None:
    lines = str(report).splitlines()
    assert lines[0].split()[:4] == ["layer", "kind", "params", "input"]
    assert [line.split()[0] for line in lines[2:6]] == ["0", "1", "2", "3"]
    assert lines[7].startswith("total")
    assert len({len(line) for line in (lines[1], lines[6])}) == 1
    assert "Per sample, summed over T = 4 time steps; mean of 2 samples." in lines
    assert any(line.startswith("ANN of equal shape, run once") for line in lines)
    assert any(line.startswith("ANN of equal shape, run 4 times") for line in lines)
    assert "3-bit activations" in str(report)
    assert "ISSCC 2014" in str(report)


def test_units_in_the_table() -> None:
    text = str(profile(nn.Linear(1000, 1000), torch.rand(1, 1, 1000)))
    assert all(part in text for part in ("1M", "4.6 uJ"))
    text = str(profile(nn.Linear(1000, 40), torch.rand(1, 1, 1000), costs=EnergyCosts(mac_pj=1e6)))
    assert all(part in text for part in ("40k", "40 mJ"))


def test_total(report: ProfileReport) -> None:
    total = report.total
    assert total.parameters == 6 * 8 + 8 + 8 * 3 + 3
    assert total.dense_macs == 4 * (48 + 24) == report.dense_flops / 2
    assert total.neuron_updates == 4 * (8 + 3)
    assert total.spikes == report["1"].spikes + report["3"].spikes
    assert total.firing_rate == pytest.approx(total.spikes / total.neuron_updates)


def test_dict_and_json(report: ProfileReport, tmp_path) -> None:
    path = tmp_path / "report.json"
    text = report.to_json(path)
    assert path.read_text() == text == report.to_json()
    loaded = json.loads(text)
    assert loaded["total"]["parameters"] == report.total.parameters
    assert [row["name"] for row in loaded["layers"]] == ["0", "1", "2", "3"]
    assert loaded["layers"][1]["firing_rate"] == report["1"].firing_rate
    assert loaded["costs"]["mac_pj"] == 4.6
    assert (loaded["T"], loaded["samples"]) == (4, 2)
    assert loaded["layers"][0]["input_shape"] == [6]
    assert report.to_dict()["dense_flops"] == report.dense_flops


def test_csv(report: ProfileReport, tmp_path) -> None:
    path = tmp_path / "report.csv"
    text = report.to_csv(path)
    assert path.read_text() == text == report.to_csv()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["name"] for row in rows] == ["0", "1", "2", "3", "total"]
    assert [float(row["macs"]) for row in rows] == [*(row.macs for row in report.layers), report.total.macs]
    assert rows[0]["firing_rate"] == ""
    assert float(rows[1]["firing_rate"]) == report["1"].firing_rate


def test_figure(report: ProfileReport, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    figure = report.figure()
    energy, rates = figure.axes
    assert energy.get_xlabel() == "energy per sample (nJ)"
    assert "firing rate" in rates.get_xlabel()
    assert [label.get_text() for label in energy.get_yticklabels()][:2] == ["0 (Linear)", "1 (IFNode)"]
    widths = [bar.get_width() for bar in energy.containers[0]]
    assert widths == pytest.approx([row.energy_pj / 1e3 for row in report.layers])
    ends = [bar.get_x() + bar.get_width() for bar in energy.containers[1]]
    assert ends == pytest.approx([row.energy_with_memory_pj / 1e3 for row in report.layers])
    assert [bar.get_width() for bar in rates.containers[0]] == [report["1"].firing_rate, report["3"].firing_rate]
    figure.savefig(tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 0


def test_figure_without_matplotlib(report: ProfileReport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"ProfileReport.figure needs matplotlib.*spikingjelly\[plot\]"):
        report.figure()


@pytest.mark.slow
def test_a_profile_loads_no_compiler() -> None:
    """`torch._dynamo` takes seconds to import."""
    code = (
        "import sys, torch\nfrom spikingjelly.activation_based.profiler import profile\n"
        "profile(torch.nn.Linear(3, 2), torch.rand(1, 1, 3))\nprint('torch._dynamo' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


class Fails(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("on purpose")


def hooks_of(net: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules())


@pytest.mark.parametrize("look", [profile, health])
@pytest.mark.parametrize("fails", [False, True])
def test_the_network_is_left_as_it_was(look, fails: bool) -> None:
    net = network()
    net.append(layer.BatchNorm1d(3))
    net.append(Fails() if fails else nn.Identity())
    net.train()
    net[2].eval()
    net[0].register_forward_hook(lambda *_: None)
    net(torch.rand(2, 6)) if not fails else net[1](torch.rand(2, 8))
    state = {name: value.clone() for name, value in net.state_dict().items()}
    options = {} if look is profile else {"loss": lambda y, _: y.sum()}
    if fails:
        with pytest.raises(RuntimeError, match="on purpose"):
            look(net, torch.rand(4, 3, 6), **options)
    else:
        look(net, torch.rand(4, 3, 6), **options)
    assert [m.training for m in net] == [True, True, False, True, True, True]
    assert hooks_of(net) == 1
    assert net[1].v == 0.0
    assert all(p.grad is None for p in net.parameters())
    for name, value in net.state_dict().items():
        assert torch.equal(value, state[name])
    assert torch.is_grad_enabled()


def test_the_counts_of_a_second_profile_are_the_same() -> None:
    net, x = network(), torch.rand(4, 2, 6) * 3
    net(x[0])  # leaves a state behind
    first = profile(net, x)
    assert first.total.spikes > 0
    assert profile(net, x) == first
    functional.set_step_mode(net, "m")
    assert profile(net, x).layers == first.layers


@pytest.mark.parametrize("look", [profile, health])
class TestErrors:
    def test_no_module(self, look) -> None:
        with pytest.raises(TypeError, match=r"net must be a torch.nn.Module, but 'net' \(str\) was given"):
            look("net", torch.rand(4, 2, 6))

    @pytest.mark.parametrize("data", [3, (torch.rand(4, 2, 6), 1), "data"])
    def test_no_data(self, look, data) -> None:
        with pytest.raises(TypeError, match=r"data must be a tensor or an iterable of batches.*\[\(x, target\)\]"):
            look(network(), data)

    def test_no_tensor_in_a_batch(self, look) -> None:
        with pytest.raises(TypeError, match="a batch must hold a tensor, but 'x'"):
            look(network(), ["x"], progress=False)

    def test_nothing_in_it(self, look) -> None:
        with pytest.raises(ValueError, match="data must hold at least one batch, but it is empty"):
            look(network(), [], progress=False)

    def test_no_sequence(self, look) -> None:
        with pytest.raises(ValueError, match=r"T=None expects a sequence \[T, N, \*\], but a tensor.*\[6\]"):
            look(network(), torch.rand(6))
        with pytest.raises(ValueError, match=r"T=3 expects a step \[N, \*\]"):
            look(network(), torch.rand(0, 6), T=3)

    def test_steps(self, look) -> None:
        with pytest.raises(ValueError, match="T must be"):
            look(network(), torch.rand(2, 6), T=0)
