"""Tests of what an older PyTorch does not have are skipped there, for the reason that its users are told."""

import pytest

from spikingjelly._torch_version import is_older_than, needs


def needs_torch(version: str, what: str) -> pytest.MarkDecorator:
    """The mark of a test of ``what``, which PyTorch has from ``version`` on."""
    return pytest.mark.skipif(is_older_than(version), reason=needs(what, version))
