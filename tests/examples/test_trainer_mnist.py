"""The example with the Trainer, by the command of its first lines."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import spikingjelly
from spikingjelly.activation_based import neuron
from spikingjelly.activation_based.examples import trainer_mnist
from spikingjelly.activation_based.model import train_classify


@pytest.mark.slow
def test_the_command_for_two_processes(tmp_path: Path) -> None:
    (command,) = re.findall(r"``torchrun (.*?)``", " ".join(trainer_mnist.__doc__.split()))
    assert f"``torchrun {command}``" in " ".join(train_classify.__doc__.split())
    more = ["--epochs", "2", "--T", "2", "--channels", "8", "--sync-bn", "--fsdp", "--output-dir", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(spikingjelly.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *command.split(), *more],
        capture_output=True, text=True, timeout=500, env=environment, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    accuracies = [float(a) for a in re.findall(r"test: loss .*?accuracy ([\d.]+) %", result.stdout)]
    assert len(accuracies) == 2
    assert accuracies[-1] > 85


def test_data_and_network() -> None:
    trainer = trainer_mnist.MNISTTrainer()
    args = trainer.get_args_parser().parse_args(["--T", "3", "--channels", "5"])
    dataset, dataset_test, _, sampler_test = trainer.load_data(args)
    assert (len(dataset), len(dataset_test), len(sampler_test), dataset.num_classes) == (6000, 1000, 1000, 10)
    net = trainer.load_model(args, dataset.num_classes)
    x = torch.stack([dataset[number][0] for number in range(4)])
    sequence = trainer.preprocess_train_sample(args, x)
    assert torch.equal(sequence, trainer.preprocess_test_sample(args, x))
    assert sequence.shape == (3, 4, 1, 28, 28)
    assert trainer.process_model_output(args, net(sequence)).shape == (4, 10)
    assert [m.v.shape[1] for m in net.modules() if isinstance(m, neuron.ParametricLIFNode)] == [5, 5]
    assert trainer.get_tb_logdir_name(args).endswith("_T=3_channels=5")
