"""Write the small, balanced part of MNIST that comes with the package.

    python tools/make_mnist_subset.py MNIST_FOLDER

takes the first 600 training and the first 100 test images of each class, in the order in which the files have them.
The files are the same bytes for the same input and the same zlib.
"""

import argparse
import gzip
import struct
from pathlib import Path

import numpy as np

from spikingjelly import datasets

_TARGET = Path(datasets.__file__).parent / "data" / "mnist_subset"
_PER_CLASS = {"train": 600, "t10k": 100}


def first_of_each_class(labels: np.ndarray, count: int, classes: int) -> np.ndarray:
    """The indices of the first ``count`` labels of each class, ascending."""
    chosen = [np.flatnonzero(labels == label)[:count] for label in range(classes)]
    for label, indices in enumerate(chosen):
        if len(indices) < count:
            raise ValueError(f"Class {label} has only {len(indices)} images, {count} are needed.")
    return np.sort(np.concatenate(chosen))


def write_idx(path: Path, items: np.ndarray) -> None:
    """Write a uint8 array as a gzip-compressed IDX file without a time stamp or a name inside."""
    header = struct.pack(f">BBBB{items.ndim}I", 0, 0, 0x08, items.ndim, *items.shape)
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(header + items.tobytes())


def make_subset(source: Path, target: Path) -> None:
    """Read MNIST below ``source`` and write its part into ``target``."""
    target.mkdir(parents=True, exist_ok=True)
    for prefix, per_class in _PER_CLASS.items():
        full = datasets.MNIST(source, train=prefix == "train")
        labels = full.targets.numpy().astype(np.uint8)
        chosen = first_of_each_class(labels, per_class, len(full.classes))
        write_idx(target / f"{prefix}-images-idx3-ubyte.gz", full.data.numpy()[chosen])
        write_idx(target / f"{prefix}-labels-idx1-ubyte.gz", labels[chosen])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="MNIST_FOLDER", help="the root of datasets.MNIST")
    parser.add_argument("--target", type=Path, default=_TARGET, help="default: %(default)s")
    arguments = parser.parse_args()
    make_subset(arguments.source, arguments.target)
    for path in sorted(arguments.target.glob("*.gz")):
        print(f"{path.stat().st_size:9,} bytes  {path}")


if __name__ == "__main__":
    main()
