"""The CUDA target: CUDA C compiled by NVRTC and launched by CuPy, on the stream that PyTorch uses.

Nothing waits for the device and nothing is copied to it, so that calls can be captured in a CUDA graph.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from spikingjelly.fusion.build import BuildError
from spikingjelly.fusion.call import SequenceView, StateView, UniformView, registers
from spikingjelly.fusion.program import loads
from spikingjelly.fusion.templates import cuda

# Without contraction to fused multiply-add: the order of operations is that of the eager loop. Division and square root
# are rounded correctly unless NVRTC is told otherwise. CuPy itself adds -ftz=true, after which float32 has no numbers
# between 0 and 1e-38; that can't be undone.
_OPTIONS = ("-std=c++17", "--fmad=false")
_FEW_NEURONS = 1 << 14


def refusal(device: torch.device) -> str | None:
    """Why it can't run for tensors on ``device``."""
    if device.type != "cuda":
        return f"backend='cupy' runs tensors on an NVIDIA GPU, not on {device}"
    if torch.version.hip is not None:
        return "backend='cupy' runs tensors on an NVIDIA GPU; this PyTorch is built for ROCm"
    return _import_error()


@functools.cache
def _import_error() -> str | None:
    try:
        import cupy  # noqa: F401
    except ImportError as error:
        return f"CuPy can't be imported ({error}); 'pip install cupy-cuda12x', or that of your CUDA version, brings it"
    return None


@functools.lru_cache(maxsize=1024)
def source(text: str, dtype: torch.dtype, title: str) -> str:
    """The CUDA C source for the program ``text`` and tensors of ``dtype``."""
    return cuda.source(loads(text), str(dtype).removeprefix("torch."), title)


def _code(text: str, dtype: torch.dtype) -> str:
    return source(text, dtype, "One time step, its reverse, and the loops over time")


def prepare(text: str, dtype: torch.dtype) -> None:
    """Build the kernels for the current device.

    :raises BuildError: if NVRTC is missing or fails
    """
    _kernels(_code(text, dtype), torch.cuda.current_device())


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
    arguments: list[Any] = [y.shape[0], y[0].numel(), x.tensor, x.time_stride, y]
    for state, final, trajectory in zip(states, finals, trajectories, strict=True):
        arguments += [state.tensor, state.stride, final, trajectory]
    _run("forward", text, arguments, uniforms, numbers, like=y)


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
    checkpoints = _checkpoints(T, N, len(states), x.tensor)
    arguments: list[Any] = [T, N, x.tensor, x.time_stride, grad_y.tensor, grad_y.time_stride, grad_x, checkpoints]
    for state, final, trajectory, grad in zip(states, grad_finals, grad_trajectories, grad_states, strict=True):
        given = (None, 0) if trajectory is None else (trajectory.tensor, trajectory.time_stride)
        arguments += [state.tensor, state.stride, final, *given, grad]
    _run("backward", text, [*arguments, *sums], uniforms, numbers, like=x.tensor)


def _checkpoints(T: int, N: int, states: int, like: torch.Tensor) -> torch.Tensor | None:
    """Memory for the states at the start of all segments but the first and the last, which need none."""
    inner = -(-T // cuda.segment_length(states)) - 2
    if inner < 1 or states == 0:
        return None
    return torch.empty(inner * states * N, dtype=registers(like.dtype), device=like.device)


def _run(
    direction: str,
    text: str,
    arguments: list[Any],
    uniforms: Sequence[UniformView],
    numbers: Sequence[float],
    like: torch.Tensor,
) -> None:
    N = arguments[1]
    for uniform in uniforms:
        arguments += [uniform.tensor, uniform.count, uniform.inner]
    threads = _threads(N)
    packed = (*map(_packed, arguments), *_registers(numbers, like.dtype))
    launch(_code(text, like.dtype), direction, like.device, -(-N // threads), threads, packed)


def _threads(N: int) -> int:
    """Threads of a block: a warp where there are so few neurons that larger blocks would leave multiprocessors idle."""
    return 32 if N <= _FEW_NEURONS else cuda.BLOCK


def _packed(argument: torch.Tensor | int | None) -> np.generic:
    if isinstance(argument, int):
        return np.int64(argument)
    return np.uint64(0 if argument is None else argument.data_ptr())


def _registers(numbers: Sequence[float], dtype: torch.dtype) -> list[np.generic]:
    with np.errstate(over="ignore"):  # too large for float32 is infinite, as in eager PyTorch
        return [np.float64(n) if dtype == torch.float64 else np.float32(n) for n in numbers]


def launch(
    code: str, direction: str, device: torch.device, blocks: int, threads: int, arguments: tuple[np.generic, ...]
) -> None:
    """Start a kernel of the source ``code``; nothing else here needs CuPy."""
    with torch.cuda.device(device), _stream(torch.cuda.current_stream(device).cuda_stream, device.index):
        _kernels(code, device.index)[direction]((blocks,), (threads,), arguments)


class _Stream:
    """A stream of PyTorch's in the protocol for streams between libraries."""

    def __init__(self, pointer: int) -> None:
        self.pointer = pointer

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.pointer


@functools.lru_cache(maxsize=1024)
def _stream(pointer: int, device: int) -> Any:
    """CuPy's view of a stream, made on its device. All devices have a default stream with the pointer 0."""
    import cupy

    if hasattr(cupy.cuda.Stream, "from_external"):
        return cupy.cuda.Stream.from_external(_Stream(pointer))
    return cupy.cuda.ExternalStream(pointer)  # CuPy before version 14


@functools.lru_cache(maxsize=1024)
def _kernels(code: str, device: int) -> dict[str, Any]:
    """The kernels of the source ``code``, built for the current device, whose number is ``device``."""
    import cupy

    try:
        module = cupy.RawModule(code=code, options=_OPTIONS, backend="nvrtc")
        return {direction: module.get_function(direction) for direction in ("forward", "backward")}
    except Exception as error:
        text = f"CuPy could not build a kernel, which it should; report this.\n{str(error)[-2000:]}"
        raise BuildError(text) from error
