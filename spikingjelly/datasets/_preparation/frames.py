"""Files of events into files of frames."""

import dataclasses
import hashlib
import inspect
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spikingjelly.datasets._columns import is_positive_int
from spikingjelly.datasets._errors import DatasetFormatError
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._frames import integrate_events_by_fixed_duration, integrate_events_by_fixed_frames_number
from spikingjelly.datasets._preparation.npz import is_whole, write_frames
from spikingjelly.datasets._preparation.stages import require_space
from spikingjelly.datasets._preparation.workers import current, map_files, settings

_BLOCK = 4096  # bytes, the least that a file takes
_PROBES = 3
_RESERVED = {"download", "extract", "events_np"}


@dataclass(frozen=True)
class Recipe:
    """How frames are made, and where they go.

    :param folder: the name of the folder below the root
    :param parameters: what they depend on
    :param integrate: events to frames ``[T, *]``
    :param counted: whether the number of frames is part of a file's name
    """

    folder: str
    parameters: dict[str, Any]
    integrate: Callable[[Events], np.ndarray]
    counted: bool = False


def by_number(frames_number: Any, split_by: Any, H: int, W: int) -> Recipe:
    """A fixed number of frames, cut by time or by number of events."""
    if not is_positive_int(frames_number):
        raise ValueError(f"frames_number must be a positive int, but {frames_number!r} was given.")
    if split_by not in ("time", "number"):
        raise ValueError(
            f'split_by must be "time" or "number" where frames_number is given, but {split_by!r} was given.'
        )
    return Recipe(
        f"frames_number_{frames_number}_split_by_{split_by}",
        {"frames_number": int(frames_number), "split_by": split_by, "size": [H, W]},
        partial(integrate_events_by_fixed_frames_number, split_by=split_by, frames_num=int(frames_number), H=H, W=W),
    )


def by_duration(duration: Any, H: int, W: int) -> Recipe:
    """Frames of a fixed duration."""
    if not is_positive_int(duration):
        raise ValueError(f"duration must be a positive int (in the unit of the events' t), but {duration!r} was given.")
    return Recipe(
        f"duration_{duration}",
        {"duration": int(duration), "size": [H, W]},
        partial(integrate_events_by_fixed_duration, duration=int(duration), H=H, W=W),
        counted=True,
    )


def by_function(function: Any, name: Any, H: int, W: int) -> Recipe:
    """Frames as a user's function makes them."""
    if not callable(function):
        raise TypeError(f"custom_integrate_function must be a function (events, H, W) -> frames, not {function!r}.")
    folder = name if name is not None else getattr(function, "__name__", "<nameless>")
    if not isinstance(folder, str) or not re.fullmatch(r"[^/\\:<>|?*\0]+", folder) or folder.startswith("."):
        raise ValueError(
            f"{folder!r} can't be the name of a folder: give one as custom_integrated_frames_dir_name, "
            "as frames of a custom_integrate_function are kept in a folder of the function's name."
        )
    if folder in _RESERVED or re.fullmatch(r"frames_number_\d+_split_by_(time|number)|duration_\d+", folder):
        raise ValueError(f"{folder!r} is the name of another folder of the data set; give another one.")
    parameters = {"size": [H, W], **_fingerprint(function)}
    return Recipe(folder, parameters, partial(_by_function, function=function, H=H, W=W))


def convert_folder(recipe: Recipe, load: Callable[[str], Events], source: Path, target: Path) -> None:
    """Frames in ``target`` of all events in ``source``, in the same tree of folders; those that are there stay."""
    files = npz_files(source)
    for folder in {path.relative_to(source).parent for path in files}:
        (target / folder).mkdir(parents=True, exist_ok=True)
    done = {_origin(path, recipe).relative_to(target) for path in npz_files(target) if _keep(path)}
    todo = [path for path in files if path.relative_to(source) not in done]
    if todo:
        probed = _probe(recipe, load, todo)
        sizes = [_on_disk(content) for _, content in probed.values()]
        estimate = int(1.1 * len(todo) * sum(sizes) / len(sizes)) if sizes else 0
        require_space(target, estimate, f"Making frames of {len(todo)} files in {target.parent}")
        for path, (T, content) in probed.items():
            _place(path, T, recipe, source, target).write_bytes(content)
        rest = [path for path in todo if path not in probed]
        convert = partial(_convert, recipe=recipe, load=load, source=source, target=target)
        map_files(convert, rest, "Making frames")


def npz_files(folder: Path) -> list[Path]:
    """All npz files below ``folder``, sorted; hidden ones aside."""
    return sorted(path for path in folder.rglob("*.npz") if not path.name.startswith("."))


def _convert(path: Path, recipe: Recipe, load: Callable[[str], Events], source: Path, target: Path) -> None:
    frames = _integrate(path, recipe, load)
    write_frames(_place(path, len(frames), recipe, source, target), frames)


def _place(path: Path, T: int, recipe: Recipe, source: Path, target: Path) -> Path:
    """Where the frames of ``path`` go, T of them."""
    name = f"{path.stem}_{T}.npz" if recipe.counted else path.name
    return target / path.relative_to(source).with_name(name)


def _integrate(path: Path, recipe: Recipe, load: Callable[[str], Events]) -> np.ndarray:
    frames = np.asarray(recipe.integrate(load(str(path))))
    if frames.ndim == 0 or frames.size == 0:
        raise DatasetFormatError(f"the frames of {path} have the shape {list(frames.shape)}, expected [T, ...].")
    return frames


def _probe(recipe: Recipe, load: Callable[[str], Events], files: list[Path]) -> dict[Path, tuple[int, bytes]]:
    """The frames of a few of ``files``, to see how much room all will take: how many, and their file."""
    probes = files[:: max(1, len(files) // _PROBES)][:_PROBES]
    with settings(dataclasses.replace(current(), on_error="skip", progress=False, skipped={}, quiet=True)):
        made = map_files(partial(_packed, recipe=recipe, load=load), probes)
    return {path: (T, content) for path, T, content in made}


def _packed(path: Path, recipe: Recipe, load: Callable[[str], Events]) -> tuple[Path, int, bytes]:
    buffer = io.BytesIO()
    frames = _integrate(path, recipe, load)
    write_frames(buffer, frames)
    return path, len(frames), buffer.getvalue()


def _on_disk(content: bytes) -> int:
    return -(-len(content) // _BLOCK) * _BLOCK


def _keep(path: Path) -> bool:
    """Whether a file of a killed run is whole; removed if not."""
    whole = is_whole(path)
    if not whole:
        path.unlink()
    return whole


def _origin(path: Path, recipe: Recipe) -> Path:
    """The name of the events' file that these frames come from, in their own folder."""
    return path.with_name(re.sub(r"_\d+\.npz$", ".npz", path.name)) if recipe.counted else path


def _by_function(events: Events, function: Callable[..., Any], H: int, W: int) -> np.ndarray:
    return np.asarray(function(events, H, W))


def _fingerprint(function: Callable[..., Any]) -> dict[str, str]:
    """Of the function's text, so that frames of an older version of it are not taken for those of the new one."""
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):  # built in, typed at a prompt, or an object
        return {}
    return {"function": hashlib.sha256(text.encode()).hexdigest()}
