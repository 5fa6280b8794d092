"""Time steps as functions of tensors, ``jit_eval_*``: what published subclasses call in evaluation.

They are made of a node's own charge and reset. Spikes are ``v >= v_threshold`` and have no gradient.
"""

from collections.abc import Callable
from typing import Any

import torch

from spikingjelly.activation_based.neuron._node import BaseNode

Charge = Callable[..., torch.Tensor]


def add_evaluation_functions(node: type[BaseNode], charges: dict[str, tuple[Charge, Charge]]) -> None:
    """Give ``node`` the static methods ``jit_eval_{single,multi}_step_forward_{hard,soft}_reset{name}``.

    Those with hard reset take ``(x, v, v_threshold, v_reset, *more)``, those with soft reset ``(x, v, v_threshold,
    *more)``; all return the spikes and the potential after the reset, and those ``_with_v_seq`` also the potentials
    after each time step.

    :param charges: for each name the charge for the hard reset, ``(x, v, v_reset, *more)``, and for the soft reset,
        ``(x, v, *more)``
    """
    for name, (hard_charge, soft_charge) in charges.items():
        for reset, step in (("hard", _hard_step(node, hard_charge)), ("soft", _soft_step(node, soft_charge))):
            multi = f"jit_eval_multi_step_forward_{reset}_reset{name}"
            setattr(node, f"jit_eval_single_step_forward_{reset}_reset{name}", staticmethod(step))
            setattr(node, multi, staticmethod(_sequence(step)))
            setattr(node, f"{multi}_with_v_seq", staticmethod(_sequence_with_potentials(step)))


def _hard_step(node: type[BaseNode], charge: Charge) -> Callable[..., Any]:
    def step(x: torch.Tensor, v: torch.Tensor, v_threshold: float, v_reset: float, *more: float) -> Any:
        v = charge(x, v, v_reset, *more)
        spike = (v >= v_threshold).to(x)
        return spike, node.jit_hard_reset(v, spike, v_reset)

    return step


def _soft_step(node: type[BaseNode], charge: Charge) -> Callable[..., Any]:
    def step(x: torch.Tensor, v: torch.Tensor, v_threshold: float, *more: float) -> Any:
        v = charge(x, v, *more)
        spike = (v >= v_threshold).to(x)
        return spike, node.jit_soft_reset(v, spike, v_threshold)

    return step


def _sequence_with_potentials(step: Callable[..., Any]) -> Callable[..., Any]:
    def run(x_seq: torch.Tensor, v: torch.Tensor, *parameters: float) -> Any:
        spikes, potentials = [], []
        for x in x_seq.unbind(0):
            spike, v = step(x, v, *parameters)
            spikes.append(spike)
            potentials.append(v)
        return torch.stack(spikes), v, torch.stack(potentials)

    return run


def _sequence(step: Callable[..., Any]) -> Callable[..., Any]:
    run = _sequence_with_potentials(step)
    return lambda x_seq, v, *parameters: run(x_seq, v, *parameters)[:2]
