"""DVS128 Gesture: made-up gestures, folders of events, and a real recording."""

import shutil
from pathlib import Path

import pytest
import torch

from spikingjelly.activation_based.examples import classify_dvsg
from spikingjelly.activation_based.examples.common import gestures
from spikingjelly.activation_based.examples.common.gestures import MadeUpGestures

QUICK = ("-T", "2", "-b", "4", "-channels", "2", "-device", "cpu", "-epochs", "1")


def centre_of(counts: torch.Tensor) -> tuple[float, float]:
    """Mean column and row of the events in ``[128, 128]``."""
    places = torch.arange(128.0)
    return (counts.sum(0) @ places / counts.sum()).item(), (counts.sum(1) @ places / counts.sum()).item()


def test_made_up_gestures_are_the_same_whenever_they_are_asked_for() -> None:
    data = MadeUpGestures(22, T=3, seed=1)
    frames, label = data[13]
    assert frames.shape == (3, 2, 128, 128)
    assert (label, len(data), len(gestures.CLASSES)) == (2, 22, 11)
    assert torch.equal(frames, data[13][0])
    assert not torch.equal(frames, data[2][0])
    assert not torch.equal(frames, MadeUpGestures(22, T=3, seed=2)[13][0])
    with pytest.raises(IndexError, match="there are 22 samples, but number 22 was asked for"):
        data[22]


@pytest.mark.parametrize(("label", "to_the_right", "down"), [(0, 1, 0), (2, 0, 1), (4, -1, 0), (6, 0, -1)])
def test_on_events_lie_ahead_of_off_events(label: int, to_the_right: int, down: int) -> None:
    frames, _ = MadeUpGestures(11, T=4, seed=0)[label]
    (x_off, y_off), (x_on, y_on) = (centre_of(frames[:, channel].sum(0)) for channel in (0, 1))
    moved = [round((on - off) / 8) for on, off in ((x_on, x_off), (y_on, y_off))]
    assert [(step > 0) - (step < 0) for step in moved] == [to_the_right, down]


@pytest.mark.usefixtures("no_pictures")
def test_without_a_folder_it_says_that_the_gestures_are_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(classify_dvsg, "MADE_UP_SAMPLES", {True: 22, False: 11})
    classify_dvsg.main([*QUICK, "-out-dir", str(tmp_path)])
    assert "training on made-up gestures. The accuracy is not one on DVS128 Gesture" in capsys.readouterr().out


def test_frames_become_sequences(gestures_folder: Path) -> None:
    args = classify_dvsg.parse([*QUICK, "-T", "3", "-data-dir", str(gestures_folder)])
    train_loader, test_loader, classes, _ = classify_dvsg.load_data(args)
    assert (len(train_loader), len(test_loader)) == (2, 3)
    samples, labels = next(iter(test_loader))
    assert samples.shape == (4, 3, 2, 128, 128)
    assert [classes[label] for label in labels] == ["0", "1", "10", "2"]
    classifier = classify_dvsg.build(args)
    seen = []
    classifier.net.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    scores = classifier.respond(samples)
    assert scores.shape == (4, 11)
    assert torch.equal(seen[0], torch.stack([samples[:, t] for t in range(3)]))


def test_a_real_recording(tmp_path: Path, shared_data: Path) -> None:
    """The first person's gestures, for training and for the test."""
    source, extracted = shared_data / "dvs128-gesture", tmp_path / "dvsg" / "extract" / "DvsGesture"
    extracted.mkdir(parents=True)
    for split, name in (("train", "user01_fluorescent"), ("test", "user24_fluorescent")):
        shutil.copy(source / "user01_fluorescent.aedat", extracted / f"{name}.aedat")
        shutil.copy(source / "user01_fluorescent_labels_cut.csv", extracted / f"{name}_labels.csv")
        (extracted / f"trials_to_{split}.txt").write_text(f"{name}.aedat\n")
    flags = [*QUICK, "-data-dir", str(tmp_path / "dvsg"), "-out-dir", str(tmp_path / "out")]
    train_loader, test_loader, _, _ = classify_dvsg.load_data(classify_dvsg.parse(flags))
    (samples, _), (_, labels) = next(iter(train_loader)), next(iter(test_loader))
    assert samples.sum() > 4 * 60_000  # events of four gestures
    assert len(labels) == 4
    classify_dvsg.main(flags)
    assert list((tmp_path / "out").rglob("outcome.png"))
