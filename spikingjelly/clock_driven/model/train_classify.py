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
from spikingjelly.clock_driven.model._loop import Progress, run, without_wrapper

__all__ = [
    "Trainer",
    "default_cal_acc1_acc5",
    "distributed_training_init",
    "evaluate",
    "on_master",
    "seed_worker",
    "set_deterministic",
    "setup_for_distributed",
    "train_eval_loop",
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


def distributed_training_init(args: Any, model: nn.Module) -> nn.Module:
    """``model`` on ``args.device``; where ``torchrun`` started several processes, as one that they train together.

    :param args: has ``device``, ``sync_bn`` (whether batch statistics are of all processes) and, for several
        processes, ``dist_url``. Gets ``distributed`` and, for several, ``rank``, ``world_size``, ``gpu``
    """
    utils.init_distributed_mode(args)
    model.to(args.device)
    if not args.distributed:
        return model
    if getattr(args, "sync_bn", False):
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    on_gpu = torch.device(args.device).type == "cuda"
    return nn.parallel.DistributedDataParallel(model, device_ids=[args.gpu] if on_gpu else None)


def train_eval_loop(
    args: Any,
    device: Any,
    model: nn.Module,
    criterion: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    optimizer: torch.optim.Optimizer,
    lr_scheduler: Any,
    train_data_loader: Any,
    test_data_loader: Any,
    max_epoch: int,
    use_amp: bool = False,
    tb_log_dir: str | None = None,
    pt_dir: str | None = None,
    resume_pt: str | None = None,
    cal_acc1_acc5: Right = default_cal_acc1_acc5,
) -> None:
    """:func:`train_one_epoch`, a step of ``lr_scheduler`` and :func:`evaluate`, in each of ``max_epoch`` epochs.

    :param args: what is printed; its numbers and texts are kept in the checkpoints
    :param use_amp: whether to train in half precision
    :param tb_log_dir: the folder for TensorBoard's scalars ``train_acc1``, ``train_acc5``, ``train_loss`` and the same
        of ``test``, or None
    :param pt_dir: the folder for the checkpoints ``ckp_latest.pt`` and, of the best epoch, ``ckp_max_test_acc1.pt``, or
        None
    :param resume_pt: a checkpoint to go on from, or None

    :raises ImportError: for ``tb_log_dir`` without TensorBoard
    :raises KeyError: if ``resume_pt`` is no checkpoint of this function
    """
    scaler = torch.amp.GradScaler(torch.device(device).type) if use_amp else None
    parts = {"model": without_wrapper(model), "optimizer": optimizer, "lr_scheduler": lr_scheduler}
    progress = Progress(args, parts if scaler is None else {**parts, "amp_scaler": scaler}, tb_log_dir, pt_dir)
    if resume_pt is not None:
        progress.resume(resume_pt)

    def train() -> tuple[float, float, float]:
        results = train_one_epoch(model, criterion, optimizer, train_data_loader, device, scaler, cal_acc1_acc5)
        lr_scheduler.step()
        return results

    def test() -> tuple[float, float, float]:
        return evaluate(model, criterion, test_data_loader, device, cal_acc1_acc5)

    run(progress, max_epoch, train, test, getattr(train_data_loader, "sampler", None))
    progress.close()
