"""The Triton target compiled to machine code for a GPU that need not be there."""

import functools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import neuron, surrogate
from spikingjelly.fusion import operator
from spikingjelly.fusion.body import ARITY, Body
from spikingjelly.fusion.targets import triton as target
from tests.fusion.compare import initial
from tests.fusion.test_triton_rows import arguments_for, with_three_states
from tests.fusion.triton_interpreter import in_triton

pytest.importorskip("triton", reason="Triton is not installed here")

from triton.backends.nvidia.compiler import CUDAOptions

from tests.fusion.triton_compile_only import compile_only

rounds_exactly = pytest.mark.skipif(
    not hasattr(CUDAOptions, "enable_reflect_ftz"),
    reason="this Triton makes small quotients zero and approximates square roots in float32",
)
DOUBLE = torch.float64
DTYPES = [*(pytest.param(d, marks=rounds_exactly) for d in (torch.float32, torch.float16, torch.bfloat16)), DOUBLE]


def lif() -> neuron.LIFNode:
    return neuron.LIFNode(tau=1.7, surrogate_function=surrogate.ATan(), backend="torch")


def izhikevich() -> neuron.IzhikevichNode:
    return neuron.IzhikevichNode(a=0.3, b=0.2, tau_w=3.0, surrogate_function=surrogate.ATan(), backend="torch")


def exponential() -> neuron.EIFNode:
    return neuron.EIFNode(surrogate_function=surrogate.Erf(), backend="torch")


def parametric() -> neuron.ParametricLIFNode:
    return neuron.ParametricLIFNode(surrogate_function=surrogate.Sigmoid(), backend="torch")


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The kernels that were launched, in their order."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    with compile_only(monkeypatch) as compiled:
        yield compiled


def train(node: nn.Module, *shape: int, dtype: torch.dtype = torch.float32) -> None:
    x = torch.zeros(shape, dtype=dtype, requires_grad=True)
    outputs = in_triton(node.to(dtype), x, initial(node, x[0], None))
    sum(output.sum() for output in outputs).backward()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("make", [lif, izhikevich])
def test_arithmetic_is_that_of_the_loop(make: Any, dtype: torch.dtype, kernels: list) -> None:
    """No fused multiply-add, no approximate division, no small numbers flushed to zero."""
    train(make(), 9, 100, dtype=dtype)
    assert [kernel.metadata.name for kernel in kernels] == ["forward", "backward"]
    code = kernels[0].asm["ptx"] + kernels[1].asm["ptx"]
    assert re.search(f"mul[.]rn[.]f{64 if dtype == torch.float64 else 32}", code)
    assert not re.findall(r"fma|approx|div\.full|ftz", code)


@pytest.mark.parametrize("make", [exponential, parametric])
def test_functions_and_parameters(make: Any, kernels: list) -> None:
    train(make(), 9, 3, 100)
    assert len(kernels) == 2


def compile_rows(names: Iterable[str], dtype: torch.dtype) -> str:
    """A kernel of all these instructions, as source."""
    body = Body()
    terms = [body.emit("real", body.emit(name, *a)) for name in names for a in arguments_for(name)]
    program = with_three_states(body, functools.reduce(functools.partial(body.emit, "add"), terms)).dumps()
    operator.run(torch.zeros(1, 64, dtype=dtype), [torch.zeros(64, dtype=dtype)] * 3, [], program, [], [], 1, "triton")
    return target.source(program, dtype, "All rows")


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE], ids=str)
def test_every_row(dtype: torch.dtype, kernels: list) -> None:
    assert "libdevice.erfc" in compile_rows(ARITY, dtype)
    assert [kernel.metadata.name for kernel in kernels] == ["forward"]


@pytest.mark.parametrize("dtype", [pytest.param(torch.float32, marks=rounds_exactly), DOUBLE], ids=str)
def test_quotients_and_roots_are_rounded(dtype: torch.dtype, kernels: list) -> None:
    compile_rows(ARITY.keys() - {"asin", "acos"}, dtype)  # libdevice's own arcs may take approximate roots
    code = kernels[0].asm["ptx"]
    assert not re.search(r"\bdiv\.full|\bsqrt\.approx", code)
    assert re.search(rf"\bsqrt\.rn\.f{torch.finfo(dtype).bits}", code)


def test_numbers_of_time_steps_share_kernels(kernels: list) -> None:
    """The backward pass has one for short sequences of 1, of 2 and of up to 4 steps, and one for all others."""

    def compiled_for(numbers: Sequence[int]) -> list[int]:
        kernels.clear()
        for T in numbers:
            train(lif(), T, 320)
        return [len({kernel.hash for kernel in kernels[direction::2]}) for direction in (0, 1)]

    assert compiled_for([1, 2, 3, 4, 5, 8, 16, 17, 33]) == [1, 4]
    assert compiled_for([5, 8, 16, 17, 33]) == [1, 1]


def test_numbers_of_neurons_share_kernels(kernels: list) -> None:
    """A kernel knows whether the neurons of a time step are a multiple of 16, for wide memory accesses."""
    for N in (16, 320, 6400, 17, 31, 6401):
        train(lif(), 2, N)
    assert len({kernel.hash for kernel in kernels}) == 4


def test_other_constants_share_kernels(kernels: list) -> None:
    for tau in (1.7, 2.3, 1e300):
        train(neuron.LIFNode(tau=tau, v_threshold=tau / 2, backend="torch"), 2, 64)
    assert len({kernel.hash for kernel in kernels}) == 2


def test_many_neurons_are_read_in_wide_accesses(kernels: list) -> None:
    train(lif(), 2, 1 << 20)
    forward, backward = (kernel.asm["ptx"] for kernel in kernels)
    assert {"ld.global.v4.b32", "st.global.v4.b32"} <= set(re.findall(r"(?:ld|st)\.global[.\w]*", forward))
    assert {"ld.global.v2.b32", "st.global.v2.b32"} <= set(re.findall(r"(?:ld|st)\.global[.\w]*", backward))
