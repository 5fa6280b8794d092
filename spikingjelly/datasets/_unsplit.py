"""Data sets without an official split."""

import os
from collections.abc import Callable
from typing import Any, Literal

from spikingjelly.datasets._folder import NeuromorphicDatasetFolder


class UnsplitDatasetFolder(NeuromorphicDatasetFolder):
    """A :class:`NeuromorphicDatasetFolder` whose constructor has no ``train``."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        data_type: Literal["event", "frame"] = "event",
        frames_number: int | None = None,
        split_by: Literal["time", "number"] | None = None,
        duration: int | None = None,
        custom_integrate_function: Callable[..., Any] | None = None,
        custom_integrated_frames_dir_name: str | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            root, None, data_type, frames_number, split_by, duration, custom_integrate_function,
            custom_integrated_frames_dir_name, transform, target_transform, **options,
        )  # fmt: skip
