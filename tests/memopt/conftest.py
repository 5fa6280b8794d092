"""Fixtures for the tests of memopt."""

import pytest

from spikingjelly.packing import _packer


@pytest.fixture
def every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tensors are packed and computed again too, so that small networks show what large ones do."""
    monkeypatch.setattr(_packer, "SMALLEST", 1)
