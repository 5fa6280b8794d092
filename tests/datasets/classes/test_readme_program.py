"""The program that the README prints for DVS128 Gesture, on a real recording."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest

from spikingjelly.datasets.dvs128_gesture import DVS128Gesture
from tests.datasets.classes.archives import place, tarred

REAL = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "dvs128-gesture"
PROGRAM = """\
import torch
from torch.utils.data import DataLoader
from spikingjelly.datasets import pad_sequence_collate, padded_sequence_mask
from spikingjelly.datasets.dvs128_gesture import DVS128Gesture
# Set the root directory for the dataset
root_dir = 'D:/datasets/DVS128Gesture'
# Load event dataset
event_set = DVS128Gesture(root_dir, train=True, data_type='event')
event, label = event_set[0]
# Print the keys and their corresponding values in the event data
for k in event.keys():
    print(k, event[k])
# Load a dataset with fixed frame numbers
fixed_frames_number_set = DVS128Gesture(root_dir, train=True, data_type='frame', frames_number=20, split_by='number')
# Randomly select two frames and print their shapes
rand_index = torch.randint(low=0, high=fixed_frames_number_set.__len__(), size=[2])
for i in rand_index:
    frame, label = fixed_frames_number_set[i]
    print(f'frame[{i}].shape=[T, C, H, W]={frame.shape}')
# Load a dataset with a fixed duration and print the shapes of the first 5 samples
fixed_duration_frame_set = DVS128Gesture(root_dir, data_type='frame', duration=1000000, train=True)
for i in range(5):
    x, y = fixed_duration_frame_set[i]
    print(f'x[{i}].shape=[T, C, H, W]={x.shape}')
# Create a data loader for the fixed duration frame dataset and print the shapes and sequence lengths
train_data_loader = DataLoader(fixed_duration_frame_set, collate_fn=pad_sequence_collate, batch_size=5)
for x, y, x_len in train_data_loader:
    print(f'x.shape=[N, T, C, H, W]={tuple(x.shape)}')
    print(f'x_len={x_len}')
    mask = padded_sequence_mask(x_len)  # mask.shape = [T, N]
    print(f'mask=n{mask.t().int()}')
    break
"""

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="needs the real recording")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archive, of one recording of which the first 1.45 s of ten gestures are there."""
    folder = "DvsGesture/"
    members = {
        f"{folder}trials_to_train.txt": b"user01_fluorescent.aedat\n",
        f"{folder}trials_to_test.txt": b"\n",
        f"{folder}user01_fluorescent.aedat": (REAL / "user01_fluorescent.aedat").read_bytes(),
        f"{folder}user01_fluorescent_labels.csv": (REAL / "user01_fluorescent_labels_cut.csv").read_bytes(),
    }
    place(monkeypatch, tmp_path, DVS128Gesture, {"DvsGesture.tar.gz": tarred(members)})
    return tmp_path


def test_the_program_prints_what_the_readme_prints(root: Path) -> None:
    """Times, columns, rows and polarities of the first sample begin as there; the shapes are those of 1.45 s."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(PROGRAM.replace("'D:/datasets/DVS128Gesture'", repr(str(root))), {})
    lines = printed.getvalue().splitlines()
    assert [re.match(r"\w \[\S+ \S+ \S+ \.\.\.", line).group() for line in lines[:4]] == [  # type: ignore[union-attr]
        "t [80048267 80048277 80048278 ...",
        "x [49 55 55 ...",
        "y [82 92 92 ...",
        "p [1 0 0 ...",
    ]
    assert all(re.fullmatch(r"frame\[\d\]\.shape=\[T, C, H, W\]=\(20, 2, 128, 128\)", line) for line in lines[4:6])
    assert lines[6:11] == [f"x[{i}].shape=[T, C, H, W]=(2, 2, 128, 128)" for i in range(5)]
    assert lines[11:] == [
        "x.shape=[N, T, C, H, W]=(5, 2, 2, 128, 128)",
        "x_len=tensor([2, 2, 2, 2, 2])",
        "mask=ntensor([[1, 1],",
        *["        [1, 1],"] * 3,
        "        [1, 1]], dtype=torch.int32)",
    ]


def test_gestures_of_the_real_recording(root: Path) -> None:
    """Two of ten rows are of class 8, folder 7, label 8; the events of the first two rows are as many as were counted elsewhere."""
    dataset = DVS128Gesture(root, train=True, progress=False)
    assert dataset.targets == [0, 1, 3, 4, 5, 6, 7, 8, 8, 9]
    assert [Path(path).name for path, label in dataset.samples if label == 8] == [
        "user01_fluorescent_0.npz",
        "user01_fluorescent_1.npz",
    ]
    (first, _), (second, _) = dataset[0], dataset[1]
    assert (len(first["t"]), first["p"].sum(), first["x"].sum(), first["y"].sum()) == (
        63_471,
        31_307,
        3_955_662,
        5_423_391,
    )
    assert (len(second["t"]), second["p"].sum()) == (84_260, 40_788)
    # The right hand is to the left in the picture, the left hand to the right.
    centres = [events["x"].mean() for events, _ in dataset]
    assert max(centres[1], centres[3], centres[4]) < 63.5 < min(centres[2], centres[5], centres[6])
    assert np.all(first["t"] >= 80_048_239)
