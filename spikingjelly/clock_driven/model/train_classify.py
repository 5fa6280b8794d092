"""Training of classifiers: the :class:`Trainer` of today, and the functions of programs from before it.

A program that calls these functions has its own loop over epochs; the network is reset after each batch.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import functional
from spikingjelly.activation_based.model.train_classify import Trainer, seed_worker, set_deterministic
from spikingjelly.activation_based.model.tv_ref_classify import utils
from spikingjelly.activation_based.model.tv_ref_classify.utils import setup_for_distributed
from spikingjelly.clock_driven.model._batches import Means, Right

__all__ = [
    "Trainer",
    "default_cal_acc1_acc5",
    "evaluate",
    "on_master",
    "seed_worker",
    "set_deterministic",
    "setup_for_distributed",
    "train_one_epoch",
    "use_dist",
]

Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]


use_dist = utils.is_dist_avail_and_initialized
on_master = utils.is_main_process


def default_cal_acc1_acc5(output: torch.Tensor, target: torch.Tensor) -> tuple[float, float]:
    """How many samples of a batch have their class first, and among the first five.

    :param output: ``[N, classes]``
    :param target: classes ``[N]``
    """
    best = output.topk(min(5, output.shape[1]), dim=1).indices == target.unsqueeze(1)
    return best[:, 0].sum().item(), best.sum().item()


def train_one_epoch(
    model: nn.Module,
    criterion: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    optimizer: torch.optim.Optimizer,
    data_loader: Batches,
    device: Any,
    amp_scaler: Any = None,
    cal_acc1_acc5: Right = default_cal_acc1_acc5,
) -> tuple[float, float, float]:
    """A step of ``optimizer`` on each batch.

    :param amp_scaler: a gradient scaler for half precision, or None for full precision
    :param cal_acc1_acc5: ``(output, target)`` to the numbers of samples that are right at first and among five
    :return: the percentages of them, and the mean loss
    """
    model.train()
    means = Means("train", cal_acc1_acc5)
    for image, target in data_loader:
        image, target = image.to(device), target.to(device)
        with torch.autocast(image.device.type, enabled=amp_scaler is not None):
            output = model(image)
            loss = criterion(output, target)
        optimizer.zero_grad()
        if amp_scaler is None:
            loss.backward()
            optimizer.step()
        else:
            amp_scaler.scale(loss).backward()
            amp_scaler.step(optimizer)
            amp_scaler.update()
        functional.reset_net(model)
        means.add(output, target, loss)
    return means.report()


def evaluate(
    model: nn.Module,
    criterion: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    data_loader: Batches,
    device: Any,
    cal_acc1_acc5: Right = default_cal_acc1_acc5,
) -> tuple[float, float, float]:
    """Percentages and mean loss as of :func:`train_one_epoch`, without training."""
    model.eval()
    means = Means("test", cal_acc1_acc5)
    with torch.inference_mode():
        for image, target in data_loader:
            image, target = image.to(device), target.to(device)
            output = model(image)
            means.add(output, target, criterion(output, target))
            functional.reset_net(model)
    return means.report()
