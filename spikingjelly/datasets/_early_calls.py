"""Calls of the first releases, which had ``use_frame``, ``frames_num`` and ``normalization``.

There a data set without a split also had ``train`` and ``split_ratio``: the first part of each class was for training.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from spikingjelly.datasets._normalized_frames import NORMALIZATIONS, integrate_events_to_frames, normalize_frame

_OF_FRAMES: dict[str, Any] = {"use_frame": True, "frames_num": 10, "split_by": "number", "normalization": "max"}
_TODAY = {"data_type", "frames_number", "duration", "custom_integrate_function"}


class _AsTensor(NamedTuple):
    """Frames as a float32 tensor, normalised; events as they are."""

    normalization: str | None

    def __call__(self, sample: Any) -> Any:
        if isinstance(sample, dict):
            return sample
        by_frame = self.normalization in ("max", "norm", "sum")
        return torch.as_tensor(normalize_frame(sample, self.normalization) if by_frame else sample).float()  # type: ignore[arg-type]


class _Frequencies(NamedTuple):
    frames_num: int
    split_by: str

    def __call__(self, events: Any, H: int, W: int) -> Any:
        return integrate_events_to_frames(events, H, W, self.frames_num, self.split_by, "frequency")  # type: ignore[arg-type]


def also_called_early(**leading: Any) -> Callable[[Any], Any]:
    """Let the ``__init__`` of a data set be called as in the first releases too.

    :param leading: the arguments between ``root`` and ``use_frame`` there, with their defaults (``...`` for none)
    """

    def decorate(init: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(init)
        def also(self: Any, root: Any, *args: Any, **kwargs: Any) -> None:
            if not _is_early(leading, args, kwargs):
                init(self, root, *args, **kwargs)
                return
            names = [*leading, *_OF_FRAMES]
            given = {**leading, **_OF_FRAMES, **dict(zip(names, args, strict=False))}
            given |= {name: kwargs.pop(name) for name in names if name in kwargs}
            _check(type(self).__name__, given)
            split = {} if "split_ratio" in leading else {"train": given["train"]}
            init(self, root, **split, **_ways(given), transform=_AsTensor(given["normalization"]), **kwargs)
            self.target_transform = self.early_label
            if "split_ratio" in leading:
                self.keep_part(given["train"], given["split_ratio"])

        return also

    return decorate


def _is_early(leading: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if _TODAY & kwargs.keys():
        return False
    own = {"use_frame", "frames_num", "normalization", "split_ratio"}
    place = 0 if "split_ratio" in leading else 1  # of data_type, a text today
    return bool(own & kwargs.keys()) or (len(args) > place and isinstance(args[place], bool))


def _check(owner: str, given: dict[str, Any]) -> None:
    missing = [name for name, value in given.items() if value is ...]
    if missing:
        raise TypeError(f"{owner}: with use_frame and the like, {missing[0]} must be given: True or False.")
    if given["normalization"] not in NORMALIZATIONS:
        raise ValueError(
            f"{owner}: normalization must be one of {NORMALIZATIONS}, but {given['normalization']!r} was given."
        )
    if not 0.0 <= given.get("split_ratio", 0.5) <= 1.0:
        raise ValueError(f"{owner}: split_ratio must be from 0 to 1, but {given['split_ratio']} was given.")


def _ways(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of today that say what a sample is."""
    if not given["use_frame"]:
        return {"data_type": "event"}
    number, split_by = given["frames_num"], given["split_by"]
    if given["normalization"] != "frequency":
        return {"data_type": "frame", "frames_number": number, "split_by": split_by}
    return {
        "data_type": "frame",
        "custom_integrate_function": _Frequencies(number, split_by),
        "custom_integrated_frames_dir_name": f"frames_num_{number}_split_by_{split_by}_normalization_frequency",
    }
