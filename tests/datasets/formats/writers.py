"""Writers of the file formats, independent of the readers: one ``struct.pack`` an event, from the description."""

import io
import struct
import zipfile
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Event(NamedTuple):
    t: int
    x: int
    y: int
    p: int


AEDAT3_TEXT = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#Start-Time: 2015-11-10 10:23:45 (TZ+0100)\r\n#!END-HEADER\r\n"
AEDAT2_TEXT = b"#!AER-DAT2.0\r\n# This is a raw AE data file\r\n# Timestamp tick is 1 us\r\n# created now\r\n# end\r\n"


def aedat3_event(event: Event, valid: int = 1) -> bytes:
    return struct.pack("<II", event.x << 17 | event.y << 2 | event.p << 1 | valid, event.t & 0x7FFFFFFF)


def aedat3_packet(
    slots: Sequence[bytes],
    kind: int = 1,
    size: int = 8,
    time_offset: int = 4,
    overflow: int = 0,
    capacity: int | None = None,
    number: int | None = None,
    valid: int | None = None,
) -> bytes:
    capacity = len(slots) if capacity is None else capacity
    number = len(slots) if number is None else number
    valid = number if valid is None else valid
    return struct.pack("<hhiiiiii", kind, 1, size, time_offset, overflow, capacity, number, valid) + b"".join(slots)


def aedat3(events: Sequence[Event], per_packet: int = 4096, text: bytes = AEDAT3_TEXT) -> bytes:
    """Packets end where they are full or the upper half of the time changes."""
    packets: list[list[Event]] = []
    for event in events:
        if not packets or len(packets[-1]) == per_packet or packets[-1][0].t >> 31 != event.t >> 31:
            packets.append([])
        packets[-1].append(event)
    return text + b"".join(
        aedat3_packet([aedat3_event(event) for event in packet], overflow=packet[0].t >> 31) for packet in packets
    )


def aedat2(events: Iterable[Event], text: bytes = AEDAT2_TEXT) -> bytes:
    """In the reading of the address that is the default."""
    return text + b"".join(
        struct.pack(">II", (127 - event.x) << 8 | (127 - event.y) << 1 | (1 - event.p), event.t & 0xFFFFFFFF)
        for event in events
    )


def atis_bin(events: Iterable[Event]) -> bytes:
    return b"".join(
        struct.pack(">BBBH", event.x, event.y, event.p << 7 | event.t >> 16, event.t & 0xFFFF) for event in events
    )


def dat1(events: Iterable[Event], text: bytes = b"% Data file\n% Version 1\n", kind: int = 0) -> bytes:
    head = text + bytes([kind, 8]) if text else b""
    return head + b"".join(
        struct.pack("<Q", event.t | event.x << 32 | (239 - event.y) << 41 | event.p << 49) for event in events
    )


def dat2(
    events: Iterable[Event],
    text: bytes = b"% Date 2019-01-01\n% Version 2\n% Height 720\n% Width 1280\n",
    kind: int = 12,
) -> bytes:
    return (text + bytes([kind, 8])) + b"".join(
        struct.pack("<II", event.t, event.p << 28 | event.y << 14 | event.x) for event in events
    )


def npy(descr: str, shape: str, data: bytes, fortran: bool = False, version: int = 1) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def npz(members: dict[str, bytes], packed: bool = True) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content, archive.compression)
    return file.getvalue()


def dvs_lip(events: Sequence[Event]) -> bytes:
    data = b"".join(struct.pack("<ibbb", *event) for event in events)
    return npy("[('t', '<i4'), ('x', '|i1'), ('y', '|i1'), ('p', '|i1')]", f"({len(events)},)", data)


def hardvs(events: Sequence[Event], packed: bool = True) -> bytes:
    letters = {"t": ("'<i8'", "<q"), "x": ("'<u2'", "<H"), "y": ("'<u2'", "<H"), "p": ("'|u1'", "<B")}
    return npz(
        {
            name: npy(descr, f"({len(events)},)", b"".join(struct.pack(code, getattr(e, name)) for e in events))
            for name, (descr, code) in letters.items()
        },
        packed,
    )


def es_imagenet(events: Sequence[Event], packed: bool = True) -> bytes:
    parts = {"pos": [e for e in events if e.p], "neg": [e for e in events if not e.p]}
    return npz(
        {
            name: npy("'|u1'", f"({len(part)}, 3)", b"".join(bytes([e.y, e.x, e.t]) for e in part))
            for name, part in parts.items()
        },
        packed,
    )


_MAT_TYPES = {"<d": (9, 6), "<i": (5, 12), "<H": (4, 11), "<B": (2, 9)}  # code of the data, class of the array


def mat_variable(name: str, values: Sequence[int], code: str = "<d", shape: tuple[int, int] | None = None) -> bytes:
    """An element of a MATLAB file of version 5: flags, dimensions, name and data, each padded to 8 bytes."""

    def element(kind: int, data: bytes) -> bytes:
        return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)

    kind, array_class = _MAT_TYPES[code]
    rows, columns = (len(values), 1) if shape is None else shape
    return element(
        14,
        element(6, struct.pack("<II", array_class, 0))
        + element(5, struct.pack("<ii", rows, columns))
        + element(1, name.encode())
        + element(kind, b"".join(struct.pack(code, value) for value in values)),
    )


def mat_file(*variables: bytes) -> bytes:
    return (
        b"MATLAB 5.0 MAT-file, by the tests".ljust(116)
        + bytes(8)
        + struct.pack("<HH", 0x0100, 0x4D49)
        + b"".join(variables)
    )


def asl_dvs(events: Sequence[Event]) -> bytes:
    return mat_file(
        mat_variable("ts", [e.t for e in events]),
        mat_variable("x", [239 - e.x for e in events], "<H"),
        mat_variable("y", [179 - e.y for e in events], "<i"),
        mat_variable("pol", [e.p for e in events], "<B"),
    )
