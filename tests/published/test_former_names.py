"""Packages under a former name: one module object, one note, silence where warnings are errors."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest


def run(code: str, *options: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, cwd=cwd)


def test_one_note_a_process_names_the_new_spelling_and_new_programs_hear_nothing() -> None:
    result = run(
        "import sys\n"
        "from spikingjelly.activation_based import neuron, layer, functional, neuron_kernel, auto_cuda, cuda_utils\n"
        "print('and now', file=sys.stderr)\n"
        "from spikingjelly.clock_driven import neuron\n"
        "from spikingjelly.clock_driven import layer, functional"
    )
    assert result.returncode == 0
    new, old = result.stderr.split("and now\n")
    assert new == ""
    assert old.count("FutureWarning") == 1
    assert "former name of spikingjelly.activation_based" in old
    assert "neuron.LIFNode(step_mode='m') for neuron.MultiStepLIFNode()" in old
    assert "<string>:4:" in old, "the note points at the import in the program"


def test_a_module_without_a_file_of_its_own_is_todays_module() -> None:
    """And where warnings are errors, the note is silent."""
    code = (
        "import spikingjelly.clock_driven.quantize as old, spikingjelly.activation_based.quantize as new, sys\n"
        "from spikingjelly.clock_driven import quantize, examples\n"
        "from spikingjelly.clock_driven.quantize import k_bit_quantize\n"
        "from spikingjelly.clock_driven.examples.common import batches\n"
        "import spikingjelly.activation_based.examples.common.batches as new_batches\n"
        "assert old is new is quantize and k_bit_quantize is new.k_bit_quantize and batches is new_batches\n"
        "print(new.__spec__.name, new.__name__, examples.__spec__.name)"
    )
    result = run(code, "-W", "error")
    name = "spikingjelly.activation_based"
    assert result.stdout.split() == [f"{name}.quantize", f"{name}.quantize", f"{name}.examples"], result.stderr
    assert result.stderr == ""


def test_an_example_runs_under_its_former_name() -> None:
    command = [sys.executable, "-m", "spikingjelly.clock_driven.examples.lif_fc_mnist", "--help"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "-epochs" in result.stdout


@pytest.mark.parametrize("package", ["clock_driven", "event_driven"])
def test_a_module_that_is_nowhere(package: str) -> None:
    code = f"import spikingjelly.{package}.nowhere"
    result = run(code, "-W", "error")
    today = {"clock_driven": "activation_based", "event_driven": "timing_based"}[package]
    message = (
        f"spikingjelly.{package}.nowhere is spikingjelly.{today}.nowhere under a former name, which does not exist"
    )
    assert f"ModuleNotFoundError: {message}" in result.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("clock_driven.ann2snn.modules", "activation_based.ann2snn.modules"),
        ("clock_driven.examples.PPO", "activation_based.examples.PPO"),
        ("clock_driven.neuron_kernel", "activation_based.neuron_kernel"),
        ("event_driven.encoding", "timing_based.encoding"),
        ("event_driven.neuron", "timing_based.neuron"),
    ],
)
def test_modules_that_do_not_differ(old: str, new: str) -> None:
    today = pytest.importorskip(f"spikingjelly.{new}")
    assert importlib.import_module(f"spikingjelly.{old}") is today
    assert today.__spec__.name == today.__name__ == f"spikingjelly.{new}"
