"""A network that learns to classify: what happens to a batch, an epoch, a checkpoint."""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from spikingjelly.activation_based import functional
from spikingjelly.activation_based.examples.common.run_folder import CheckpointError

Tensors = Callable[[torch.Tensor], torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Evaluation:
    """How a set of samples was classified.

    :param loss: mean over the samples
    :param accuracy: share of the samples that were classified right
    :param confusion: int64 ``[classes, classes]``, samples of each class (row) by prediction (column)
    """

    loss: float
    accuracy: float
    confusion: torch.Tensor


def mse_of_rates(rates: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean squared error between firing rates ``[N, classes]`` and the one-hot labels."""
    return F.mse_loss(rates, F.one_hot(labels, rates.shape[1]).to(rates))


def squared_error_of_rates(rates: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """:func:`mse_of_rates`, but summed over the classes: its gradients are large enough for SGD."""
    return rates.shape[1] * mse_of_rates(rates, labels)


class Classifier:
    """A network, its optimizer and what happens to one batch.

    :param net: from samples to scores ``[N, classes]``, or what a subclass's :meth:`scores` makes of it; it is moved
        to ``args.device``
    :param args: the flags ``device``, ``opt``, ``lr``, ``momentum``, ``epochs``, ``amp``
    :param loss: of ``(scores, labels)``
    :param augment: what is done to the samples of a training batch first
    :param max_norm: to which norm all gradients together are scaled down where theirs is larger; None: to none
    :param cosine: whether the learning rate falls to 0 along a cosine over ``epochs``
    """

    def __init__(
        self,
        net: nn.Module,
        args: argparse.Namespace,
        *,
        loss: Loss = mse_of_rates,
        augment: Tensors | None = None,
        max_norm: float | None = None,
        cosine: bool = True,
    ) -> None:
        self.device = torch.device(args.device)
        # Convolutions and pooling are faster in this layout; other layers take no notice.
        self.net = net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.loss = loss
        self.augment = augment
        self.max_norm = max_norm
        self.lr, self.epochs, self.cosine = args.lr, args.epochs, cosine
        parameters = self.net.parameters()
        if args.opt == "sgd":
            self.optimizer: torch.optim.Optimizer = torch.optim.SGD(parameters, lr=args.lr, momentum=args.momentum)
        else:
            self.optimizer = torch.optim.Adam(parameters, lr=args.lr, fused=True)
        half = torch.float16 if self.device.type == "cuda" else torch.bfloat16
        self.autocast = torch.autocast(self.device.type, dtype=half, enabled=args.amp)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=args.amp and half is torch.float16)

    def scores(self, samples: torch.Tensor) -> torch.Tensor:
        """The scores ``[N, classes]`` of a batch; the highest one is the prediction."""
        functional.reset_net(self.net)
        return self.net(samples)

    def respond(self, samples: torch.Tensor) -> torch.Tensor:
        """The scores in float32, computed in mixed precision where ``args.amp`` says so."""
        with self.autocast:
            return self.scores(samples).float()

    def start_epoch(self, epoch: int) -> None:
        """Set the learning rate, which depends on nothing but the epoch: a resumed run needs no schedule's state."""
        share = 0.5 * (1 + math.cos(math.pi * epoch / self.epochs)) if self.cosine else 1.0
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * share

    def train_on(self, samples: torch.Tensor, labels: torch.Tensor) -> tuple[float, int]:
        """One step of the optimizer; gives the loss and the number of right predictions.

        :raises FloatingPointError: if the loss is not finite
        """
        scores = self.respond(samples if self.augment is None else self.augment(samples))
        loss = self.loss(scores, labels)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss became {loss.item()}: use a smaller -lr, or leave out -amp")
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        if self.max_norm is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.net.parameters(), self.max_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.item(), int((scores.argmax(1) == labels).sum())

    def train_epoch(self, loader: DataLoader, title: str) -> tuple[float, float, int]:
        """Mean loss, accuracy and number of samples of one pass through the training samples."""
        self.net.train()
        loss_sum, right, seen = 0.0, 0, 0
        with tqdm(loader, desc=title, unit="batch", leave=False) as bar:
            for samples, labels in bar:
                samples, labels = samples.to(self.device), labels.to(self.device)
                loss, right_now = self.train_on(samples, labels)
                loss_sum, right, seen = loss_sum + loss * len(labels), right + right_now, seen + len(labels)
                bar.set_postfix(loss=f"{loss_sum / seen:.4f}", acc=f"{right / seen:.4f}", refresh=False)
        return loss_sum / seen, right / seen, seen

    @torch.no_grad()
    def evaluate(self, loader: DataLoader) -> Evaluation:
        """Classify a set of samples."""
        self.net.eval()
        loss_sum = 0.0
        pairs = []
        for samples, labels in tqdm(loader, desc="test", unit="batch", leave=False):
            labels = labels.to(self.device)
            scores = self.respond(samples.to(self.device))
            classes = scores.shape[1]
            loss_sum += self.loss(scores, labels).item() * len(labels)
            pairs.append((labels * classes + scores.argmax(1)).cpu())
        counts = torch.bincount(torch.cat(pairs), minlength=classes**2).view(classes, classes)
        seen = int(counts.sum())
        return Evaluation(loss_sum / seen, int(counts.trace()) / seen, counts)

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state`.

        :raises CheckpointError: if it is the state of another network or optimizer
        """
        try:
            self.net.load_state_dict(state["net"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"the checkpoint does not fit this run: {error}\nPass the flags of the run that wrote it."
            ) from error
        self.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["random"])
        if self.device.type == "cuda" and state["random_cuda"] is not None:
            torch.cuda.set_rng_state(state["random_cuda"], self.device)
