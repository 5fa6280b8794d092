"""What can't be exported is said in one message, with the layer's name; nothing half-written stays."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.activation_based import base, functional, layer, neuron
from spikingjelly.activation_based.onnx_exchange import ExplicitNetwork, ONNXStream, export_program, export_to_onnx

X = torch.zeros(2, 3)


def test_a_state_left_in_the_network(tmp_path: Path) -> None:
    net = nn.Sequential(layer.Linear(3, 3), neuron.LIFNode())
    net(X + 1.0)
    with pytest.raises(ValueError, match=r"the layer '1' \(LIFNode\) still has the state v .*reset_net") as refusal:
        export_to_onnx(net, X, tmp_path / "net.onnx")
    assert isinstance(refusal.value, AssertionError)
    assert not list(tmp_path.iterdir())
    functional.reset_net(net)
    ExplicitNetwork(net, X)


def test_mixed_step_modes() -> None:
    net = nn.Sequential(layer.Linear(3, 3, step_mode="m"), neuron.LIFNode())
    with pytest.raises(ValueError, match=r"the layer '1' is in step_mode='s', but '0' in 'm'. Call .*set_step_mode"):
        ExplicitNetwork(net, X)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"net": lambda x: x}, TypeError, "net must be a torch.nn.Module"),
        ({"example_input": np.zeros((2, 3))}, TypeError, "example_input must be a torch.Tensor"),
        ({"example_input": torch.zeros(2, 3).int()}, TypeError, "example_input must have a floating-point dtype"),
        ({"example_input": torch.zeros(())}, ValueError, r"example_input must be \[N, \*\] with at least one sample"),
        ({"example_input": torch.zeros(0, 3)}, ValueError, r"with at least one sample, but .* \[0, 3\]"),
        ({"step_mode": "m", "example_input": torch.zeros(3)}, ValueError, r"example_input must be \[T, N, \*\]"),
        (
            {"net": nn.Sequential(nn.Identity(), layer.Linear(4, 2))},
            ValueError,
            r"the layer '1' \(Linear\) can't run on an example_input of the shape \[2, 3\]: mat1 and mat2 shapes",
        ),
        ({"step_mode": "x"}, ValueError, "step_mode must be 's' or 'm', but 'x'"),
        ({"carry_states": 1}, TypeError, "carry_states must be a bool"),
    ],
)
def test_arguments_of_a_network(keywords: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ExplicitNetwork(**{"net": neuron.IFNode(), "example_input": X, **keywords})


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"form": "both"}, "form must be 'step' or 'sequence', but 'both'"),
        ({"carry_states": False}, "carry_states=False is for form='sequence'"),
        ({"dynamic_batch": None}, "dynamic_batch must be a bool"),
    ],
)
def test_arguments_of_a_file(keywords: dict[str, Any], message: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    with pytest.raises((ValueError, TypeError), match=message):
        export_to_onnx(neuron.IFNode(), X, tmp_path / "net.onnx", **keywords)
    assert not list(tmp_path.iterdir())


def test_a_layer_without_the_step_mode() -> None:
    net = nn.Sequential(neuron.PSN(4))
    with pytest.raises(NotImplementedError, match=r"the layer '0' \(PSN\) has no step_mode='s'. Export a whole seq"):
        ExplicitNetwork(net, X)


class OwnState(nn.Module):
    def reset(self) -> None: ...

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Counter(base.MemoryModule):
    """A number, or a list, that grows with each call."""

    def __init__(self, start: Any) -> None:
        super().__init__()
        self.register_memory("count", start)

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count = self.count + (1 if isinstance(self.count, int) else [x])
        return x


class StartsAtOne(base.MemoryModule):
    def __init__(self) -> None:
        super().__init__()
        self.register_memory("v", None)

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        self.v = torch.ones_like(x) if self.v is None else self.v + x
        return self.v


class MixesSamples(base.MemoryModule):
    def __init__(self) -> None:
        super().__init__()
        self.register_memory("pairs", None)

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        self.pairs = torch.cat([x, x])
        return x


class Pair(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (OwnState(), r"'0' \(OwnState\) has a method reset\(\), but is no base.MemoryModule"),
        (Counter(0), "the memory '0.count' changes its form from call to call"),
        (Counter([]), "the memory '0.count' changes its form from call to call"),
        (StartsAtOne(), r"states that stand for a reset network \('0.v'\)"),
        (MixesSamples(), r"the state '0.pairs' has the shape \[4, 3\], and \[6, 3\] for one sample more"),
        (Pair(), "must return one tensor, but it returned"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_states_that_are_none(net: nn.Module, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from spikingjelly.activation_based.onnx_exchange import _states

    monkeypatch.setattr(_states, "_MOST_CALLS", 20)
    with pytest.raises(NotImplementedError, match=message):
        ExplicitNetwork(nn.Sequential(net), X)


class Branches(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1 if x.sum() > 0 else x


def test_a_layer_that_looks_at_values_is_named() -> None:
    net = nn.Sequential(layer.Linear(3, 3), nn.Sequential(Branches()))
    with pytest.raises(NotImplementedError, match=r"the layer '1.0' \(Branches\) can't be exported: ") as refusal:
        export_program(ExplicitNetwork(net, X), X)
    assert "\n" not in str(refusal.value)


class Airy(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.special.airy_ai(x)


def test_an_operation_that_onnx_does_not_have(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    net = nn.Sequential(neuron.IFNode(), Airy())
    with pytest.raises(NotImplementedError, match=r"airy_ai.* of the layer '1' has no counterpart in ONNX") as refusal:
        export_to_onnx(net, X, tmp_path / "net.onnx")
    assert "\n" not in str(refusal.value)
    assert not list(tmp_path.iterdir())


def test_states_that_are_not_as_many() -> None:
    step = ExplicitNetwork(neuron.IFNode(), X)
    with pytest.raises(ValueError, match=r"expected 1 states \(v\), but 0 were given. Start with initial_states"):
        step(X)


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match=r"needs onnx, which can't be imported.*spikingjelly\[onnx\]"):
        export_to_onnx(neuron.IFNode(), X, tmp_path / "net.onnx")


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxscript")
    path = tmp_path_factory.mktemp("onnx") / "if.onnx"
    export_to_onnx(neuron.IFNode(), X, path)
    return path


def test_a_file_without_our_description_and_damaged_files(model_file: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    path = tmp_path / "net.onnx"
    with pytest.raises(FileNotFoundError, match="the folder .*nowhere of net.onnx does not exist"):
        export_to_onnx(neuron.IFNode(), X, tmp_path / "nowhere" / "net.onnx")
    whole = model_file.read_bytes()
    model = onnx.load(str(model_file))
    for share in (0.0, 0.3, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        _refused(path, "can't be run")
    states = next(entry for entry in model.metadata_props if entry.key == "spikingjelly.states")
    for text, problem in (
        ("[{}]", "description of states can't be read"),
        ("[" * 5000, "description of states can't be read"),
        ('[{"name": "v", "batch_dim": "x", "initial": 0}]', "has batch_dim='x'"),
        ('[{"name": "w", "batch_dim": 0, "initial": 0}]', r"its inputs \['x', 'v'\] are not x and the states \['w'\]"),
    ):
        states.value = text
        onnx.save(model, str(path))
        _refused(path, problem)
    del model.metadata_props[:]
    onnx.save(model, str(path))
    _refused(path, "no description of states .* was it written by export_to_onnx")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        ONNXStream(tmp_path / "other.onnx")
    with pytest.raises(ValueError, match="threads must be at least 1"):
        ONNXStream(path, threads=0)


def _refused(path: Path, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refusal:
        ONNXStream(path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)
