"""What a run found: printed as it comes, kept for ``--json``, with the machine that it ran on."""

import datetime
import json
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

BUSY = 0.5


class DidNotRun(Exception):
    """The reason why a contender gave no result."""


@dataclass(frozen=True)
class Options:
    """What the command line chose."""

    quick: bool = False
    backend: str = "cpp"
    profile: bool = False
    images: Path | None = None

    def rounds(self, usual: int) -> int:
        return 2 if self.quick else usual


@dataclass
class Report:
    """Figures, and what did not run or did not agree."""

    machine: dict[str, Any]
    figures: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, row: str, **figure: Any) -> None:
        self.figures.append({"row": row, **figure})

    def fail(self, where: str, reason: str) -> None:
        self.failures.append(f"{where}: {reason}")
        print(f"  {where}: NO FIGURE, {reason}", flush=True)

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        content = {"machine": self.machine, "figures": self.figures, "failures": self.failures}
        file.write_text(json.dumps(content, indent=1) + "\n")


def machine() -> dict[str, Any]:
    """The facts that a time depends on."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def print_machine(facts: dict[str, Any]) -> None:
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    if facts["load"] > BUSY:
        print("WARNING: the machine is busy. Ratios are worth little, times nothing.")
