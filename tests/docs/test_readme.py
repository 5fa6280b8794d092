"""The README is a program: its Python blocks run in order, its commands are understood."""

import re
import shlex
from pathlib import Path

import pytest

from spikingjelly.activation_based.examples import lif_fc_mnist

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.S)


def test_python_blocks_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    assert blocks("python")
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)


def test_commands_of_the_main_job_are_understood(tmp_path: Path) -> None:
    lines = [line for block in blocks("bash") for line in block.splitlines() if "lif_fc_mnist" in line]
    assert lines
    for line in lines:
        words = shlex.split(line.replace("MNIST_FOLDER", str(tmp_path)).replace("cuda:0", "cpu"), comments=True)
        assert words[1] == "-m"
        assert lif_fc_mnist.parse(words[3:]).T > 0


def test_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"`make ([a-z-]+)`", README)) | set(re.findall(r"^make ([a-z-]+)", README, flags=re.M))
    makefile = (ROOT / "Makefile").read_text()
    assert {"demo", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.M), target


def test_files_that_the_readme_links_to_exist() -> None:
    for link in re.findall(r"\]\(((?!https?:)[^)#]+)", README):
        assert (ROOT / link).exists(), link
