"""Whether two passes computed the same: spikes equal, gradients close."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Evidence = Mapping[str, Any]  # numpy arrays


class Disagreement(Exception):
    """How the numerics differ."""


@dataclass(frozen=True)
class Tolerance:
    """The share of spikes that may differ, and the relative error that gradients may have.

    Another order of operations rounds differently, and where a potential lies on the threshold to the last bit, a spike
    flips: that happens to about one in ten million. The gradients of neurons with a flipped spike are left out.
    """

    flips: float = 0.0
    gradient: float = 1e-5
    gradient_of_number: float = 1e-3  # of a sum over the whole layer, in which most cancels
    verdict: str = ""  # in front of what is said


EXACT = Tolerance()
OTHER_FRAMEWORK = Tolerance(flips=1e-6)
# Of a network whose convolutions sum in another order: a spike that flips in one layer moves those of the next.
OTHER_CONVOLUTION = Tolerance(flips=2e-4, gradient=0.2, gradient_of_number=0.2)
ONLY_A_TIME = Tolerance(flips=1e-3, gradient=0.3, gradient_of_number=0.3, verdict="ONLY A TIME: ")


def compare(reference: Evidence, other: Evidence, tolerance: Tolerance) -> str:
    """Say in a few words how well they agree.

    :raises Disagreement: if they do not
    """
    if list(reference["shapes"]) != list(other["shapes"]):
        raise Disagreement(f"spikes of {list(other['shapes'])} instead of {list(reference['shapes'])}")
    if not reference["spikes"].any():
        raise Disagreement("no neuron fires, so nothing was compared")
    flipped = np.unpackbits(reference["spikes"] ^ other["spikes"])
    errors = {name: gradient_error(name, reference, other, flipped) for name in gradients_in(reference)}
    numbers = {name for name in errors if reference[name].size == 1}
    return judge(int(flipped.sum()), flipped.size, errors, numbers, tolerance)


def judge(flips: int, spikes: int, errors: Mapping[str, float], numbers: Collection[str], tolerance: Tolerance) -> str:
    """Hold ``flips`` of ``spikes`` and the relative errors of gradients, some of ``numbers``, to a tolerance."""
    if flips > tolerance.flips * spikes:
        raise Disagreement(f"{flips} of {spikes} spikes differ")
    for name, error in errors.items():
        if not error <= (tolerance.gradient_of_number if name in numbers else tolerance.gradient):
            raise Disagreement(f"the {name} is off by {error:.1e}")
    same = "spikes equal" if flips == 0 else f"{flips} of {spikes} spikes differ"
    return f"{tolerance.verdict}{same}, gradients within {max(errors.values()):.0e}"


def gradients_in(reference: Evidence) -> list[str]:
    return [name for name in reference if name.startswith("gradient of ")]


def gradient_error(name: str, reference: Evidence, other: Evidence, flipped: np.ndarray) -> float:
    expected, got = reference[name].astype(np.float64), other[name].astype(np.float64)
    if name == "gradient of x":
        T, sampled = expected.shape
        neurons = int(str(reference["shapes"][0]).strip("[]").split(",")[1])
        untouched = ~flipped[: T * neurons].reshape(T, neurons)[:, :sampled].any(axis=0)
        expected, got = expected[:, untouched], got[:, untouched]
    norm = float(np.linalg.norm(expected))
    if norm == 0 or not np.isfinite(norm):
        raise Disagreement(f"the {name} has norm {norm}, so nothing was compared")
    return float(np.linalg.norm(got - expected)) / norm
