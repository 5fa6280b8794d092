"""Every example with flags that make it quick, and what its test needs to know of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from spikingjelly.activation_based.examples import (
    classify_dvsg,
    conv_fashion_mnist,
    lava_mnist,
    lif_fc_mnist,
    rsnn_sequential_fmnist,
    spiking_lstm_sequential_mnist,
)
from spikingjelly.activation_based.examples.common import run_folder


@dataclass(frozen=True)
class Example:
    """
    :param data: the fixture that gives its ``-data-dir``
    :param folder: the run's folder that the flags lead to, without ``-amp``
    """

    main: Callable[[Sequence[str]], float]
    data: str
    flags: tuple[str, ...]
    folder: str


EXAMPLES = {
    "lif_fc_mnist": Example(
        lif_fc_mnist.main, "images_folder", ("-T", "3", "-b", "5", "-tau", "3.0"), "T3_b5_adam_lr0.001_tau3.0"
    ),
    "conv_fashion_mnist": Example(
        conv_fashion_mnist.main,
        "images_folder",
        ("-T", "3", "-b", "5", "-channels", "2", "-shift", "1"),
        "T3_b5_sgd_lr0.1_c2_shift1",
    ),
    "lava_mnist": Example(
        lava_mnist.main,
        "images_folder",
        ("-T", "3", "-b", "5", "-channels", "2", "-shift", "2"),
        "T3_b5_sgd_lr0.1_c2_shift2",
    ),
    **{
        f"rsnn_sequential_fmnist {model}": Example(
            rsnn_sequential_fmnist.main, "images_folder", ("-model", model, "-b", "5"), f"{model}_b5_sgd_lr0.1"
        )
        for model in ("plain", "ss", "fb")
    },
    "classify_dvsg": Example(
        classify_dvsg.main, "gestures_folder", ("-T", "2", "-b", "5", "-channels", "2"), "T2_b5_sgd_lr0.1_c2"
    ),
    "spiking_lstm_sequential_mnist": Example(
        spiking_lstm_sequential_mnist.main,
        "images_folder",
        ("-b", "5", "-hidden", "6", "-layers", "2"),
        "lstm_b5_adam_lr0.003_h6_l2",
    ),
}


def run(example: Example, data: Path, out: Path, *more: str) -> Path:
    """Train for two epochs; gives the run's folder."""
    flags = [*example.flags, "-device", "cpu", "-epochs", "2", "-data-dir", str(data), "-out-dir", str(out), *more]
    example.main(flags)
    return out / example.folder


def interrupt_after_the_first_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the process were killed between the checkpoint and the next epoch."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_folder, "save_record", stop)
