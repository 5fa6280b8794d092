"""Data sets: NumPy in, torch out. This part of the package knows no neurons and works without the rest."""

import importlib
from typing import Any

from spikingjelly import _former_names
from spikingjelly.datasets import event_transforms, to_x_rep
from spikingjelly.datasets._batching import (
    RandomTemporalDelete,
    pad_sequence_collate,
    padded_sequence_mask,
    random_temporal_delete,
)
from spikingjelly.datasets._errors import (
    DatasetFormatError,
    DatasetNotFoundError,
    DiskSpaceError,
    DownloadError,
    PreparationError,
    UnsafeArchiveError,
)
from spikingjelly.datasets._folder import NeuromorphicDatasetFolder
from spikingjelly.datasets._frame_files import (
    integrate_events_file_to_frames_file_by_fixed_duration,
    integrate_events_file_to_frames_file_by_fixed_frames_number,
    load_npz_frames,
    np_savez,
    save_frames_to_npz_and_print,
)
from spikingjelly.datasets._frames import (
    cal_fixed_frames_number_segment_index,
    integrate_events_by_fixed_duration,
    integrate_events_by_fixed_frames_number,
    integrate_events_segment_to_frame,
)
from spikingjelly.datasets._normalized_frames import integrate_events_to_frames, normalize_frame
from spikingjelly.datasets._pictures import play_frame, plot_events, save_as_pic
from spikingjelly.datasets._pictures_of_datasets import save_every_frame_of_an_entire_DVS_dataset
from spikingjelly.datasets._preparation.resources import Resource
from spikingjelly.datasets._representations import bina_rep, time_surface, voxel_grid
from spikingjelly.datasets._subsets import (
    create_same_directory_structure,
    create_sub_dataset,
    fast_split_to_train_test_set,
    split_to_train_test_set,
)
from spikingjelly.datasets.formats import load_aedat_v3, load_ATIS_bin
from spikingjelly.datasets.mnist import MNIST, FashionMNIST, MNISTSubset

__all__ = [
    "MNIST",
    "DatasetFormatError",
    "DatasetNotFoundError",
    "DiskSpaceError",
    "DownloadError",
    "FashionMNIST",
    "MNISTSubset",
    "NeuromorphicDatasetFolder",
    "PreparationError",
    "RandomTemporalDelete",
    "Resource",
    "UnsafeArchiveError",
    "bina_rep",
    "cal_fixed_frames_number_segment_index",
    "create_same_directory_structure",
    "create_sub_dataset",
    "event_transforms",
    "fast_split_to_train_test_set",
    "integrate_events_by_fixed_duration",
    "integrate_events_by_fixed_frames_number",
    "integrate_events_file_to_frames_file_by_fixed_duration",
    "integrate_events_file_to_frames_file_by_fixed_frames_number",
    "integrate_events_segment_to_frame",
    "integrate_events_to_frames",
    "load_ATIS_bin",
    "load_aedat_v3",
    "load_npz_frames",
    "normalize_frame",
    "np_savez",
    "pad_sequence_collate",
    "padded_sequence_mask",
    "play_frame",
    "plot_events",
    "random_temporal_delete",
    "save_as_pic",
    "save_every_frame_of_an_entire_DVS_dataset",
    "save_frames_to_npz_and_print",
    "split_to_train_test_set",
    "time_surface",
    "to_x_rep",
    "voxel_grid",
]

# Other releases have these data sets here, and these parts of this package.
_HOMES = {
    "ASLDVS": "asl_dvs",
    "Bullying10kClassification": "bullying10k",
    "CIFAR10DVS": "cifar10_dvs",
    "CIFAR10DVSTEBNSplit": "cifar10_dvs",
    "DVS128Gesture": "dvs128_gesture",
    "DVSLip": "dvs_lip",
    "ESImageNet": "es_imagenet",
    "HARDVS": "hardvs",
    "NAVGestureSit": "nav_gesture",
    "NAVGestureWalk": "nav_gesture",
    "NCaltech101": "n_caltech101",
    "NMNIST": "n_mnist",
    "SPEECHCOMMANDS": "speechcommands",
    "SpeechCommands": "speechcommands",
    "SpikingHeidelbergDigits": "shd",
    "SpikingSpeechCommands": "shd",
}
_BUILDER = "NeuromorphicDatasetFolder with custom_integrate_function, or a subclass of it"
_REPLACED = {
    "EventBuilder": _BUILDER,
    "EventsFramesDatasetBase": "NeuromorphicDatasetFolder",
    "FrameCustomIntegrateBuilder": _BUILDER,
    "FrameFixedDurationBuilder": _BUILDER,
    "FrameFixedNumberBuilder": _BUILDER,
    "FunctionThread": "the num_workers of a data set",
    "NAVGesture": "NAVGestureWalk or NAVGestureSit",
    "NeuromorphicDatasetBuilder": _BUILDER,
    "NeuromorphicDatasetConfig": "the arguments of a data set",
    "convert_events_dir_to_frames_dir": "a data set with data_type='frame', which makes frames in its folder",
    "load_matlab_mat": "asl_dvs.ASLDVS.load_origin_data",
}
_former_names.find_modules_as({f"{__name__}.{part}": __name__ for part in ("base", "transform", "utils")})


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    _former_names.refuse(__name__, name, _REPLACED)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
