"""Fixtures for the tests of memopt."""

import pytest

from spikingjelly.activation_based.functional import _packed_spikes


@pytest.fixture
def every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tensors are packed and computed again too, so that small networks show what large ones do."""
    monkeypatch.setattr(_packed_spikes, "_SMALLEST", 1)
