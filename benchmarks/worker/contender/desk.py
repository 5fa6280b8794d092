"""What a worker can be asked to do, and what it remembers between two requests."""

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .complaints import Complaints
from .passes import Pass, SequencePass
from .training import FashionTraining, ModelTraining, SHDTraining, VGGTraining

WORKLOADS: dict[str, type[Pass]] = {
    "sequence": SequencePass, "fashion_mnist": FashionTraining, "vgg": VGGTraining, "shd": SHDTraining,
    "model": ModelTraining,
}  # fmt: skip


class Desk:
    """Prepared passes by name, all of one framework."""

    def __init__(self, framework: str) -> None:
        self.framework = importlib.import_module(f"{__package__}.{framework}")
        self.passes: dict[str, Pass] = {}
        self.complaints = Complaints("spikingjelly")

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        requests: dict[str, Callable[..., dict[str, Any] | None]] = {
            "prepare": self.prepare, "check": self.check, "time": self.time,
            "memory": self.memory, "profile": self.profile, "forget": self.forget,
        }  # fmt: skip
        reply = requests[request.pop("do")](**request)
        return {**(reply or {}), "said": self.complaints.messages}

    def prepare(self, name: str, workload: str, **settings: Any) -> dict[str, Any]:
        """Make the inputs and run once; what is built on the first call is built here."""
        self.passes[name] = WORKLOADS[workload](self.framework, **settings)
        began = time.perf_counter()
        self.passes[name].run()
        return {"first_call_seconds": time.perf_counter() - began}

    def check(self, name: str, file: str) -> None:
        """Leave the spikes and gradients of a pass in ``file``."""
        with Path(file).open("wb") as stream:
            arrays: dict[str, Any] = self.passes[name].evidence()
            np.savez(stream, **arrays)

    def time(self, name: str, seconds: float) -> dict[str, Any]:
        """Seconds of each pass, for ``seconds`` in all and at least once; one pass before fills the caches."""
        run = self.passes[name].run
        run()
        taken: list[float] = []
        while not taken or sum(taken) < seconds:
            began = time.perf_counter()
            run()
            taken.append(time.perf_counter() - began)
        return {"seconds": taken}

    def memory(self, name: str, workload: str, **settings: Any) -> dict[str, Any]:
        """Peak of the resident memory during the first pass over inputs that lie there, above what lay there before."""
        work = WORKLOADS[workload](self.framework, **settings)
        self.passes[name] = work
        # Not getrusage's ru_maxrss: exec hands that of the parent on.
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        resident = bytes_of("VmRSS")
        work.run()
        return {"bytes": bytes_of("VmHWM") - resident}

    def profile(self, name: str, operations: int) -> dict[str, Any]:
        """The operations that take most of the time of one pass."""
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
            self.passes[name].run()
        averages = profiler.key_averages()
        table = averages.table(sort_by="self_cpu_time_total", row_limit=operations, max_name_column_width=60)
        return {"table": table}

    def forget(self) -> None:
        self.passes.clear()


def bytes_of(field: str) -> int:
    """What the kernel says of this process's memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field + ":"))
