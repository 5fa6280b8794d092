"""Lets the published package import torchvision, whose released builds look for operators made for CUDA."""

import torch

_kept: list[torch.library.Library] = []  # the declarations go with it


def declare() -> None:
    """Declare the operators that torchvision registers its gradients for, where no build of it has done so."""
    if not hasattr(torch.ops.torchvision, "nms"):
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(library)
