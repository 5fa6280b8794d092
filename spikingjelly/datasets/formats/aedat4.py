"""AEDAT 4, read by the package ``aedat``."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from spikingjelly._extras import imported
from spikingjelly.datasets._errors import DatasetFormatError
from spikingjelly.datasets._events import Events, checked
from spikingjelly.datasets.formats._source import FETCH_AGAIN, File, read_source

_MAGIC = b"#!AER-DAT4.0\r\n"


def read_aedat4(file: File) -> Events:
    """The events of the first stream of events in an AEDAT 4 file, ordered by time.

    The package aedat does not withstand all damage: some wrong bits in the header end the whole process. Check the sum
    of a file before it is read for the first time.

    :param file: a path, or the content as bytes
    :return: the events, ``t`` in microseconds
    :raises ImportError: if the package aedat is not installed
    :raises DatasetFormatError: (a ValueError) that names the file and what is damaged or outside
    """
    aedat = imported("aedat", "Reading AEDAT 4 files", "aedat4")
    source = read_source(file)
    if not source.data.startswith(_MAGIC):
        # The package takes such a file for an empty one.
        raise source.error(0, f"starts with {source.data[:14]!r}, expected {_MAGIC!r} (AEDAT 4).")
    if not isinstance(file, bytes | bytearray | memoryview):
        return _read(aedat, source.name, source.name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.aedat4"
        path.write_bytes(file)
        return _read(aedat, str(path), source.name)


def _read(aedat: Any, path: str, name: str) -> Events:
    try:
        decoder = aedat.Decoder(path)
        streams = {key: stream for key, stream in decoder.id_to_stream().items() if stream["type"] == "events"}
        if not streams:
            raise DatasetFormatError(f"{name}: the file has no stream of events.")
        stream_id, stream = next(iter(sorted(streams.items())))
        packets = [packet["events"] for packet in decoder if packet["stream_id"] == stream_id]
    except DatasetFormatError:
        raise
    except BaseException as error:
        # A panic of the decoder is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise DatasetFormatError(f"{name}: not a sound AEDAT 4 file ({error}). {FETCH_AGAIN}") from error
    fields = {"t": "t", "x": "x", "y": "y", "p": "on"}
    columns: dict[str, Any] = {
        ours: np.concatenate([packet[theirs] for packet in packets]) if packets else np.empty(0, np.int64)
        for ours, theirs in fields.items()
    }
    return checked(columns, stream["height"], stream["width"], name)
