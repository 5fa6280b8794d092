"""AEDAT 2.0 bit by bit, for code that has masks of its own: open files in, columns as the file has them out.

The masks that are the default are those of a DAVIS; of the DVS128 of CIFAR10-DVS they are ``x_mask=0xFE, x_shift=1,
y_mask=0x7F00, y_shift=8, polarity_mask=1, polarity_shift=None``. What is decoded, sorted and turned upright in one go
gives :func:`spikingjelly.datasets.formats.read_aedat2`.

Source: "AEDAT file formats", inivation.github.io/inivation-docs.
"""

from typing import IO, Any

import numpy as np

from spikingjelly.datasets.formats._source import Source
from spikingjelly.datasets.formats.aedat2 import addresses, end_of_header

_FROM_IMAGES = 0x80000000  # set in what a DAVIS sends of its pictures


def read_bits(arr: np.ndarray, mask: int | None = None, shift: int | None = None) -> np.ndarray:
    """The bits ``mask`` of whole numbers, moved down by ``shift``; None leaves out the step."""
    if mask is not None:
        arr = arr & mask
    return arr if shift is None else arr >> shift


def skip_header(fp: IO[bytes]) -> int:
    """Move an open file behind the text at its beginning.

    :return: the number of bytes of the text
    :raises DatasetFormatError: if the file is not AEDAT 2.0
    """
    begin = fp.tell()
    length = end_of_header(_rest_of(fp))
    fp.seek(begin + length)
    return length


def load_raw_events(
    fp: IO[bytes], bytes_skip: int = 0, bytes_trim: int = 0, filter_dvs: bool = False, times_first: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Times and addresses from where an open file stands to its end.

    :param fp: the file, behind its text
    :param bytes_skip: how many bytes are left out at the beginning
    :param bytes_trim: how many bytes are left out at the end
    :param filter_dvs: whether to leave out what a DAVIS sends of its pictures (bit 31 set)
    :param times_first: whether the time stands in front of the address in the file
    :return: times (int64, microseconds, going on where 32 bits wrap) and addresses (uint32)
    :raises DatasetFormatError: if the last event is cut off
    """
    source = _rest_of(fp)
    data = source.data[bytes_skip : len(source.data) - bytes_trim]
    address, t = addresses(Source(source.name, data), 0, times_first)
    if filter_dvs:
        kept = address & _FROM_IMAGES == 0
        address, t = address[kept], t[kept]
    return t, address


def parse_raw_address(
    addr: np.ndarray,
    x_mask: int | None = 0x003FF000,
    x_shift: int | None = 12,
    y_mask: int | None = 0x7FC00000,
    y_shift: int | None = 22,
    polarity_mask: int | None = 0x800,
    polarity_shift: int | None = 11,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y (int64) and polarity (bool) of addresses; see :func:`read_bits`."""
    wide = np.asarray(addr).astype(np.int64)
    polarity = read_bits(wide, polarity_mask, polarity_shift).astype(bool)
    return read_bits(wide, x_mask, x_shift), read_bits(wide, y_mask, y_shift), polarity


def load_events(
    fp: IO[bytes], filter_dvs: bool = False, **kwargs: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """t, x, y and polarity of all events of an open AEDAT 2.0 file, neither sorted nor mirrored.

    :param fp: the file, at its beginning
    :param filter_dvs: see :func:`load_raw_events`
    :param kwargs: masks and shifts of :func:`parse_raw_address`
    :raises DatasetFormatError: if the file is not AEDAT 2.0 or cut off
    """
    skip_header(fp)
    t, address = load_raw_events(fp, filter_dvs=filter_dvs)
    x, y, polarity = parse_raw_address(address, **kwargs)
    return t, x, y, polarity


def _rest_of(fp: IO[bytes]) -> Source:
    return Source(str(getattr(fp, "name", "<bytes>")), fp.read())
