"""Source text to a shared library, once for each user: the cache is keyed by source, flags, compiler and processor."""

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

_logger = logging.getLogger(__name__)

# No -ffast-math and no contraction to fused multiply-add: the order of operations is that of the eager loop.
_FLAGS = (
    "-std=c++17", "-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-w",
)  # fmt: skip

_DIGEST = ".sha256"


class BuildError(RuntimeError):
    """The compiler is missing or has failed; the text tells what to do."""


@functools.cache
def compiler() -> str | None:
    """The C++ compiler: ``$CXX``, or the first of c++, g++ and clang++ on the path."""
    for name in (os.environ.get("CXX"), "g++", "c++", "clang++"):
        found = shutil.which(name) if name else None
        if found:
            return found
    return None


def cache_folder() -> Path:
    """``$SPIKINGJELLY_CACHE``, or a folder of the user's; readable and writable by nobody else.

    :raises BuildError: if the folder belongs to somebody else, who could put code into it
    """
    given = os.environ.get("SPIKINGJELLY_CACHE")
    try:
        return _private((Path(given).expanduser() if given else _users_own() / "spikingjelly") / "kernels")
    except OSError as error:
        if given:
            raise BuildError(f"SPIKINGJELLY_CACHE={given} can't be used: {error}") from error
        # Everybody may write to the folder above, so this one has to be private too.
        return _private(_private(Path(tempfile.gettempdir()) / f"spikingjelly-{os.getuid()}") / "kernels")


def _users_own() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(base) if base else Path.home() / ".cache"
    except RuntimeError as error:  # a user without an entry, as containers have them
        raise FileNotFoundError(str(error)) from error


def can_use(path: Path) -> bool:
    """Whether a file of the cache is there and the user's; another's may have come while the folder was open to all."""
    return path.exists() and _is_own(path)


def _is_own(path: Path) -> bool:
    return not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if not _is_own(folder):
        raise BuildError(f"{folder} belongs to another user. Set SPIKINGJELLY_CACHE to a folder of your own.")
    if stat.S_IMODE(status.st_mode) != 0o700:
        folder.chmod(0o700)
    return folder


@functools.cache
def load(source: str) -> ctypes.CDLL:
    """The library of ``source``: from this process, from the cache, or built now.

    :raises BuildError: if there is no compiler or it fails, or nothing can be written or loaded
    """
    try:
        path = _path_of(source)
        return _opened(source, path)
    except OSError as error:
        raise BuildError(f"a kernel can't be kept: {error}. Set SPIKINGJELLY_CACHE to another folder") from error


def _opened(source: str, path: Path) -> ctypes.CDLL:
    if can_use(path):
        try:
            if _is_whole(path):
                return ctypes.CDLL(str(path))
        except OSError:
            pass
        _logger.info("%s can't be loaded; it is built again", path)
    _build(source, path)
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise BuildError(f"what the C++ compiler {compiler()} has built can't be loaded: {error}") from error


def _is_whole(path: Path) -> bool:
    """Whether a library is as it was built. One that was cut off, when the machine failed, would end the process."""
    return path.with_suffix(_DIGEST).read_text() == _digest_of(path)


def _digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _path_of(source: str) -> Path:
    key = "\n".join([source, *_flags(), _compiler_version(), _processor()])
    return cache_folder() / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.so"


@functools.cache
def _flags() -> tuple[str, ...]:
    """With threads only where PyTorch has brought an OpenMP runtime along: a second one would fight for the cores."""
    loaded = ctypes.CDLL(None)
    threads = any(hasattr(loaded, symbol) for symbol in ("GOMP_parallel", "__kmpc_fork_call"))
    return (*_FLAGS, "-fopenmp" if threads else "-fopenmp-simd")


@functools.cache
def _compiler_version() -> str:
    path = compiler()
    if path is None:
        raise BuildError("no C++ compiler was found")
    status = os.stat(path)
    return f"{os.path.realpath(path)} {status.st_size} {status.st_mtime_ns}"


@functools.cache
def _processor() -> str:
    """What -march=native depends on: one home folder may serve different machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(sorted({line for line in lines if line.startswith(("flags", "Features", "model name"))}))


def _build(source: str, path: Path) -> None:
    """Readable source and library next to each other; a process that builds the same finds either none or all.

    If two build at once, a digest may be left that is the other's library's: then it is built once more.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="build-") as folder:
        text, unit, library, digest = (Path(folder) / f"kernel{end}" for end in (".cpp", ".o", ".so", _DIGEST))
        text.write_text(source)
        _run_compiler([str(compiler()), *_flags(), "-c", str(text), "-o", str(unit)])
        # Without -fopenmp here, the OpenMP symbols stay open and are found in the runtime that PyTorch has loaded.
        _run_compiler([str(compiler()), "-shared", str(unit), "-o", str(library), *_libraries()])
        if not library.exists():
            raise BuildError(f"the C++ compiler {compiler()} has built nothing and reported no error")
        digest.write_text(_digest_of(library))
        for made in (text, digest, library):
            os.replace(made, path.with_suffix(made.suffix))


def _libraries() -> list[str]:
    if platform.system() == "Darwin":
        return ["-undefined", "dynamic_lookup"]
    return ["-Wl,--no-as-needed", "-lmvec", "-lm"] if platform.machine() == "x86_64" and _has_libmvec() else ["-lm"]


@functools.cache
def _has_libmvec() -> bool:
    try:
        ctypes.CDLL("libmvec.so.1")
    except OSError:
        return False
    return True


def _run_compiler(command: list[str]) -> None:
    try:
        result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise BuildError(f"the C++ compiler can't be started: {error}. Set CXX to another one") from error
    if result.returncode != 0:
        raise BuildError(
            f"the C++ compiler failed, which it should not; use backend='torch' and report this.\n"
            f"{' '.join(command)}\n{result.stderr[-2000:]}"
        )
