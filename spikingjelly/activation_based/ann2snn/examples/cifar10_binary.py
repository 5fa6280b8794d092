"""CIFAR-10 from the files of its binary version, each a row of records: one byte of label, 3072 bytes of image."""

from pathlib import Path

import numpy as np
import torch

__all__ = ["CLASSES", "read"]

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = ("test_batch.bin",)
_SOURCE = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
_RECORD = 1 + 3 * 32 * 32


def read(root: Path, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """All images ``[N, 3, 32, 32]`` (uint8) and labels ``[N]`` (int64) of one split.

    :param root: the folder of the files, or the one that has it as ``cifar-10-batches-bin``
    :param train: whether to read the five files of training images, or else the one for the test

    :raises FileNotFoundError: if a file is missing
    :raises ValueError: if a file is no such row of records
    """
    names = TRAIN_FILES if train else TEST_FILES
    folder = next((f for f in (root / "cifar-10-batches-bin", root) if (f / names[0]).is_file()), root)
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"CIFAR-10: {', '.join(missing)} not found in {folder}. Unpack the binary version, {_SOURCE}, and give the "
            "folder that holds cifar-10-batches-bin."
        )
    records = torch.from_numpy(np.concatenate([_records(folder / name) for name in names]))
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].long()


def _records(path: Path) -> np.ndarray:
    content = np.fromfile(path, dtype=np.uint8)
    if content.size == 0 or content.size % _RECORD:
        raise ValueError(
            f"{path}: expected records of {_RECORD} bytes, but the file has {content.size} bytes; it is cut off, or "
            "not of CIFAR-10's binary version."
        )
    records = content.reshape(-1, _RECORD)
    if records[:, 0].max() >= len(CLASSES):
        raise ValueError(f"{path}: labels must be below {len(CLASSES)}, but {records[:, 0].max()} was found.")
    return records
