"""Files of frames: ``.npz`` with the one array ``frames``, in the smallest type that holds it, compressed."""

import functools
import os
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from spikingjelly import configure
from spikingjelly.datasets._columns import Events
from spikingjelly.datasets._frames import (
    SplitBy,
    integrate_events_by_fixed_duration,
    integrate_events_by_fixed_frames_number,
)
from spikingjelly.datasets._preparation import npz

Loader = Callable[[str], Events]
_Function = TypeVar("_Function", bound=Callable[..., None])


def _or_without_loader(write: _Function) -> _Function:
    """``(events_np_file, ...)``, as until 0.0.0.0.8, for ``(numpy.load, events_np_file, ...)``."""

    @functools.wraps(write)
    def either(*args: Any, **kwargs: Any) -> None:
        if args and not callable(args[0]):
            args = (np.load, *args)
        elif not args:
            kwargs.setdefault("loader", np.load)
        write(*args, **kwargs)

    return either  # type: ignore[return-value]


def np_savez(file: Any, *arrays: Any, **named_arrays: Any) -> None:
    """``numpy.savez_compressed``, or ``numpy.savez`` where ``configure.save_datasets_compressed`` is False.

    :param file: the file or its name, to which ``.npz`` is added where it is missing
    :param arrays: arrays that get the names ``arr_0``, ``arr_1``, ...
    :param named_arrays: arrays by name
    """
    save = np.savez_compressed if configure.save_datasets_compressed else np.savez
    save(file, *arrays, **named_arrays)


def save_frames_to_npz_and_print(fname: str | PathLike[str], frames: np.ndarray) -> None:
    """Write ``frames`` as :func:`save_frames` does, and say so.

    :param fname: the file; ``.npz`` is added where it is missing
    :param frames: the frames
    """
    save_frames(fname, frames)
    print(f"Frames [{fname}] saved.")


def save_frames(fname: str | PathLike[str], frames: np.ndarray) -> None:
    """Write ``frames`` to an ``.npz`` file that :func:`load_npz_frames` reads.

    Counts, whole numbers from 0 on, are written as the smallest unsigned integers that hold them (an eighth of
    float64, and loaded ten times as fast); anything else as float32. The file gets its name when it is complete.

    :param fname: the file; ``.npz`` is added where it is missing
    :param frames: the frames
    """
    path = Path(fname) if str(fname).endswith(".npz") else Path(f"{fname}.npz")
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(partial, "wb") as file:
            npz.write_frames(file, np.asarray(frames))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def load_npz_frames(file_name: str | PathLike[str]) -> np.ndarray:
    """The frames in an ``.npz`` file, of whatever type they are, as float32.

    :param file_name: a file of :func:`save_frames`, or another with the one array ``frames``
    :raises DatasetFormatError: (a ValueError) if the file is damaged or holds no frames
    """
    return npz.read_frames(Path(file_name))


@_or_without_loader
def integrate_events_file_to_frames_file_by_fixed_frames_number(
    loader: Loader,
    events_np_file: str,
    output_dir: str,
    split_by: SplitBy,
    frames_num: int,
    H: int,
    W: int,
    print_save: bool = False,
) -> None:
    """Write the frames of a file of events to a file of the same name in ``output_dir``.

    :param loader: gives the events in ``events_np_file``; without one, ``numpy.load``
    :param events_np_file: the file of events
    :param output_dir: the folder of the file of frames; must exist
    :param split_by: ``"number"`` or ``"time"``; see :func:`integrate_events_by_fixed_frames_number`
    :param frames_num: the number of frames
    :param H: height of the sensor
    :param W: width of the sensor
    :param print_save: whether to print the name of the file that was written, default False
    :raises ValueError: that names the file and says what is wrong with its events
    """

    def integrate(events: Events) -> np.ndarray:
        return integrate_events_by_fixed_frames_number(events, split_by, frames_num, H, W)

    frames = _frames_of_file(loader, events_np_file, integrate)
    _write(os.path.join(output_dir, os.path.basename(events_np_file)), frames, print_save)


@_or_without_loader
def integrate_events_file_to_frames_file_by_fixed_duration(
    loader: Loader,
    events_np_file: str,
    output_dir: str,
    duration: float,
    H: int,
    W: int,
    print_save: bool = False,
) -> None:
    """Write the frames of the file of events ``name.npz`` to ``name_T.npz`` in ``output_dir``, T the number of frames.

    :param loader: gives the events in ``events_np_file``; without one, ``numpy.load``
    :param events_np_file: the file of events
    :param output_dir: the folder of the file of frames; must exist
    :param duration: the duration of a frame; see :func:`integrate_events_by_fixed_duration`
    :param H: height of the sensor
    :param W: width of the sensor
    :param print_save: whether to print the name of the file that was written, default False
    :raises ValueError: that names the file and says what is wrong with its events
    """

    def integrate(events: Events) -> np.ndarray:
        return integrate_events_by_fixed_duration(events, duration, H, W)

    frames = _frames_of_file(loader, events_np_file, integrate)
    name = os.path.splitext(os.path.basename(events_np_file))[0]
    _write(os.path.join(output_dir, f"{name}_{len(frames)}.npz"), frames, print_save)


def _frames_of_file(loader: Loader, file_name: str, integrate: Callable[[Events], np.ndarray]) -> np.ndarray:
    events = loader(file_name)
    try:
        return integrate(events)
    except ValueError as error:
        raise ValueError(f"{file_name}: {error}") from error
    finally:
        # numpy.load leaves an npz file open for as long as somebody may ask for its arrays.
        if isinstance(events, np.lib.npyio.NpzFile):
            events.close()


def _write(path: str, frames: np.ndarray, print_save: bool) -> None:
    if print_save:
        save_frames_to_npz_and_print(path, frames)
    else:
        save_frames(path, frames)
