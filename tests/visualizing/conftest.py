"""Figures are drawn in memory, with matplotlib's own style."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _drawn_in_memory() -> Iterator[None]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    with plt.style.context("default"):
        yield
