"""What every decoder starts from: the bytes of a file and the name that its errors give."""

import os
from typing import NamedTuple, TypeAlias

from spikingjelly.datasets._errors import DatasetFormatError

File: TypeAlias = str | os.PathLike[str] | bytes
FETCH_AGAIN = "Delete the file and fetch it again."


class Source(NamedTuple):
    """The content of a file and its name."""

    name: str
    data: bytes

    def error(self, offset: int, found: str, advice: str = FETCH_AGAIN) -> DatasetFormatError:
        """What is wrong, and where."""
        return DatasetFormatError(f"{self.name}, offset {offset}: {found} {advice}".rstrip())


def read_source(file: File) -> Source:
    """The bytes of ``file``, which may be these bytes themselves."""
    if isinstance(file, bytes | bytearray | memoryview):
        return Source("<bytes>", bytes(file))
    with open(file, "rb", buffering=0) as opened:  # half the time of a buffered one where files are small
        return Source(os.fspath(file), opened.read())


def check_whole(source: Source, start: int, size: int) -> None:
    """Refuse a file that does not end where an event of ``size`` bytes does."""
    rest = (len(source.data) - start) % size
    if rest:
        raise source.error(
            len(source.data) - rest, f"only {rest} bytes are left of an event of {size} bytes, the file is cut off."
        )
