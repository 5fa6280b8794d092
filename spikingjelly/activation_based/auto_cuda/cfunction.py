"""The former statements of CUDA C. A program that asks for one is told what replaces it."""

from typing import NoReturn


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(
        f"auto_cuda.cfunction.{name} does not exist: kernels are derived from a neuron's and a surrogate's methods in "
        "PyTorch, so that no CUDA code has to be written. Remove cuda_code and cuda_codes; node.fused_source() shows "
        "the kernel of a node."
    )
