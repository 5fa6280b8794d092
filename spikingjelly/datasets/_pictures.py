"""Frames and events to look at: an animation, picture files, a cloud of points. Needs ``spikingjelly[plot]``."""

from contextlib import AbstractContextManager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from spikingjelly._extras import needing
from spikingjelly.datasets._columns import Events, columns, is_on, wide_times

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BLUE_ON, _GREEN_OFF = "#2050e0", "#10a040"
_BELOW_FULL = 0.95  # the part of the counts above 0 that full brightness has to show


def needing_plot_libraries(what: str) -> AbstractContextManager[None]:
    """Says how to install what can't be imported."""
    return needing("matplotlib with Pillow", what, "plot")


def frames_to_images(x: np.ndarray | torch.Tensor) -> np.ndarray:
    """Frames as colours: OFF (channel 0) in green, ON (channel 1) in blue.

    The count that 95 % of all counts above 0 do not exceed, and all larger ones, are shown in full brightness: next to
    one hot pixel all others would be dark.

    :param x: ``[T, 2, H, W]``
    :return: uint8 ``[T, H, W, 3]``
    :raises ValueError: if ``x`` has another shape
    """
    frames = np.asarray(x.detach().cpu() if isinstance(x, torch.Tensor) else x).astype(np.float64)
    if frames.ndim != 4 or frames.shape[1] != 2:
        raise ValueError(f"Frames must be [T, 2, H, W], but their shape is {list(frames.shape)}.")
    lit = frames[frames > 0]
    full = np.quantile(lit, _BELOW_FULL, method="inverted_cdf") if lit.size else 1.0
    images = np.zeros((frames.shape[0], *frames.shape[2:], 3), np.uint8)
    images[..., 1:] = np.rint(np.clip(frames / full, 0, 1) * 255).transpose(0, 2, 3, 1)
    return images


def play_frame(x: np.ndarray | torch.Tensor, save_gif_to: str | PathLike[str] | None = None) -> None:
    """Show frames one after the other, or write them to an animated GIF.

    OFF events (channel 0) are green, ON events (channel 1) blue. The count that 95 % of all counts above 0 do not
    exceed is shown in full brightness, and so are the few that are larger, so that hot pixels leave the others visible.

    :param x: frames ``[T, 2, H, W]``
    :param save_gif_to: the file to write; default None: show the frames once in a window
    :raises ValueError: if ``x`` has another shape or holds no frames
    :raises ImportError: if matplotlib or Pillow is missing
    """
    images = frames_to_images(x)
    if len(images) == 0:
        raise ValueError("play_frame: there are no frames to show.")
    if save_gif_to is None:
        _show(images)
        return
    with needing_plot_libraries("play_frame"):
        from PIL import Image
    first, *others = [Image.fromarray(image) for image in images]
    first.save(save_gif_to, "GIF", save_all=True, append_images=others, duration=100, loop=0)


def _show(images: np.ndarray) -> None:
    with needing_plot_libraries("play_frame"):
        from matplotlib import pyplot as plt
    figure, axes = plt.subplots()
    shown = axes.imshow(images[0])
    for t, image in enumerate(images):
        shown.set_data(image)
        axes.set_title(f"frame {t} of {len(images)}")
        plt.pause(0.1)
    plt.close(figure)


def save_as_pic(
    x: np.ndarray | torch.Tensor, save_pic_to: str | PathLike[str] = "./", pic_first_name: str = "pic"
) -> None:
    """Write each frame to a picture ``{pic_first_name}_{t}.png``, coloured as :func:`play_frame` shows them.

    :param x: frames ``[T, 2, H, W]``
    :param save_pic_to: the folder of the pictures; made if missing
    :param pic_first_name: how the names of the files start
    :raises ValueError: if ``x`` has another shape
    :raises ImportError: if Pillow is missing
    """
    images = frames_to_images(x)
    with needing_plot_libraries("save_as_pic"):
        from PIL import Image
    folder = Path(save_pic_to)
    folder.mkdir(parents=True, exist_ok=True)
    for t, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{pic_first_name}_{t}.png")


def plot_events(
    events: Events, save_to: str | PathLike[str] | None = None, max_events: int | None = 20_000
) -> "Figure":
    """Events as a cloud of points in time and space: OFF in green, ON in blue.

    :param events: the columns t, x, y, p
    :param save_to: the picture to write, default None: none
    :param max_events: the most points to draw, default 20,000: of more events every k-th is drawn. None draws all
    :return: the figure
    :raises ImportError: if matplotlib is missing
    """
    t, x, y, p = columns(events, "txyp")
    on = is_on(p)
    step = 1 if max_events is None else max(1, -(-len(t) // max_events))
    with needing_plot_libraries("plot_events"):
        from matplotlib.figure import Figure
    figure = Figure(figsize=(8, 6))
    axes: Any = figure.add_subplot(projection="3d")
    chosen = np.zeros(len(t), bool)
    chosen[::step] = True
    for name, polarity, colour in (("OFF", ~on, _GREEN_OFF), ("ON", on, _BLUE_ON)):
        part = chosen & polarity
        axes.scatter(wide_times(t)[part], x[part], y[part], s=1, c=colour, label=name)
    axes.set(xlabel="t", ylabel="x", zlabel="y")
    axes.invert_zaxis()  # y counts from the top
    axes.legend()
    if save_to is not None:
        figure.savefig(save_to)
    return figure
