"""How the learning rate changes from epoch to epoch."""

import math
from typing import Any

from torch import optim

KINDS = ("cosa", "step", "exp")
WARM_UPS = ("linear", "constant")


def factor(epoch: int, args: Any) -> float:
    """The learning rate of an epoch, as a part of ``args.lr``: warm-up, then cosine ('cosa'), steps or powers."""
    warm_up = args.lr_warmup_epochs
    if epoch < warm_up:
        share = epoch / warm_up if args.lr_warmup_method == "linear" else 0.0
        return args.lr_warmup_decay + (1.0 - args.lr_warmup_decay) * share
    epoch, epochs = epoch - warm_up, args.epochs - warm_up
    if args.lr_scheduler == "cosa":
        return 0.5 * (1.0 + math.cos(math.pi * min(epoch, epochs) / max(epochs, 1)))
    if args.lr_scheduler == "step":
        return args.lr_gamma ** (epoch // args.lr_step_size)
    return args.lr_gamma**epoch


def make_scheduler(args: Any, optimizer: optim.Optimizer) -> optim.lr_scheduler.LRScheduler:
    """The scheduler that ``args.lr_scheduler`` names.

    :raises ValueError: for another name
    """
    if args.lr_scheduler not in KINDS:
        raise ValueError(f"--lr-scheduler must be one of {', '.join(KINDS)}, but {args.lr_scheduler!r} was given.")
    if args.lr_warmup_method not in WARM_UPS:
        raise ValueError(
            f"--lr-warmup-method must be one of {', '.join(WARM_UPS)}, but {args.lr_warmup_method!r} was given."
        )
    return optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: factor(epoch, args))


def make_optimizer(args: Any, parameters: Any) -> optim.Optimizer:
    """The optimizer that ``args.opt`` names: 'sgd', 'sgd_nesterov', 'rmsprop', 'adam' or 'adamw'.

    :raises ValueError: for another name
    """
    name = args.opt.lower()
    if name in ("sgd", "sgd_nesterov"):
        return optim.SGD(
            parameters, lr=args.lr, momentum=args.momentum, weight_decay=args.weight_decay, nesterov="nesterov" in name
        )
    if name == "rmsprop":
        return optim.RMSprop(
            parameters, lr=args.lr, momentum=args.momentum, weight_decay=args.weight_decay, eps=0.0316, alpha=0.9
        )
    if name in ("adam", "adamw"):
        kind = optim.Adam if name == "adam" else optim.AdamW
        return kind(parameters, lr=args.lr, weight_decay=args.weight_decay)
    raise ValueError(f"--opt must be sgd, sgd_nesterov, rmsprop, adam or adamw, but {args.opt!r} was given.")
