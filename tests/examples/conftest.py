"""Data sets so small that every example trains on them in a second."""

from pathlib import Path

import numpy as np
import pytest

from spikingjelly.activation_based.examples.common import pictures
from tests.datasets import idx_writer

GESTURES = ("0", "1", "10", "2", "3", "4", "5", "6", "7", "8", "9")


@pytest.fixture
def images_folder(tmp_path: Path) -> Path:
    """20 training and 8 test images in the files of MNIST and of Fashion-MNIST."""
    folder = tmp_path / "images"
    idx_writer.write_both_splits(folder)
    return folder


@pytest.fixture
def gestures_folder(tmp_path: Path) -> Path:
    """One training and one test recording of each gesture, as events, in the folders of DVS128 Gesture."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for gesture in GESTURES:
            folder = tmp_path / "gestures" / "events_np" / split / gesture
            folder.mkdir(parents=True)
            t = np.sort(rng.integers(0, 100_000, 200))
            x, y, p = rng.integers(0, 128, 200), rng.integers(0, 128, 200), rng.integers(0, 2, 200)
            np.savez(folder / "user01_0.npz", t=t, x=x, y=y, p=p)
    return tmp_path / "gestures"


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than training here."""
    monkeypatch.setattr(pictures, "matplotlib_is_missing", lambda: True)
