"""Numbers on pages: how a stored result is found, and that nothing is made up where there is none."""

import json
from pathlib import Path

import pytest
from result_path import ResultError, load, look_up

RECORD = {
    "epochs": [{"acc": 0.5, "loss": 1.5}, {"acc": 0.75, "loss": 0.5}, {"acc": 0.7, "loss": 0.75}],
    "snn": {"99.9%": {"50": 0.9886}, "1/2": {"50": 0.98}},
    "figures": [
        {"row": "lif", "case": {"T": 4}, "who": "ours", "seconds": [0.002, 0.001, 0.004]},
        {"row": "lif", "case": {"T": 4}, "who": "all at once", "seconds": [0.02, 0.01, 0.04]},
        {"row": "lif", "case": {"T": 16}, "who": "ours", "seconds": [0.003]},
    ],
    "machine": {"processor": "a chip", "cores": 2},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "run.json").write_text(json.dumps(RECORD))
    return tmp_path


@pytest.mark.parametrize(
    ("way", "text"),
    [
        ("epochs acc max | .1%", "75.0%"),
        ("epochs acc min | .1%", "50.0%"),
        ("epochs -1 acc | .2f", "0.70"),
        ("epochs 0 loss | .1f", "1.5"),
        ("epochs acc count | d", "3"),
        ("epochs acc mean | .2f", "0.65"),
        ("snn 99.9% 50 | .2%", "98.86%"),
        ("snn 1/2 50 | .0%", "98%"),
        ("figures case.T=4 who=ours seconds median | *1000 .1f", "2.0"),
        ('figures case.T=4 who="all at once" seconds median / figures case.T=4 who=ours seconds median | .1f', "10.0"),
        ("figures case.T=16 row=lif seconds 0 | *1e6 .0f", "3000"),
        ("figures case.T=4 seconds 0 0 | .3f", "0.002"),
        ("machine processor | s", "a chip"),
    ],
)
def test_found(folder: Path, way: str, text: str) -> None:
    assert look_up(folder, f"examples/run: {way}") == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("examples/other: epochs 0 acc | .1%", "no stored result 'examples/other'.*there are examples/run"),
        ("examples/run: epochs 0 accuracy | .1%", "'accuracy' is none of acc, loss"),
        ("examples/run: epochs 7 acc | .1%", "there are 3 items, no item 7"),
        ("examples/run: figures who=theirs seconds 0 | .1f", "no item has who=theirs"),
        ("examples/run: figures case.T.x=4 seconds 0 | .1f", "no item has case.T.x=4"),
        ("examples/run: figures case.T=16 who=theirs seconds 0 | .1f", "no item has who=theirs"),
        ("examples/run: epochs acc | .1%", "no single value but a list"),
        ("examples/run: machine | .1%", "no single value but a dict"),
        ("examples/run: machine cores more | d", "'more' can't be looked up in 2"),
        ("examples/run: machine processor | .1%", "Unknown format code"),
        ("examples/run: epochs 0 acc", "should read 'file: way to the number"),
        ("examples/run | .1%", "should read"),
    ],
)
def test_not_found(folder: Path, text: str, message: str) -> None:
    with pytest.raises(ResultError, match=message):
        look_up(folder, text)


def test_the_whole_record(folder: Path) -> None:
    assert load(folder, "examples/run") == RECORD
