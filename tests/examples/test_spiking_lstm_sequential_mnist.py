"""Rows of MNIST: a spiking LSTM learns."""

from pathlib import Path

import pytest

from spikingjelly.activation_based.examples import spiking_lstm_sequential_mnist


@pytest.mark.usefixtures("no_pictures")
def test_learns_rows_of_digits(tmp_path: Path) -> None:
    flags = ["-hidden", "32", "-b", "60", "-epochs", "1", "-device", "cpu", "-out-dir", str(tmp_path)]
    assert spiking_lstm_sequential_mnist.main(flags) > 0.25


@pytest.mark.slow
def test_learns_mnist(tmp_path: Path, shared_data: Path) -> None:
    flags = ["-epochs", "2", "-device", "cpu", "-data-dir", str(shared_data / "mnist"), "-out-dir", str(tmp_path)]
    assert spiking_lstm_sequential_mnist.main(flags) > 0.5
