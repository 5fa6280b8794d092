"""Changes of events, most of them random: to augment a data set, or to clean it.

Each is called with events, a dict of arrays (t, x, y, p) or a structured array with such fields in any order, and gives
events of the same kind, with the same names and dtypes; what it was given stays as it was. Recordings without some of
the columns will do where these are not needed. ``H`` and ``W`` are the height and width of the sensor in pixels, times
are in the unit of ``t``: microseconds in the data sets of this package.

A size, share, duration or standard deviation out of range raises a ValueError when the transform is made; so does a
call with events that lack a column that it needs.

::

    from spikingjelly.datasets import event_transforms as et

    augment = et.Compose([et.RandomFlipLR(W=128), et.DropEvents((0.0, 0.3)), et.JitterTime(500)])

The random ones take ``rng``. None, the default, draws from PyTorch's generator: ``torch.manual_seed`` repeats the
results, and the workers of a DataLoader differ from each other. An int or a ``numpy.random.Generator`` makes a
transform repeatable by itself; but every worker of a DataLoader would have its own copy of it, all alike.
"""

from spikingjelly.datasets.event_transforms._base import Compose, EventTransform
from spikingjelly.datasets.event_transforms._clean import Denoise, RefractoryPeriod
from spikingjelly.datasets.event_transforms._drop import DropArea, DropEvents, DropTime
from spikingjelly.datasets.event_transforms._space import (
    CenterCrop,
    Crop,
    Downsample,
    JitterSpace,
    RandomCrop,
    RandomFlipLR,
    RandomFlipPolarity,
    RandomFlipUD,
)
from spikingjelly.datasets.event_transforms._time import (
    CropTime,
    JitterTime,
    RandomCropTime,
    RandomTimeReversal,
    UniformNoise,
)

__all__ = [
    "CenterCrop",
    "Compose",
    "Crop",
    "CropTime",
    "Denoise",
    "Downsample",
    "DropArea",
    "DropEvents",
    "DropTime",
    "EventTransform",
    "JitterSpace",
    "JitterTime",
    "RandomCrop",
    "RandomCropTime",
    "RandomFlipLR",
    "RandomFlipPolarity",
    "RandomFlipUD",
    "RandomTimeReversal",
    "RefractoryPeriod",
    "UniformNoise",
]
