"""Pickles written instruction by instruction: what NumPy makes of a list of packets of tuples."""

import struct
from collections.abc import Sequence

from tests.datasets.formats.writers import Event, npy


def bullying10k(events: Sequence[Event], per_packet: int = 16) -> bytes:
    """A .npy file with an array of packets, each a list of ``(t, x, y, p, 0, 0)``."""
    packets = [events[i : i + per_packet] for i in range(0, len(events), per_packet)]
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + _number(0) + b"\x85" + b"C\x01b" + b"\x87R"
    dtype = b"cnumpy\ndtype\n" + _text("O8") + b"\x89\x88\x87R"
    dtype_state = b"(" + _number(3) + _text("|") + b"NNN" + _number(-1) + _number(-1) + _number(63) + b"tb"
    state = (
        b"("
        + _number(1)
        + _number(len(packets))
        + b"\x85"
        + dtype
        + dtype_state
        + b"\x89"
        + _list(
            [_list([b"(" + b"".join(map(_number, (*event, 0, 0))) + b"t" for event in packet]) for packet in packets]
        )
    )
    return npy("'|O'", f"({len(packets)},)", b"\x80\x03" + array + state + b"tb.")


def _number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def _list(items: Sequence[bytes]) -> bytes:
    return b"](" + b"".join(items) + b"e"
