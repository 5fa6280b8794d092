"""One sample to look at: its frames, and its events as points in space and time."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from spikingjelly.datasets._command.opening import WrongOptionError
from spikingjelly.datasets._errors import DatasetFormatError
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._frames import integrate_events_by_fixed_frames_number
from spikingjelly.datasets._pictures import frames_to_images, needing_plot_libraries, play_frame, plot_events

if TYPE_CHECKING:
    from PIL.Image import Image

KINDS = (".gif", ".png")
_SIDE = 256  # pixels of an animation, about
_THUMBNAIL = 128
_ROW = 20  # frames next to each other
_GAP = 4


def check_kind(out: Path) -> str:
    """The suffix of the picture.

    :raises WrongOptionError: if it is none that can be drawn, or its folder is missing
    """
    kind = out.suffix.lower()
    if kind not in KINDS:
        raise WrongOptionError(f"--out must be a file {' or '.join(f'*{k}' for k in KINDS)}, but {out} was given.")
    if not out.absolute().parent.is_dir():
        raise WrongOptionError(f"--out: there is no folder {out.absolute().parent}.")
    return kind


def draw_sample(events: Events, size: tuple[int, int], frames_number: int, out: Path) -> None:
    """A GIF of the frames, or a PNG of the frames in a row above the cloud of events.

    Frames are of equal duration; OFF is green, ON blue.
    """
    kind = check_kind(out)
    if len(events["t"]) == 0:
        raise DatasetFormatError("The sample holds no events, so there is nothing to show.")
    frames = integrate_events_by_fixed_frames_number(events, "time", frames_number, *size)
    if kind == ".gif":
        play_frame(_enlarged(frames, _SIDE), out)
        return
    cloud = plot_events({**events, "t": events["t"] - events["t"][0]})
    with needing_plot_libraries("A picture of a sample"):
        strip = _strip(frames_to_images(_enlarged(frames, _THUMBNAIL)))
        _stack(strip, _picture_of(cloud)).save(out)


def draw_channels(events: Events, channels: int, out: Path) -> None:
    """A PNG of spikes without pixels: channels over time."""
    if check_kind(out) == ".gif":
        raise WrongOptionError("Spikes of channels are shown over time in one picture: give --out a file *.png.")
    with needing_plot_libraries("A picture of spikes"):
        from matplotlib.figure import Figure
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    axes.scatter(np.asarray(events["t"]) / 1000, events["x"], s=1)
    axes.set(xlabel="time in milliseconds", ylabel="channel", ylim=(0, channels))
    figure.savefig(out)


def draw_image(image: torch.Tensor, out: Path) -> None:
    """A PNG of a picture ``[1, H, W]`` with values 0 to 1, enlarged."""
    if check_kind(out) == ".gif":
        raise WrongOptionError("A picture does not move: give --out a file *.png.")
    with needing_plot_libraries("A picture of an image"):
        from PIL import Image

    pixels = np.rint(image[0].numpy() * 255).astype(np.uint8)
    Image.fromarray(_enlarged(pixels[None, None], _SIDE)[0, 0]).save(out)


def _enlarged(frames: np.ndarray, side: int) -> np.ndarray:
    factor = max(1, side // max(frames.shape[2:]))
    return frames.repeat(factor, 2).repeat(factor, 3)


def _strip(images: np.ndarray) -> "Image":
    """All frames next to each other, in rows if there are many."""
    from PIL import Image

    count, height, width = images.shape[:3]
    columns, rows = min(count, _ROW), -(-count // _ROW)
    strip = Image.new("RGB", (columns * (width + _GAP) - _GAP, rows * (height + _GAP) - _GAP), "white")
    for i, image in enumerate(images):
        strip.paste(Image.fromarray(image), (i % _ROW * (width + _GAP), i // _ROW * (height + _GAP)))
    return strip


def _picture_of(figure: Any) -> "Image":
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer).convert("RGB")


def _stack(above: "Image", below: "Image") -> "Image":
    from PIL import Image

    both = Image.new("RGB", (max(above.width, below.width), above.height + _GAP + below.height), "white")
    both.paste(above, (0, 0))
    both.paste(below, ((both.width - below.width) // 2, above.height + _GAP))
    return both
