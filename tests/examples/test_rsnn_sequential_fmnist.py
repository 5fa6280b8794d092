"""Rows of Fashion-MNIST: every kind of memory learns."""

from pathlib import Path

import pytest

from spikingjelly.activation_based.examples import rsnn_sequential_fmnist


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("model", ["plain", "ss", "fb"])
def test_learns_rows_of_digits(tmp_path: Path, model: str) -> None:
    flags = ["-model", model, "-b", "60", "-epochs", "1", "-device", "cpu", "-out-dir", str(tmp_path)]
    assert rsnn_sequential_fmnist.main(flags) > 0.25


@pytest.mark.slow
def test_a_synapse_with_a_state_remembers_more(tmp_path: Path, shared_data: Path) -> None:
    folder = str(shared_data / "fashion-mnist")
    flags = ["-epochs", "6", "-device", "cpu", "-data-dir", folder, "-out-dir", str(tmp_path), "-model"]
    plain, stateful = (rsnn_sequential_fmnist.main([*flags, model]) for model in ("plain", "ss"))
    assert 0.68 < plain < stateful
