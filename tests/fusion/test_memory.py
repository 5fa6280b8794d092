"""What a fused neuron keeps in memory: its input and its first states, and no time step of anything else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from spikingjelly.activation_based import neuron
from spikingjelly.fusion.targets import cpp
from tests.parity.compare import counted

T, N = 32, 1000
STEP = N * 4  # bytes of a time step in float32
ROOT = Path(__file__).resolve().parents[2]


def saved_bytes(node: torch.nn.Module, x_seq: torch.Tensor) -> int:
    """Bytes of different storages, as far as the tensors show them, that a forward pass keeps for the backward pass."""
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        shown = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
        start = tensor.untyped_storage().data_ptr()
        kept[start] = max(kept.get(start, 0), shown * tensor.element_size())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), counted() as calls:
        y = node(x_seq)
    assert y.requires_grad
    assert len(calls) == (node.backend == "cpp")
    return sum(kept.values())


def izhikevich(**more: object) -> neuron.IzhikevichNode:
    return neuron.IzhikevichNode(a=0.2, b=0.1, step_mode="m", **{"backend": "cpp", **more})


def given() -> torch.Tensor:
    return torch.rand(T, N, generator=torch.Generator().manual_seed(1)).requires_grad_()


@pytest.mark.parametrize("store_v_seq", [False, True])
def test_input_and_first_states_are_kept(store_v_seq: bool) -> None:
    """A state that is one number for all neurons is kept as that number; states over time are put out and not kept."""
    x = given()
    izhikevich(store_v_seq=store_v_seq)(x)  # the first call of all finds out which memories are states
    assert saved_bytes(izhikevich(store_v_seq=store_v_seq), x) <= T * STEP + 64
    node = izhikevich(store_v_seq=store_v_seq)
    node.v, node.w = torch.zeros(N), torch.zeros(N)
    assert T * STEP + 2 * STEP <= saved_bytes(node, x) <= T * STEP + 2 * STEP + 64
    assert saved_bytes(izhikevich(backend="torch"), x) > 4 * T * STEP


def test_of_an_input_that_is_the_same_in_all_time_steps_one_is_kept() -> None:
    x = torch.rand(N, requires_grad=True)
    assert STEP <= saved_bytes(izhikevich(), x.expand(T, N)) <= STEP + 64
    assert saved_bytes(izhikevich(), x.repeat(T, 1)) >= T * STEP


def test_states_over_time_are_there_only_if_wanted() -> None:
    node, keeping = izhikevich(), izhikevich(store_v_seq=True)
    for module in (node, keeping):
        module(given())
    held = [
        sum(m.untyped_storage().nbytes() for m in module.memories() if isinstance(m, torch.Tensor))
        for module in (node, keeping)
    ]
    assert held == [2 * STEP, 2 * STEP + T * STEP]


def test_only_the_square_root_of_the_states_of_a_block_is_held_at_once() -> None:
    """All states of a short sequence, which fit into the cache; of a long one those of a segment and its checkpoints."""
    bytes_of_a_step = cpp.BLOCK * 4
    assert cpp._segment(16, bytes_of_a_step) == 16
    for steps in (1 << 10, 4096, 5000, 1 << 20):
        segment = cpp._segment(steps, bytes_of_a_step)
        checkpoints = -(-steps // segment)
        assert segment * checkpoints >= steps
        assert segment + checkpoints <= 2 * steps**0.5 + 2


GROWTH = """
import json, pathlib, sys, torch
from spikingjelly.activation_based import neuron

def status(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024

def growth(backend, T, N):
    node = neuron.LIFNode(step_mode="m", backend=backend)
    x = torch.rand(T, N, requires_grad=True)
    node(x[:, :64]).sum().backward()  # builds the kernel
    x.grad = node.v = None
    node.reset()
    try:
        pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    except OSError:
        print("denied")
        sys.exit()
    before = status("VmRSS")
    y = node(x)
    y.sum().backward()  # with a gradient of our own, PyTorch would import its compiler here
    return status("VmHWM") - before

print(json.dumps({backend: growth(backend, {T}, {N}) for backend in {backends}}))
"""


def peak_growth(T: int, N: int, *backends: str) -> dict[str, float]:
    """MiB that forward and backward pass need beyond the input, at their peak, in a process of their own."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("needs Linux")
    code = GROWTH.replace("{T}", str(T)).replace("{N}", str(N)).replace("{backends}", repr(backends))
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env={**os.environ, **environment},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    if result.stdout.strip() == "denied":
        pytest.skip("the peak of the memory of a process can't be reset here")
    return json.loads(result.stdout)


@pytest.mark.slow
def test_a_training_step_needs_less_than_half_the_memory_of_the_loop() -> None:
    T, N = 16, 1 << 18
    peak = peak_growth(T, N, "torch", "cpp")
    output_and_gradient = 2 * T * N * 4 / 2**20
    assert peak["cpp"] < 0.5 * peak["torch"]
    assert peak["cpp"] < 1.3 * output_and_gradient


@pytest.mark.slow
def test_a_long_sequence_needs_no_memory_for_its_states() -> None:
    T, N = 4096, 2048
    assert peak_growth(T, N, "cpp")["cpp"] < 1.1 * 2 * T * N * 4 / 2**20


@pytest.mark.parametrize("steps", [4096, 4097])
def test_gradients_of_a_long_sequence_in_segments(steps: int) -> None:
    """Checkpoints and segments of which the last is cut off, against the loop."""
    x = torch.rand(steps, 65, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 1.5
    assert cpp._segment(steps, 128 * 2 * 8) < steps
    results = []
    for backend in ("torch", "cpp"):
        node, leaf = izhikevich(backend=backend), x.clone().requires_grad_()
        y = node(leaf)
        (grad,) = torch.autograd.grad((y * torch.linspace(-1, 1, 65)).sum() + node.w.sum(), leaf)
        results.append((y, node.v, node.w, grad))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-11, atol=1e-11)
