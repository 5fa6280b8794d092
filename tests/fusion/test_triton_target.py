"""Where the Triton target runs, what it says where it doesn't, and where its source lies."""

from pathlib import Path

import pytest
import torch

from spikingjelly.fusion import build
from spikingjelly.fusion.build import BuildError
from spikingjelly.fusion.targets import triton as target

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def _no_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr(target, "_is_installed", lambda: True)
    monkeypatch.setattr(target, "_capability", lambda device: (9, 0))


def test_tensors_must_be_on_a_gpu() -> None:
    assert target.refusal(CUDA) is None
    assert target.refusal(CPU) == "backend='triton' runs tensors on a GPU, not on cpu"


def test_the_interpreter_takes_tensors_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert target.refusal(CPU) is None
    assert target.refusal(torch.device("meta")) == "backend='triton' runs tensors on a GPU, not on meta"


def test_triton_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "_is_installed", lambda: False)
    assert "'pip install triton'" in str(target.refusal(CUDA))


def test_the_gpu_must_not_be_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "_capability", lambda device: (6, 1))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "GTX 1080")
    assert target.refusal(CUDA) == "GTX 1080 is too old for Triton, which needs compute capability 7.0"


def test_what_triton_lacks_is_told_before_the_first_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object) -> None:
        raise RuntimeError("Failed to find C compiler.")

    monkeypatch.setattr(target, "_module", fails)
    with pytest.raises(BuildError, match=r"Triton does not work here: Failed to find C compiler\."):
        target.prepare("", torch.float32)


def test_source_is_a_file_that_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIKINGJELLY_CACHE", str(tmp_path))
    for _ in range(2):
        module = target.load("answer = 42\n")
        assert module.answer == 42
        assert Path(str(module.__file__)).read_text() == "answer = 42\n"
    assert [path.suffix for path in tmp_path.glob("kernels/*") if path.is_file()] == [".py"]


def test_a_source_of_somebody_else_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been put there while the folder was open to all."""
    monkeypatch.setenv("SPIKINGJELLY_CACHE", str(tmp_path))
    path = Path(str(target.load("answer = 42\n").__file__))
    path.write_text("answer = 666\n")
    monkeypatch.setattr(build, "_is_own", lambda path: path.suffix != ".py")
    assert target.load("answer = 42\n").answer == 42
    assert path.read_text() == "answer = 42\n"


def test_programs_are_larger_where_there_are_enough_of_them() -> None:
    assert [target._block(N, "forward") for N in (1, 1000, 2048 * 512 - 1, 2048 * 512)] == [128, 128, 128, 512]
    assert [target._block(N, "backward") for N in (1, 1000, 2048 * 256 - 1, 2048 * 256)] == [128, 128, 128, 256]
