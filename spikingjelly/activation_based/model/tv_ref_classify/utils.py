"""Processes, metrics and checkpoints of a training."""

import copy
import hashlib
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from spikingjelly.activation_based.model._training.metrics import MetricLogger, SmoothedValue, accuracy
from spikingjelly.activation_based.model._training.processes import (
    get_rank,
    get_world_size,
    init_distributed_mode,
    is_dist_avail_and_initialized,
    is_main_process,
    reduce_across_processes,
    setup_for_distributed,
)

__all__ = [
    "ExponentialMovingAverage",
    "MetricLogger",
    "SmoothedValue",
    "accuracy",
    "average_checkpoints",
    "get_rank",
    "get_world_size",
    "init_distributed_mode",
    "is_dist_avail_and_initialized",
    "is_main_process",
    "mkdir",
    "reduce_across_processes",
    "save_on_master",
    "set_weight_decay",
    "setup_for_distributed",
    "store_model_weights",
]


class ExponentialMovingAverage(AveragedModel):
    r"""A copy of a network whose weights and buffers follow those of the network slowly:

    .. math::
        \bar{w} \leftarrow \lambda \bar{w} + (1 - \lambda) w

    at each ``update_parameters(model)``, the first of which copies.

    :param model: the network
    :param decay: :math:`\lambda`, 0 <= decay < 1
    :param device: where the copy lives

    :raises ValueError: for another ``decay``
    """

    def __init__(self, model: nn.Module, decay: float, device: str | torch.device = "cpu") -> None:
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"ExponentialMovingAverage: decay must be in 0 <= decay < 1, but {decay} was given.")

        def follow(average: torch.Tensor, value: torch.Tensor, _: torch.Tensor | int) -> torch.Tensor:
            return torch.lerp(value.to(average.device), average, decay) if average.is_floating_point() else value

        super().__init__(model, torch.device(device), follow, use_buffers=True)


def mkdir(path: str | os.PathLike[str]) -> None:
    """Make the folder and those above it, where they do not exist."""
    os.makedirs(path, exist_ok=True)


def save_on_master(content: Any, path: Any, *args: Any, **kwargs: Any) -> None:
    """:func:`torch.save` in the main process. A file is written aside and renamed, so that it is never half a file.

    :param content: what is saved
    :param path: a path, or an open file
    """
    if not is_main_process():
        return
    if not isinstance(path, str | os.PathLike):
        torch.save(content, path, *args, **kwargs)
        return
    aside = Path(f"{os.fspath(path)}.{os.getpid()}.part")
    try:
        torch.save(content, aside, *args, **kwargs)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def average_checkpoints(inputs: Sequence[str | os.PathLike[str]]) -> dict[str, Any]:
    """The last of several checkpoints with the mean of all their weights under 'model'.

    :param inputs: their files

    :raises ValueError: if there is none, or if their weights have not the same names
    """
    if not inputs:
        raise ValueError("average_checkpoints: inputs must be paths of checkpoints, but an empty list was given.")
    checkpoints = [torch.load(path, map_location="cpu", weights_only=True) for path in inputs]
    names = checkpoints[0]["model"].keys()
    for path, checkpoint in zip(inputs, checkpoints, strict=True):
        if checkpoint["model"].keys() != names:
            raise ValueError(f"average_checkpoints: the weights in {path} have not the names of those in {inputs[0]}.")
    last = checkpoints[-1]
    for name, value in last["model"].items():
        if value.is_floating_point():
            last["model"][name] = torch.stack([c["model"][name] for c in checkpoints]).mean(0)
    return last


def store_model_weights(
    model: nn.Module, checkpoint_path: str | os.PathLike[str], checkpoint_key: str = "model", strict: bool = True
) -> str:
    """Write the weights of a checkpoint to a file of their own beside it, ``weights-<start of their SHA-256>.pth``, as
    :func:`torch.hub.load_state_dict_from_url` checks them.

    :param model: the network that has to take them; it keeps its own
    :param checkpoint_path: a checkpoint of a training
    :param checkpoint_key: which weights: 'model', or 'model_ema' for the moving average
    :param strict: whether the names have to be those of ``model``
    :return: the path of the file

    :raises KeyError: if the checkpoint has no ``checkpoint_key``
    :raises RuntimeError: if ``model`` can't take the weights
    """
    checkpoint = torch.load(checkpoint_path, map_location="cpu", weights_only=True)
    if checkpoint_key not in checkpoint:
        raise KeyError(f"store_model_weights: {checkpoint_path} has {', '.join(checkpoint)} and no {checkpoint_key!r}.")
    weights = checkpoint[checkpoint_key]
    if checkpoint_key == "model_ema":
        weights = {name.removeprefix("module."): value for name, value in weights.items() if name != "n_averaged"}
    taken = copy.deepcopy(model)
    taken.load_state_dict(weights, strict=strict)
    content = io.BytesIO()
    torch.save(taken.state_dict(), content)
    name = f"weights-{hashlib.sha256(content.getvalue()).hexdigest()[:8]}.pth"
    path = Path(checkpoint_path).absolute().parent / name
    path.write_bytes(content.getvalue())
    return str(path)


def set_weight_decay(
    model: nn.Module, weight_decay: float, norm_weight_decay: float | None = None
) -> list[dict[str, Any]]:
    """The parameters in groups for an optimizer, where those of normalisations decay by ``norm_weight_decay``.

    :param norm_weight_decay: None for ``weight_decay``
    """
    of_norms: Callable[[nn.Module], bool] = lambda module: isinstance(  # noqa: E731
        module, nn.modules.batchnorm._BatchNorm | nn.GroupNorm | nn.LayerNorm
    )
    norms = [p for module in model.modules() if of_norms(module) for p in module.parameters(recurse=False)]
    if norm_weight_decay is None or not norms:
        return [{"params": [p for p in model.parameters() if p.requires_grad], "weight_decay": weight_decay}]
    known = {id(p) for p in norms}
    others = [p for p in model.parameters() if p.requires_grad and id(p) not in known]
    return [
        {"params": others, "weight_decay": weight_decay},
        {"params": [p for p in norms if p.requires_grad], "weight_decay": norm_weight_decay},
    ]
