"""Data sets: NumPy in, torch out. This part of the package knows no neurons and works without the rest."""

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
    "load_ATIS_bin",
    "load_aedat_v3",
    "load_npz_frames",
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
