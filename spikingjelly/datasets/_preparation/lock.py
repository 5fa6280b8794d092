"""One preparation of a folder at a time, over threads and processes."""

import errno
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_logger = logging.getLogger(__name__)
_NAME = ".preparation.lock"
_POLL = 0.1  # seconds
_held: set[int] = set()  # open descriptors


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Within, no other thread or process is within for the same ``root``; waits, and says so once.

    The lock is the kernel's and goes with the process that holds it, so a file left by one that died blocks nobody.
    """
    root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root / _NAME, os.O_RDWR | os.O_CREAT, 0o666)
    _held.add(descriptor)
    try:
        told = False
        while not _try(descriptor):
            if not told:
                _logger.warning("%s is being prepared by %s; waiting for it.", root, _holder(descriptor))
                told = True
            time.sleep(_POLL)
        _sign(descriptor)
        yield
    finally:
        _held.discard(descriptor)
        os.close(descriptor)


def _sign(descriptor: int) -> None:
    """Leave a name for those who wait. Byte 0 is the one that is locked where locks are of bytes."""
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 1, os.SEEK_SET)
    os.write(descriptor, f"process {os.getpid()}, {threading.current_thread().name}".encode())


def _holder(descriptor: int) -> str:
    os.lseek(descriptor, 1, os.SEEK_SET)
    return os.read(descriptor, 200).decode(errors="replace") or "another process"


if sys.platform == "win32":
    import msvcrt

    def _try(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            _logger.warning("This file system has no locks (%s): let only one process prepare a data set.", error)
        return True

    def _let_go() -> None:
        for descriptor in _held:
            os.close(descriptor)
        _held.clear()

    # A forked child shares its parent's locks, and a worker that outlives it would keep them.
    os.register_at_fork(after_in_child=_let_go)
