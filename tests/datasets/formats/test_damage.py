"""Whatever happens to the bytes of a file: the documented error, or events that are well formed."""

import pickle
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikingjelly.datasets import formats
from tests.datasets.formats import writers
from tests.datasets.formats.compare import Events, is_prefix, read_or_refused
from tests.datasets.formats.writers import Event, npy

_EVENTS = [Event(8 * i, 7 * i % 34, 11 * i % 34, i % 3 % 2) for i in range(40)]
_STEPS = [Event(1 + i // 10, i, 2 * i, i % 2) for i in range(40)]


def _bullying10k(events: Sequence[Event]) -> bytes:
    packets = [[tuple(event) for event in events], np.array(events, "i4,i2,i2,i1")]
    return npy("'|O'", "()", pickle.dumps(packets, 4))


class _Format(NamedTuple):
    reader: Callable[[bytes], Events]
    good: bytes
    start: bytes
    is_cut_unseen: bool  # a file that ends where an event does tells nothing of those that are missing


_FORMATS = {
    "aedat3": _Format(formats.read_aedat3, writers.aedat3(_EVENTS, 7), writers.AEDAT3_TEXT, is_cut_unseen=True),
    "aedat2": _Format(formats.read_aedat2, writers.aedat2(_EVENTS), writers.AEDAT2_TEXT, is_cut_unseen=True),
    "atis_bin": _Format(formats.read_atis_bin, writers.atis_bin(_EVENTS), b"", is_cut_unseen=True),
    "stabilised": _Format(
        partial(formats.read_atis_bin, stabilise=True), writers.atis_bin(_EVENTS), b"", is_cut_unseen=True
    ),
    "dat1": _Format(formats.read_dat, writers.dat1(_EVENTS), b"% \n\0\x08", is_cut_unseen=True),
    "dat without text": _Format(formats.read_dat, writers.dat1(_EVENTS, b""), b"", is_cut_unseen=True),
    "dat2": _Format(formats.read_dat, writers.dat2(_EVENTS), b"% Version 2\n\x0c\x08", is_cut_unseen=True),
    "dvs_lip": _Format(formats.read_dvs_lip, writers.dvs_lip(_EVENTS), b"\x93NUMPY\1\0", is_cut_unseen=False),
    "hardvs": _Format(formats.read_hardvs, writers.hardvs(_EVENTS), b"PK\3\4", is_cut_unseen=False),
    "hardvs, not packed": _Format(formats.read_hardvs, writers.hardvs(_EVENTS, False), b"PK\5\6", is_cut_unseen=False),
    "es_imagenet": _Format(formats.read_es_imagenet, writers.es_imagenet(_STEPS), b"PK\3\4", is_cut_unseen=False),
    "bullying10k": _Format(
        formats.read_bullying10k, _bullying10k(_EVENTS), npy("'|O'", "(1,)", b"\x80\x04"), is_cut_unseen=False
    ),
    "mat": _Format(formats.read_mat, writers.asl_dvs(_EVENTS), writers.mat_file(), is_cut_unseen=False),
}


formats_each = pytest.mark.parametrize("name", _FORMATS)


def _read(case: _Format, data: bytes) -> Events | None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* step back in time", UserWarning)
        return read_or_refused(case.reader, data)


@formats_each
def test_cut_anywhere(name: str) -> None:
    """An error, or the events up to there where nothing in the format tells that more were meant to follow."""
    damaged = _FORMATS[name]
    whole = damaged.reader(damaged.good)
    for end in range(len(damaged.good)):
        events = _read(damaged, damaged.good[:end])
        assert events is None or (damaged.is_cut_unseen and is_prefix(events, whole)), f"cut at {end}"


@formats_each
def test_every_bit_flipped(name: str) -> None:
    damaged = _FORMATS[name]
    for position in range(len(damaged.good)):
        for bit in range(8):
            data = bytearray(damaged.good)
            data[position] ^= 1 << bit
            _read(damaged, bytes(data))


@formats_each
@given(damage=st.data())
def test_several_bytes_replaced(name: str, damage: st.DataObject) -> None:
    damaged = _FORMATS[name]
    data = bytearray(damaged.good)
    for _ in range(damage.draw(st.integers(1, 6))):
        data[damage.draw(st.integers(0, len(data) - 1))] = damage.draw(st.integers(0, 255))
    end = damage.draw(st.integers(0, len(data)))
    _read(damaged, bytes(data[:end]) + damage.draw(st.binary(max_size=9)))


@formats_each
@given(content=st.binary(max_size=400))
def test_random_bytes(name: str, content: bytes) -> None:
    damaged = _FORMATS[name]
    _read(damaged, content)
    _read(damaged, damaged.start + content)
