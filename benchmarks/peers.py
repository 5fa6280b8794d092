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
TONIC = "1.7.0"
PINNED_TORCH = f"torch=={torch.__version__.split('+')[0]}"  # ours, so that only the frameworks differ


def python() -> Path:
    """The interpreter that has the peers. The first call installs them, which takes a minute and 1.4 GB.

    :raises DidNotRun: if they can't be installed
    """
    # PyTorch first and alone: a peer's requirement could fetch a build for CUDA.
    return interpreter_with("peers", (PINNED_TORCH, *PACKAGES), PINNED_TORCH)


def python_with_tonic() -> Path:
    """The interpreter that has Tonic, without PyTorch.

    :raises DidNotRun: if it can't be installed
    """
    return interpreter_with("tonic", (f"tonic=={TONIC}",))


def interpreter_with(name: str, packages: tuple[str, ...], first: str | None = None) -> Path:
    """The interpreter of an environment that has ``packages``; ``first`` of them is installed alone and pinned."""
    folder = environment(name, packages)
    interpreter, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"Installing {', '.join(packages)} into {folder}, once.", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pins = folder / "pins.txt"
        pins.write_text("" if first is None else first + "\n")
        if first is not None:
            install(interpreter, pins, first)
        install(interpreter, pins, *packages)
        complete.touch()
    return interpreter


def environment(name: str, packages: tuple[str, ...]) -> Path:
    """A folder in the user's cache, another one for each set of versions."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    wanted = " ".join((sys.version, *packages))
    return cache / "spikingjelly-benchmarks" / f"{name}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"


def install(interpreter: Path, pins: Path, *packages: str) -> None:
    pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    result = subprocess.run([*pip, "--constraint", str(pins), *packages], capture_output=True, text=True)
    if result.returncode != 0:
        raise DidNotRun(f"pip can't install {', '.join(packages)}: {result.stderr.strip()[-400:]}")
