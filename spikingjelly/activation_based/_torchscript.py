"""What TorchScript, the compiler before `torch.compile`, can't do with a module that has a state."""

import warnings

import torch
from torch import nn


def refusal(module: nn.Module) -> str:
    """Why ``torch.jit.script`` stops at ``module``."""
    return (
        f"torch.jit.script can't compile {type(module).__name__}, whose state lives from one call to the next. Use "
        "torch.compile(net) for speed, and onnx_exchange.ExplicitNetwork with torch.export, or "
        "onnx_exchange.export_to_onnx, for a network without Python."
    )


def warn_of_trace(module: nn.Module) -> None:
    """Warn that ``torch.jit.trace`` makes a constant of the present state, and forgets the one after the call.

    A sequence that starts from reset is traced as it is.
    """
    starts_at_rest = not any(isinstance(value, torch.Tensor) for value in module.__dict__["_memories"].values())
    if starts_at_rest and getattr(module, "step_mode", "s") == "m":
        return
    warnings.warn(
        f"{type(module).__name__}: torch.jit.trace records no state: each call of the traced network starts from the "
        "state of this moment. Call functional.reset_net(net) and trace whole sequences (step_mode='m', with "
        "check_trace=False, because the check goes on with the state), or use onnx_exchange.ExplicitNetwork.",
        torch.jit.TracerWarning,
        stacklevel=3,
    )
