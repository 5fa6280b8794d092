"""A function over files: order, errors, cancelling, and what a bar shows."""

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from spikingjelly.datasets._errors import PreparationError
from spikingjelly.datasets._preparation.workers import Settings, current, map_files, settings

both = pytest.mark.parametrize("processes", [False, True])


@both
def test_results_in_the_order_of_the_files(processes: bool) -> None:
    def slow_first(path: Path) -> str:
        time.sleep(0.1 if path.name == "0" else 0)
        return path.name * 2

    with settings(Settings(3, processes, progress=False)):
        assert map_files(slow_first, [str(i) for i in range(30)]) == [str(i) * 2 for i in range(30)]


@both
def test_first_error_ends_it_and_cancels_the_rest(tmp_path: Path, processes: bool) -> None:
    def fails(path: Path) -> None:
        (tmp_path / path.name).touch()
        if path.name == "5":
            raise KeyError("no such thing")
        time.sleep(0.01)

    with (
        settings(Settings(2, processes, progress=False)),
        pytest.raises(PreparationError, match="folder/5 could not be converted: KeyError: 'no such thing'") as caught,
    ):
        map_files(fails, [f"folder/{i}" for i in range(1000)])
    assert caught.value.path == "folder/5"
    assert isinstance(caught.value.__cause__, KeyError)
    assert len(list(tmp_path.iterdir())) < 40


@both
def test_skipped_files_are_counted_and_told(processes: bool, caplog: pytest.LogCaptureFixture) -> None:
    def fails(path: Path) -> int:
        return 10 // int(path.name)

    with settings(Settings(2, processes, "skip", progress=False)) as chosen:
        assert map_files(fails, ["5", "0", "2", "x"], "Dividing") == [2, 5]
    assert sorted(chosen.skipped) == ["0", "x"]
    assert chosen.skipped["0"].startswith("ZeroDivisionError: ")
    assert "Dividing: 2 files were skipped, among them 0" in caplog.text


def test_a_full_disk_is_no_fault_of_the_file() -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with settings(Settings(1, False, "skip", progress=False)), pytest.raises(PreparationError, match="No space left"):
        map_files(full, ["a"])


def test_killed_worker_process_is_an_error_and_no_hang() -> None:
    def dies(path: Path) -> None:
        os._exit(1)

    with (
        settings(Settings(1, True, "skip", progress=False)),
        pytest.raises(PreparationError, match="BrokenProcessPool"),
    ):
        map_files(dies, ["a", "b"])


def test_interrupt_in_a_worker_is_an_interrupt() -> None:
    def interrupts(path: Path) -> None:
        raise KeyboardInterrupt

    with settings(Settings(1, False, "skip", progress=False)), pytest.raises(KeyboardInterrupt):
        map_files(interrupts, ["a"])


@pytest.mark.parametrize("progress", [True, False])
def test_bar_with_rate(progress: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with settings(Settings(1, progress=progress)):
        map_files(str, ["a"] * 50, "Making frames")
    shown = capsys.readouterr().err
    assert ("Making frames" in shown and "50/50" in shown and "file/s" in shown) is progress


def test_settings_hold_within_and_in_this_thread() -> None:
    seen = []
    with settings(Settings(7)):
        assert current().workers == 7
        thread = threading.Thread(target=lambda: seen.append(current().num_workers))
        thread.start()
        thread.join()
    assert seen == [None]
    assert current().num_workers is None
    assert current().workers == len(os.sched_getaffinity(0))
