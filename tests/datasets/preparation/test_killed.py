"""Processes killed in the middle of every step, and several that want the same at once."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import spikingjelly
from spikingjelly.datasets._preparation import frames
from spikingjelly.datasets._preparation.lock import locked
from tests.datasets.preparation import toy
from tests.datasets.preparation.toy import Toy

_ROOT = Path(spikingjelly.__file__).parents[1]

# A process that dies when a function is called for the n-th time, as if the power had gone.
_VICTIM = """
import os, signal, sys
from spikingjelly.datasets._preparation import {module}
from tests.datasets.preparation import toy

calls = 0
original = {module}.{function}

def deadly(*args, **kwargs):
    global calls
    calls += 1
    if calls == {number}:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **kwargs)

{module}.{function} = deadly
if "write_events" == "{function}":
    toy.write_events = deadly
toy.Toy(sys.argv[1], True, "frame", 4, "number", num_workers=1, progress=False)
"""


def _start(code: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _check_frames(root: Path) -> None:
    dataset = Toy(root, True, "frame", 4, "number", progress=False)
    assert len(dataset) == 12
    for index in range(12):
        events = toy.events("train", toy.CLASSES[index // 6], index % 6)
        assert np.array_equal(dataset[index][0], toy.by_number(events, "number", 4, toy.H, toy.W))
    assert not [path.name for path in root.iterdir() if "building" in path.name or "outdated" in path.name]


@pytest.mark.parametrize(
    ("module", "function", "number", "left", "absent"),
    [
        ("archives", "_write", 5, ".extract.building", "extract"),
        ("npz", "write_events", 5, ".events_np.building", "events_np"),
        (
            "frames",
            "write_frames",
            3 + 5,
            ".frames_number_4_split_by_number.building",
            "frames_number_4_split_by_number",
        ),
        # everything is written, and the name is not given yet
        ("stages", "os.rename", 1, ".extract.building", "extract"),
        ("stages", "os.rename", 3, ".frames_number_4_split_by_number.building", "frames_number_4_split_by_number"),
    ],
)
def test_killed_step_leaves_nothing_that_is_trusted(
    tmp_path: Path, module: str, function: str, number: int, left: str, absent: str
) -> None:
    toy.place(tmp_path)
    victim = _start(_VICTIM.format(module=module, function=function, number=number), str(tmp_path))
    _, errors = victim.communicate(timeout=60)
    assert victim.returncode == -signal.SIGKILL, errors
    assert [path for path in tmp_path.iterdir() if path.name.startswith(left)]
    assert not (tmp_path / absent).exists()
    _check_frames(tmp_path)


def test_killed_frames_are_continued_and_half_a_file_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.place(tmp_path)
    victim = _start(_VICTIM.format(module="frames", function="write_frames", number=9), str(tmp_path))
    victim.communicate(timeout=60)
    (building,) = tmp_path.glob(".frames_number_4_split_by_number.building-*")
    written = frames.npz_files(building)
    assert len(written) == 8
    written[0].write_bytes(written[0].read_bytes()[:-1])
    integrated = []
    original = frames._integrate
    monkeypatch.setattr(
        frames, "_integrate", lambda path, *rest: (integrated.append(path.name), original(path, *rest))[1]
    )
    _check_frames(tmp_path)
    assert len(integrated) == 16 - 7


def test_frames_begun_with_other_events_are_not_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.place(tmp_path)
    victim = _start(_VICTIM.format(module="frames", function="write_frames", number=9), str(tmp_path))
    victim.communicate(timeout=60)
    manifest = tmp_path / "events_np" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"id": "other"}))
    integrated = []
    original = frames._integrate
    monkeypatch.setattr(
        frames, "_integrate", lambda path, *rest: (integrated.append(path.name), original(path, *rest))[1]
    )
    _check_frames(tmp_path)
    assert len(integrated) == 16


_COUNTING = """
import sys, time
from pathlib import Path
from tests.datasets.preparation import toy

class Slow(toy.Toy):
    @staticmethod
    def create_events_np_files(extract_root, events_np_root):
        with open(Path(sys.argv[1]) / "log", "a") as file:
            file.write("made\\n")
        time.sleep(0.5)
        toy.Toy.create_events_np_files(extract_root, events_np_root)

def one(events, H, W):
    with open(Path(sys.argv[1]) / "log", "a") as file:
        file.write("integrated\\n")
    return toy.count_image(events, H, W)

print(len(Slow(sys.argv[1], True, "frame", custom_integrate_function=one,
               custom_integrated_frames_dir_name="one", progress=False, num_workers=1)))
"""


def test_three_processes_at_once_do_the_work_once(tmp_path: Path) -> None:
    toy.place(tmp_path)
    processes = [_start(_COUNTING, str(tmp_path)) for _ in range(3)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [output for output, _ in outputs] == ["12\n"] * 3, outputs
    log = (tmp_path / "log").read_text().split()
    assert log.count("made") == 1
    assert log.count("integrated") == 16


_HANGING = """
import sys, time
from pathlib import Path
from tests.datasets.preparation import toy

def hang(events, H, W):
    (Path(sys.argv[1]) / "hangs").touch()
    time.sleep(120)

toy.Toy(sys.argv[1], True, "frame", custom_integrate_function=hang, processes=True, num_workers=2, progress=False)
"""


def test_worker_processes_neither_keep_the_lock_nor_outlive_a_killed_parent(tmp_path: Path) -> None:
    toy.place(tmp_path)
    parent = _start(_HANGING, str(tmp_path))
    deadline = time.monotonic() + 60
    while not (tmp_path / "hangs").exists():
        assert time.monotonic() < deadline, parent.poll()
        time.sleep(0.05)
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    assert children
    parent.kill()
    parent.wait()
    begun = time.monotonic()
    with locked(tmp_path):
        assert time.monotonic() - begun < 1
    while any(Path("/proc", child).exists() for child in children):
        assert time.monotonic() < begun + 10
        time.sleep(0.05)
    parent.communicate()
    assert len(Toy(tmp_path, True, "frame", 4, "number", progress=False)) == 12


def test_lock_file_of_a_dead_process_blocks_nobody(tmp_path: Path) -> None:
    (tmp_path / ".preparation.lock").write_bytes(b"\0process 999999, MainThread")
    begun = time.monotonic()
    with locked(tmp_path):
        pass
    assert time.monotonic() - begun < 1


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    """As workers of a DataLoader that was begun in the meantime would."""
    with locked(tmp_path):
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(30,))
        child.start()
    begun = time.monotonic()
    with locked(tmp_path):
        assert time.monotonic() - begun < 5
    assert child.is_alive()
    child.kill()
    child.join()


def test_those_who_wait_say_for_whom(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    done = []

    def wait() -> None:
        with locked(tmp_path):
            done.append(True)

    with locked(tmp_path):
        thread = threading.Thread(target=wait)
        thread.start()
        deadline = time.monotonic() + 10
        while "waiting" not in caplog.text:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert not done
    thread.join()
    assert done
    assert f"is being prepared by process {os.getpid()}, MainThread; waiting for it." in caplog.text
