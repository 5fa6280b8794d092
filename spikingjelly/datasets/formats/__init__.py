"""Decoders: one file format of event cameras or spiking data sets each, bytes in, events out.

Each takes a path or the content as bytes and gives a dictionary of the arrays ``t, x, y, p``, ordered by time.
A file that is damaged, cut off or another one altogether is refused with a
:class:`~spikingjelly.datasets.DatasetFormatError` that says what was found and where.
"""

from spikingjelly.datasets.formats.aedat2 import read_aedat2
from spikingjelly.datasets.formats.aedat3 import load_aedat_v3, read_aedat3
from spikingjelly.datasets.formats.aedat4 import read_aedat4
from spikingjelly.datasets.formats.atis_bin import load_ATIS_bin, read_atis_bin
from spikingjelly.datasets.formats.bullying10k import read_bullying10k
from spikingjelly.datasets.formats.dat import read_dat
from spikingjelly.datasets.formats.mat import read_mat
from spikingjelly.datasets.formats.npy import read_dvs_lip, read_es_imagenet, read_hardvs
from spikingjelly.datasets.formats.shd import ShdFile, read_shd

__all__ = [
    "ShdFile",
    "load_ATIS_bin",
    "load_aedat_v3",
    "read_aedat2",
    "read_aedat3",
    "read_aedat4",
    "read_atis_bin",
    "read_bullying10k",
    "read_dat",
    "read_dvs_lip",
    "read_es_imagenet",
    "read_hardvs",
    "read_mat",
    "read_shd",
]
