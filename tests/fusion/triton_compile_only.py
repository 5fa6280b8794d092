"""Stands in for a GPU: takes the launches of the Triton target as far as machine code for an H100, and no further."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

from spikingjelly.fusion.targets import triton as target


class _Driver:
    """As much of a driver as the compiler asks."""

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", 90, 32)


class _Kernel:
    """A kernel that is compiled where it would be launched."""

    def __init__(self, function: Any, compiled: list[Any]) -> None:
        self._function, self._compiled = function, compiled

    def __getitem__(self, grid: tuple[int]) -> Callable[..., None]:
        def launch(*arguments: Any, **options: Any) -> None:
            self._compiled.append(self._function.run(*arguments, grid=grid, warmup=True, **options))

        return launch


@contextmanager
def compile_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The kernels that were launched, in their order; one that serves a second launch stands there twice.

    Nothing is run: results stay as they were allocated.
    """
    compiled: list[Any] = []

    def module(text: str, dtype: torch.dtype, interpreted: bool) -> SimpleNamespace:
        assert not interpreted
        generated = modules.setdefault((text, dtype), target.load(target.source(text, dtype, "For an H100.")))
        return SimpleNamespace(**{n: _Kernel(getattr(generated, n), compiled) for n in ("forward", "backward")})

    modules: dict[tuple, Any] = {}
    with monkeypatch.context() as patch:
        patch.delenv("TRITON_INTERPRET", raising=False)
        patch.setattr(target, "_module", module)
        driver.set_active(_Driver())
        try:
            yield compiled
        finally:
            driver.set_active(None)  # the next who asks finds the real one
