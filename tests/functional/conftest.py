"""Fixtures for the tests of packed_spikes."""

from typing import Any

import pytest

from spikingjelly.activation_based.functional._packed_spikes import _Packer
from tests.functional.packs import Packs


@pytest.fixture
def packs(monkeypatch: pytest.MonkeyPatch) -> Packs:
    results, pack = Packs(), _Packer.pack

    def recorded(self: _Packer, tensor: Any) -> Any:
        results.append(pack(self, tensor))
        return results[-1]

    monkeypatch.setattr(_Packer, "pack", recorded)
    return results
