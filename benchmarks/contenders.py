"""Who takes part: a name to print, a framework, where it is installed, and what is not like for like."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.agreement import EXACT, ONLY_A_TIME, OTHER_CONVOLUTION, OTHER_FRAMEWORK, Tolerance


def our_python() -> Path:
    return Path(sys.executable)


@dataclass(frozen=True)
class Contender:
    """``framework`` is a file of ``worker/contender``; ``options`` are passed to its neurons."""

    name: str
    framework: str
    python: Callable[[], Path] = our_python
    options: dict[str, Any] = field(default_factory=dict, hash=False)
    remark: str = ""
    may_warn: bool = True  # False: a warning in its log means that something else than what is named here ran
    tolerance: Tolerance | None = OTHER_FRAMEWORK  # None: it computes something else, and there is nothing to check


EAGER = Contender("ours, eager loop", "jelly", options={"backend": "torch"}, tolerance=EXACT)
UPSTREAM = Contender(f"spikingjelly {peers.SPIKINGJELLY}", "jelly", peers.python)
UPSTREAM_BY_COPIES = Contender(
    f"spikingjelly {peers.SPIKINGJELLY}", "jelly", peers.python, tolerance=OTHER_CONVOLUTION,
    remark="tuned, its first convolution sees T copies where ours sees one image, and so sums in another order",
)  # fmt: skip
SNNTORCH = Contender(
    f"snnTorch {peers.SNNTORCH}", "snn", peers.python,
    remark="Leaky(beta=0.5, reset_delay=False) in a Python loop over time: the same spikes and gradients",
)  # fmt: skip
SNNTORCH_SOFT_RESET = Contender(
    f"snnTorch {peers.SNNTORCH}", "snn", peers.python, tolerance=ONLY_A_TIME,
    remark="as near as it gets, for it resets twice where the potential reaches twice the threshold; learns the decay "
    "itself, not its logit; all linear layers see the whole sequence at once, as in the other frameworks",
)  # fmt: skip
COMPILED = Contender(
    "torch.compile", "compiled", options={"loop": "plain"},
    remark="of a plain loop over x_seq[t], for one T and N; without any framework",
)  # fmt: skip
COMPILED_UNBOUND = Contender(
    "torch.compile, unbind", "compiled", options={"loop": "unbound"},
    remark="of a loop over x_seq.unbind(0), whose gradient suits the compiler better",
)  # fmt: skip
COPY = Contender("copy", "clone", remark="of the input, and of the gradient on the way back: the floor", tolerance=None)


def fused(backend: str) -> Contender:
    """Ours with a backend that must not fall back."""
    return Contender(f"ours, {backend!r}", "jelly", options={"backend": backend}, may_warn=False, tolerance=EXACT)
