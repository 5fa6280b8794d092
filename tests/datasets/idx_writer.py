"""An IDX writer for tests, independent of the reader: one ``struct.pack`` per item."""

import gzip
import struct
from pathlib import Path

import numpy as np

FORMATS = {
    "uint8": (0x08, "B"),
    "int8": (0x09, "b"),
    "int16": (0x0B, "h"),
    "int32": (0x0C, "i"),
    "float32": (0x0D, "f"),
    "float64": (0x0E, "d"),
}


def idx_bytes(items: np.ndarray) -> bytes:
    code, letter = FORMATS[items.dtype.name]
    header = bytes([0, 0, code, items.ndim]) + b"".join(struct.pack(">I", length) for length in items.shape)
    return header + b"".join(struct.pack(">" + letter, item) for item in items.ravel().tolist())


def write_idx(path: Path, items: np.ndarray) -> None:
    """Write ``items``, compressed where the name ends in .gz."""
    data = idx_bytes(items)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def fake_images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random pixels and labels in the form of MNIST."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return images, rng.integers(0, 10, count, dtype=np.uint8)


def write_split(folder: Path, prefix: str, count: int, seed: int, suffix: str = ".gz", mark: str = "-") -> None:
    """Write the two files of a split; ``mark`` is what stands before ``idx`` in their names."""
    images, labels = fake_images(count, seed)
    write_idx(folder / f"{prefix}-images{mark}idx3-ubyte{suffix}", images)
    write_idx(folder / f"{prefix}-labels{mark}idx1-ubyte{suffix}", labels)


def write_both_splits(folder: Path) -> None:
    write_split(folder, "train", count=20, seed=1)
    write_split(folder, "t10k", count=8, seed=2)
