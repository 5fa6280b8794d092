"""Which target runs for a backend's name: what is wished for, on what the tensors and the machine allow."""

import functools
import logging
from types import ModuleType

import torch

from spikingjelly.fusion.build import BuildError
from spikingjelly.fusion.step import Refusal
from spikingjelly.fusion.task import TARGETS

_logger = logging.getLogger(__name__)
_said: set[str] = set()
_NAMES = {"cpp": "the C++ kernel", "cupy": "the CUDA kernel of CuPy", "triton": "the Triton kernel"}
_BEST_FIRST = ("cpp", "triton", "cupy")


def target_for(backend: str, device: torch.device) -> str | Refusal:
    """The target that ``backend`` means for tensors on ``device``.

    A name is a wish: code that was published with ``backend='cupy'`` also runs on a laptop. What runs instead is told
    once.
    """
    if backend in TARGETS:
        reason = TARGETS[backend].refusal(device)
        if reason is None:
            return backend
        other = _best(device)
        if isinstance(other, Refusal):
            return other
        say_once(f"{reason}; {_NAMES[other]} runs instead.")
        return other
    return _best(device)


def _best(device: torch.device) -> str | Refusal:
    reasons = []
    for target in _BEST_FIRST:
        reason = TARGETS[target].refusal(device)
        if reason is None:
            return target
        reasons.append(reason)
    return Refusal("; ".join(reasons), lasting=True)


@functools.lru_cache(maxsize=4096)
def prepare(target: str, program: str, dtype: torch.dtype) -> Refusal | None:
    """Build the kernels of a program now; a compiler that fails is a reason to run the loop."""
    module: ModuleType = TARGETS[target]
    try:
        module.prepare(program, dtype)
    except BuildError as error:
        return Refusal(str(error), lasting=True)
    return None


def announce(backend: str, refusal: Refusal) -> None:
    """Say once per process and reason that the loop runs.

    'auto' leaves the choice to us: what another network would mend is only information then.
    """
    level = logging.WARNING if backend != "auto" or refusal.lasting else logging.INFO
    say_once(f"{refusal.reason}. The eager PyTorch loop runs.", level)


def say_once(text: str, level: int = logging.WARNING) -> None:
    if text not in _said:
        _said.add(text)
        _logger.log(level, "%s", text)
