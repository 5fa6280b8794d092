"""The plan says what will be kept, and looking does not change the network."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, memopt, neuron, surrogate
from tests.memopt.kept import kept_bytes
from tests.memopt.networks import Attention, Residual, computes_again, images, net

LEVELS = (0, 1, 2, 3)


@computes_again
@pytest.mark.usefixtures("every_size")
@pytest.mark.parametrize("targets", [None, Residual, (Attention, layer.Conv2d)], ids=["all", "one", "several"])
@pytest.mark.parametrize("backend", ["cpp", "torch"])
def test_what_is_kept(backend: str, targets: type[nn.Module] | tuple[type[nn.Module], ...] | None) -> None:
    """Beside the potentials at the beginning of a loop, which a reset network has not."""
    torch.manual_seed(3)
    plan = memopt.memory_plan(net(backend), images(), targets)
    for level in LEVELS:
        torch.manual_seed(3)
        made = memopt.optimize_memory(net(backend), targets, level=level)
        torch.manual_seed(3)
        assert plan.kept_bytes(level) == pytest.approx(kept_bytes(made, lambda: made(images())), rel=0.02)  # noqa: B023
    kept = [plan.kept_bytes(level) for level in LEVELS]
    assert kept == sorted(kept, reverse=True)
    assert len(set(kept)) == 4


@computes_again
@pytest.mark.usefixtures("every_size")
def test_what_is_computed_again() -> None:
    torch.manual_seed(0)
    made = nn.Sequential(
        layer.Linear(8, 16, bias=False), nn.LayerNorm(16), neuron.IFNode(backend="cpp"), layer.Linear(16, 4)
    )
    functional.set_step_mode(made, "m")
    plan = memopt.memory_plan(made, torch.rand(3, 4, 8))
    norm, products = 8 * 3 * 4 * 16, (2 * 3 * 4 * 8 * 16, 2 * 3 * 4 * 16 * 4)
    assert [plan.extra_operations(level) for level in LEVELS] == [0, 0, norm, norm + products[0]]
    assert plan.operations == norm + sum(products)
    share = 100 * (norm + products[0]) / plan.operations
    assert plan.table().splitlines()[-1].split() == ["again", "0.0", "%", "0.0", "%", f"{100 * norm / plan.operations:.1f}", "%", f"{share:.1f}", "%"]  # fmt: skip


@computes_again
@pytest.mark.usefixtures("every_size")
def test_the_table_has_a_line_for_each_part() -> None:
    plan = memopt.memory_plan(net(), images())
    lines = plan.table(depth=1).splitlines()
    assert [line.split()[0] for line in lines] == ["kept,", "stem", "body", "head", "all", "again"]
    of_all = [float(text) for text in lines[-2].split()[1:]]
    assert of_all == pytest.approx([plan.kept_bytes(level) / 1e6 for level in LEVELS], abs=6e-4)
    assert "body.0" in str(plan)
    assert "body.0.conv1" in plan.table(depth=3)


@computes_again
@pytest.mark.parametrize("example", ["tensor", "tuple", "function"])
def test_examples(example: str) -> None:
    examples = {"tensor": images(), "tuple": (images(),), "function": lambda net: net(images())}
    torch.manual_seed(0)
    expected = memopt.memory_plan(net(), images()).kept_bytes(0)
    torch.manual_seed(0)
    assert memopt.memory_plan(net(), examples[example]).kept_bytes(0) == expected


@computes_again
@pytest.mark.parametrize("level", [0, 3])
def test_the_network_is_left_as_it_is(level: int) -> None:
    made = memopt.optimize_memory(net("torch"), level=level)
    made(images()[:, :2]).sum().backward()  # leaves states of another batch size
    before, classes = copy.deepcopy(made.state_dict()), [type(module) for module in made.modules()]
    states = [node.v for node in made.modules() if isinstance(node, neuron.BaseNode)]
    gradients = [parameter.grad.clone() for parameter in made.parameters()]
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    memopt.memory_plan(made, images())
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())
    assert all(
        node.v is v
        for node, v in zip((m for m in made.modules() if isinstance(m, neuron.BaseNode)), states, strict=True)
    )
    assert all(torch.equal(p.grad, g) for p, g in zip(made.parameters(), gradients, strict=True))
    assert [type(module) for module in made.modules()] == classes
    with pytest.raises(RuntimeError, match="still carries the state"):
        made(images())


PEAK = """
import sys
from pathlib import Path
import torch
from tests.memopt.test_plan import blocks
from spikingjelly.activation_based import functional, memopt

def read(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field + ":"))

torch.set_num_threads(1)
net, x_seq = blocks(), torch.rand(4, 8, 3, 32, 32)
plan = memopt.memory_plan(net, x_seq)
memopt.optimize_memory(net, level=int(sys.argv[1]))
net(x_seq[:, :1]).sum().backward()
functional.reset_net(net)
Path("/proc/self/clear_refs").write_text("5")
resident = read("VmRSS")
net(x_seq).sum().backward()
print(read("VmHWM") - resident, *[plan.kept_bytes(level) for level in range(4)])
"""


def blocks() -> nn.Module:
    parts: list[nn.Module] = []
    for inputs in (3, *[32] * 9):
        node = neuron.LIFNode(surrogate_function=surrogate.ATan(), backend="cpp")
        parts += [layer.Conv2d(inputs, 32, 3, padding=1), layer.BatchNorm2d(32), node]
    made = nn.Sequential(*parts, layer.AdaptiveAvgPool2d(1))
    functional.set_step_mode(made, "m")
    return made


@computes_again
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells the peak in /proc")
def test_the_peak_of_the_memory_falls_as_planned() -> None:
    """What is on top is one layer at work: at most six tensors of its size."""
    import os

    at_work = 6 * torch.rand(4, 8, 32, 32, 32).nbytes
    for level in (0, 1, 2, 3):
        output = subprocess.run(
            [sys.executable, "-c", PEAK, str(level)], capture_output=True, text=True, check=True,
            env={**os.environ, "MALLOC_MMAP_THRESHOLD_": str(1 << 20), "OMP_NUM_THREADS": "1"},
        ).stdout.split()  # fmt: skip
        peak, planned = int(output[0]), [int(text) for text in output[1:]]
        assert planned[level] < peak < planned[level] + at_work, (level, peak, planned)
    assert planned[0] > 20 * planned[3]
