"""Code that was published against this interface calls it by these names, in this order, with these defaults."""

import importlib
import inspect
import re

import pytest
import torch

from tests.api.signatures import SIGNATURES, SURROGATE_1

LINES = SIGNATURES.strip().splitlines()


def written(argument: inspect.Parameter) -> str:
    if argument.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        return "*" if argument.kind is inspect.Parameter.VAR_POSITIONAL else "**"
    return argument.name if argument.default is inspect.Parameter.empty else f"{argument.name}={argument.default!r}"


def expected_arguments(line: str) -> list[str]:
    arguments = re.fullmatch(r"[\w.]+\((.*)\)", line).group(1)
    parts = re.split(r", (?![^(]*\))", arguments) if arguments else []
    return [re.match(r"\*+", part).group() if part.startswith("*") else part for part in parts]


@pytest.mark.parametrize("line", LINES)
def test_signature(line: str) -> None:
    module, name = line.split("(")[0].split(".")
    target = getattr(importlib.import_module(f"spikingjelly.activation_based.{module}"), name)
    actual = [written(p) for p in inspect.signature(target).parameters.values()]
    expected = expected_arguments(line)
    assert len(actual) == len(expected), f"{actual} against {expected}"
    for mine, theirs in zip(actual, expected, strict=True):
        assert mine == theirs or (theirs.endswith("=...") and mine.startswith(theirs[:-3]))


@pytest.mark.parametrize("module", sorted({line.split(".")[0] for line in LINES} - {"encoding"}) + ["encoding"])
def test_exported_names_exist_and_come_with_import_star(module: str) -> None:
    public = importlib.import_module(f"spikingjelly.activation_based.{module}")
    assert len(set(public.__all__)) == len(public.__all__)
    for name in public.__all__:
        assert hasattr(public, name)
    pinned = {line.split("(")[0].split(".")[1] for line in LINES if line.startswith(module + ".")}
    assert pinned <= set(public.__all__)


def test_classes_of_base() -> None:
    from spikingjelly.activation_based import base, neuron

    assert base.StepModule().supported_step_mode() == ("s", "m")
    assert base.SingleModule().supported_step_mode() == ("s",)
    assert base.MultiStepModule().supported_step_mode() == ("m",)
    assert neuron.base is base
    assert neuron.surrogate.ATan


def test_lower_case_surrogates_are_public() -> None:
    from spikingjelly.activation_based import surrogate

    snake = {re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower() for name in SURROGATE_1}
    snake = {"atan" if name == "a_tan" else name for name in snake}
    for name in snake | {"piecewise_leaky_relu", "s2nn", "leaky_k_relu", "squarewave_fourier_series"}:
        name = name.replace("re_lu", "relu")
        assert issubclass(getattr(surrogate, name), torch.autograd.Function)
        assert callable(getattr(surrogate, f"{name}_backward"))


def test_reprs() -> None:
    from spikingjelly.activation_based import layer, neuron

    assert repr(neuron.LIFNode()) == (
        "LIFNode(\n  v_threshold=1.0, v_reset=0.0, detach_reset=False, step_mode=s, backend=auto, tau=2.0\n"
        "  (surrogate_function): Sigmoid(alpha=4.0, spiking=True)\n)"
    )
    assert repr(layer.Conv2d(1, 2, 3)) == "Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), step_mode=s)"
