"""Spikes of channels to frames ``[T, W]``, under the names that published code calls.

All of it is :mod:`spikingjelly.datasets._frames` on a sensor of one row, whose spikes are all ON.
"""

import os
from typing import Any

import numpy as np

from spikingjelly.datasets._columns import Events, columns
from spikingjelly.datasets._frame_files import save_frames, save_frames_to_npz_and_print
from spikingjelly.datasets._frames import (
    SplitBy,
    cal_fixed_frames_number_segment_index,
    integrate_events_by_fixed_duration,
    integrate_events_by_fixed_frames_number,
    integrate_events_segment_to_frame,
)
from spikingjelly.datasets.formats import ShdFile


def cal_fixed_frames_number_segment_index_shd(
    events_t: np.ndarray, split_by: SplitBy, frames_num: int
) -> tuple[np.ndarray, np.ndarray]:
    """:func:`spikingjelly.datasets.cal_fixed_frames_number_segment_index`."""
    return cal_fixed_frames_number_segment_index(events_t, split_by, frames_num)


def integrate_events_segment_to_frame_shd(x: np.ndarray, W: int, j_l: int = 0, j_r: int | None = None) -> np.ndarray:
    """How many of the spikes ``j_l`` to ``j_r - 1`` each channel has.

    :param x: channels, 0 to ``W - 1``
    :param W: the number of channels
    :param j_l: the first spike, default 0
    :param j_r: the spike after the last one; default None: to the end
    :return: float64 ``[W]``
    """
    zeros, ones = np.zeros(len(x), np.int8), np.ones(len(x), np.int8)
    return integrate_events_segment_to_frame(x, zeros, ones, 1, W, j_l, j_r)[1, 0]


def integrate_events_by_fixed_frames_number_shd(
    events: Events, split_by: SplitBy, frames_num: int, W: int
) -> np.ndarray:
    """:func:`spikingjelly.datasets.integrate_events_by_fixed_frames_number` of t and x, float64 ``[T, W]``."""
    return _one_row(integrate_events_by_fixed_frames_number(_in_one_row(events), split_by, frames_num, 1, W))


def integrate_events_by_fixed_duration_shd(events: Events, duration: float, W: int) -> np.ndarray:
    """:func:`spikingjelly.datasets.integrate_events_by_fixed_duration` of t and x, float64 ``[T, W]``.

    ``duration`` is in the unit of t.
    """
    return _one_row(integrate_events_by_fixed_duration(_in_one_row(events), duration, 1, W))


def integrate_events_file_to_frames_file_by_fixed_frames_number_shd(
    h5_file: Any, i: int, output_dir: str, split_by: SplitBy, frames_num: int, W: int, print_save: bool = False
) -> None:
    """Write the frames of recording ``i`` to ``{label}/{i}.npz`` in ``output_dir``.

    :param h5_file: the open ``h5py.File``, or the path of one
    :param i: the number of the recording
    :param output_dir: the folder in which each label has its folder
    :param split_by: ``"number"`` or ``"time"``
    :param frames_num: the number of frames
    :param W: the number of channels
    :param print_save: whether to print the name of the file that was written, default False
    """
    file = ShdFile(h5_file, W)
    frames = integrate_events_by_fixed_frames_number_shd(file[i], split_by, frames_num, W)
    _save(output_dir, file, i, frames, print_save)


def integrate_events_file_to_frames_file_by_fixed_duration_shd(
    h5_file: Any, i: int, output_dir: str, duration: float, W: int, print_save: bool = False
) -> int:
    """Write the frames of recording ``i`` to ``{label}/{i}.npz`` in ``output_dir`` and return how many there are.

    ``duration`` is in seconds, the unit of the file (that of :class:`SpikingHeidelbergDigits` is in milliseconds); the
    other arguments are those of :func:`integrate_events_file_to_frames_file_by_fixed_frames_number_shd`.
    """
    file = ShdFile(h5_file, W)
    frames = integrate_events_by_fixed_duration_shd(file[i], 1e6 * duration, W)
    _save(output_dir, file, i, frames, print_save)
    return len(frames)


def custom_integrate_function_example(h5_file: Any, i: int, output_dir: str, W: int) -> None:
    """An example of frames of one's own: two of recording ``i``, cut at a random spike."""
    file = ShdFile(h5_file, W)
    x = file[i]["x"]
    middle = int(np.random.randint(0, len(x) + 1))
    frames = [
        integrate_events_segment_to_frame_shd(x, W, 0, middle),
        integrate_events_segment_to_frame_shd(x, W, middle),
    ]
    _save(output_dir, file, i, np.stack(frames), False)


def _in_one_row(events: Events) -> Events:
    t, x = columns(events, "tx")
    return {"t": t, "x": x, "y": np.zeros(len(x), np.int8), "p": np.ones(len(x), np.int8)}


def _one_row(frames: np.ndarray) -> np.ndarray:
    """``[T, 2, 1, W]`` of which only the second polarity holds anything, as ``[T, W]``."""
    return frames[:, 1, 0]


def _save(output_dir: str, file: ShdFile, i: int, frames: np.ndarray, print_save: bool) -> None:
    folder = os.path.join(output_dir, str(file.labels[i]))
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{i}.npz")
    (save_frames_to_npz_and_print if print_save else save_frames)(path, frames)
