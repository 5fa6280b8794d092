"""Pictures of frames and events: what is in the files, and what is said where libraries are missing."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from spikingjelly import datasets
from spikingjelly.datasets._command import pictures
from tests.datasets.recordings import at_times

FRAMES = np.zeros((3, 2, 4, 5))
FRAMES[0, 0, 1, 2] = 4
FRAMES[1, 1, 3, 0] = 4
FRAMES[2, :, 0, 4] = 2


def expected() -> np.ndarray:
    images = np.zeros((3, 4, 5, 3), np.uint8)
    images[0, 1, 2, 1] = 255
    images[1, 3, 0, 2] = 255
    images[2, 0, 4, 1:] = 128
    return images


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor, lambda x: torch.as_tensor(x).requires_grad_()])
def test_pictures_show_off_in_green_and_on_in_blue(tmp_path: Path, kind: Callable) -> None:
    image = pytest.importorskip("PIL.Image")
    datasets.save_as_pic(kind(FRAMES), tmp_path / "new", "gesture")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [f"gesture_{t}.png" for t in range(3)]
    for t in range(3):
        with image.open(tmp_path / "new" / f"gesture_{t}.png") as picture:
            np.testing.assert_array_equal(np.asarray(picture), expected()[t])


def test_events_are_visible_next_to_a_hot_pixel(tmp_path: Path) -> None:
    """Ninety-five counts of 1 and 2, and five that are far larger."""
    image = pytest.importorskip("PIL.Image")
    frames = np.zeros((1, 2, 10, 20))
    frames[0, 1].flat[:95] = [1] * 45 + [2] * 50
    frames[0, 1].flat[95:100] = [30, 40, 50, 60, 1000]
    datasets.save_as_pic(frames, tmp_path)
    with image.open(tmp_path / "pic_0.png") as picture:
        blue = np.asarray(picture)[..., 2].ravel()
    assert blue[:45].tolist() == [128] * 45
    assert blue[45:100].tolist() == [255] * 55
    assert not blue[100:].any()
    frames[0, 1].flat[100] = 70  # six are no longer few: now the smallest of them is full brightness
    datasets.save_as_pic(frames, tmp_path)
    with image.open(tmp_path / "pic_0.png") as picture:
        assert np.asarray(picture)[..., 2].ravel()[[0, 45, 95, 99]].tolist() == [8, 17, 255, 255]


def test_frames_without_events_are_black(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    datasets.save_as_pic(np.zeros((1, 2, 3, 4)), tmp_path)
    with image.open(tmp_path / "pic_0.png") as picture:
        assert not np.asarray(picture).any()


def test_gif_has_each_frame(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    datasets.play_frame(FRAMES, tmp_path / "a.gif")
    with image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 3
        assert gif.info["loop"] == 0
        for t in range(3):
            gif.seek(t)
            np.testing.assert_array_equal(np.asarray(gif.convert("RGB")), expected()[t])


def test_frames_are_shown_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    shown = []

    def pause(seconds: float) -> None:
        axes = plt.gca()
        shown.append((axes.get_title(), np.asarray(axes.images[0].get_array())))

    monkeypatch.setattr(plt, "pause", pause)
    open_before = plt.get_fignums()
    datasets.play_frame(FRAMES)
    assert [title for title, _ in shown] == [f"frame {t} of 3" for t in range(3)]
    np.testing.assert_array_equal([picture for _, picture in shown], expected())
    assert plt.get_fignums() == open_before


def test_cloud_of_points(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    events = at_times(list(range(10)))
    figure = datasets.plot_events(events, tmp_path / "a.png", max_events=None)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert figure.axes[0].zaxis_inverted(), "y counts from the top"
    off, on = figure.axes[0].collections
    assert on.get_label() == "ON"
    for part, first in ((off, 0), (on, 1)):
        t, x, y = (np.asarray(axis) for axis in part._offsets3d)
        assert t.tolist() == list(range(first, 10, 2))
        assert x.tolist() == events["x"][first::2].tolist()
        assert y.tolist() == events["y"][first::2].tolist()
    sparse = datasets.plot_events(events, max_events=4).axes[0].collections
    assert sorted(t for part in sparse for t in part._offsets3d[0]) == [0, 3, 6, 9]


def test_refused() -> None:
    with pytest.raises(ValueError, match=r"Frames must be \[T, 2, H, W\], but their shape is \[3, 1, 4, 4\]"):
        datasets.play_frame(np.zeros((3, 1, 4, 4)))
    with pytest.raises(ValueError, match="there are no frames to show"):
        datasets.play_frame(np.zeros((0, 2, 4, 4)))


@pytest.mark.parametrize(
    ("call", "module"),
    [
        (lambda path: datasets.play_frame(FRAMES, path), "PIL"),
        (lambda path: datasets.play_frame(FRAMES), "matplotlib"),
        (lambda path: datasets.save_as_pic(FRAMES, path), "PIL"),
        (lambda path: datasets.plot_events(at_times([1])), "matplotlib.figure"),
        (lambda path: pictures.draw_sample(at_times([1, 2]), (128, 128), 2, path.with_suffix(".png")), "PIL"),
        (lambda path: pictures.draw_channels(at_times([1, 2]), 128, path.with_suffix(".png")), "matplotlib.figure"),
        (lambda path: pictures.draw_image(torch.rand(1, 4, 4), path.with_suffix(".png")), "PIL"),
    ],
)
def test_missing_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Callable, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        ImportError, match=r'needs matplotlib with Pillow, .*Install it with: pip install "spikingjelly\[plot\]"'
    ):
        call(tmp_path / "a")
    assert not list(tmp_path.iterdir())
