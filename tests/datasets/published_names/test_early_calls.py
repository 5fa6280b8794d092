"""Data sets under the names and arguments of other releases."""

import importlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spikingjelly import datasets
from spikingjelly.datasets import integrate_events_to_frames, normalize_frame
from spikingjelly.datasets.asl_dvs import ASLDVS
from spikingjelly.datasets.cifar10_dvs import CIFAR10DVS, CIFAR10DVSTEBNSplit
from spikingjelly.datasets.dvs128_gesture import DVS128Gesture
from spikingjelly.datasets.n_caltech101 import NCaltech101
from spikingjelly.datasets.n_mnist import NMNIST
from spikingjelly.datasets.nav_gesture import NAVGestureWalk
from tests.datasets.classes import published
from tests.datasets.classes.archives import made_up, place
from tests.datasets.formats import writers

T = [9, 70, 72, 87, 115, 174, 192, 277, 314, 359, 396, 431, 448, 472, 486, 537, 551, 559, 599, 600, 600, 629, 677, 684,
     705, 707, 709, 723, 754, 755, 763, 777, 804, 835, 845, 847, 849, 850, 916, 976]  # fmt: skip


@pytest.fixture
def laid_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Any], str]:
    def lay_out(what: Any) -> str:
        place(monkeypatch, tmp_path, what.cls, what.files)
        return str(tmp_path)

    return lay_out


def test_frames_of_gestures(laid_out: Callable[[Any], str]) -> None:
    """As release 0.0.0.0.4 has it: each frame of each polarity over its maximum, the gesture's number as the label."""
    root = laid_out(published.dvs128_gesture())
    early = DVS128Gesture(root, train=True, use_frame=True, frames_num=3, split_by="number", normalization="max")
    today = DVS128Gesture(root, train=True, data_type="frame", frames_number=3, split_by="number")
    assert early.samples == today.samples
    for number, (path, _) in enumerate(today.samples):
        (x, label), frames = early[number], today[number][0]
        assert (x.dtype, label) == (torch.float32, int(Path(path).parent.name))
        torch.testing.assert_close(x, torch.from_numpy(frames / frames.max((2, 3), keepdims=True)))
    assert {label for _, label in early} == {0, 1, 2, 7, 8, 9, 10}
    assert torch.equal(pickle.loads(pickle.dumps(early))[0][0], early[0][0])
    positions_and_other_normalizations(root)


def positions_and_other_normalizations(root: str) -> None:
    today = DVS128Gesture(root, False, "frame", 4, "time")
    plain = DVS128Gesture(root, False, True, 4, "time", None)
    assert np.array_equal(plain[2][0].numpy(), today[2][0])
    sums = DVS128Gesture(root, False, True, 4, "time", "sum")
    torch.testing.assert_close(sums[2][0].sum((2, 3)), torch.ones(4, 2))
    events, label = DVS128Gesture(root, False, use_frame=False)[1]
    assert set(events) == set("txyp")
    assert label == 1
    rates = DVS128Gesture(root, False, True, 4, "time", "frequency")
    raw, _ = DVS128Gesture(root, False)[2]
    expected = integrate_events_to_frames(raw, 128, 128, 4, "time", "frequency")
    torch.testing.assert_close(rates[2][0], torch.from_numpy(expected).float())


def test_parts_of_a_data_set_without_a_split(laid_out: Callable[[Any], str]) -> None:
    root = laid_out(published.cifar10_dvs())
    train = CIFAR10DVS(root, train=True, split_ratio=0.7, frames_num=2, normalization=None)
    test = CIFAR10DVS(root, False, 0.7, True, 2, "number", None)
    names = [[Path(path).stem for path, _ in part.samples] for part in (train, test)]
    assert names[0] == ["cifar10_cat_0", "cifar10_cat_10"]
    assert len(names[1]) == 10
    assert train.targets == [3, 3]
    assert train[0][0].shape == (2, 2, 128, 128)
    assert train[0][0].sum() == 40


def test_a_split_by_number(laid_out: Callable[[Any], str]) -> None:
    what = published.cifar10_dvs()
    what.cls = CIFAR10DVSTEBNSplit
    root = laid_out(what)
    test = CIFAR10DVSTEBNSplit(root, train=False, data_type="frame", duration=50_000)
    assert len(test) == 12
    train = CIFAR10DVSTEBNSplit(root)
    assert train.train
    assert len(train) == 0
    with pytest.raises(TypeError, match="train must be True or False, but None"):
        CIFAR10DVSTEBNSplit(root, None)


@pytest.mark.parametrize(
    ("cls", "arguments", "error", "message"),
    [
        (NMNIST, {"use_frame": True}, TypeError, "NMNIST: with use_frame and the like, train must be given"),
        (
            NMNIST,
            {"train": True, "normalization": "mean"},
            ValueError,
            "normalization must be one of .*'mean' was given",
        ),
        (CIFAR10DVS, {"train": True, "split_ratio": 2.0}, ValueError, "split_ratio must be from 0 to 1, but 2.0"),
        (CIFAR10DVS, {"train": True, "data_type": "frame"}, TypeError, "multiple values for argument 'train'"),
    ],
)
def test_bad_early_calls(tmp_path: Path, cls: Any, arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        cls(tmp_path, **arguments)


def test_frames_by_themselves() -> None:
    """The numbers are of release 0.0.0.0.4."""
    frames = np.arange(24.0).reshape(3, 2, 2, 2) % 7
    assert normalize_frame(frames, "max")[0].flatten().round(4).tolist() == [0, 0.3333, 0.6667, 1, 0.6667, 0.8333, 1, 0]
    norm = [-1.3416, -0.4472, 0.4472, 1.3416, 0.1098, 0.5488, 0.9879, -1.6465]
    assert normalize_frame(torch.from_numpy(frames), "norm")[0].flatten().tolist() == pytest.approx(norm, abs=1e-4)
    assert normalize_frame(frames, "sum")[1, 1].flatten().round(4).tolist() == [0.4167, 0.5, 0.0, 0.0833]
    assert not normalize_frame(np.zeros((1, 2, 2, 2)), "max").any()
    with pytest.raises(ValueError, match="must be 'max', 'norm' or 'sum', not 'frequency'"):
        normalize_frame(frames, "frequency")  # type: ignore[arg-type]


def test_frequencies() -> None:
    events = {"t": np.array(T), "x": np.arange(40) % 4, "y": np.arange(40) % 3, "p": np.arange(40) % 2}
    counts = {by: integrate_events_to_frames(events, 3, 4, 3, by).sum((1, 2, 3)) for by in ("time", "number")}
    assert counts["number"].tolist() == [13, 13, 14]
    for by, durations in (("time", [322, 322, 323]), ("number", [463, 709 - 472, 976 - 709])):
        rates = integrate_events_to_frames(events, 3, 4, 3, by, "frequency").sum((1, 2, 3))
        np.testing.assert_allclose(counts[by] / rates, durations)
    assert integrate_events_to_frames(events, 3, 4, 3, "time", "max").max() == 1
    with pytest.raises(ValueError, match="frame 0 has a duration of 0"):
        integrate_events_to_frames({**events, "t": np.zeros(40, int)}, 3, 4, 3, "number", "frequency")
    with pytest.raises(ValueError, match="normalization must be one of"):
        integrate_events_to_frames(events, 3, 4, normalization="mean")


@pytest.mark.parametrize(
    ("cls", "name", "write"),
    [
        (NMNIST, "read_bin_save_to_np", writers.atis_bin),
        (NCaltech101, "read_bin_save_to_np", writers.atis_bin),
        (ASLDVS, "read_mat_save_to_np", writers.asl_dvs),
        (CIFAR10DVS, "read_aedat_save_to_np", writers.aedat2),
        (NAVGestureWalk, "read_aedat_save_to_np", writers.dat1),
    ],
)
def test_a_recording_is_saved(
    cls: Any, name: str, write: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, target = tmp_path / "recording", tmp_path / "events"
    path.write_bytes(write(made_up(cls.__name__, *cls.get_H_W())))
    getattr(cls, name)(str(path), str(target))
    assert f"Save [{path}] to [{target}]." in capsys.readouterr().out
    saved, expected = np.load(f"{target}.npz"), cls.load_origin_data(path)
    assert all(np.array_equal(saved[key], expected[key]) for key in "txyp")


def test_gestures_of_one_recording(tmp_path: Path) -> None:
    events = made_up("gestures", 128, 128)
    (tmp_path / "user.aedat").write_bytes(writers.aedat3(events))
    rows = f"class,startTime_usec,endTime_usec\n3,{events[5].t},{events[9].t}\n3,{events[9].t},{events[39].t}\n"
    (tmp_path / "user.csv").write_text(rows)
    DVS128Gesture.split_aedat_files_to_np("mine", tmp_path / "user.aedat", tmp_path / "user.csv", tmp_path / "out")
    found = {path.name: len(np.load(path)["t"]) for path in (tmp_path / "out" / "2").iterdir()}
    assert found == {"mine_0.npz": 4, "mine_1.npz": 30}


def test_names_of_the_package() -> None:
    for name in datasets._HOMES:
        assert name in dir(datasets)
        assert isinstance(getattr(datasets, name), type)
    for part in ("base", "transform", "utils"):
        module = importlib.import_module(f"spikingjelly.datasets.{part}")
        assert module.NeuromorphicDatasetFolder is datasets.NeuromorphicDatasetFolder
    with pytest.raises(ImportError, match="NAVGesture does not exist. Use NAVGestureWalk or NAVGestureSit"):
        datasets.NAVGesture  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        datasets.nothing  # noqa: B018
