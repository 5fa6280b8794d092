"""The GPU monitor, with readings and an nvidia-smi of the test's own."""

import builtins
import logging
import math
import sys
import threading
import time
import types
from pathlib import Path

import pytest

from spikingjelly.activation_based import monitor
from spikingjelly.activation_based.monitor._gpu import GPUReading


class Fake(monitor.GPUMonitor):
    """Counts its readings; the third one fails."""

    readings = 0

    def query(self) -> list[GPUReading]:
        self.readings += 1
        if self.readings == 3:
            raise RuntimeError("the GPU fell off the bus")
        return [GPUReading(i, 10.0 * i + self.readings, 100.0) for i in self.gpu_ids]


def wait_until(condition) -> None:
    limit = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_readings_are_printed_until_the_stop(capsys: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        watch = Fake(gpu_ids=(0, 2), interval=0.01)
        wait_until(lambda: watch.readings >= 4)
        watch.stop()
    assert not watch.is_alive()
    assert watch not in threading.enumerate()
    after = watch.readings
    time.sleep(0.05)
    assert watch.readings == after
    lines = capsys.readouterr().out.splitlines()
    assert [line[20:] for line in lines[:6]] == [
        "GPU 0: utilization 1 %, memory 100 MiB",
        "GPU 2: utilization 21 %, memory 100 MiB",
        "GPU 0: utilization 2 %, memory 100 MiB",
        "GPU 2: utilization 22 %, memory 100 MiB",
        "GPU 0: utilization 4 %, memory 100 MiB",
        "GPU 2: utilization 24 %, memory 100 MiB",
    ]
    assert time.strptime(lines[0][:19], "%Y-%m-%d %H:%M:%S")
    assert caplog.messages == ["the GPU fell off the bus"]


def test_a_stop_does_not_wait_for_the_interval(capsys: pytest.CaptureFixture) -> None:
    watch = Fake(interval=600.0)
    assert watch.daemon
    assert watch.is_alive()
    start = time.monotonic()
    watch.stop()
    assert time.monotonic() - start < 5
    assert watch.readings == 1
    assert capsys.readouterr().out.count("\n") == 1


def test_a_later_start() -> None:
    watch = Fake(start_now=False)
    assert (watch.readings, watch.is_alive()) == (0, False)
    assert (watch.gpu_ids, watch.interval) == ((0,), 600.0)
    watch.start()
    assert (watch.readings, watch.is_alive()) == (1, True)
    watch.stop()
    Fake(start_now=False).stop()


class Writer:
    def __init__(self, log_dir: str) -> None:
        self.log_dir, self.scalars, self.closed = log_dir, [], False

    def add_scalar(self, *scalar: object) -> None:
        self.scalars.append(scalar)

    def close(self) -> None:
        self.closed = True


def test_readings_go_to_tensorboard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    watch = Fake(str(tmp_path), gpu_ids=(1,), interval=0.01)
    wait_until(lambda: watch.readings >= 2)
    watch.stop()
    writer = watch._writer
    assert writer.log_dir == str(tmp_path / "gpu_monitor")
    assert writer.scalars[:4] == [
        ("utilization_1", 11.0, 0),
        ("memory_used_1", 100.0, 0),
        ("utilization_1", 12.0, 1),
        ("memory_used_1", 100.0, 1),
    ]
    assert writer.closed
    assert capsys.readouterr().out == ""


def test_without_tensorboard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    original = builtins.__import__

    def without(name: str, *args: object, **kwargs: object) -> object:
        if name.startswith("torch.utils.tensorboard"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        ImportError, match=r'log_dir needs TensorBoard.*"spikingjelly\[tensorboard\]", or leave log_dir out'
    ):
        Fake(str(tmp_path))


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")


def test_what_nvidia_smi_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, f'echo "$@" > {tmp_path}/arguments; echo "12, 345"; echo "[N/A], 7"')
    first, second = monitor.GPUMonitor(gpu_ids=[0, 3], start_now=False).query()
    assert first == (0, 12.0, 345.0)
    assert second.gpu_id == 3
    assert math.isnan(second.utilization)
    assert second.memory_used == 7.0
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments == ["--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits", "-i", "0,3"]


def test_no_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        RuntimeError, match="GPUMonitor: the command nvidia-smi was not found. It comes with the driver"
    ):
        monitor.GPUMonitor()
    assert not any(isinstance(thread, monitor.GPUMonitor) for thread in threading.enumerate())
    monitor.GPUMonitor(start_now=False)


def test_a_failing_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "echo 'No devices were found' >&2; exit 6")
    with pytest.raises(RuntimeError, match="nvidia-smi .* -i 0 failed with status 6: No devices were found"):
        monitor.GPUMonitor()
    install(tmp_path, monkeypatch, "echo '1, 2'; echo '3, 4'")
    with pytest.raises(RuntimeError, match="failed with status 0: 1, 2"):
        monitor.GPUMonitor()
    (tmp_path / "nvidia-smi").write_text("no program")
    with pytest.raises(RuntimeError, match="GPUMonitor: nvidia-smi .* failed: "):
        monitor.GPUMonitor()


def test_bad_arguments_are_told() -> None:
    with pytest.raises(TypeError, match="gpu_ids must be a tuple of ints, but 0"):
        Fake(gpu_ids=0)
    with pytest.raises(TypeError, match=r"gpu_ids must be a tuple of ints, but \('0',\)"):
        Fake(gpu_ids=("0",))
    with pytest.raises(ValueError, match="gpu_ids must name at least one GPU"):
        Fake(gpu_ids=())
    with pytest.raises(TypeError, match="interval must be a number of seconds, but '5'"):
        Fake(interval="5")
    with pytest.raises(ValueError, match="interval must be greater than 0, but -1"):
        Fake(interval=-1)
