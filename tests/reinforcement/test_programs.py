"""The programs: they run, repeat themselves, keep checkpoints, draw, and say what is wrong with their arguments."""

import importlib
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from spikingjelly.activation_based.examples import (
    A2C,
    DQN_state,
    Spiking_A2C,
    Spiking_DQN_state,
    Spiking_PPO,
    spiking_actor_pendulum,
)
from spikingjelly.activation_based.examples.common.rl import curve, settings

pytest.importorskip("gymnasium", reason="needs gymnasium: pip install gymnasium")

EXAMPLES = "spikingjelly.activation_based.examples"
QUICK = ["-envs", "2", "-test-episodes", "2", "-hidden", "8", "-device", "cpu"]
CART_POLE = {
    "DQN_state": ["-warm-up", "20", "-batch-size", "8"],
    "A2C": [],
    "PPO": ["-epochs", "1"],
    "Spiking_DQN_state": ["-warm-up", "20", "-batch-size", "8", "-T", "3"],
    "Spiking_A2C": ["-T", "3"],
    "Spiking_PPO": ["-T", "3", "-epochs", "1"],
}
PROGRAMS = {
    **{name: [*flags, "-steps", "200"] for name, flags in CART_POLE.items()},
    "spiking_actor_pendulum": ["-T", "3", "-steps", "60", "-warm-up", "40", "-batch-size", "8"],
}


def run_program(name: str, folder: Path, *flags: str):
    module = importlib.import_module(f"{EXAMPLES}.{name}")
    return module.main([*QUICK, *PROGRAMS[name], "-out-dir", str(folder), *flags])


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_runs_and_leaves_checkpoint_scalars_and_picture(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_program(name, tmp_path, "--seed", "7")
    assert result.steps >= 60
    assert not result.reached
    out = capsys.readouterr().out
    assert "The target was not reached." in out
    assert f"Test: mean return {result.test_return:.1f} over 2 fresh episodes" in out
    (folder,) = tmp_path.iterdir()
    assert folder.name.startswith(name)
    assert folder.name.endswith("_seed7")
    assert (folder / "returns.png").read_bytes()[:4] == b"\x89PNG"
    assert list(folder.glob("events.out.tfevents*"))
    state = torch.load(folder / "checkpoint_latest.pth", weights_only=True)
    assert state["epoch"] == result.steps
    record = json.loads((folder / "run.json").read_text())
    assert record["command"].startswith(f"python -m {EXAMPLES}.{name} -envs 2")
    assert record["flags"]["seed"] == 7
    training, test = record["training"], record["test"]
    assert (training["steps"], training["reached"], test["episodes"]) == (result.steps, False, 2)
    assert training["mean_return"] == pytest.approx(state["mean_return"], nan_ok=True)
    assert test["lowest_return"] <= test["mean_return"] == result.test_return <= test["highest_return"]


@pytest.mark.parametrize("name", ["DQN_state", "Spiking_PPO"])
def test_the_same_seed_gives_the_same_run(name: str, tmp_path: Path) -> None:
    states = []
    for run, seed in enumerate(("3", "3", "4")):
        run_program(name, tmp_path / str(run), "-seed", seed)
        states.append(torch.load(next((tmp_path / str(run)).rglob("checkpoint_latest.pth")), weights_only=True))
    first, second, other = (state["net"].values() for state in states)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_a_checkpoint_is_tested_without_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained = run_program("Spiking_DQN_state", tmp_path, "-seed", "1")
    checkpoint = next(tmp_path.rglob("checkpoint_latest.pth"))
    tested = run_program("Spiking_DQN_state", tmp_path / "unused", "-seed", "1", "-checkpoint", str(checkpoint))
    assert tested.test_return == trained.test_return
    assert tested.steps == 0
    assert not (tmp_path / "unused").exists()
    with pytest.raises(RuntimeError, match="size mismatch"):
        Spiking_DQN_state.main(["-checkpoint", str(checkpoint), "-hidden", "9", "-device", "cpu"])


@pytest.mark.parametrize("window", [5, 40])
def test_training_ends_at_the_target(window: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["-target", "12", "-window", str(window), "-steps", "50000", "-seed", "2"]
    result = A2C.main([*QUICK, *flags, "-out-dir", str(tmp_path)])
    assert result.reached
    assert result.steps < 5_000
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("A2C")]
    number, episodes = map(int, re.search(r"the last (\d+) of (\d+) episodes", line).groups())
    assert number == window <= episodes
    assert "not reached" not in line


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-T", "0"], "-T must be at least 1, but 0 was given"),
        (["-gamma", "1.5"], "-gamma must be between 0 and 1, but 1.5 was given"),
        (["-batch-size", "0"], "-batch-size must be at least 1, but 0 was given"),
        (["-steps", "many"], "invalid int value: 'many'"),
        (["-lr", "-1"], "-lr must be at least 0, but -1.0 was given"),
        (["-checkpoint", "nowhere.pth"], "-checkpoint nowhere.pth: there is no such file"),
        (["-device", "cuda:0"], "this PyTorch finds no CUDA device; use -device cpu"),
    ],
)
def test_wrong_flags(flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    if "cuda:0" in flags and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(SystemExit):
        Spiking_PPO.main(flags)
    assert message in capsys.readouterr().err


def test_wrong_actor(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        spiking_actor_pendulum.main(["-actor", "loud"])
    assert "invalid choice: 'loud'" in capsys.readouterr().err


def test_without_gymnasium(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(SystemExit):
        DQN_state.main([])
    assert 'pip install "spikingjelly[rl]"' in capsys.readouterr().err


def test_help_names_the_program_and_its_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Spiking_A2C.main(["-h"])
    out = " ".join(capsys.readouterr().out.split())
    assert "CartPole-v1 by advantage actor-critic with spiking neurons." in out
    assert "-entropy-weight" in out
    assert "time steps for each observation (default: 8)" in out


def test_running_mean() -> None:
    values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0]
    expected = [np.mean(values[max(0, i - 2) : i + 1]) for i in range(6)]
    assert curve.running_mean(values, 3) == pytest.approx(expected)
    assert len(curve.running_mean([], 3)) == 0


def test_the_picture_shows_each_episode_and_one_mean_for_those_that_ended_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = []
    figure_class = pytest.importorskip("matplotlib.figure", reason="needs matplotlib").Figure
    monkeypatch.setattr(figure_class, "savefig", lambda self, path, dpi: figures.append(self))
    curve.draw(tmp_path / "p.png", "title", [(4, 1.0), (4, 3.0), (6, 8.0), (8, 1.0), (8, 3.0)], target=5.0, window=2)
    points, mean, target = figures[0].axes[0].lines
    assert points.get_xydata().tolist() == [[4, 1], [4, 3], [6, 8], [8, 1], [8, 3]]
    assert mean.get_xydata().tolist() == [[4, 2], [6, 5.5], [8, 2]]
    assert set(target.get_ydata()) == {5.0}
    curve.draw(tmp_path / "p.png", "no episode yet", [], target=5.0, window=2)
    assert len(figures[1].axes[0].lines[1].get_xdata()) == 0


def test_flags_of_settings() -> None:
    assert settings.flag_of("batch_size") == "-batch-size"
    field = settings.setting(1.0, "meaning", at_least=-2.0, at_most=3.0)
    assert (field.default, field.metadata["at_least"], field.metadata["at_most"]) == (1.0, -2.0, 3.0)
    assert settings.setting(1, "meaning").metadata["at_most"] == math.inf


@pytest.mark.slow
@pytest.mark.parametrize("name", CART_POLE)
def test_cart_pole_is_solved(name: str, tmp_path: Path) -> None:
    module = importlib.import_module(f"{EXAMPLES}.{name}")
    result = module.main(["-device", "cpu", "-out-dir", str(tmp_path)])
    assert result.reached
    assert result.test_return >= 195


@pytest.mark.slow
@pytest.mark.parametrize("actor", ["ilc", "noisy"])
def test_the_pendulum_is_held_up(actor: str, tmp_path: Path) -> None:
    """Random actions have a mean return of about -1200."""
    result = spiking_actor_pendulum.main(["-actor", actor, "-device", "cpu", "-out-dir", str(tmp_path)])
    assert result.test_return > -400
