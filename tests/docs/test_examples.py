"""Examples in docstrings run."""

import ast
import re
import textwrap
from pathlib import Path

import pytest

import spikingjelly
from spikingjelly import configure

PACKAGE = Path(spikingjelly.__file__).parent
PRELUDE = """
import torch
from torch import nn
from spikingjelly.activation_based import base, encoding, functional, layer, learning, monitor, neuron, quantize, rnn, surrogate
from spikingjelly.activation_based.base import MemoryModule
from spikingjelly.activation_based.neuron import BaseNode
from spikingjelly.activation_based.surrogate import SurrogateFunctionBase
"""


def literal_blocks(docstring: str) -> list[str]:
    """The indented blocks that follow a line ending in ``::``."""
    blocks = re.findall(r"::\n\n((?:[ ]{4,}.*\n?|\n)+)", textwrap.dedent(docstring) + "\n")
    return [textwrap.dedent(block).strip() for block in blocks]


def examples() -> list[tuple[str, str]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                name = f"{path.relative_to(PACKAGE)}:{getattr(node, 'name', 'module')}"
                found += [(name, block) for block in literal_blocks(text)]
    return found


def test_there_are_examples() -> None:
    assert len(examples()) >= 3


@pytest.mark.parametrize(("name", "code"), examples(), ids=[name for name, _ in examples()])
def test_docstring_example_runs(name: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some write files
    monkeypatch.setenv("MPLBACKEND", "Agg")
    for setting in [name for name in vars(configure) if not name.startswith("_")]:
        monkeypatch.setattr(configure, setting, getattr(configure, setting))  # set back after an example that sets it
    namespace: dict[str, object] = {}
    exec(PRELUDE, namespace)
    exec(compile(code, name, "exec"), namespace)
