"""Events cut into slices and turned into frames, voxel grids, binary frames and images, under Tonic's names.

Events are structured arrays with the fields t, x, y, p in any order, as Tonic has them, or dicts of such arrays, and
must be in order of time. ``sensor_size`` is ``(W, H, P)``: width, height and the number of polarities, 2 or 1. With
``P = 1`` both polarities are counted together, and p may be missing; with ``H = 1`` y may be missing. The conventions
are Tonic's too, and differ from those of :func:`spikingjelly.datasets.integrate_events_by_fixed_frames_number`: bins
leave out the events at the end that don't fill one.

::

    from spikingjelly.datasets import to_x_rep

    transform = to_x_rep.Compose([to_x_rep.ToFrame((34, 34, 2), n_time_bins=16), to_x_rep.ToBinaRep(2, 8)])
"""

from spikingjelly.datasets.event_transforms import Compose
from spikingjelly.datasets.to_x_rep._pictures import (
    ToBinaRep,
    ToFrame,
    ToImage,
    ToVoxelGrid,
    bina_rep_of_all,
    to_bina_rep_numpy,
    to_frame_numpy,
    to_voxel_grid_numpy,
)
from spikingjelly.datasets.to_x_rep._slicers import SliceByEventBins, SliceByEventCount, SliceByTime, SliceByTimeBins
from spikingjelly.datasets.to_x_rep._slices import (
    slice_events_by_count,
    slice_events_by_event_bins,
    slice_events_by_time,
    slice_events_by_time_bins,
)

bina_rep = bina_rep_of_all  # the published name

__all__ = [
    "Compose",
    "SliceByEventBins",
    "SliceByEventCount",
    "SliceByTime",
    "SliceByTimeBins",
    "ToBinaRep",
    "ToFrame",
    "ToImage",
    "ToVoxelGrid",
    "bina_rep",
    "slice_events_by_count",
    "slice_events_by_event_bins",
    "slice_events_by_time",
    "slice_events_by_time_bins",
    "to_bina_rep_numpy",
    "to_frame_numpy",
    "to_voxel_grid_numpy",
]
