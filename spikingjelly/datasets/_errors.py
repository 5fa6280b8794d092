"""What can go wrong with a data set's files: not there, not what they should be, not to be fetched."""

from collections.abc import Sequence


class DatasetNotFoundError(FileNotFoundError, RuntimeError):
    """The files of a data set are not where they were looked for.

    Also a ``RuntimeError``, which is what code written for torchvision catches.
    """


class DatasetFormatError(ValueError):
    """A file is there, but its content is not what it has to be: damaged, cut off, or another file altogether."""


class DownloadError(RuntimeError):
    """No mirror gave the file.

    :param failures: pairs of the URL and the exception that it ended in, in the order in which they were tried
    """

    def __init__(self, message: str, failures: Sequence[tuple[str, Exception]] = ()) -> None:
        super().__init__(message)
        self.failures = tuple(failures)


class UnsafeArchiveError(DatasetFormatError):
    """An archive holds what no data set needs and what would do harm when unpacked, so nothing of it is used."""


class DiskSpaceError(OSError):
    """The disk has less room than a step of the preparation needs; nothing was written."""


class PreparationError(RuntimeError):
    """One file could not be turned into events or frames; what had been built so far was removed.

    :param path: the file
    """

    def __init__(self, message: str, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path


def indented(texts: Sequence[str]) -> str:
    """A line of a message for each of ``texts``."""
    return "\n".join(f"    {text}" for text in texts)
