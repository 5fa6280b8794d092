"""Events to frames, a network that learns from them, and its stream through onnxruntime."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from spikingjelly.activation_based import functional
from spikingjelly.activation_based.examples import stream_events_onnx as example
from spikingjelly.datasets import DatasetFormatError
from tests.versions import needs_torch

QUICK = ("-T", "4", "-b", "2", "-updates", "2", "-channels", "2", "-window", "4000", "-lr", "0.01", "-seed", "3")


@pytest.mark.parametrize(
    ("direction", "axis", "sign"), [("right", "x", 1), ("left", "x", -1), ("down", "y", 1), ("up", "y", -1)]
)
def test_a_bar_moves(direction: str, axis: str, sign: int) -> None:
    events = example.moving_bar(direction, 60_000, np.random.default_rng(0))
    assert (np.diff(events["t"]) >= 0).all()
    on = events["p"] == 1
    places = [events[axis][on & (events["t"] // 4000 == window)] for window in range(15)]
    steps = [np.median(b) - np.median(a) for a, b in itertools.pairwise(places)]
    assert np.median(np.sign(steps)) == sign


def test_frames() -> None:
    events = {
        "t": np.array([0, 999, 1000, 2500]),
        "x": np.array([3, 3, 4, 5]),
        "y": np.array([1, 1, 2, 6]),
        "p": np.array([1, 1, 0, 1]),
    }
    frames = example.frames_of(events, 1000)
    assert frames.shape == (3, 2, 32, 32)
    assert [tuple(place) for place in np.argwhere(frames)] == [(0, 1, 1, 3), (1, 0, 2, 4), (2, 1, 6, 5)]
    assert frames.max() == 1


def test_recordings_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "events.npz"
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        example.read_recording(path)
    path.write_bytes(b"no archive")
    with pytest.raises(DatasetFormatError, match="is no file with the arrays t, x, y and p"):
        example.read_recording(path)
    np.savez(path, t=[5], x=[1], y=[1], p=[1, 0])
    with pytest.raises(DatasetFormatError, match="must have one length"):
        example.read_recording(path)
    np.savez(path, t=[5, 9], x=[0, 127], y=[64, 0], p=[1, 0])
    events = example.read_recording(path)
    assert events["t"].tolist() == [0, 4]
    assert events["x"].tolist() == [0, 31]
    assert events["y"].tolist() == [31, 0]


@needs_torch("2.8", "Batch normalisation in ONNX")
def test_what_is_streamed_is_what_the_network_computes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for package in ("onnxscript", "onnxruntime", "matplotlib"):
        pytest.importorskip(package)
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "events.npz", **example.moving_bar("up", 60_000, rng))
    options = ("-events", str(tmp_path / "events.npz"), "-threads", "2", "-out-dir", str(tmp_path / "out"))
    seconds = example.main([*QUICK, *options])
    assert {len(values) for values in seconds.values()} == {15}
    out = capsys.readouterr().out
    assert "15 frames in onnxruntime: " in out
    assert "ms median" in out
    assert float(out.split("largest difference of the evidence: ")[1].split()[0]) < 1e-3
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"network.onnx", "stream.png"}


def test_the_network_learns() -> None:
    args = example.parse(["-T", "8", "-b", "8", "-updates", "25", "-channels", "4"])
    torch.manual_seed(0)
    net = example.make_net(args.channels)
    assert example.train(net, args, np.random.default_rng(0)) > 0.5
    assert net[0].step_mode == "s"
    functional.reset_net(net)


def test_flags_must_be_positive(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        example.parse(["-window", "0"])
    assert "-window must be at least 1, but 0 was given" in capsys.readouterr().err
