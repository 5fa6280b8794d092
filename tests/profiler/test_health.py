"""Dead, saturated and gradient-less layers are found, healthy ones are not accused."""

import json

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron, rnn, surrogate
from spikingjelly.activation_based.profiler import Finding, health


def problems(report, name: str) -> list[str]:
    return [finding.problem for finding in report[name].findings]


def biased(bias: list[float], **options) -> nn.Module:
    """Neurons that see the same current at every time step, whatever the data."""
    net = nn.Sequential(layer.Linear(3, len(bias)), neuron.IFNode(**options))
    nn.init.zeros_(net[0].weight)
    with torch.no_grad():
        net[0].bias.copy_(torch.tensor(bias))
    return net


X = torch.rand(4, 2, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("mode", ["s", "m"])
def test_shares(mode: str) -> None:
    net = biased([-1.0, -1.0, 0.5, 2.0])
    functional.set_step_mode(net, mode)
    report = health(net, X)
    row = report["1"]
    assert (row.kind, row.neurons, report.samples) == ("IFNode", 4, 2)
    assert (row.never_fires, row.always_fires) == (0.5, 0.25)
    assert row.firing_rate == (0 + 0 + 0.5 + 1) / 4
    assert row.vanishing is None
    assert report.healthy
    assert "Nothing was found." in str(report)


@pytest.mark.parametrize(
    ("bias", "found"),
    [
        ([-1.0, -1.0], [Finding("silent", 1.0)]),
        ([-1.0, -1.0, -1.0, 0.5], [Finding("dead", 0.75)]),
        ([2.0, 2.0, 0.5], [Finding("saturated", 2 / 3)]),
        ([0.5, 0.4], []),
    ],
    ids=["silent", "dead", "saturated", "healthy"],
)
def test_findings(bias: list[float], found: list[Finding]) -> None:
    report = health(biased(bias), X)
    assert list(report["1"].findings) == found
    assert report.healthy == (not found)
    text = " ".join(str(report).split())
    for finding in found:
        assert f"- {finding.problem}: 1 ({finding.share:.1%}). {finding.advice}" in text
    if found:
        assert "v_threshold" in found[0].advice
        assert report.findings == {"1": tuple(found)}


def test_advice_is_wrapped() -> None:
    lines = str(health(biased([-1.0, -1.0]), X)).splitlines()
    advice = lines[lines.index("2 samples. What to change:") + 1 :]
    assert max(map(len, advice)) <= 88
    assert [line[:2] for line in advice] == ["- ", *["  "] * (len(advice) - 1)]
    assert len(advice) > 1


def test_limits() -> None:
    net = biased([-1.0, 0.5, 0.5, 2.0])
    assert health(net, X).healthy
    assert problems(health(net, X, dead_share=0.2), "1") == ["dead"]
    assert problems(health(net, X, saturated_share=0.2), "1") == ["saturated"]
    assert health(net, X, dead_share=0.25, saturated_share=0.25).healthy


def test_a_neuron_that_fires_in_one_batch_is_not_dead() -> None:
    net = neuron.IFNode()
    one, other = torch.zeros(2, 1, 2), torch.zeros(2, 1, 2)
    one[0, 0, 0] = other[1, 0, 1] = 1.0
    assert health(net, [one], progress=False)[""].never_fires == 0.5
    assert health(net, [one, other], progress=False)[""].never_fires == 0.0


@pytest.mark.parametrize("mode", ["s", "m"])
def test_vanishing_gradients(mode: str) -> None:
    """The potentials lie far outside the window of a rectangular surrogate for one neuron, inside it for the others."""
    net = biased([-9.0, 0.7, 0.7, 0.7], surrogate_function=surrogate.Rect(alpha=1.0), detach_reset=True)
    functional.set_step_mode(net, mode)
    loss = lambda y, target: (y.mean() - target).abs()  # noqa: E731
    data = [(X, 0.25)]
    report = health(net, data, loss=loss, progress=False)
    assert report["1"].vanishing == 0.25
    assert problems(report, "1") == []
    found = health(net, data, loss=loss, vanishing_share=0.2, progress=False)
    assert problems(found, "1") == ["vanishing gradient"]
    assert "wider surrogate" in str(found)


def test_step_modes_see_the_same_gradients() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        layer.Linear(3, 16),
        neuron.LIFNode(v_threshold=0.4, surrogate_function=surrogate.Rect()),
        layer.Linear(16, 8),
        neuron.IFNode(v_threshold=0.4, surrogate_function=surrogate.Rect(alpha=4.0)),
    )
    options = {"loss": lambda y, _: (y * torch.arange(8.0)).mean()}
    stepwise = health(net, X, **options)
    functional.set_step_mode(net, "m")
    assert health(net, X, **options).layers == stepwise.layers
    assert 0 < stepwise["3"].vanishing < 1


def test_small_gradient() -> None:
    """The slope of ATan at 1 below the threshold is 1 / (1 + pi**2) = 0.092."""
    net = biased([0.0, 0.0], surrogate_function=surrogate.ATan(alpha=2.0), detach_reset=True)
    options = {"T": 1, "loss": lambda y, _: y.sum()}
    assert health(net, X[0], small_gradient=0.05, **options)["1"].vanishing == 0.0
    assert health(net, X[0], small_gradient=0.2, **options)["1"].vanishing == 1.0


def test_no_gradient() -> None:
    class Cut(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.detach()

    torch.manual_seed(0)
    net = nn.Sequential(layer.Linear(3, 4), neuron.IFNode(v_threshold=0.1), Cut(), layer.Linear(4, 2), neuron.IFNode())
    nn.init.constant_(net[3].bias, 0.7)
    report = health(net, X, loss=lambda y, _: y.sum())
    assert "no gradient" in problems(report, "1")
    assert "no gradient" not in problems(report, "4")
    assert report["1"].vanishing is None


def test_neurons_first() -> None:
    """Nothing in front of them has a gradient of its own."""
    report = health(neuron.LIFNode(v_threshold=0.3), X, loss=lambda y, _: y.sum())
    assert report[""].vanishing == 0.0


def test_outputs_that_are_no_spikes() -> None:
    net = nn.Sequential(neuron.IFNode(v_threshold=0.3), neuron.NonSpikingLIFNode())
    report = health(net, X)
    assert report["1"].firing_rate is None
    assert "no spikes" in str(report)


def test_options_of_the_run() -> None:
    net = biased([0.5, 0.5])
    assert health(net, X[0], T=4).layers == health(net, X).layers
    assert health(net, X.transpose(0, 1), batch_first=True).layers == health(net, X).layers
    shown = []
    health(net, X, run=lambda net, x: [shown.append(x.shape), *map(net, x)])
    assert shown == [X.shape]


def test_a_class_of_neurons_of_ones_own() -> None:
    class Threshold(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x > 2.0).float()

    with pytest.raises(ValueError, match=r"net has no neurons.*neurons=\(MyNode,\)"):
        health(nn.Sequential(Threshold()), X)
    assert problems(health(nn.Sequential(Threshold()), X, neurons=(Threshold,)), "0") == ["silent"]


def test_surrogates_of_recurrent_cells() -> None:
    report = health(rnn.SpikingVanillaRNN(3, 5, 1), X, loss=lambda y, _: y[0].sum())
    (row,) = report.layers
    assert row.neurons == 5
    assert row.vanishing is not None


def test_json(tmp_path) -> None:
    report = health(biased([-1.0, -1.0]), X)
    path = tmp_path / "health.json"
    assert path.write_text("") == 0
    assert report.to_json(path) == path.read_text() == report.to_json()
    loaded = json.loads(path.read_text())
    assert loaded == {**report.to_dict(), "layers": loaded["layers"]}
    assert loaded["layers"][0]["findings"][0]["problem"] == "silent"
    assert "v_threshold" in loaded["layers"][0]["findings"][0]["advice"]
    assert not loaded["healthy"]
    with pytest.raises(KeyError, match="no row for 'x', only for '1'"):
        report["x"]


@pytest.mark.parametrize("name", ["dead_share", "saturated_share", "vanishing_share", "small_gradient"])
@pytest.mark.parametrize("value", [-0.1, 1.5, "all"])
def test_limits_must_be_shares(name: str, value) -> None:
    with pytest.raises(ValueError, match=f"{name} must be between 0 and 1"):
        health(biased([0.5]), X, **{name: value})


@pytest.mark.parametrize(
    ("loss", "error", "text"),
    [
        (lambda y, _: 1.0, TypeError, "must return a tensor, but 1.0"),
        (lambda y, _: y, ValueError, "must return a single number"),
        (lambda y, _: y.detach().sum(), ValueError, "does not depend on the network"),
    ],
    ids=["number", "many", "detached"],
)
def test_a_wrong_loss(loss, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        health(biased([0.5]), X, loss=loss)


def test_samples_of_other_sizes() -> None:
    with pytest.raises(ValueError, match=r"layer '' must be the same in all calls.*\[3\] and \[4\]"):
        health(neuron.IFNode(), [X, torch.rand(4, 2, 4)], progress=False)


def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    health(biased([0.5]), [X], progress=False)
    assert "health" not in capsys.readouterr().err
    health(biased([0.5]), [X])
    assert "health" in capsys.readouterr().err
