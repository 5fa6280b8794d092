"""A function over files on all cores, and what a preparation in progress wants to know about it."""

import errno
import itertools
import logging
import multiprocessing
import os
import pickle
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from tqdm import tqdm

from spikingjelly import configure
from spikingjelly.datasets._columns import positive_int
from spikingjelly.datasets._errors import PreparationError

_logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_WINDOW = 4  # tasks handed out per worker: enough to keep it busy, few enough to stop at once


@dataclass
class Settings:
    """How files are converted; set by the data set that is being prepared, read by :func:`map_files`.

    :param num_workers: threads or processes; None: one per core, at most as many as :mod:`spikingjelly.configure` says
    :param processes: whether to use processes, for functions that hold Python's lock
    :param on_error: "raise": the first bad file ends the preparation; "skip": it is left out and counted
    :param progress: whether to show progress bars
    :param skipped: the files left out, and why
    :param quiet: whether nothing is said about them
    """

    num_workers: int | None = None
    processes: bool = False
    on_error: Literal["raise", "skip"] = "raise"
    progress: bool = True
    skipped: dict[str, str] = field(default_factory=dict)
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.on_error not in ("raise", "skip"):
            raise ValueError(f'on_error must be "raise" or "skip", but {self.on_error!r} was given.')
        if self.num_workers is not None and (not isinstance(self.num_workers, int) or self.num_workers < 1):
            raise ValueError(f"num_workers must be a positive int or None, but {self.num_workers!r} was given.")

    @property
    def workers(self) -> int:
        if self.num_workers is not None:
            return self.num_workers
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        name = "max_threads_number_for_datasets_preprocess"
        return min(cores, positive_int(getattr(configure, name), f"spikingjelly.configure.{name}"))


_current: ContextVar[Settings | None] = ContextVar("preparation_settings", default=None)


def current() -> Settings:
    """The settings in force."""
    return _current.get() or Settings()


@contextmanager
def settings(chosen: Settings) -> Iterator[Settings]:
    """Within, :func:`map_files` works as ``chosen`` says."""
    token = _current.set(chosen)
    try:
        yield chosen
    finally:
        _current.reset(token)


def progress_bar(items: Iterable[Any], label: str, total: int | None = None) -> Any:
    """``items`` behind a bar with rate and remaining time; to be used in a ``with`` statement."""
    return tqdm(items, desc=label, total=total, unit="file", disable=not current().progress)


def map_files(
    function: Callable[[Path], _Result], files: Sequence[Path | str], label: str = "Converting"
) -> list[_Result]:
    """``function`` of each file, on all cores, in the order of ``files``; files that were skipped are left out.

    Threads serve functions that spend their time in NumPy. With ``processes=True`` in the settings, processes do the
    work: on Linux they are forked, so neither the ``if __name__ == "__main__"`` guard nor a function that can be
    imported is needed; elsewhere they are spawned, and both are.

    :raises PreparationError: if ``function`` fails and files are not to be skipped; names the file. Work that has not
        begun is cancelled.
    """
    chosen = current()
    paths = [Path(file) for file in files]
    results: dict[int, _Result] = {}
    executor = _executor(function, chosen)
    running: dict[Future[Any], int] = {}
    todo = iter(enumerate(paths))
    try:
        with tqdm(total=len(paths), desc=label, unit="file", disable=not chosen.progress) as bar:
            while True:
                for index, path in itertools.islice(todo, _WINDOW * chosen.workers - len(running)):
                    running[_submit(executor, function, path, chosen)] = index
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    index = running.pop(future)
                    _take(future, index, paths[index], results, chosen)
                    bar.update()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
    if chosen.skipped and not chosen.quiet:
        _logger.warning("%s: %d files were skipped, among them %s", label, len(chosen.skipped), min(chosen.skipped))
    return [results[index] for index in sorted(results)]


def _take(future: "Future[Any]", index: int, path: Path, results: dict[int, Any], chosen: Settings) -> None:
    error = future.exception()
    if error is None:
        results[index] = future.result()
    elif not isinstance(error, Exception):
        raise error
    elif chosen.on_error == "skip" and not _of_the_machine(error):
        chosen.skipped[str(path)] = f"{type(error).__name__}: {error}"
    else:
        raise PreparationError(
            f"{path} could not be converted: {type(error).__name__}: {error}\n"
            'What had been built so far is removed. on_error="skip" leaves such files out.',
            str(path),
        ) from error


def _of_the_machine(error: Exception) -> bool:
    """Whether the fault lies with the disk or the memory: no reason to leave a file out."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.EROFS)
    return full or isinstance(error, (MemoryError, BrokenExecutor))


def _executor(function: Callable[..., Any], chosen: Settings) -> Executor:
    if not chosen.processes:
        return ThreadPoolExecutor(chosen.workers, thread_name_prefix="spikingjelly-preparation")
    return ProcessPoolExecutor(
        chosen.workers,
        mp_context=multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn"),
        initializer=_start_worker,
        initargs=(function, os.getpid()),
    )


_function: Callable[[Path], Any] | None = None  # of a worker process


def _start_worker(function: Callable[[Path], Any], parent: int) -> None:
    global _function
    _function = function
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: int) -> None:
    """A worker whose parent was killed would wait for work for ever."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _call(path: Path) -> Any:
    assert _function is not None
    try:
        return _function(path)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # it would break the pool on its way to the parent
            raise RuntimeError(f"{type(error).__name__}: {error}") from None
        raise


def _submit(executor: Executor, function: Callable[[Path], Any], path: Path, chosen: Settings) -> "Future[Any]":
    if not chosen.processes:
        return executor.submit(function, path)
    with warnings.catch_warnings():
        # The workers run NumPy and zlib, which hold no locks across a fork.
        warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
        return executor.submit(_call, path)
