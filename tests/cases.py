"""THE table: every neuron with its flags at values that are not their defaults, and every surrogate.

A new neuron or surrogate is one row here; parity, truth, state and property tests take it from there.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from spikingjelly.activation_based import neuron, surrogate


@dataclass(frozen=True)
class SurrogateCase:
    """One surrogate with its parameters, and what the slope tests have to know about it."""

    cls: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    kinks: tuple[float, ...] = ()  # points around which finite differences of the primitive are no derivative
    has_primitive: bool = True
    slope_tolerance: float = 1e-6

    def make(self, **more: Any) -> surrogate.SurrogateFunctionBase:
        return getattr(surrogate, self.cls)(**{**self.kwargs, **more})

    def __str__(self) -> str:
        return f"{self.cls}({', '.join(f'{k}={v}' for k, v in self.kwargs.items())})"


SURROGATES = [
    SurrogateCase("PiecewiseQuadratic", {"alpha": 1.5}, kinks=(-1 / 1.5, 0.0, 1 / 1.5)),
    SurrogateCase("PiecewiseExp", {"alpha": 1.7}, kinks=(0.0,)),
    SurrogateCase("Sigmoid", {"alpha": 3.0}),
    SurrogateCase("SoftSign", {"alpha": 2.5}, kinks=(0.0,)),
    SurrogateCase("ATan", {"alpha": 3.5}),
    SurrogateCase("NonzeroSignLogAbs", {"alpha": 1.3}, kinks=(0.0,)),
    SurrogateCase("Erf", {"alpha": 1.4}),
    SurrogateCase("PiecewiseLeakyReLU", {"w": 0.7, "c": 0.05}, kinks=(-0.7, 0.7)),
    SurrogateCase("SquarewaveFourierSeries", {"n": 4, "T_period": 6.0}),
    SurrogateCase("S2NN", {"alpha": 3.0, "beta": 0.8}, kinks=(0.0,), slope_tolerance=1e-4),
    SurrogateCase("QPseudoSpike", {"alpha": 2.6}, kinks=(0.0,)),
    SurrogateCase("LeakyKReLU", {"leak": 0.1, "k": 0.7}, kinks=(0.0,)),
    SurrogateCase("FakeNumericalGradient", {"alpha": 0.4}, has_primitive=False),
    SurrogateCase("LogTailedReLU", {"alpha": 0.2}, kinks=(0.0, 1.0)),
    SurrogateCase("SuperSpike", {"alpha": 1.2}, kinks=(0.0,)),
    SurrogateCase("Rect", {"alpha": 0.8}, kinks=(-0.625, 0.625)),
    SurrogateCase("DeterministicPass", {"alpha": 1.1}),
]


@dataclass(frozen=True)
class NeuronCase:
    """One neuron with its arguments; ``make`` builds it, ``input`` draws a sequence ``[T, *shape]`` for it."""

    cls: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    surrogate: SurrogateCase | None = SURROGATES[4]  # None: the class takes no surrogate_function
    shape: tuple[int, ...] = (3, 5)
    T: int = 8
    scale: float = 1.5  # of the input, so that some neurons fire and some don't
    modes: tuple[str, ...] = ("s", "m")
    takes_step_mode: bool = True
    takes_v_seq: bool = True
    half: bool = True  # runs in float16 and bfloat16 on the CPU

    def make(self, step_mode: str = "m", **more: Any) -> torch.nn.Module:
        kwargs = {**self.kwargs, **more}
        if self.surrogate is not None:
            kwargs.setdefault("surrogate_function", self.surrogate.make())
        if self.takes_step_mode:
            kwargs["step_mode"] = step_mode
        return getattr(neuron, self.cls)(**kwargs)

    def input(self, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        x = torch.rand(self.T, *self.shape, generator=generator, dtype=torch.float64) * 2 - 0.4
        return (x * self.scale).to(dtype)

    def __str__(self) -> str:
        arguments = ", ".join(f"{k}={v}" for k, v in self.kwargs.items())
        return f"{self.cls}({arguments}){'' if self.surrogate is None else '/' + self.surrogate.cls}"


_RESETS = (0.0, -0.2, None)
_CHANNELS = torch.tensor([0.5, 0.7, 0.9, 1.1, 0.6])
_COUNTS = {
    "tau": 1.6,
    "v_threshold": 0.7,
    "surrogate_function": surrogate.MultiLevelSpikeCount(3, grad_window=(-0.5, 3.5)),
}


class AttributeModeCase(NeuronCase):
    """A neuron without the argument ``step_mode``, which is set afterwards."""

    def make(self, step_mode: str = "m", **more: Any) -> torch.nn.Module:
        node = super().make(step_mode, **more)
        node.step_mode = step_mode
        return node


def _flags(cls: str, base: dict[str, Any], **options: Any) -> Iterator[NeuronCase]:
    """Hard reset to two values and soft reset, each with the reset in and out of the graph, surrogates in turn."""
    resets = itertools.product(_RESETS, (False, True))
    for number, (v_reset, detach_reset) in enumerate(resets):
        kwargs = {**base, "v_threshold": 0.8, "v_reset": v_reset, "detach_reset": detach_reset}
        yield NeuronCase(cls, kwargs, surrogate=SURROGATES[(3 * number + len(cls)) % len(SURROGATES)], **options)


NEURONS = [
    *_flags("IFNode", {}, scale=0.6),
    *_flags("LIFNode", {"tau": 1.7}),
    *_flags("LIFNode", {"tau": 2.4, "decay_input": False}, scale=0.8),
    *_flags("ParametricLIFNode", {"init_tau": 1.7}),
    *_flags("ParametricLIFNode", {"init_tau": 2.4, "decay_input": False}, scale=0.8),
    *_flags("QIFNode", {"tau": 1.6, "v_c": 0.7, "a0": 1.2, "v_rest": 0.1}),
    *_flags("EIFNode", {"tau": 1.8, "delta_T": 0.9, "theta_rh": 0.7, "v_rest": 0.1}),
    *_flags(
        "IzhikevichNode",
        {"tau": 1.6, "v_c": 0.7, "a0": 1.2, "v_rest": 0.1, "w_rest": 0.05, "tau_w": 3.0, "a": 0.3, "b": 0.2},
    ),
    *_flags("KLIFNode", {"scale_reset": True, "tau": 1.7}),
    *_flags("KLIFNode", {"scale_reset": False, "tau": 1.7, "decay_input": False}),
    *(
        NeuronCase(
            cls,
            {**own, "v_threshold": 0.8, "v_reset": v_reset, "detach_reset": detach_reset},
            surrogate=SURROGATES[number],
            scale=scale,
            takes_v_seq=False,
        )
        for cls, own, scale in [
            ("SimpleIFNode", {}, 0.6),
            ("SimpleLIFNode", {"tau": 1.7, "decay_input": True}, 1.5),
            ("SimpleLIFNode", {"tau": 2.4, "decay_input": False}, 0.8),
        ]
        for number, v_reset in enumerate(_RESETS, start=2)
        for detach_reset in (False, True)
    ),
    *(
        AttributeModeCase(
            "CLIFNode",
            {"c_decay": 0.4, "v_decay": 0.6, "v_threshold": 0.8, "v_reset": v_reset},
            surrogate=SURROGATES[15 - number],
            scale=0.8,
            takes_step_mode=False,
            takes_v_seq=False,
        )
        for number, v_reset in enumerate(_RESETS)
    ),
    *(
        NeuronCase(
            "MPBNLIFNode",
            {"tau": 1.7, "decay_input": decay_input, "v_threshold": 0.3, "v_reset": v_reset, "out_features": 5, **own},
            surrogate=SURROGATES[number],
            half=False,  # batch normalisation keeps float32 statistics of three values, which is too few for a table
        )
        for decay_input in (True, False)
        for own in ({}, {"mpbn": False}, {"learnable_vth": True, "bn_momentum": 0.3})
        for number, v_reset in enumerate(_RESETS, start=4)
    ),
    *list(_flags("TernaryIFNode", {}, scale=0.8))[2::3],
    *list(_flags("TernaryLIFNode", {"tau": 1.7, "decay_input": False}))[0::3],
    *list(_flags("RAFNode", {"b": -0.3, "omega": 0.9, "dt": 0.8}))[2::3],
    NeuronCase("HalfThresholdIFNode", {"v_threshold": 0.7}, surrogate=SURROGATES[2], scale=0.6),
    NeuronCase("ActivationAwareIFNode", {"v_threshold": 0.7, "v_offset": 0.1, "v_reset": -0.2}, scale=0.6),
    NeuronCase("ActivationAwareIFNode", {"v_threshold": _CHANNELS, "v_offset": -_CHANNELS / 9}, scale=0.6),
    *(
        NeuronCase("ILIFNode", {**_COUNTS, "detach_reset": detach}, surrogate=None, scale=2.0)
        for detach in (False, True)
    ),
    NeuronCase("ComplementaryLIFNode", {"tau": 1.7, "v_threshold": 0.8}, surrogate=SURROGATES[2], takes_v_seq=False),
]
