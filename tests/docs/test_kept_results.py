"""What is kept of an example's run: nothing of this machine's folders, and no times."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[2] / "tools" / "keep_example_result.py"
FLAGS = {"lr": 0.1, "out_dir": "/mine/logs", "resume": "/mine/checkpoint.pth"}
COMMAND = "python -m some.example -lr 0.1 -out-dir /mine/logs -resume /mine/checkpoint.pth"


def kept(tmp_path: Path, record: dict[str, Any], *more: str) -> tuple[dict[str, Any], str]:
    specification = importlib.util.spec_from_file_location("keep_example_result", PROGRAM)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    (tmp_path / "run.json").write_text(json.dumps(record))
    target = tmp_path / "results" / "NAME.json"
    module.main(str(tmp_path / "run.json"), str(target), *more)
    return json.loads(target.read_text()), target.read_text()


def test_run_with_epochs(tmp_path: Path) -> None:
    record = {
        "command": f"{COMMAND} -data-dir /mine/data",
        "flags": {**FLAGS, "data_dir": "/mine/data"},
        "epochs": [{"epoch": n, "test_acc": 0.12345678 + n, "train_seconds": 9.0, "test_speed": 8.0} for n in (0, 1)],
    }
    content, text = kept(tmp_path, record, "MNIST_FOLDER")
    assert content["command"] == "python -m some.example -lr 0.1 -data-dir MNIST_FOLDER"
    assert content["flags"] == {"lr": 0.1}
    assert content["epochs"] == [{"epoch": 0, "test_acc": 0.123457}, {"epoch": 1, "test_acc": 1.123457}]
    assert '\n  {"epoch": 0, "test_acc": 0.123457},\n' in text
    assert text.endswith("\n")


@pytest.mark.parametrize("flags", [FLAGS, {**FLAGS, "data_dir": None}])
def test_run_without_data_and_epochs(tmp_path: Path, flags: dict[str, Any]) -> None:
    content, text = kept(tmp_path, {"command": COMMAND, "flags": flags, "test": {"mean_return": 500.0}})
    assert content == {
        "command": "python -m some.example -lr 0.1",
        "flags": {"lr": 0.1},
        "test": {"mean_return": 500.0},
    }
    assert "/mine" not in text
