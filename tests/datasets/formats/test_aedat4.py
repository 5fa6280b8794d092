"""AEDAT 4 through the package aedat."""

import base64
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from spikingjelly.datasets import DatasetFormatError
from spikingjelly.datasets.formats import read_aedat4
from tests.datasets.formats.compare import assert_same
from tests.datasets.formats.writers import Event

# Five events of a sensor of 346 x 260 in two packets, written by faery 0.7.1.
_FILE = (
    b"c-oCqJx{|h5WRlzRRLmPU|<LaF+mdwVoEEDD54T-5mbndQR5bi){Y#vQeoiFu(R+ZnD|Ycg9D)i=t*b!MfYCrp3a*a)!OCmNwsxQ"
    b"be0M)S%5VFs5j4Q5JdrT9u{F9Zy&LO+0DUcJR-;SN7jhSkO^KUrJ_SB1q;LF!lxGZ2DD7XP}O-?5G(N1ZJF2ukMX_`fqh9kLi$wN"
    b"rouMlNdadHs*@x~0-jRRx})PV>4-rfX{dW7mKp~r87j$mk5n4XM$NT#>91@dS&wnA-yEu7s2bSOqzD~RuEKw0G^OriA?q?KCnajv"
    b"t*calgbi#u6CImPc$v~o$nNP)+yvu_RQ3-J(;7(OwZHL7ht4!SF_fJj#&ta^$Ejo6dhWzFByfCpZGTjW_V5Dp-0Y_|5?~g$HjgLZ"
    b"37}Ut15a~%&ofbd26M*Xb|$CcC!RxQ#_abIru&C3u0Jdoo)51P@4?_)Q~~gWxr%w(svdu+{?xcJH2}*{!WWlEv<_Q{zWUfU?=EY;"
    b"#s7Us%%%A|DSYkEn<2)}H})f*`yCvM+))"
)
_T = 1600000000000000
_EVENTS = [
    Event(_T + 1, 0, 0, 1),
    Event(_T + 5, 345, 259, 0),
    Event(_T + 5, 7, 8, 1),
    Event(_T + 9, 100, 200, 1),
    Event(_T + 123, 3, 4, 0),
]
_MAGIC = b"#!AER-DAT4.0\r\n"


@pytest.fixture
def content() -> bytes:
    pytest.importorskip("aedat")
    return zlib.decompress(base64.b85decode(_FILE))


def test_file_of_another_writer(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.aedat4"
    path.write_bytes(content)
    assert_same(read_aedat4(path), _EVENTS)
    assert_same(read_aedat4(content), _EVENTS)


def test_cut_file(tmp_path: Path, content: bytes) -> None:
    """Wherever it is cut: an error, or the events up to there."""
    path = tmp_path / "some.aedat4"
    refused = 0
    for end in range(len(content)):
        path.write_bytes(content[:end])
        try:
            events = read_aedat4(path)
        except DatasetFormatError as error:
            assert "some.aedat4" in str(error)  # noqa: PT017
            refused += 1
        else:
            assert_same(events, _EVENTS[: len(events["t"])])
    assert refused > 700


class _Panic(BaseException):
    """What a panic of the decoder looks like."""


_Panic.__name__ = "PanicException"


@pytest.mark.parametrize(
    ("streams", "packets", "message"),
    [
        ({0: {"type": "frame"}}, [], "the file has no stream of events"),
        ({}, RuntimeError("bad"), r"not a sound AEDAT 4 file \(bad\)"),
        ({}, _Panic("worse"), r"not a sound AEDAT 4 file \(worse\)"),
        ({1: {"type": "events", "width": 3, "height": 9}}, [(1, [3])], "event 0 has x = 3, expected 0 to 2"),
        ({1: {"type": "events", "width": 9, "height": 3}}, [(1, [3])], "event 0 has y = 3, expected 0 to 2"),
    ],
)
def test_damage(monkeypatch: pytest.MonkeyPatch, streams: Any, packets: Any, message: str) -> None:
    monkeypatch.setitem(sys.modules, "aedat", _package(streams, packets))
    with pytest.raises(DatasetFormatError, match=f"<bytes>: {message}"):
        read_aedat4(_MAGIC)


def _package(streams: Any, packets: Any) -> Any:
    """Stands for the package: gives these streams and packets, or raises."""

    class Decoder:
        def __init__(self, path: str) -> None:
            if isinstance(packets, BaseException):
                raise packets

        def id_to_stream(self) -> Any:
            return streams

        def __iter__(self) -> Any:
            for stream, values in packets:
                array = np.zeros(len(values), [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("on", "?")])
                for name in "txy":
                    array[name] = values
                yield {"stream_id": stream, "events": array}

    return SimpleNamespace(Decoder=Decoder)


def test_first_stream_of_events_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    events = {"type": "events", "width": 9, "height": 9}
    streams = {0: {"type": "frame"}, 5: events, 2: events}
    monkeypatch.setitem(sys.modules, "aedat", _package(streams, [(5, [8]), (2, [3, 4]), (2, [1])]))
    assert_same(read_aedat4(_MAGIC), [Event(1, 1, 1, 0), Event(3, 3, 3, 0), Event(4, 4, 4, 0)])
    monkeypatch.setitem(sys.modules, "aedat", _package(streams, [(5, [8])]))
    assert_same(read_aedat4(_MAGIC), [])


def test_user_who_interrupts_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aedat", _package({}, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        read_aedat4(_MAGIC)


def test_other_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aedat", _package({0: {"type": "events", "width": 9, "height": 9}}, []))
    with pytest.raises(
        DatasetFormatError, match=r"<bytes>, offset 0: starts with b'#!AER-DAT3\.1', expected b'#!AER-DAT4"
    ):
        read_aedat4(b"#!AER-DAT3.1")


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aedat", None)
    with pytest.raises(ImportError, match=r'AEDAT 4 files needs aedat, .*pip install "spikingjelly\[aedat4\]"'):
        read_aedat4(_MAGIC)
