"""The CPU target: C++ built by the machine's own compiler, called through `ctypes`."""

import ctypes
import functools
import math
import struct
from collections.abc import Callable, Sequence

import torch

from spikingjelly.fusion import build
from spikingjelly.fusion.call import SequenceView, StateView, UniformView
from spikingjelly.fusion.program import loads
from spikingjelly.fusion.templates import cpp
from spikingjelly.fusion.templates.cpp_prelude import BLOCK

SUMS_OVER_TIME = True  # the gradient at an input that is the same in all time steps is summed in the kernel
# At least; with fewer, the wait for a thread on a busy machine costs more than it gives.
_ELEMENTS_OF_A_THREAD = 1 << 15
_BYTES_OF_A_BLOCK = 1 << 20  # of states of all time steps, which should stay in the cache of a core
# Bytes of a sequence, from which inputs are asked for ahead and results are written past the caches. They would not
# keep a result until it is read, or they hold its memory for other cores, which makes each write wait.
_LARGE = 1 << 21


def refusal(device: torch.device) -> str | None:
    """Why it can't run for tensors on ``device``."""
    if device.type != "cpu":
        return f"backend='cpp' runs tensors on the CPU, not on {device}"
    if build.compiler() is None:
        return "no C++ compiler was found ($CXX, g++, c++ or clang++); 'apt install g++' brings one"
    return None


@functools.lru_cache(maxsize=1024)
def source(text: str, dtype: torch.dtype, title: str) -> str:
    """The C++ source for the program ``text`` and tensors of ``dtype``."""
    return cpp.source(loads(text), str(dtype).removeprefix("torch."), title)


@functools.lru_cache(maxsize=1024)
def _kernels(text: str, dtype: torch.dtype) -> tuple:
    library = build.load(source(text, dtype, "One time step, its reverse, and the loops over time"))
    for function in (library.forward, library.backward):
        function.restype, function.argtypes = None, (ctypes.c_char_p,) * 3
    return library.forward, library.backward


def prepare(text: str, dtype: torch.dtype) -> None:
    """Build or load the kernels.

    :raises BuildError: if the compiler fails
    """
    _kernels(text, dtype)


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
    T, N = y.shape[0], y.numel() // y.shape[0]
    pointers = [x.tensor.data_ptr(), y.data_ptr()]
    sizes = [T, N, *_blocks(T, N, torch.get_num_threads()), _is_large(T, N, y), x.time_stride]
    for state, final, trajectory in zip(states, finals, trajectories, strict=True):
        pointers += [state.tensor.data_ptr(), final.data_ptr(), _address(trajectory)]
        sizes.append(state.stride)
    _add_uniforms(pointers, sizes, uniforms)
    _call(_kernels(text, y.dtype)[0], pointers, sizes, numbers)


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
    """Fill the gradients at the input ``[T, *]`` and at the initial states, and ``sums`` over time.

    ``grad_x`` is ``[1, *]``, the sum over time, for an input that is the same in all time steps.
    """
    register = 8 if x.tensor.dtype == torch.float64 else 4
    pointers = [x.tensor.data_ptr(), grad_y.tensor.data_ptr(), _address(grad_x)]
    block, threads = _blocks(T, N, torch.get_num_threads())
    segment = _segment(T, block * len(states) * register)
    gx_stride = N if grad_x is not None and grad_x.shape[0] == T else 0
    large = _is_large(T, N, x.tensor)
    sizes = [T, N, block, threads, large, x.time_stride, grad_y.time_stride, gx_stride, segment]
    for state, final, trajectory, grad in zip(states, grad_finals, grad_trajectories, grad_states, strict=True):
        given = None if trajectory is None else trajectory.tensor
        pointers += [state.tensor.data_ptr(), _address(final), _address(given), _address(grad)]
        sizes += [state.stride, 0 if trajectory is None else trajectory.time_stride]
    pointers += [total.data_ptr() for total in sums]
    _add_uniforms(pointers, sizes, uniforms)
    _call(_kernels(text, x.tensor.dtype)[1], pointers, sizes, numbers)


@functools.lru_cache(maxsize=4096)
def _blocks(T: int, N: int, cores: int) -> tuple[int, int]:
    """Neurons in a block, and threads: as many blocks for each thread as for any other."""
    threads = max(1, min(cores, T * N // _ELEMENTS_OF_A_THREAD))
    blocks = threads * math.ceil(N / (threads * BLOCK))
    return math.ceil(N / (blocks * 64)) * 64, threads


def _is_large(T: int, N: int, like: torch.Tensor) -> bool:
    return T * N * like.itemsize >= _LARGE


def _segment(T: int, bytes_of_a_step: int) -> int:
    """Time steps between two checkpoints: all where they fit into the cache, else the square root."""
    return T if T * bytes_of_a_step <= _BYTES_OF_A_BLOCK else math.isqrt(T - 1) + 1


def _add_uniforms(pointers: list[int], sizes: list[int], uniforms: Sequence[UniformView]) -> None:
    for uniform in uniforms:
        pointers.append(uniform.tensor.data_ptr())
        sizes += [uniform.count, uniform.inner]


def _address(tensor: torch.Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


def _call(function: Callable[..., None], pointers: list[int], sizes: list[int], numbers: Sequence[float]) -> None:
    # As bytes: arrays of ctypes take longer to make.
    function(
        struct.pack(f"{len(pointers)}Q", *pointers),
        struct.pack(f"{len(sizes)}q", *sizes),
        struct.pack(f"{len(numbers)}d", *numbers),
    )
