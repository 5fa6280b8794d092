"""Fixtures for the tests of packed_spikes."""

from typing import Any

import pytest

from spikingjelly.packing import Packer
from tests.functional.packs import Packs


@pytest.fixture
def packs(monkeypatch: pytest.MonkeyPatch) -> Packs:
    results, pack = Packs(), Packer.pack

    def recorded(self: Packer, tensor: Any) -> Any:
        results.append(pack(self, tensor))
        return results[-1]

    monkeypatch.setattr(Packer, "pack", recorded)
    return results
