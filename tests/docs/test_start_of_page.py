"""What the kernel of each page runs first."""

import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("myst_nb", reason='myst-nb is not installed: pip install "spikingjelly[docs]"')

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[2]
CELL = """
def outer():
    raise ValueError("no. " * 40)
outer()
"""


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.syspath_prepend(ROOT / "docs")
    import build

    for name, value in build.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    cells = [nbformat.v4.new_code_cell(code) for code in ("before = set(globals())", CELL, "sorted(before)")]
    return NotebookClient(nbformat.v4.new_notebook(cells=cells), kernel_name="python3", allow_errors=True)


def test_an_expected_error_shows_its_message_alone(client: Any) -> None:
    _, failed, names = client.execute().cells
    (output,) = failed.outputs
    assert output.output_type == "error"
    assert output.traceback[0].startswith("ValueError: no. no.")
    assert len(output.traceback) == 2
    assert max(map(len, output.traceback)) <= 88
    assert "textwrap" not in names.outputs[0].data["text/plain"]
    assert "_errors_are_messages" not in names.outputs[0].data["text/plain"]


def test_an_unexpected_error_tells_where(client: Any) -> None:
    client.allow_errors = False
    with pytest.raises(CellExecutionError, match="outer"):
        client.execute()


def test_the_folder_of_the_build_is_no_personal_profile() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    import build

    environment = build.environment()
    assert environment["IPYTHONDIR"].startswith(str(build.BUILD))
    assert Path(environment["PYTHONSTARTUP"]) == build.START_OF_PAGE
    assert build.START_OF_PAGE.is_file()
