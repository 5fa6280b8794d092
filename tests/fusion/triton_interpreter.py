"""Runs modules through the Triton target in Triton's interpreter, and compares with their own loop."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from tests.fusion import compare
from tests.fusion.compare import on_target


@contextmanager
def interpreter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Triton interprets what is generated from now on, and memory that no kernel has written is NaN."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TRITON_INTERPRET", "1")
            assert torch.empty(2).isnan().all()
            assert torch.empty_strided((2,), (1,)).isnan().all()
            yield
    finally:
        torch.use_deterministic_algorithms(before)


in_triton = functools.partial(on_target, "triton")
assert_same = functools.partial(compare.assert_same, run=in_triton)
