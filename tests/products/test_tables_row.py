"""The benchmark of tables of sums prints no figure of what differs, and says where there is nothing to measure."""

import pytest
import torch

from spikingjelly import products
from spikingjelly.fusion import build
from spikingjelly.products import _tables

tables = pytest.importorskip("benchmarks.tables", reason="the benchmarks are not installed with the package")
report = pytest.importorskip("benchmarks.report")

runs_here = pytest.mark.skipif(
    build.compiler() is None or not _tables.can_run_here(), reason="needs a C++ compiler and a processor with AVX-512"
)
SHAPE = (2, 64, 16, 64, 3)


@runs_here
@pytest.mark.parametrize(("largest", "rate"), [(1, 0.5), (3, 0.0)])
def test_figures_of_a_layer(largest: int, rate: float) -> None:
    found = report.Report({})
    tables.measure(SHAPE, largest, rate, report.Options(quick=True), found)
    assert [figure["contender"] for figure in found.figures] == ["ours", "ours without tables"]
    for figure in found.figures:
        assert figure["row"] == "tables"
        assert figure["case"]["largest"] == largest
        assert len(figure["seconds"]) == len(figure["ratio"]) == 2
    assert found.figures[0]["case"]["way"] == ("tables" if rate else "zeros")


@runs_here
def test_no_figure_where_numbers_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "convolution", lambda x, weight, *_: torch.zeros(2, 64, 16, 16))
    found = report.Report({})
    with pytest.raises(AssertionError, match="not close"):
        tables.measure(SHAPE, 1, 0.5, report.Options(quick=True), found)
    assert found.figures == []


def test_a_processor_without_wide_vectors_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_tables, "can_run_here", lambda: False)
    found = report.Report({})
    tables.run(report.Options(quick=True), found)
    assert "this processor has no AVX-512" in capsys.readouterr().out
    assert found.figures == []
