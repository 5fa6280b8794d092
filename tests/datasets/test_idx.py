"""The IDX reader: what it reads, and that nothing damaged or hostile gets past it."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikingjelly.datasets import DatasetFormatError
from spikingjelly.datasets._idx import read_idx
from tests.datasets.idx_writer import FORMATS, idx_bytes, write_idx

_ITEMS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
_HEADER = bytes.fromhex("00000803 00000002 00000003 00000004")
_quick = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_arrays = st.sampled_from(sorted(FORMATS)).flatmap(
    lambda name: hnp.arrays(name, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
)


def _file(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "some.idx"
    path.write_bytes(data)
    return path


def test_writer_of_the_tests_follows_the_description() -> None:
    assert idx_bytes(_ITEMS) == _HEADER + bytes(range(24))
    assert idx_bytes(np.array([1, -2], np.int16)) == bytes.fromhex("00000b01 00000002 0001 fffe")
    assert idx_bytes(np.array([0.5], np.float64)) == bytes.fromhex("00000e01 00000001 3fe0000000000000")


@_quick
@given(items=_arrays, compressed=st.booleans())
def test_round_trip(tmp_path: Path, items: np.ndarray, compressed: bool) -> None:
    path = tmp_path / ("items.gz" if compressed else "items")
    write_idx(path, items)
    open_shape = (None,) * items.ndim
    for shape in (items.shape, open_shape):
        read = read_idx(path, shape, items.dtype)
        assert read.dtype == items.dtype
        assert read.dtype.isnative
        assert read.flags.writeable
        np.testing.assert_array_equal(read, items, strict=True)


def test_content_tells_whether_a_file_is_compressed_not_its_name(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.gz", tmp_path / "packed"
    plain.write_bytes(idx_bytes(_ITEMS))
    packed.write_bytes(gzip.compress(idx_bytes(_ITEMS)))
    for path in (plain, packed, str(packed)):
        np.testing.assert_array_equal(read_idx(path, (None, 3, 4)), _ITEMS)


def test_file_larger_than_a_chunk(tmp_path: Path) -> None:
    items = np.random.default_rng(0).integers(0, 256, 2 * 2**20 + 5, dtype=np.uint8)
    path = _file(tmp_path, bytes.fromhex("00000801") + struct.pack(">I", len(items)) + items.tobytes())
    np.testing.assert_array_equal(read_idx(path, (None,)), items)


_DAMAGED = {
    "empty": (b"", r"starts with nothing \(not an IDX file\), expected 00 00 08 03 \(IDX of 3-dimensional uint8\)"),
    "text": (b"<html>", r"starts with 3c 68 74 6d \(not an IDX file\)"),
    "short magic": (b"\0\0\x08", r"starts with 00 00 08 \(not"),
    "unknown dtype": (b"\0\0\x0a\x03" + _HEADER[4:], r"starts with 00 00 0a 03 \(not an IDX file\)"),
    "other dtype": (
        idx_bytes(_ITEMS.astype(np.int32)),
        r"00 00 0c 03 \(IDX of 3-dimensional int32\), expected 00 00 08",
    ),
    "labels": (idx_bytes(np.arange(3, dtype=np.uint8)), r"\(IDX of 1-dimensional uint8\), expected 00 00 08 03"),
    "cut header": (_HEADER[:-3], "truncated: the header must name 3 dimensions in 12 bytes, but only 9 bytes follow"),
    "other shape": (idx_bytes(_ITEMS.transpose(0, 2, 1)), "holds 2 x 4 x 3 items, expected N x 3 x 4"),
    "one byte short": (
        idx_bytes(_ITEMS)[:-1],
        "truncated: the header announces 2 x 3 x 4 items of uint8, 24 bytes, but only 23 bytes .*Delete the file",
    ),
    "one byte long": (
        idx_bytes(_ITEMS) + b"\0",
        "too long: .* 24 bytes, but more bytes of data follow.*Delete the file",
    ),
}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("damage", _DAMAGED)
def test_damaged_file(tmp_path: Path, damage: str, compressed: bool) -> None:
    data, message = _DAMAGED[damage]
    path = _file(tmp_path, gzip.compress(data) if compressed else data)
    with pytest.raises(DatasetFormatError, match=message) as caught:
        read_idx(path, (None, 3, 4))
    assert str(path) in str(caught.value)


def _flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


_PACKED = gzip.compress(idx_bytes(_ITEMS), mtime=0)
_DAMAGED_GZIP = {
    "cut": _PACKED[:-12],
    "cut trailer": _PACKED[:-1],
    "wrong checksum": _flipped(_PACKED, len(_PACKED) - 8),
    "wrong length": _flipped(_PACKED, len(_PACKED) - 1),
    "unknown method": _flipped(_PACKED, 2),
    "damaged stream": _flipped(_PACKED, 10),
    "only the magic": _PACKED[:2],
    "garbage behind": _PACKED + b"garbage",
}


@pytest.mark.parametrize("damage", _DAMAGED_GZIP)
def test_damaged_gzip(tmp_path: Path, damage: str) -> None:
    path = _file(tmp_path, _DAMAGED_GZIP[damage])
    with pytest.raises(DatasetFormatError, match=r"some\.idx: the gzip data are damaged or cut off .*fetch it again"):
        read_idx(path, (None, 3, 4))


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("max_bytes", [2**30, 2**100])
def test_false_header_takes_no_memory(tmp_path: Path, compressed: bool, max_bytes: int) -> None:
    data = bytes.fromhex("00000803 ffffffff ffffffff ffffffff") + bytes(100)
    path = _file(tmp_path, gzip.compress(data) if compressed else data)
    tracemalloc.start()
    with pytest.raises(DatasetFormatError, match="max_bytes" if max_bytes == 2**30 else "only 100 bytes"):
        read_idx(path, (None, None, None), max_bytes=max_bytes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_gzip_bomb_is_unpacked_no_further_than_the_header_announces(tmp_path: Path) -> None:
    path = _file(tmp_path, gzip.compress(_HEADER + bytes(64 * 2**20), 1))
    tracemalloc.start()
    with pytest.raises(DatasetFormatError, match="too long"):
        read_idx(path, (None, 3, 4))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_max_bytes(tmp_path: Path) -> None:
    path = _file(tmp_path, idx_bytes(_ITEMS.astype(np.int16)))
    assert read_idx(path, (None, 3, 4), "int16", max_bytes=48).nbytes == 48
    with pytest.raises(
        DatasetFormatError, match=r"2 x 3 x 4 items of int16, 48 bytes, but at most 47 bytes are accepted"
    ):
        read_idx(path, (None, 3, 4), "int16", max_bytes=47)


def test_dtype_that_idx_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="IDX files can't hold uint16, only uint8, int8, int16, int32, float32, float64"
    ):
        read_idx(tmp_path / "any", (None,), np.uint16)


def test_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "absent", (None,))


@settings(_quick, max_examples=200)
@given(data=st.data(), compressed=st.booleans())
def test_random_damage_is_an_error_of_the_documented_type_or_another_array(
    tmp_path: Path, data: st.DataObject, compressed: bool
) -> None:
    content = bytearray(gzip.compress(idx_bytes(_ITEMS), mtime=0) if compressed else idx_bytes(_ITEMS))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(content)))
    path = _file(tmp_path, bytes(content[:end]) + data.draw(st.binary(max_size=3)))
    try:
        read = read_idx(path, (None, None, None))
    except DatasetFormatError as error:
        assert str(path) in str(error)  # noqa: PT017
    else:
        assert (read.ndim, read.dtype) == (3, np.uint8)


@settings(_quick, max_examples=100)
@given(content=st.binary(max_size=200))
def test_random_bytes(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DatasetFormatError):
        read_idx(_file(tmp_path, b"\x1f\x8b" + content), (None,))
