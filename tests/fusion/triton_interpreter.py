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
        with monkeypatch.context() as patch, _language_restored():
            patch.setenv("TRITON_INTERPRET", "1")
            assert torch.empty(2).isnan().all()
            assert torch.empty_strided((2,), (1,)).isnan().all()
            yield
    finally:
        torch.use_deterministic_algorithms(before)


@contextmanager
def _language_restored() -> Iterator[None]:
    """Triton 3.2 and 3.4 leave their language as the interpreter wants it, and nothing can be compiled any more."""
    import triton.language as tl

    owners = (tl, tl.core, tl.math, tl.tensor, tl.dtype)
    before = [dict(vars(owner)) for owner in owners]
    try:
        yield
    finally:
        for owner, members in zip(owners, before, strict=True):
            for name, value in dict(vars(owner)).items():
                if name not in members:
                    delattr(owner, name)
                elif members[name] is not value:
                    setattr(owner, name, members[name])


in_triton = functools.partial(on_target, "triton")
assert_same = functools.partial(compare.assert_same, run=in_triton)
