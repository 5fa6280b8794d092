"""Data sets without an official split."""

import os
from collections.abc import Callable
from typing import Any, Literal

from spikingjelly.datasets._early_calls import also_called_early
from spikingjelly.datasets._folder import NeuromorphicDatasetFolder


class UnsplitDatasetFolder(NeuromorphicDatasetFolder):
    """A :class:`NeuromorphicDatasetFolder` whose constructor has no ``train``."""

    @also_called_early(train=..., split_ratio=0.9)
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

    def keep_part(self, train: bool, split_ratio: float) -> None:
        """Keep the first samples of each class in the order of their names, ``split_ratio`` of them rounded down, or
        for ``train=False`` the others."""
        kept = []
        for label in range(len(self.classes)):
            samples = [sample for sample in self.samples if sample[1] == label]
            first = int(len(samples) * split_ratio)
            kept += samples[:first] if train else samples[first:]
        self.train, self.samples = train, kept
        self.targets = [label for _, label in kept]
