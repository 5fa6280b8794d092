"""Spiking Heidelberg Digits and Spiking Speech Commands: spoken words as spikes of 700 channels of a cochlea."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from torch.utils.data import Dataset

from spikingjelly.datasets._columns import positive_int
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._preparation import archives
from spikingjelly.datasets._preparation.lock import locked
from spikingjelly.datasets._preparation.resources import Resource, obtain
from spikingjelly.datasets._preparation.stages import Stage, require_space
from spikingjelly.datasets._shd_frames import (
    cal_fixed_frames_number_segment_index_shd,
    custom_integrate_function_example,
    integrate_events_by_fixed_duration_shd,
    integrate_events_by_fixed_frames_number_shd,
    integrate_events_file_to_frames_file_by_fixed_duration_shd,
    integrate_events_file_to_frames_file_by_fixed_frames_number_shd,
    integrate_events_segment_to_frame_shd,
)
from spikingjelly.datasets._way_to_frames import way_to_frames
from spikingjelly.datasets.formats import ShdFile

__all__ = [
    "SpikingHeidelbergDigits",
    "SpikingSpeechCommands",
    "cal_fixed_frames_number_segment_index_shd",
    "custom_integrate_function_example",
    "integrate_events_by_fixed_duration_shd",
    "integrate_events_by_fixed_frames_number_shd",
    "integrate_events_file_to_frames_file_by_fixed_duration_shd",
    "integrate_events_file_to_frames_file_by_fixed_frames_number_shd",
    "integrate_events_segment_to_frame_shd",
]

_PAGE = "https://zenkelab.org/datasets/"
_CHANNELS = 700


class _SpokenSpikes(Dataset[tuple[Any, Any]]):
    """Recordings of one HDF5 file, which is read sample by sample."""

    _files: ClassVar[Sequence[tuple[str, str]]]  # name and md5 of each archive

    def __init__(
        self,
        root: str | os.PathLike[str],
        file: str,
        data_type: Literal["event", "frame"],
        frames_number: int | None,
        split_by: Literal["time", "number"] | None,
        duration: int | None,
        custom_integrate_function: Callable[[Events, int, int], np.ndarray] | None,
        transform: Callable[[Any], Any] | None,
        target_transform: Callable[[int], Any] | None,
        download: bool,
    ) -> None:
        self._integrate = self._integration(data_type, frames_number, split_by, duration, custom_integrate_function)
        self.transform, self.target_transform = transform, target_transform
        self._recordings = ShdFile(self._prepared(Path(root).absolute(), file, download))
        self.targets = self._recordings.labels.tolist()
        self.classes = self._recordings.class_names

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        events = self._recordings[index]
        sample: Any = {"t": events["t"], "x": events["x"]} if self._integrate is None else self._integrate(events)
        label = self.targets[index]
        if self.transform is not None:
            sample = self.transform(sample)
        return sample, (label if self.target_transform is None else self.target_transform(label))

    @classmethod
    def resource_url_md5(cls) -> list[tuple[str, str, str]]:
        """The files of the data set: ``(file name, url, md5)`` each."""
        return [(name, _PAGE + name, md5) for name, md5 in cls._files]

    @staticmethod
    def downloadable() -> bool:
        """Whether the URLs give the files without hands."""
        return True

    @staticmethod
    def get_W() -> int:
        """The number of channels."""
        return _CHANNELS

    def classes_number(self) -> int:
        """The number of classes."""
        return len(self.classes)

    @classmethod
    def _prepared(cls, root: Path, file: str, download: bool) -> Path:
        """The unpacked ``file``, of whose archive only that one is fetched."""
        resource = next(Resource.of(entry, True) for entry in cls.resource_url_md5() if entry[0] == f"{file}.zip")
        stage = Stage(root / "extract" / Path(file).stem, source={resource.name: resource.md5})
        for plain in (root / "extract" / file, root / file):
            if plain.is_file():
                return plain
        if not stage.is_there():
            with locked(root):
                if not stage.is_there():
                    (archive,) = obtain([resource], root / "download", download, cls.__name__)
                    require_space(root, archives.unpacked_size(archive), f"{cls.__name__}: unpacking")
                    stage.ensure(lambda folder: archives.extract(archive, folder))
        return stage.folder / file

    @classmethod
    def _integration(
        cls, data_type: str, number: int | None, split_by: Any, duration: int | None, function: Any
    ) -> Callable[[Events], np.ndarray] | None:
        way = way_to_frames(
            cls.__name__, data_type, frames_number=number, duration=duration, custom_integrate_function=function
        )
        if way is None:
            return None
        if way == "custom_integrate_function":
            return lambda events: np.asarray(function(events, 1, _CHANNELS), np.float32)
        if way == "frames_number":
            if split_by not in ("time", "number"):
                raise ValueError(f'{cls.__name__}: split_by must be "time" or "number", but {split_by!r} was given.')
            frames_number = positive_int(number, "frames_number")
            return lambda events: integrate_events_by_fixed_frames_number_shd(
                events, split_by, frames_number, _CHANNELS
            ).astype(np.float32)
        microseconds = 1000 * positive_int(duration, "duration")
        return lambda events: integrate_events_by_fixed_duration_shd(events, microseconds, _CHANNELS).astype(np.float32)


class SpikingHeidelbergDigits(_SpokenSpikes):
    """SHD [Cramer et al., "The Heidelberg spiking data sets for the systematic evaluation of spiking neural networks",
    IEEE TNNLS 2022].

    8156 training and 2264 test recordings of the digits in German and English, 20 classes. ``dataset[i]`` is
    ``(x, label)``: as events a dict of ``t`` (int64, microseconds) and ``x`` (int32, channel 0 to 699), as frames a
    float32 array of counts ``[T, 700]``. The file stores times in float16; they are widened before anything else, so
    each spike is in exactly one frame. Frames are made when they are asked for. Needs h5py
    (``pip install spikingjelly[datasets]``); downloaded from zenkelab.org.

    :param root: the folder of the data set
    :param train: whether to use the training recordings; None is refused, as the two have different speakers
    :param data_type: ``"event"`` or ``"frame"``
    :param frames_number: frames per sample, cut as ``split_by`` says
    :param split_by: ``"time"`` or ``"number"`` (of events)
    :param duration: of a frame, here in **milliseconds**, as in the published code
    :param custom_integrate_function: ``(events, 1, 700) -> frames``, with events ``t``, ``x``, ``y`` = 0, ``p`` = 1
    :param custom_integrated_frames_dir_name: not used; frames are not stored
    :param transform: a function of ``x``
    :param target_transform: a function of the label
    :param download: whether missing files may be downloaded
    :raises ValueError: if arguments don't fit together
    """

    _files = (
        ("shd_train.h5.zip", "f3252aeb598ac776c1b526422d90eecb"),
        ("shd_test.h5.zip", "1503a5064faa34311c398fb0a1ed0a6f"),
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool | None = None,
        data_type: Literal["event", "frame"] = "event",
        frames_number: int | None = None,
        split_by: Literal["time", "number"] | None = None,
        duration: int | None = None,
        custom_integrate_function: Callable[[Events, int, int], np.ndarray] | None = None,
        custom_integrated_frames_dir_name: str | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        *,
        download: bool = True,
    ) -> None:
        if not isinstance(train, bool):
            raise ValueError(f"{type(self).__name__}: train must be True or False, but {train!r} was given.")
        self.train = train
        super().__init__(
            root, f"shd_{'train' if train else 'test'}.h5", data_type, frames_number, split_by, duration,
            custom_integrate_function, transform, target_transform, download,
        )  # fmt: skip


class SpikingSpeechCommands(_SpokenSpikes):
    """SSC [Cramer et al., 2022]: 75 466 training, 9981 validation and 20 382 test recordings of 35 English words; else
    like :class:`SpikingHeidelbergDigits`.

    :param split: ``"train"``, ``"valid"`` or ``"test"``
    """

    _files = (
        ("ssc_train.h5.zip", "d102be95e7144fcc0553d1f45ba94170"),
        ("ssc_valid.h5.zip", "b4eee3516a4a90dd0c71a6ac23a8ae43"),
        ("ssc_test.h5.zip", "a35ff1e9cffdd02a20eb850c17c37748"),
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: Literal["train", "valid", "test"] = "train",
        data_type: Literal["event", "frame"] = "event",
        frames_number: int | None = None,
        split_by: Literal["time", "number"] | None = None,
        duration: int | None = None,
        custom_integrate_function: Callable[[Events, int, int], np.ndarray] | None = None,
        custom_integrated_frames_dir_name: str | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        *,
        download: bool = True,
    ) -> None:
        if split not in ("train", "valid", "test"):
            raise ValueError(f'{type(self).__name__}: split must be "train", "valid" or "test", not {split!r}.')
        self.split = split
        super().__init__(
            root, f"ssc_{split}.h5", data_type, frames_number, split_by, duration, custom_integrate_function,
            transform, target_transform, download,
        )  # fmt: skip
