"""Stands in for the device: the CUDA C text, built as C++ and run on the CPU, one thread after the other."""

import atexit
import ctypes
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch

_HEADER = Path(__file__).with_name("cuda_on_cpu.h")
# No contraction to fused multiply-add, as NVRTC is told.
_FLAGS = ("-std=c++17", "-O1", "-ffp-contract=off", "-w", "-fPIC", "-shared")


def missing() -> str | None:
    """Why nothing can be run."""
    return None if shutil.which("g++") else "needs g++ to run CUDA C on the CPU"


def launch(
    code: str, direction: str, device: torch.device, blocks: int, threads: int, arguments: tuple[np.generic, ...]
) -> None:
    """The same as ``spikingjelly.fusion.targets.cupy.launch``."""
    values = [np.ctypeslib.as_ctypes_type(argument.dtype)(argument.item()) for argument in arguments]
    addresses = (ctypes.c_void_p * len(values))(*[ctypes.addressof(value) for value in values])
    getattr(_library(code), f"launch_{direction}")(blocks, threads, addresses)


@functools.cache
def _library(code: str) -> ctypes.CDLL:
    folder = _folder()
    source = folder / f"{len(list(folder.iterdir()))}.cpp"
    launchers = "LAUNCHER(forward)\nLAUNCHER(backward)\n"
    source.write_text(f'#include "{_HEADER}"\n{code}\n{launchers}')
    library = source.with_suffix(".so")
    subprocess.run(["g++", *_FLAGS, str(source), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


@functools.cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="cuda-on-cpu-")
    atexit.register(folder.cleanup)
    return Path(folder.name)
