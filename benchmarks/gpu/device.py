"""The device, which backends run on it, a clock for it, and the time that is left."""

import importlib
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.report import Report, machine
from benchmarks.worker.contender import jelly
from benchmarks.worker.contender.complaints import Complaints
from benchmarks.worker.contender.passes import SequencePass

CANDIDATES = {"cuda": ("torch", "cupy", "triton"), "cpu": ("torch", "cpp")}
CACHE_BYTES = 1 << 28  # more than the second-level cache of any GPU


def facts(device: str) -> dict[str, Any]:
    """What a time on this machine depends on."""
    versions = {name: version_of(name) for name in ("triton", "cupy")}
    if device == "cpu":
        return {**machine(), **versions}
    return {
        **machine(), **versions, "gpu": torch.cuda.get_device_name(), "driver": driver(), "cuda": torch.version.cuda,
        "tf32 in matrix products": torch.backends.cuda.matmul.allow_tf32,
        "tf32 in convolutions": torch.backends.cudnn.allow_tf32,
    }  # fmt: skip


def driver() -> str:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return "unknown: there is no nvidia-smi"


def version_of(module: str) -> str:
    try:
        return importlib.import_module(module).__version__
    except ImportError:
        return "not installed"


def usable_backends(device: str, report: Report) -> list[str]:
    """Those that run a small layer; the others say why not and are left out."""
    usable = []
    for backend in CANDIDATES[device]:
        complaints = Complaints("spikingjelly")
        try:
            SequencePass(jelly, "LIF", T=4, N=64, device=device, backend=backend).run()
        except Exception as error:  # whatever stops a backend is the reason that is reported
            complaints.messages.append(f"{type(error).__name__}: {error}")
        if complaints.messages:
            report.fail(f"backend {backend!r}", complaints.messages[-1])
        else:
            usable.append(backend)
    return usable


@dataclass
class Bench:
    """What all rows share."""

    device: str
    quick: bool
    seconds: float
    backends: list[str]
    report: Report
    file: Path
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        on_gpu = self.device == "cuda"
        self._cache = torch.empty(CACHE_BYTES, dtype=torch.uint8, device=self.device) if on_gpu else None

    def out_of_time(self, row: str, **case: Any) -> bool:
        """Whether no further row may begin; then the report says that this one was skipped."""
        if time.monotonic() - self.began < self.seconds:
            return False
        print(f"{row} {case}: skipped, the {self.seconds:.0f} seconds are over", flush=True)
        self.report.add(row, **case, skipped=f"{self.seconds:.0f} seconds are over")
        return True

    def add(self, row: str, **figure: Any) -> None:
        """Keep a figure, and all so far in the file: a run that breaks off leaves what it had."""
        self.report.add(row, **figure)
        self.report.write(self.file)

    def clock(self, work: Callable[[], object]) -> Callable[[], float]:
        """Seconds of ``work``, which finds an empty cache."""
        return (lambda: self._gpu_seconds(work)) if self.device == "cuda" else (lambda: cpu_seconds(work))

    def _gpu_seconds(self, work: Callable[[], object]) -> float:
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        assert self._cache is not None
        self._cache.zero_()
        begin.record()
        work()
        end.record()
        torch.cuda.synchronize()
        return begin.elapsed_time(end) / 1e3

    def allocated(self) -> int:
        return torch.cuda.memory_allocated() if self.device == "cuda" else 0

    def peak_of(self, work: Callable[[], object]) -> int:
        """Bytes that ``work`` allocates at its peak beyond what is allocated already; 0 on the CPU."""
        if self.device == "cpu":
            work()
            return 0
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before


def cpu_seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
