"""Each example trains, keeps what the next run needs, and goes on where it was interrupted."""

import datetime
import json
from pathlib import Path

import pytest
import torch

from spikingjelly.activation_based.examples.common import run_folder
from tests.examples.runs import EXAMPLES, Example, interrupt_after_the_first_epoch, run

A_DAY = datetime.timedelta(days=1)
without_pictures = pytest.mark.usefixtures("no_pictures")
every_example = pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES.keys())


def data_of(example: Example, request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(example.data)


def assert_equal(ours: object, theirs: object) -> None:
    if isinstance(ours, torch.Tensor):
        assert torch.equal(ours, theirs)
    elif isinstance(ours, dict):
        assert isinstance(theirs, dict)
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert_equal(ours[name], theirs[name])
    elif isinstance(ours, list):
        assert isinstance(theirs, list)
        assert len(ours) == len(theirs)
        for left, right in zip(ours, theirs, strict=True):
            assert_equal(left, right)
    else:
        assert ours == theirs


def what_was_learned(folder: Path) -> dict:
    state = run_folder.load_checkpoint(folder / "checkpoint_latest.pth")
    measured = ("train_seconds", "test_seconds", "train_speed", "test_speed")
    state["history"] = [{name: v for name, v in row.items() if name not in measured} for row in state["history"]]
    return state


@every_example
def test_an_interrupted_run_ends_where_the_whole_run_ends(
    example: Example,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = data_of(example, request)
    whole = run(example, data, tmp_path / "whole")
    out = capsys.readouterr().out
    assert out.count("test accuracy") == 2
    assert "samples/s" in out
    assert {path.name for path in whole.glob("*.p*")} >= {"checkpoint_latest.pth", "checkpoint_max.pth", "outcome.png"}
    assert list(whole.glob("events.out.tfevents*"))

    with monkeypatch.context() as patched:
        interrupt_after_the_first_epoch(patched)
        with pytest.raises(KeyboardInterrupt):
            run(example, data, tmp_path / "resumed")
    latest = tmp_path / "resumed" / example.folder / "checkpoint_latest.pth"
    assert run_folder.load_checkpoint(latest)["epoch"] == 0
    resumed = run(example, data, tmp_path / "resumed", "-resume", str(latest))
    assert f"Resumed from {latest} after epoch 0" in capsys.readouterr().out
    assert_equal(what_was_learned(whole), what_was_learned(resumed))


@every_example
@without_pictures
def test_other_flags(example: Example, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    other = "sgd" if "adam" in example.folder else "adam"
    more = ["-opt", other, "-lr", "0.03", "-momentum", "0.5", "-seed", "7"]
    run(example, data_of(example, request), tmp_path / "out", "-amp", "-j", "1", "-epochs", "1", *more)
    (record,) = (tmp_path / "out").rglob("run.json")
    assert record.parent.name.endswith("_amp")
    content = json.loads(record.read_text())
    assert abs(datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(content["date"])) < A_DAY
    assert content["machine"].keys() == {"processor", "cores"}
    assert content["flags"] | {"lr": 0.03, "momentum": 0.5, "seed": 7, "amp": True, "j": 1} == content["flags"]
    assert len(content["epochs"]) == 1


@every_example
@without_pictures
def test_flags_decide(example: Example, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Another seed, optimizer or learning rate gives other weights: none of these flags is dropped on the way."""
    data = data_of(example, request)
    other = "sgd" if "adam" in example.folder else "adam"
    weights = []
    for number, more in enumerate(([], ["-seed", "1"], ["-lr", "0.02"], ["-opt", other])):
        run(example, data, tmp_path / str(number), "-epochs", "1", *more)
        (latest,) = (tmp_path / str(number)).rglob("checkpoint_latest.pth")
        net = run_folder.load_checkpoint(latest)["net"]
        weights.append(torch.cat([value.flatten().float() for value in net.values()]))
    assert not any(torch.equal(weights[i], weights[j]) for i in range(4) for j in range(i))


@every_example
def test_a_missing_folder_of_data(example: Example, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"not found|must be downloaded"):
        run(example, tmp_path / "nowhere", tmp_path)


@every_example
@without_pictures
def test_a_checkpoint_of_another_network(example: Example, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    data = data_of(example, request)
    folder = run(example, data, tmp_path, "-epochs", "1")
    state = run_folder.load_checkpoint(folder / "checkpoint_latest.pth")
    state["net"] = {"some.weight": torch.zeros(1)}
    run_folder.save_checkpoint(tmp_path / "other.pth", state)
    with pytest.raises(
        run_folder.CheckpointError, match=r"does not fit this run: (.|\n)*some\.weight(.|\n)*Pass the flags"
    ):
        run(example, data, tmp_path, "-resume", str(tmp_path / "other.pth"))
