"""Arguments without sense are refused where they are given; what published programs pass is taken."""

import functools
import inspect
import logging
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.activation_based import layer, neuron, surrogate
from spikingjelly.fusion import choice
from tests.cases import NEURONS, SURROGATES, NeuronCase, SurrogateCase

ONE_OF_A_KIND = {case.cls: case for case in NEURONS}


def floats_of(case: NeuronCase) -> list[str]:
    defaults = {name: p.default for name, p in inspect.signature(getattr(neuron, case.cls)).parameters.items()}
    return [name for name, value in {**defaults, **case.kwargs}.items() if isinstance(value, float)]


@pytest.mark.parametrize("case", [*filter(floats_of, ONE_OF_A_KIND.values())], ids=lambda case: case.cls)
def test_no_number_of_a_neuron_may_be_nan(case: NeuronCase) -> None:
    for name in floats_of(case):
        with pytest.raises(ValueError, match=rf"{case.cls}: {name} must .*, but nan was given"):
            case.make(**{name: math.nan})


def test_a_threshold_may_be_infinite_and_of_any_kind_of_float() -> None:
    x = torch.rand(4, 3)
    for threshold in (math.inf, np.float32(0.5), np.float64(0.5), torch.tensor(0.5), nn.Parameter(torch.tensor(0.5))):
        spikes = neuron.IFNode(v_threshold=threshold, step_mode="m")(x)
        assert bool(spikes.any()) == (threshold != math.inf)


@pytest.mark.parametrize("case", SURROGATES, ids=str)
@pytest.mark.parametrize("wrong", ["2", [1.0], None], ids=repr)
def test_parameters_of_surrogates_are_numbers(case: SurrogateCase, wrong: Any) -> None:
    if case.cls == "DeterministicPass":
        assert surrogate.DeterministicPass(alpha=wrong)(torch.tensor([1.0])).item() == 1.0  # without effect
        return
    name = next(iter(case.kwargs))
    with pytest.raises((TypeError, ValueError), match=rf"{case.cls}: {name} must be .* {wrong!r}".replace("[", r"\[")):
        case.make(**{name: wrong})


@pytest.mark.parametrize("case", [case for case in SURROGATES if case.cls != "DeterministicPass"], ids=str)
def test_parameters_of_surrogates_are_not_nan(case: SurrogateCase) -> None:
    for name in case.kwargs.keys() - {"n"}:
        with pytest.raises(ValueError, match=rf"{case.cls}: {name} must .*, but nan was given"):
            case.make(**{name: math.nan})


@pytest.mark.parametrize("value", [3, np.float32(3.0), torch.tensor(3.0), nn.Parameter(torch.tensor(3.0))], ids=repr)
def test_parameters_of_surrogates_may_be_any_kind_of_number(value: Any) -> None:
    x = torch.tensor([0.2], requires_grad=True)
    (slope,) = torch.autograd.grad(surrogate.Sigmoid(value)(x), x)
    (expected,) = torch.autograd.grad(surrogate.Sigmoid(3.0)(x), x)
    torch.testing.assert_close(slope, expected)


def test_spiking_is_a_switch() -> None:
    for off in (False, 0, np.bool_(False)):
        assert surrogate.ATan(2.0, off)(torch.tensor(0.0)).item() == 0.5
        assert surrogate.PiecewiseLeakyReLU(spiking=off)(torch.tensor(0.0)).item() == 0.5
    for make in (surrogate.ATan, surrogate.PiecewiseLeakyReLU):
        with pytest.raises(TypeError, match=f"{make.__name__}: spiking must be True or False, but 'no'"):
            make(spiking="no")  # type: ignore[arg-type]


CONTAINER = functools.partial(layer.ElementWiseRecurrentContainer, nn.Identity())
SWITCHES = {
    "threshold_related": functools.partial(neuron.LIAFNode, torch.relu),
    "learnable": layer.SynapseFilter,
    "shared_across_channels": functools.partial(layer.NeuNorm, 2, 4, 4),
    "gain": functools.partial(layer.WSLinear, 3, 2),
}


@pytest.mark.parametrize("name", SWITCHES)
def test_switches_are_true_or_false(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} must be True or False, but 'no'"):
        SWITCHES[name](**{name: "no"})


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("element_wise_function", CONTAINER),
        ("sub_module", functools.partial(layer.ElementWiseRecurrentContainer, element_wise_function=torch.add)),
        ("sub_module", functools.partial(layer.LinearRecurrentContainer, in_features=2, out_features=3)),
        ("activation", functools.partial(layer.DropConnectLinear, 3, 2)),
    ],
)
def test_functions_can_be_called(name: str, make: Any) -> None:
    for wrong in ("relu", nn.ReLU):
        with pytest.raises(TypeError, match=f"{name} must be callable, as .* is, but .*"):
            make(**{name: wrong})


def test_a_weight_of_neunorm_is_a_number() -> None:
    with pytest.raises(ValueError, match="NeuNorm: k must be a number, but nan was given"):
        layer.NeuNorm(2, 4, 4, k=math.nan)


class _Returns(neuron.BaseNode):
    def neuronal_charge(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return self.v + x


class _SetsAndReturns(neuron.BaseNode):
    def neuronal_charge(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        self.v = self.v + x
        return self.v


class _AddsInPlaceAndReturns(neuron.BaseNode):
    def neuronal_charge(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return self.v.add_(x)


class _ReturnsWhatItsParentDoes(_SetsAndReturns):
    def neuronal_charge(self, x: torch.Tensor) -> torch.Tensor:
        return super().neuronal_charge(x)


@pytest.mark.parametrize(
    ("cls", "said"),
    [(_Returns, 1), (_SetsAndReturns, 0), (_AddsInPlaceAndReturns, 0), (_ReturnsWhatItsParentDoes, 0)],
)
def test_a_charge_that_only_returns_is_told_once(
    cls: type[neuron.BaseNode], said: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_said", set())
    with caplog.at_level(logging.WARNING):
        node = cls(backend="torch", step_mode="m")
        spikes = node(torch.full((3, 2), 2.0))
        node(torch.full((3, 2), 2.0))
    assert bool(spikes.any()) == (not said)
    hints = [record.message for record in caplog.records if "neuronal_charge" in record.message]
    assert len(hints) == said
    assert all("_Returns: neuronal_charge(x) returns a value" in hint for hint in hints)
