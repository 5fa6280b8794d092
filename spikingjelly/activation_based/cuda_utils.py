"""Helpers around a kernel of one's own for CuPy, and timers."""

import functools
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import torch

from spikingjelly.activation_based._checks import check_positive_int

__all__ = [
    "DeviceEnvironment",
    "cal_blocks",
    "cal_fun_t",
    "cpu_timer",
    "cuda_timer",
    "get_contiguous",
    "wrap_args_to_raw_kernel",
]

THREADS = 512  # of a block, where the caller names no number


def cal_blocks(numel: int, threads: int = -1) -> int:
    """Blocks of a kernel that has one thread for each of ``numel`` elements.

    :param threads: threads of a block, -1 for 512
    """
    return -(-numel // (THREADS if threads == -1 else threads))


def get_contiguous(*args: Any) -> list[Any]:
    """The arguments, with tensors contiguous: a kernel sees memory, not strides.

    :raises TypeError: for what is neither a tensor nor an array
    """
    for value in args:
        if not isinstance(value, torch.Tensor) and not hasattr(value, "__cuda_array_interface__"):
            raise TypeError(f"get_contiguous: expected tensors or CuPy arrays, but {type(value).__name__} was given.")
    return [
        value.contiguous() if isinstance(value, torch.Tensor) else _cupy().ascontiguousarray(value) for value in args
    ]


def wrap_args_to_raw_kernel(device: int, *args: Any) -> tuple[Any, ...]:
    """The arguments of a ``cupy.RawKernel``: tensors by their address, arrays of CuPy as they are.

    :param device: number of the GPU on which all of them must be

    :raises ValueError: for one on another device, or that is not contiguous
    :raises TypeError: for what is neither a tensor nor an array
    """
    return tuple(_wrapped(device, value) for value in args)


def _wrapped(device: int, value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        if value.device.type != "cuda" or value.device.index != device or not value.is_contiguous():
            raise ValueError(
                f"wrap_args_to_raw_kernel: expected contiguous tensors on cuda:{device}, but one of shape "
                f"{list(value.shape)} on {value.device} was given. Move it there and call get_contiguous first. "
                "Neurons need no kernel of their own: with backend='cupy' one is derived from their methods."
            )
        return value.data_ptr()
    if hasattr(value, "__cuda_array_interface__"):
        if value.device.id != device:
            raise ValueError(f"wrap_args_to_raw_kernel: expected an array on GPU {device}, but got {value.device}.")
        return value
    raise TypeError(f"wrap_args_to_raw_kernel: expected tensors or CuPy arrays, but got {type(value).__name__}.")


def cpu_timer(f: Callable[..., Any], *args: Any, **kwargs: Any) -> float:
    """Seconds that ``f(*args, **kwargs)`` takes on the CPU, by the wall clock."""
    start = time.perf_counter()
    f(*args, **kwargs)
    return time.perf_counter() - start


def cuda_timer(device: torch.device | int, f: Callable[..., Any], *args: Any, **kwargs: Any) -> float:
    """Milliseconds that ``f(*args, **kwargs)`` takes on a GPU, between two events of its current stream.

    :param device: the GPU, as a device or by its number
    :param f: is called once, with ``args`` and ``kwargs``

    :raises RuntimeError: (or an AssertionError of PyTorch) if there is no such GPU
    """
    with torch.cuda.device(device):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        f(*args, **kwargs)
        end.record()
        torch.cuda.synchronize(device)
        return start.elapsed_time(end)


def cal_fun_t(n: int, device: str | torch.device | int, f: Callable[..., Any], *args: Any, **kwargs: Any) -> float:
    """The mean time of ``n`` calls of ``f``, in seconds on a CPU and in milliseconds on a GPU; one call is not counted.

    :param n: number of calls that count, at least 1
    :param device: where ``f`` works, as a device or as the number of a GPU
    :param f: is called ``n + 1`` times, with ``args`` and ``kwargs``

    :raises ValueError: (also an AssertionError) if ``n`` is less than 1
    """
    check_positive_int("cal_fun_t", "n", n)
    on_cpu = not isinstance(device, int) and torch.device(device).type == "cpu"
    timer = cpu_timer if on_cpu else functools.partial(cuda_timer, torch.device(device))
    timer(f, *args, **kwargs)
    return sum(timer(f, *args, **kwargs) for _ in range(n)) / n


class DeviceEnvironment:
    """A context in which a GPU is the current one; for a negative number, nothing happens.

    :param device: number of the GPU
    """

    def __init__(self, device: int) -> None:
        self.device = device
        self.before: int | None = None

    def __enter__(self) -> None:
        if self.device >= 0:
            self.before = torch.cuda.current_device()
            torch.cuda.set_device(self.device)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.before is not None:
            torch.cuda.set_device(self.before)


def _cupy() -> Any:
    import cupy

    return cupy
