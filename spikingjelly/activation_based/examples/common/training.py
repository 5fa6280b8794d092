"""Epochs of training and testing, with checkpoints, scalars, a record of the run and a picture of its outcome."""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader

from spikingjelly.activation_based.examples.common import pictures, run_folder
from spikingjelly.activation_based.examples.common.classifier import Classifier, Evaluation

PARTS = ("epoch", "net", "optimizer", "scaler", "random", "accuracy", "history")


@dataclass
class Outcome:
    """What a run came to.

    :param accuracy: on the test samples after the last epoch
    :param best: the highest of all epochs
    :param folder: of the run
    :param pictures: whether pictures can be drawn
    """

    accuracy: float
    best: float
    folder: Path
    pictures: bool


def run(
    args: argparse.Namespace,
    folder: Path,
    classifier: Classifier,
    train_loader: DataLoader,
    test_loader: DataLoader,
    classes: list[str],
    data: str,
) -> Outcome:
    """Train from the first epoch, or from ``args.resume`` on, to ``args.epochs``, and test after each.

    ``folder`` gets ``checkpoint_latest.pth``, ``checkpoint_max.pth`` (highest test accuracy), the scalars of
    TensorBoard, ``run.json`` (flags, versions, all epochs) and ``outcome.png`` (curves, confusion matrix).

    :param folder: of the run; it is made
    :param classes: their names, for the picture
    :param data: what the samples are, for the record
    """
    history = _resume(args, classifier)
    start = len(history)
    folder.mkdir(parents=True, exist_ok=True)
    can_draw = not pictures.matplotlib_is_missing()
    scalars = run_folder.Scalars(folder, purge_step=start)
    test = None
    for epoch in range(start, args.epochs):
        best_before = _best(history)
        row, test = _epoch(classifier, epoch, train_loader, test_loader)
        history.append(row)
        _save(folder, args, classifier, history, improved=test.accuracy > best_before)
        run_folder.save_record(folder / "run.json", args, data, {"epochs": history})
        scalars.add(epoch, **{name: value for name, value in row.items() if name != "epoch"})
        print(_line(row, _best(history)), flush=True)
    scalars.close()
    outcome = Outcome(history[-1]["test_acc"], _best(history), folder, can_draw)
    print(f"Test accuracy {outcome.accuracy:.2%} after {len(history)} epochs, best {outcome.best:.2%}.")
    if can_draw:
        picture = folder / "outcome.png"
        confusion = (test or classifier.evaluate(test_loader)).confusion
        pictures.draw_outcome(picture, history, confusion, classes)
        print(f"Curves and confusion matrix: {picture.resolve()}")
    return outcome


def _resume(args: argparse.Namespace, classifier: Classifier) -> list[dict[str, Any]]:
    """The epochs that lie behind."""
    if args.resume is None:
        return []
    state = run_folder.load_checkpoint(args.resume, PARTS)
    classifier.restore(state)
    print(f"Resumed from {args.resume} after epoch {state['epoch']}, test accuracy {state['accuracy']:.4f}.")
    return state["history"]


def _save(
    folder: Path, args: argparse.Namespace, classifier: Classifier, history: list[dict[str, Any]], improved: bool
) -> None:
    last = history[-1]
    state = classifier.state() | {
        "epoch": last["epoch"],
        "accuracy": last["test_acc"],
        "best": _best(history),
        "history": history,
    }
    run_folder.save_checkpoint(folder / "checkpoint_latest.pth", state)
    if improved:
        run_folder.save_checkpoint(folder / "checkpoint_max.pth", state)


def _epoch(
    classifier: Classifier, epoch: int, train_loader: DataLoader, test_loader: DataLoader
) -> tuple[dict[str, Any], Evaluation]:
    classifier.start_epoch(epoch)
    began = time.perf_counter()
    loss, train_accuracy, trained_on = classifier.train_epoch(train_loader, f"epoch {epoch}")
    trained = time.perf_counter()
    test = classifier.evaluate(test_loader)
    tested = time.perf_counter()
    row = {
        "epoch": epoch,
        "train_loss": loss,
        "train_acc": train_accuracy,
        "test_loss": test.loss,
        "test_acc": test.accuracy,
        "train_seconds": trained - began,
        "test_seconds": tested - trained,
        "train_speed": trained_on / (trained - began),
        "test_speed": int(test.confusion.sum()) / (tested - trained),
    }
    return row, test


def _best(history: list[dict[str, Any]]) -> float:
    return max((row["test_acc"] for row in history), default=-1.0)


def _line(row: dict[str, Any], best: float) -> str:
    return (
        f"epoch {row['epoch']}: train loss {row['train_loss']:.4f}, train accuracy {row['train_acc']:.4f}, "
        f"test accuracy {row['test_acc']:.4f} (best {best:.4f}), {row['train_seconds']:.1f} s to train "
        f"({row['train_speed']:.0f} samples/s), {row['test_seconds']:.1f} s to test ({row['test_speed']:.0f} samples/s)"
    )
