"""Rows of Fashion-MNIST: every kind of memory learns."""

from pathlib import Path

import pytest

from spikingjelly.activation_based.examples import rsnn_sequential_fmnist
from spikingjelly.activation_based.examples.common import training
from spikingjelly.activation_based.examples.common.classifier import Classifier, squared_error_of_rates


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("model", ["plain", "ss", "fb"])
def test_learns_rows_of_digits(tmp_path: Path, model: str) -> None:
    flags = ["-model", model, "-b", "60", "-epochs", "1", "-device", "cpu", "-out-dir", str(tmp_path)]
    assert rsnn_sequential_fmnist.main(flags) > 0.25


@pytest.mark.parametrize(("model", "max_norm"), [("plain", None), ("ss", None), ("fb", 1.0)])
def test_only_the_gradients_of_the_feedback_are_scaled_down(
    monkeypatch: pytest.MonkeyPatch, model: str, max_norm: float | None
) -> None:
    def stop(_args: object, _folder: Path, classifier: Classifier, *_more: object) -> None:
        assert classifier.max_norm == max_norm
        assert classifier.loss is squared_error_of_rates
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        rsnn_sequential_fmnist.main(["-model", model, "-device", "cpu"])


@pytest.mark.slow
def test_more_memory_remembers_more(tmp_path: Path, shared_data: Path) -> None:
    folder = str(shared_data / "fashion-mnist")
    flags = ["-epochs", "6", "-device", "cpu", "-data-dir", folder, "-out-dir", str(tmp_path), "-model"]
    plain, stateful, fed_back = (rsnn_sequential_fmnist.main([*flags, model]) for model in ("plain", "ss", "fb"))
    assert 0.68 < plain < stateful < fed_back
