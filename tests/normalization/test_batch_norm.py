"""Batch normalisation by the kernel is PyTorch's."""

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly import _layer_kernels, normalization
from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.fusion import build, origin
from spikingjelly.normalization import _batch_norm
from tests.versions import needs_torch

pytestmark = pytest.mark.skipif(build.compiler() is None, reason="needs a C++ compiler")


@pytest.fixture
def small_work_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_batch_norm, "SMALLEST_WORK", 1)


def by_kernel(y: torch.Tensor) -> bool:
    return y.grad_fn is not None and y.grad_fn.name() == normalization.NODE


SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "other eps and momentum": {"eps": 0.25, "momentum": 0.7},
    "mean of all batches": {"momentum": None},
    "no running statistics": {"track_running_stats": False},
}


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(
    "shape", [(3, 5, 16), (2, 7, 5, 9), (4, 3, 40, 41), (3, 19, 50, 50), (2, 3, 4, 5, 6), (1, 2, 33)]
)
@pytest.mark.usefixtures("small_work_pays")
def test_output_gradients_and_statistics_are_pytorchs(shape: tuple[int, ...], settings: str) -> None:
    kinds = {3: "BatchNorm1d", 4: "BatchNorm2d", 5: "BatchNorm3d"}
    torch.manual_seed(0)
    theirs = getattr(nn, kinds[len(shape)])(shape[1], **SETTINGS[settings])
    nn.init.normal_(theirs.weight)
    nn.init.normal_(theirs.bias)
    ours = getattr(layer, kinds[len(shape)])(shape[1], **SETTINGS[settings])
    ours.load_state_dict(theirs.state_dict())
    for _ in range(3):
        x = 3 * torch.randn(shape) + 1
        inputs = [x.clone().requires_grad_() for _ in range(2)]
        y, expected = ours(inputs[0]), theirs(inputs[1])
        assert by_kernel(y)
        grad = torch.randn(shape)
        y.backward(grad)
        expected.backward(grad)
        torch.testing.assert_close(y, expected, rtol=0, atol=0)
        torch.testing.assert_close(inputs[0].grad, inputs[1].grad, rtol=0, atol=0)
    for (name, own), other in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        torch.testing.assert_close(own, other, rtol=0, atol=0, msg=name)
    for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(own.grad, other.grad, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("small_work_pays")
def test_sequences_share_statistics_over_time() -> None:
    ours, theirs = layer.BatchNorm2d(3, step_mode="m"), nn.BatchNorm2d(3)
    x = torch.randn(4, 2, 3, 5, 6)
    torch.testing.assert_close(ours(x), theirs(x.flatten(0, 1)).unflatten(0, (4, 2)), rtol=0, atol=0)
    torch.testing.assert_close(ours.running_var, theirs.running_var)


@pytest.mark.usefixtures("small_work_pays")
def test_threshold_dependent_normalisation() -> None:
    norm, x = layer.ThresholdDependentBatchNorm2d(0.5, 2.0, 3), torch.randn(4, 2, 3, 5, 6)
    expected = F.batch_norm(x.flatten(0, 1), None, None, torch.ones(3), torch.zeros(3), True)
    torch.testing.assert_close(norm(x).flatten(0, 1), expected, rtol=0, atol=0)


@pytest.mark.usefixtures("small_work_pays")
def test_running_statistics_count_as_changed() -> None:
    norm = layer.BatchNorm2d(3)
    versions = norm.running_mean._version, norm.running_var._version
    norm(torch.randn(2, 3, 5, 6))
    assert norm.running_mean._version > versions[0]
    assert norm.running_var._version > versions[1]


OTHERS = {
    "evaluation": lambda norm, x: norm.eval()(x),
    "channels last": lambda norm, x: norm(x.contiguous(memory_format=torch.channels_last)),
    "double precision": lambda norm, x: norm.double()(x.double()),
    "no weight": lambda norm, x: layer.BatchNorm2d(3, affine=False)(x.requires_grad_()),
    "few neighbours": lambda norm, x: norm(x[:, :, :2, :3].contiguous()),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.usefixtures("small_work_pays")
def test_what_the_kernel_does_not_know_is_pytorchs(name: str) -> None:
    y = OTHERS[name](layer.BatchNorm2d(3), torch.randn(2, 3, 8, 8))
    assert y.grad_fn.name() == "NativeBatchNormBackward0"


def test_small_inputs_are_pytorchs() -> None:
    assert not by_kernel(layer.BatchNorm2d(3)(torch.randn(2, 3, 8, 8)))
    assert by_kernel(layer.BatchNorm2d(8)(torch.randn(16, 8, 32, 32)))


@pytest.mark.usefixtures("small_work_pays")
@pytest.mark.parametrize("shape", [(2, 4, 8, 8), (2, 3, 8)])
def test_errors_are_pytorchs(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError if len(shape) == 3 else RuntimeError):
        layer.BatchNorm2d(3)(torch.randn(shape))


@pytest.mark.usefixtures("small_work_pays")
def test_second_derivatives() -> None:
    norm, x = layer.BatchNorm2d(3), torch.randn(2, 3, 4, 5, requires_grad=True)
    own = copy.deepcopy(norm)

    def penalty(y: torch.Tensor) -> torch.Tensor:
        (grad,) = torch.autograd.grad(y.square().sin().sum(), x, create_graph=True)
        return torch.autograd.grad(grad.square().sum(), x)[0]

    expected = penalty(F.batch_norm(x, None, None, norm.weight, norm.bias, True))
    torch.testing.assert_close(penalty(own(x)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("small_work_pays")
def test_cast_transformed_and_watched_calls_are_pytorchs() -> None:
    norm, x = layer.BatchNorm2d(3), torch.randn(2, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert not by_kernel(norm(x))
    without_statistics = layer.BatchNorm2d(3, track_running_stats=False)
    y, _ = torch.func.vjp(without_statistics, x)
    torch.testing.assert_close(y, F.batch_norm(x, None, None, norm.weight, norm.bias, True), rtol=1e-5, atol=1e-5)
    seen = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(function)
            return function(*args, **(kwargs or {}))

    with Watch():
        norm(x)
    assert F.batch_norm in seen


@needs_torch("2.8", "Keeping no input behind a batch normalisation")
def test_neurons_behind_it_need_not_keep_their_input() -> None:
    norm = layer.BatchNorm2d(8, step_mode="m")
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    x_seq = norm(torch.randn(4, 4, 8, 32, 32))
    found = origin.origin_of(x_seq)
    assert found is not None
    assert torch.equal(found.input(), x_seq)


def test_a_network_learns_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    net = nn.Sequential(layer.Conv2d(3, 8, 3, padding=1), layer.BatchNorm2d(8), neuron.LIFNode())
    functional.set_step_mode(net, "m")
    x = torch.randn(4, 4, 3, 32, 32)
    spikes, gradients = [], []
    for problem in (None, "no compiler"):
        if problem:
            monkeypatch.setattr(_batch_norm, "_kernels_run", lambda: False)
        functional.reset_net(net)
        net.zero_grad()
        spikes.append(net(x))
        spikes[-1].square().sum().backward()
        gradients.append(net[0].weight.grad.clone())
    assert torch.equal(*spikes)
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("small_work_pays")
def test_without_a_compiler_pytorchs_runs(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(build, "compiler", lambda: None)
    monkeypatch.setattr(_layer_kernels, "_told", set())
    _layer_kernels.problem.cache_clear()
    try:
        with caplog.at_level("INFO"):
            for _ in range(2):
                assert not by_kernel(layer.BatchNorm2d(3)(torch.randn(2, 3, 8, 8)))
    finally:
        _layer_kernels.problem.cache_clear()
    assert caplog.text.count("batch normalisation is PyTorch's own: no C++ compiler") == 1
