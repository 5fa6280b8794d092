"""What the compiler for devices makes of the CUDA C text: it takes all of it, keeps the order of operations, needs no
memory for registers, and has the loads of a segment of time under way together."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import neuron, surrogate
from spikingjelly.fusion.body import ARITY, LOGIC, Body
from spikingjelly.fusion.program import loads
from spikingjelly.fusion.targets import cupy
from spikingjelly.fusion.templates import cuda
from tests.fusion.compare import plan_of

pytestmark = pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc, the compiler of the CUDA toolkit")

NODES = {
    "lif": lambda: neuron.LIFNode(tau=1.7, surrogate_function=surrogate.ATan(), backend="torch"),
    "izhikevich": lambda: neuron.IzhikevichNode(a=0.3, b=0.2, backend="torch"),
}
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
# CuPy adds the first to whatever it is given.
OPTIONS = ["-ftz=true", *cupy._OPTIONS, "-arch=sm_90"]


def code_of(node: nn.Module, dtype: torch.dtype) -> str:
    computing = torch.float64 if dtype == torch.float64 else torch.float32
    plan = plan_of(node.to(computing), torch.zeros(2, 5, dtype=computing))
    return cupy.source(plan[0], dtype, "Test")


def nvcc(path: Path, kind: str, *options: str) -> tuple[str, str]:
    """The text of the result, and what the compiler printed."""
    result = path.with_suffix(f".{kind}")
    command = ["nvcc", "-w", f"-{kind}", *OPTIONS, *options, str(path), "-o", str(result)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (result.read_text() if kind == "ptx" else ""), done.stdout + done.stderr


@pytest.fixture(scope="module")
def ptx_of(tmp_path_factory: pytest.TempPathFactory):
    """PTX by name of node and dtype; each is built once."""
    folder, built = tmp_path_factory.mktemp("cuda"), {}

    def get(name: str, dtype: torch.dtype) -> Path:
        path = folder / f"{name}-{str(dtype).removeprefix('torch.')}.cu"
        if path not in built:
            path.write_text(code_of(NODES[name](), dtype))
            nvcc(path, "ptx")
            built[path] = path.with_suffix(".ptx")
        return built[path]

    return get


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", NODES)
def test_registers_need_no_memory(ptx_of, name: str, dtype: torch.dtype) -> None:
    _, printed = nvcc(ptx_of(name, dtype), "cubin", "-Xptxas", "-v")
    assert sorted(re.findall(r"entry function '(\w+)'", printed)) == ["backward", "forward"]
    assert (
        re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", printed)
        == [("0", "0", "0")] * 2
    )
    registers = [int(number) for number in re.findall(r"Used (\d+) registers", printed)]
    # With more of them, less than a third of the threads that a multiprocessor can hold would fit.
    assert max(registers) <= (96 if dtype == torch.float64 else 64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_operations_are_those_of_the_program(ptx_of, dtype: torch.dtype) -> None:
    """Neither contracted nor approximated."""
    operations = set(
        re.findall(r"^\s+([a-z]+\.[a-z0-9.]*f(?:32|64))\s", ptx_of("lif", dtype).read_text(), re.MULTILINE)
    )
    arithmetic = {
        operation for operation in operations if operation.split(".")[0] not in ("ld", "st", "mov", "setp", "selp")
    }
    assert {operation.split(".")[0] for operation in arithmetic} <= {"add", "sub", "mul", "div", "neg"}
    assert all(".rn" in operation for operation in arithmetic if not operation.startswith("neg"))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", NODES)
def test_loads_of_a_segment_come_together(ptx_of, name: str, dtype: torch.dtype) -> None:
    segment = cuda.segment_length(1 if name == "lif" else 2)
    forward, backward = re.split(r"\.entry backward", ptx_of(name, dtype).read_text())
    # One less: the load for the first step may stand behind the branch of that step.
    assert longest_runs_of_loads(forward)[0] >= segment - 1
    first, second = longest_runs_of_loads(backward)[:2]
    assert first >= 2 * segment - 1  # inputs and gradients, on the way back
    assert second >= segment - 1  # inputs, on the way to the last segment


def longest_runs_of_loads(ptx: str) -> list[int]:
    """How many loads follow each other with no branch, store or floating-point arithmetic between them."""
    runs, length = [], 0
    for line in ptx.splitlines():
        instruction = line.split()[0] if line.strip() else ""
        if instruction.startswith("ld.global"):
            length += 1
        elif re.match(r"@|bra|\$|st\.|(add|sub|mul|div)\.rn", instruction):
            runs.append(length)
            length = 0
    return sorted([*runs, length], reverse=True)


@pytest.mark.parametrize("memory", ["float32", "float64"])
def test_every_instruction_compiles(tmp_path: Path, memory: str) -> None:
    body = Body()
    flag = body.emit("lt", "x", "s0")
    values: list = []
    for name, arity in ARITY.items():
        given = ["x", "s0", "u0"] if name not in LOGIC else [flag, body.emit("gt", "x", "c0")]
        if name in ("real", "where"):
            given[0] = flag
        values.append(body.emit(name, *given[:arity]))
    total = values[0]
    for value in values[1:]:
        total = body.emit("add", total, value)
    lines = tuple(body.instructions)
    assert {line.name for line in lines} == set(ARITY)
    program = replace(
        loads(plan_of(NODES["lif"](), torch.zeros(2, 5))[0]),
        **{"uniforms": ("p0",), "forward": lines, "outputs": (total, "x")},
        **{"backward": lines, "gradients": (total, "gs0"), "sums": (total,)},
    )
    path = tmp_path / "all.cu"
    path.write_text(cuda.source(program, memory, "Test"))
    nvcc(path, "ptx")
