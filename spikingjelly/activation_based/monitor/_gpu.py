"""How busy the GPUs are, read at intervals by a thread."""

import datetime
import logging
import math
import numbers
import os
import shutil
import subprocess
import threading
from typing import Any, NamedTuple

from spikingjelly._extras import needing
from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, describe

_logger = logging.getLogger(__name__)


class GPUReading(NamedTuple):
    """The state of one GPU: utilization in percent, used memory in MiB (NaN for what the GPU does not tell)."""

    gpu_id: int
    utilization: float
    memory_used: float


class GPUMonitor(threading.Thread):
    """Read utilization and used memory of GPUs every ``interval`` seconds, with ``nvidia-smi``, in a thread.

    The readings go to the standard output, or to TensorBoard as ``utilization_{i}`` (percent) and ``memory_used_{i}``
    (MiB). The first is made at the start; the thread ends with :meth:`stop` or with the program.

    :param log_dir: None for the standard output, else the folder for TensorBoard, in which ``gpu_monitor`` is created
    :param gpu_ids: the numbers of the GPUs, as ``nvidia-smi`` counts them
    :param interval: seconds between readings, greater than 0
    :param start_now: whether the thread starts at once; else call :meth:`start`

    :raises TypeError: (also an AssertionError) if ``gpu_ids`` are no ints or ``interval`` is no number
    :raises ValueError: (also an AssertionError) if ``gpu_ids`` is empty or ``interval <= 0``
    :raises ImportError: if ``log_dir`` is given and TensorBoard is not installed
    :raises RuntimeError: at the start, if there is no ``nvidia-smi`` or it fails. Later failures are logged.
    """

    def __init__(
        self,
        log_dir: str | None = None,
        gpu_ids: tuple[int, ...] = (0,),
        interval: float = 600.0,
        start_now: bool = True,
    ) -> None:
        super().__init__(daemon=True)  # a thread that waits must not keep a finished program from ending
        self.gpu_ids = _checked_ids(gpu_ids)
        self.interval = _checked_interval(interval)
        self.step = 0
        self._stopped = threading.Event()
        self._writer = None if log_dir is None else _summary_writer(os.path.join(log_dir, "gpu_monitor"))
        if start_now:
            self.start()

    def start(self) -> None:
        """Make the first reading, in this thread, so that what can't work raises here; then start the thread."""
        self._report(self.query())
        super().start()

    def stop(self) -> None:
        """End the thread and close the log."""
        self._stopped.set()
        if self.is_alive() and threading.current_thread() is not self:
            self.join()
        if self._writer is not None:
            self._writer.close()

    def run(self) -> None:
        """What the thread does."""
        while not self._stopped.wait(self.interval):
            try:
                self._report(self.query())
            except RuntimeError as error:
                _logger.warning("%s", error)

    def query(self) -> list[GPUReading]:
        """The present state of the GPUs.

        :raises RuntimeError: if there is no ``nvidia-smi``, or it fails
        """
        if shutil.which("nvidia-smi") is None:
            raise RuntimeError(
                "GPUMonitor: the command nvidia-smi was not found. It comes with the driver of NVIDIA GPUs; where that "
                "is installed, its folder has to be on the PATH."
            )
        command = ["nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits"]
        command += ["-i", ",".join(map(str, self.gpu_ids))]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RuntimeError(f"GPUMonitor: {' '.join(command)} failed: {error}") from error
        lines = answer.stdout.split("\n")[:-1]
        if answer.returncode != 0 or len(lines) != len(self.gpu_ids):
            raise RuntimeError(
                f"GPUMonitor: {' '.join(command)} failed with status {answer.returncode}: "
                f"{(answer.stderr or answer.stdout).strip()}"
            )
        return [GPUReading(i, *map(_number, line.split(","))) for i, line in zip(self.gpu_ids, lines, strict=True)]

    def _report(self, readings: list[GPUReading]) -> None:
        time = datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S")
        for gpu_id, utilization, memory_used in readings:
            if self._writer is None:
                print(f"{time} GPU {gpu_id}: utilization {utilization:g} %, memory {memory_used:g} MiB", flush=True)
            else:
                self._writer.add_scalar(f"utilization_{gpu_id}", utilization, self.step)
                self._writer.add_scalar(f"memory_used_{gpu_id}", memory_used, self.step)
        self.step += 1


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # "[N/A]"
        return math.nan


def _summary_writer(log_dir: str) -> Any:
    with needing("TensorBoard", "GPUMonitor: log_dir", "tensorboard", ", or leave log_dir out to print the readings."):
        from torch.utils.tensorboard import SummaryWriter
    return SummaryWriter(log_dir)


def _checked_ids(gpu_ids: Any) -> tuple[int, ...]:
    if not isinstance(gpu_ids, tuple | list) or not all(isinstance(i, int) for i in gpu_ids):
        raise ArgumentTypeError(f"GPUMonitor: gpu_ids must be a tuple of ints, but {describe(gpu_ids)} was given.")
    if not gpu_ids:
        raise ArgumentValueError("GPUMonitor: gpu_ids must name at least one GPU, but it is empty.")
    return tuple(gpu_ids)


def _checked_interval(interval: Any) -> float:
    if not isinstance(interval, numbers.Real):
        raise ArgumentTypeError(
            f"GPUMonitor: interval must be a number of seconds, but {describe(interval)} was given."
        )
    if not float(interval) > 0:
        raise ArgumentValueError(f"GPUMonitor: interval must be greater than 0, but {interval} was given.")
    return float(interval)
