"""A data set as a folder of pictures."""

from pathlib import Path

import numpy as np
import pytest

from spikingjelly.datasets import save_every_frame_of_an_entire_DVS_dataset
from spikingjelly.datasets._pictures import frames_to_images
from spikingjelly.datasets.n_mnist import NMNIST
from spikingjelly.datasets.nav_gesture import NAVGestureWalk
from tests.datasets.classes import published
from tests.datasets.classes.archives import place

image = pytest.importorskip("PIL.Image")


def test_every_frame_of_every_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = published.n_mnist()
    place(monkeypatch, tmp_path / "root", NMNIST, made.files)
    save_every_frame_of_an_entire_DVS_dataset("nmnist", tmp_path / "root", 3, tmp_path / "pictures", 1)
    files = sorted(
        path.relative_to(tmp_path / "pictures" / "NMNIST") for path in (tmp_path / "pictures").rglob("*.png")
    )
    names = [
        Path("train" if train else "test", sample.folder, f"{sample.stem}_{t}.png")
        for (train,), samples in made.samples.items()
        for sample in samples
        for t in range(3)
    ]
    assert files == sorted(names)
    dataset = NMNIST(tmp_path / "root", False, "frame", 3, "number")
    frames, label = dataset[4]
    for t, expected in enumerate(frames_to_images(frames)):
        path = tmp_path / "pictures" / "NMNIST" / "test" / str(label) / f"{Path(dataset.samples[4][0]).stem}_{t}.png"
        with image.open(path) as picture:
            np.testing.assert_array_equal(np.asarray(picture), expected)


def test_without_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = published.nav_gesture_walk()
    place(monkeypatch, tmp_path, NAVGestureWalk, made.files)
    save_every_frame_of_an_entire_DVS_dataset(
        dataset="NAVGestureWalk",
        dataset_path=str(tmp_path),
        time_steps=1,
        save_pic_to=str(tmp_path / "out"),
        number_of_threads=2,
    )
    assert {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png")} == {
        f"NAVGestureWalk/{sample.folder}/{sample.stem}_0.png" for sample in made.samples[()]
    }


def test_what_has_no_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="SHD has no events of pixels"):
        save_every_frame_of_an_entire_DVS_dataset("shd", tmp_path, 4)
    with pytest.raises(LookupError, match='no data set "DVS128Gestur"'):
        save_every_frame_of_an_entire_DVS_dataset("DVS128Gestur", tmp_path, 4)
    with pytest.raises(ValueError, match="frames_number must be a positive int"):
        save_every_frame_of_an_entire_DVS_dataset("nmnist", tmp_path, 0)
