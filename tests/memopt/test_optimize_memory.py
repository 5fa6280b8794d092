"""Training with less memory gives the numbers of training without, to the last bit."""

import copy
import gc
import io
import logging
import os

import pytest
import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef

from spikingjelly import packing
from spikingjelly.activation_based import functional, layer, memopt, monitor, neuron, surrogate
from spikingjelly.fusion import build
from spikingjelly.products import _choice, _convolution, _sparse, _ways
from tests.memopt.kept import kept_bytes
from tests.memopt.networks import (
    Attention,
    Residual,
    assert_same,
    computes_again,
    images,
    net,
    step_by_step,
    training,
    whole_sequence,
)

pytestmark = pytest.mark.usefixtures("every_size")
FORWARDS = {"m": whole_sequence, "s": step_by_step}


@pytest.mark.parametrize("level", [0, 1, *(pytest.param(level, marks=computes_again) for level in (2, 3))])
@pytest.mark.parametrize("step_mode", ["m", "s"])
@pytest.mark.parametrize("backend", ["cpp", "torch"])
def test_same_numbers(backend: str, step_mode: str, level: int) -> None:
    expected = training(net(backend, step_mode), FORWARDS[step_mode])
    changed = memopt.optimize_memory(net(backend, step_mode), level=level)
    assert_same(training(changed, FORWARDS[step_mode]), expected)


@computes_again
@pytest.mark.skipif(build.compiler() is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("level", [1, 2, 3])
def test_layers_that_skip_zeros(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SMALLEST_WORK", "SMALLEST_PLANE", "SMALLEST_PLANE_OF_GRADIENT", "FEWEST_OUTPUTS", "FEWEST_CHANNELS"):
        monkeypatch.setattr(_choice, name, 1)
    monkeypatch.setattr(_convolution, "SMALLEST_WORK_OF_LINEAR", 1)
    monkeypatch.setattr(_ways, "HIGHEST_SHARE_OF_SPARSE", float("inf"))
    for name in ("HIGHEST_DENSITY", "HIGHEST_DENSITY_OF_GRADIENT"):
        monkeypatch.setattr(_choice, name, 1.0)
    runs, forward = [], _sparse.forward
    monkeypatch.setattr(_sparse, "forward", lambda *a: (runs.append(a), forward(*a))[1])
    made = memopt.optimize_memory(net(), level=level)
    found = training(made)
    assert len(runs) == (22 if level == 3 else 12)  # the last layer is not computed again
    assert_same(found, training(net()))
    with_zeros_skipped = kept(made)
    with functional.skip_zeros(False):
        assert with_zeros_skipped == kept(made)
    plan = memopt.memory_plan(made, images())
    assert plan.extra_operations(3) > 0.8 * plan.operations


@computes_again
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=str)
def test_autocast(dtype: torch.dtype) -> None:
    def forward(net: nn.Module, x_seq: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16):
            return net(x_seq)

    expected = training(net(), forward)
    assert expected["output 0"].dtype is dtype
    assert_same(training(memopt.optimize_memory(net(), level=3), forward), expected)


@computes_again
def test_double_precision_channels_last_and_normalisation_in_evaluation() -> None:
    def prepared() -> nn.Module:
        made = net().double().to(memory_format=torch.channels_last)
        made.stem.eval()
        return made

    def forward(net: nn.Module, x_seq: torch.Tensor) -> torch.Tensor:
        return net(x_seq.double().flatten(0, 1).to(memory_format=torch.channels_last).unflatten(0, x_seq.shape[:2]))

    expected = training(prepared(), forward)
    assert_same(training(memopt.optimize_memory(prepared(), level=3), forward), expected)


@computes_again
@pytest.mark.parametrize("targets", [Residual, (Residual, Attention, layer.Conv2d)], ids=["one", "several, nested"])
def test_targets(targets: type[nn.Module] | tuple[type[nn.Module], ...]) -> None:
    changed = memopt.optimize_memory(net(), targets, level=3)
    assert_same(training(changed), training(net()))
    assert kept(net()) > kept(changed) > kept(memopt.optimize_memory(net(), level=3))


@computes_again
def test_the_default_is_the_highest_level() -> None:
    by_default, highest = memopt.optimize_memory(net()), memopt.optimize_memory(net(), level=3)
    assert kept(by_default) == kept(highest) < kept(memopt.optimize_memory(net(), level=2))


def test_level_0_undoes_the_others() -> None:
    changed = net("torch")
    classes = [type(module) for module in changed.modules()]
    assert memopt.optimize_memory(changed, level=3) is changed
    assert [type(module) for module in changed.modules()] != classes
    memopt.optimize_memory(changed, level=0)
    assert [type(module) for module in changed.modules()] == classes
    assert not [name for module in changed.modules() for name in module.__dict__ if name.startswith("_memory_")]
    assert_same(training(changed), training(net("torch")))


def test_nothing_to_see_from_outside() -> None:
    plain, changed = net("torch"), memopt.optimize_memory(net("torch"), level=3)
    assert isinstance(changed, type(plain))
    assert type(changed).__name__ == "Net"
    assert repr(changed) == repr(plain)
    assert list(changed.state_dict()) == list(plain.state_dict())
    plain.load_state_dict(changed.state_dict())


@computes_again
@pytest.mark.parametrize("way", ["deepcopy", "pickle"])
def test_copies(way: str) -> None:
    original = memopt.optimize_memory(net("torch"), level=3)
    if way == "deepcopy":
        copied = copy.deepcopy(original)
    else:
        stream = io.BytesIO()
        torch.save(original, stream)
        copied = torch.load(io.BytesIO(stream.getvalue()), weights_only=False)
    assert [type(module) for module in copied.modules()] == [type(module) for module in original.modules()]
    assert kept(copied) == kept(original)
    before = copy.deepcopy(original.state_dict())
    assert_same(training(copied), training(net("torch")))
    assert all(torch.equal(value, before[name]) for name, value in original.state_dict().items())


@computes_again
def test_a_single_neuron() -> None:
    """It gets both bases in front."""
    nodes = [neuron.LIFNode(step_mode="m", backend="torch") for _ in range(2)]
    memopt.optimize_memory(nodes[1], level=2)
    nodes[1] = copy.deepcopy(nodes[1])
    found = []
    for node in nodes:
        x_seq = images().requires_grad_()
        node(x_seq).square().sum().backward()
        found.append((x_seq.grad, node.v.detach()))
    assert all(map(torch.equal, *found))


@computes_again
@pytest.mark.parametrize("watched", [neuron.LIFNode, surrogate.ATan, layer.BatchNorm2d])
def test_monitors_see_each_call_once(watched: type[nn.Module]) -> None:
    seen, numbers = [], []
    for level in (0, 3):
        made = memopt.optimize_memory(net("torch"), level=level)
        watch = monitor.OutputMonitor(made, watched)
        numbers.append(training(made, steps=1))
        seen.append(watch.records)
    assert_same(numbers[1], numbers[0])
    assert len(seen[0]) == {neuron.LIFNode: 6, surrogate.ATan: 18, layer.BatchNorm2d: 5}[watched]
    assert all(map(torch.equal, *seen))


@computes_again
def test_backward_twice_through_one_graph() -> None:
    gradients = []
    for level in (0, 3):
        torch.manual_seed(0)
        made = memopt.optimize_memory(net(), level=level)
        y = made(images())
        for _ in range(2):
            y.sum().backward(retain_graph=True)
        gradients.append([parameter.grad for parameter in made.parameters()])
    assert all(map(torch.equal, *gradients))


@computes_again
def test_second_derivative() -> None:
    found = []
    for level in (0, 3):
        torch.manual_seed(0)
        made = nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.Linear(16, 1))
        memopt.optimize_memory(made, level=level)
        x = torch.rand(5, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
        (gradient,) = torch.autograd.grad(made(x).square().sum(), x, create_graph=True)
        gradient.square().sum().backward()
        found.append([made[0].weight.grad, made[1].weight.grad])
    assert all(gradient.any() for gradient in found[0])
    assert all(map(torch.equal, *found))


@computes_again
def test_distributed_data_parallel() -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29511")
    torch.distributed.init_process_group("gloo", rank=0, world_size=1)
    try:
        found = [
            training(nn.parallel.DistributedDataParallel(memopt.optimize_memory(net(), level=level)))
            for level in (0, 3)
        ]
    finally:
        torch.distributed.destroy_process_group()
    assert_same(found[1], found[0])


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # torch's own, where a graph breaks
@pytest.mark.parametrize("level", [1, pytest.param(3, marks=computes_again)])
def test_compile(level: int) -> None:
    def compiled(level: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        made = nn.Sequential(
            layer.Conv2d(2, 4, 3, padding=1), layer.BatchNorm2d(4), neuron.LIFNode(), layer.Flatten(),
            layer.Linear(256, 5),
        )  # fmt: skip
        functional.set_step_mode(made, "m")
        memopt.optimize_memory(made, level=level)
        run = torch.compile(made, backend="eager")
        run(images()).square().mean().backward()
        return {name: parameter.grad for name, parameter in made.named_parameters()}

    expected, found = compiled(0), compiled(level)
    assert expected["4.weight"].any()
    assert all(torch.equal(found[name], gradient) for name, gradient in expected.items())


def test_calls_without_a_gradient_run_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    made = memopt.optimize_memory(net(), level=3)

    def pack(self: object, tensor: torch.Tensor) -> None:
        raise AssertionError("nothing is to be packed")

    monkeypatch.setattr(packing.Packer, "pack", pack)
    with torch.no_grad():
        y = made(images())
    assert not y.requires_grad


@computes_again
@pytest.mark.parametrize("name", ["stem.0.weight", "stem.1.bias"])
def test_a_parameter_that_changes_before_the_backward_pass_is_an_error(name: str) -> None:
    made = memopt.optimize_memory(net(), level=3)
    y = made(images())
    with torch.no_grad():
        made.get_parameter(name).add_(1)
    with pytest.raises(
        RuntimeError, match=r"modified by an inplace operation.*is at version \d+; expected version \d+"
    ):
        y.sum().backward()


@computes_again
def test_a_result_that_is_changed_in_place_is_kept() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.first(x)
            y.mul_(2.0).add_(0.5)
            return self.second(y)

    found = []
    for level in (0, 3):
        torch.manual_seed(0)
        made = memopt.optimize_memory(InPlace(), level=level)
        made(torch.rand(3, 4, generator=torch.Generator().manual_seed(0))).square().sum().backward()
        found.append([parameter.grad for parameter in made.parameters()])
    assert all(map(torch.equal, *found))


@computes_again
def test_a_graph_without_backward_is_freed() -> None:
    made = memopt.optimize_memory(net(), level=3)
    y = made(images())
    storage = StorageWeakRef(made.stem[1].running_mean.untyped_storage())
    functional.reset_net(made)
    del y, made
    gc.collect()
    assert storage.expired()


@computes_again
def test_budget(caplog: pytest.LogCaptureFixture) -> None:
    plan = memopt.memory_plan(net(), images())
    for level in (1, 2, 3):
        with caplog.at_level(logging.INFO):
            made = memopt.optimize_memory(net(), example_forward=images(), budget=plan.kept_bytes(level))
        assert kept(made) == kept(memopt.optimize_memory(net(), level=level))
        assert f"level {level} keeps {plan.kept_bytes(level)} bytes" in caplog.text
    assert_same(training(made), training(net()))


WRONG = {
    "no module": (lambda: memopt.optimize_memory(torch.rand), TypeError, "expected a torch.nn.Module"),
    "compiled": (
        lambda: memopt.optimize_memory(torch.compile(net(), backend="eager")),
        TypeError,
        "first, then compile it",
    ),
    "level": (lambda: memopt.optimize_memory(net(), level=4), ValueError, r"0, 1, 2 or 3, but 4 \(int\)"),
    "level, bool": (lambda: memopt.optimize_memory(net(), level=True), ValueError, "but True"),
    "both": (lambda: memopt.optimize_memory(net(), level=1, budget=1), ValueError, "not both"),
    "budget": (
        lambda: memopt.optimize_memory(net(), budget=-1, example_forward=images()),
        ValueError,
        "must be a positive number of bytes, but -1",
    ),
    "no example": (lambda: memopt.optimize_memory(net(), budget=10), ValueError, "needs example_forward"),
    "too small": (
        lambda: memopt.optimize_memory(net(), budget=10, example_forward=images()),
        ValueError,
        r"no level keeps at most 10 bytes .* the least is \d+",
    ),
    "target": (lambda: memopt.optimize_memory(net(), targets=int), TypeError, "targets must be classes of modules"),
    "absent": (lambda: memopt.optimize_memory(net(), nn.LSTM), ValueError, "there is no LSTM in this Net"),
    "example": (lambda: memopt.memory_plan(net(), 3), TypeError, "an input, a tuple of inputs or a function"),
    "depth": (lambda: memopt.memory_plan(net(), images()).table(0), ValueError, "depth"),
}


_OF_THE_PLAN = ("too small", "example", "depth")


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=computes_again) if case in _OF_THE_PLAN else case for case in WRONG]
)
def test_wrong_arguments(case: str) -> None:
    call, error, message = WRONG[case]
    with pytest.raises(error, match=message):
        call()


def kept(made: nn.Module) -> int:
    copied = copy.deepcopy(made)
    functional.reset_net(copied)
    return kept_bytes(copied, lambda: copied(images()))
