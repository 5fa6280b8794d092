"""Operations of a tensor and spikes, which once were written for speed and are plain PyTorch."""

import torch

from spikingjelly.activation_based import neuron

__all__ = ["add", "hard_voltage_transform", "mul", "soft_voltage_transform", "sub"]


def add(x: torch.Tensor, spike: torch.Tensor) -> torch.Tensor:
    """``x + spike``"""
    return x + spike


def sub(x: torch.Tensor, spike: torch.Tensor) -> torch.Tensor:
    """``x - spike``"""
    return x - spike


def mul(x: torch.Tensor, spike: torch.Tensor) -> torch.Tensor:
    """``x * spike``"""
    return x * spike


def soft_voltage_transform(v: torch.Tensor, spike: torch.Tensor, v_threshold: float) -> torch.Tensor:
    """The soft reset: ``v - spike * v_threshold``."""
    return neuron.BaseNode.jit_soft_reset(v, spike, v_threshold)


def hard_voltage_transform(v: torch.Tensor, spike: torch.Tensor, v_reset: float) -> torch.Tensor:
    """The hard reset: ``(1 - spike) * v + spike * v_reset``."""
    return neuron.BaseNode.jit_hard_reset(v, spike, v_reset)
