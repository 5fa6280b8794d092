"""The Triton target: Python source that Triton compiles for the GPU at hand.

With ``TRITON_INTERPRET=1`` Triton runs the same source step by step with NumPy, also for tensors on the CPU: to debug
it, and to test it without a GPU.
"""

import contextlib
import functools
import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from spikingjelly.fusion import build, call
from spikingjelly.fusion.call import SequenceView, StateView, UniformView
from spikingjelly.fusion.program import loads
from spikingjelly.fusion.templates import triton as template

_THREADS = 128


def refusal(device: torch.device) -> str | None:
    """Why it can't run for tensors on ``device``."""
    if device.type != "cuda" and not (device.type == "cpu" and _is_interpreted()):
        return f"backend='triton' runs tensors on a GPU, not on {device}"
    if not _is_installed():
        return "Triton is not installed; 'pip install triton' brings it"
    if device.type == "cuda" and not _is_interpreted() and _capability(device) < (7, 0):
        return f"{torch.cuda.get_device_name(device)} is too old for Triton, which needs compute capability 7.0"
    return None


@functools.lru_cache(maxsize=1024)
def source(text: str, dtype: torch.dtype, title: str) -> str:
    """The Triton source for the program ``text`` and tensors of ``dtype``."""
    return template.source(loads(text), str(dtype).removeprefix("torch."), title)


def prepare(text: str, dtype: torch.dtype) -> None:
    """Make the kernels and see whether Triton works here. It compiles them when they are first launched.

    :raises BuildError: if Triton can't be imported or does not find what it needs
    """
    try:
        _module(text, dtype, _is_interpreted())
        if not _is_interpreted():
            from triton.runtime import driver

            driver.active.get_current_target()
    except (ImportError, OSError, RuntimeError) as error:
        raise build.BuildError(f"Triton does not work here: {error}") from error


def forward(
    text: str,
    numbers: Sequence[float],
    x: SequenceView,
    states: Sequence[StateView],
    uniforms: Sequence[UniformView],
    y: torch.Tensor,
    finals: Sequence[torch.Tensor],
    trajectories: Sequence[torch.Tensor | None],
) -> None:
    """Fill ``y`` ``[T, *]``, the states after the last time step and, where asked for, those after each."""
    T, N = y.shape[0], y[0].numel()
    arguments: list[Any] = [x.tensor, y, T, N, x.time_stride]
    for state, final, trajectory in zip(states, finals, trajectories, strict=True):
        arguments += [state.tensor, state.stride, final, trajectory]
    _launch("forward", text, N, y, [*arguments, *_flat(uniforms), *numbers], {})


def backward(
    text: str,
    numbers: Sequence[float],
    x: SequenceView,
    states: Sequence[StateView],
    uniforms: Sequence[UniformView],
    grad_y: SequenceView,
    grad_finals: Sequence[torch.Tensor | None],
    grad_trajectories: Sequence[SequenceView | None],
    T: int,
    N: int,
    grad_x: torch.Tensor | None,
    grad_states: Sequence[torch.Tensor | None],
    sums: Sequence[torch.Tensor],
) -> None:
    """Fill the gradients at the input ``[T, *]`` and at the initial states, and ``sums`` over time."""
    segment = min(template.longest_segment(loads(text)), 1 << (T - 1).bit_length())
    segments = -(-T // segment)
    rows = max(0, segments - 2) * len(states)
    saved = torch.empty((rows, N), dtype=call.registers(x.tensor.dtype), device=x.tensor.device)
    arguments: list[Any] = [x.tensor, grad_y.tensor, grad_x, saved]
    arguments += [T, N, segments, x.time_stride, grad_y.time_stride]
    for state in states:
        arguments += [state.tensor, state.stride]
    for final, trajectory, grad in zip(grad_finals, grad_trajectories, grad_states, strict=True):
        given, stride = (None, 0) if trajectory is None else (trajectory.tensor, trajectory.time_stride)
        arguments += [final, given, stride, grad]
    _launch("backward", text, N, x.tensor, [*arguments, *sums, *_flat(uniforms), *numbers], {"SEGMENT": segment})


def _flat(uniforms: Sequence[UniformView]) -> list[torch.Tensor | int]:
    return [part for uniform in uniforms for part in (uniform.tensor, uniform.count, uniform.inner)]


def _launch(direction: str, text: str, N: int, like: torch.Tensor, arguments: list, constants: dict[str, int]) -> None:
    """Run a kernel for ``N`` neurons on the device and the current stream of ``like``."""
    interpreted = _is_interpreted()
    block = _block(N, direction)
    module = _module(text, like.dtype, interpreted)
    with _place(like.device, interpreted):
        grid = (-(-N // block),)
        getattr(module, direction)[grid](*arguments, **constants, BLOCK=block, **_options(interpreted))


def _block(N: int, direction: str) -> int:
    """Neurons of a program: one for each thread, and in large calls several, for wide memory accesses.

    Large are calls that still make 2048 programs: an H100 has 132 multiprocessors, each with room for 16 of them. The
    backward pass has the steps of a segment in registers, and so takes fewer neurons at once.
    """
    several = _THREADS * {"forward": 4, "backward": 2}[direction]
    return several if N // several >= 2048 else _THREADS


@functools.cache
def _options(interpreted: bool) -> dict[str, Any]:
    """Multiplications and additions stay apart and small numbers are kept, as in the eager loop."""
    if interpreted:
        return {}
    options: dict[str, Any] = {"num_warps": _THREADS // 32, "enable_fp_fusion": False}
    if torch.version.hip is None:
        from triton.backends.nvidia.compiler import CUDAOptions

        if hasattr(CUDAOptions, "enable_reflect_ftz"):
            options["enable_reflect_ftz"] = False
    return options


def _place(device: torch.device, interpreted: bool) -> AbstractContextManager:
    if interpreted:
        import numpy

        return numpy.errstate(all="ignore")
    return torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()


def _is_interpreted() -> bool:
    return os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "on", "yes", "y")


@functools.cache
def _is_installed() -> bool:
    return importlib.util.find_spec("triton") is not None


@functools.cache
def _capability(device: torch.device) -> tuple[int, int]:
    return torch.cuda.get_device_capability(device)


@functools.lru_cache(maxsize=1024)
def _module(text: str, dtype: torch.dtype, interpreted: bool) -> ModuleType:
    module = load(source(text, dtype, "One time step, its reverse, and the loops over time."))
    if interpreted:
        from spikingjelly.fusion.targets import triton_interpreted

        triton_interpreted.adapt(module)
    return module


def load(text: str) -> ModuleType:
    """The source ``text`` as a module of its own. Triton reads the source of kernels from the file."""
    name = hashlib.sha256(text.encode()).hexdigest()[:24]
    path = build.cache_folder() / f"{name}.py"
    if not build.can_use(path) or path.read_bytes() != text.encode():  # cut off, when the machine failed
        _write(path, text)
    spec = importlib.util.spec_from_file_location(f"spikingjelly_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _write(path: Path, text: str) -> None:
    """A process that looks for the same file finds either none or all of it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    os.replace(name, path)
