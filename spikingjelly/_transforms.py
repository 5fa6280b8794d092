"""Whether operations are transformed by PyTorch while they are computed."""

import torch


def is_transformed() -> bool:
    """Whether a transform of `torch.func` (grad, vmap, jacrev, ...) or a derivative in forward mode is under way."""
    return torch._C._are_functorch_transforms_active() or torch.autograd.forward_ad._current_level >= 0
