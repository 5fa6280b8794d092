"""The peers that we are compared with: released packages in a virtual environment of their own, never in ours."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.report import DidNotRun

SPIKINGJELLY, SNNTORCH = "2.0.0", "1.0.0"
PACKAGES = (f"spikingjelly=={SPIKINGJELLY}", f"snntorch=={SNNTORCH}")
PINNED_TORCH = f"torch=={torch.__version__.split('+')[0]}"  # ours, so that only the frameworks differ


def python() -> Path:
    """The interpreter that has the peers. The first call installs them, which takes a minute and 1.4 GB.

    :raises DidNotRun: if they can't be installed
    """
    folder = environment()
    interpreter, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"Installing {', '.join((PINNED_TORCH, *PACKAGES))} into {folder}, once.", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pins = folder / "pins.txt"
        pins.write_text(PINNED_TORCH + "\n")
        install(interpreter, pins, PINNED_TORCH)  # first and alone: a peer's requirement could fetch a build for CUDA
        install(interpreter, pins, *PACKAGES)
        complete.touch()
    return interpreter


def environment() -> Path:
    """A folder in the user's cache, another one for each set of versions."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    wanted = " ".join((sys.version, PINNED_TORCH, *PACKAGES))
    return cache / "spikingjelly-benchmarks" / f"peers-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"


def install(interpreter: Path, pins: Path, *packages: str) -> None:
    pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    result = subprocess.run([*pip, "--constraint", str(pins), *packages], capture_output=True, text=True)
    if result.returncode != 0:
        raise DidNotRun(f"pip can't install {', '.join(packages)}: {result.stderr.strip()[-400:]}")
