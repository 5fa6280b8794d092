"""All ways to convert, side by side: one small network, accuracies at T = 1, 2, 4, ..., 64.

``python -m spikingjelly.activation_based.ann2snn.examples.compare -mnist MNIST_FOLDER -fashion FASHION_MNIST_FOLDER``

For each data set a CNN is trained with ReLUs and converted by each method; then its ReLUs are replaced by QCFS, it is
trained a little more, and converted again. Methods that fit the network to its number of time steps, and networks whose
layers wait for all of their input, are converted anew for each T. Saves a table in Markdown, all numbers as JSON and a
picture. Without a folder it uses the subset of MNIST that comes along. All of MNIST and Fashion-MNIST takes an hour or
two: a run that was killed goes on, with the same flags, from ``-resume OUT_DIR/checkpoint.pth``, which is written after
each training and each method.
"""

import argparse
import copy
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from spikingjelly.activation_based import ann2snn
from spikingjelly.activation_based.ann2snn.sample_models.mnist_cnn import CNN
from spikingjelly.activation_based.examples.common import ann_training, curves, pictures, run_folder
from spikingjelly.datasets import MNIST, DatasetFormatError, DatasetNotFoundError, FashionMNIST, MNISTSubset

RELU_METHODS = ("max", "robust", "opi", "local", "bias", "potential", "weights", "signed", "delayed")
QCFS_METHODS = ("qcfs", "qcfs_delayed")
NO_SETTINGS = ("out_dir", "resume")
Loader = list[tuple[torch.Tensor, ...]]


@dataclass(frozen=True)
class Task:
    """A data set and how to train on it."""

    name: str
    train: tuple[torch.Tensor, torch.Tensor]
    test: tuple[torch.Tensor, torch.Tensor]
    recipe: ann_training.Recipe
    weights: Path | None


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="compare", description="Compare all ways to convert an ANN.", allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    parser.add_argument("-mnist", type=Path, help="folder of MNIST")
    parser.add_argument("-fashion", type=Path, help="folder of Fashion-MNIST")
    parser.add_argument("-mnist-ann", type=Path, help="weights of a CNN trained on MNIST, as of cnn_mnist: no training")
    parser.add_argument("-fashion-ann", type=Path, help="the same for Fashion-MNIST")
    parser.add_argument("-steps", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64], help="numbers of time steps")
    parser.add_argument("-epochs", type=int, default=8, help="epochs with ReLUs")
    parser.add_argument("-qcfs-epochs", type=int, default=4, help="epochs with QCFS")
    parser.add_argument("-L", type=int, default=4, help="levels of QCFS")
    parser.add_argument("-channels", type=int, default=32, help="channels of each convolution")
    parser.add_argument("-calibration", type=int, default=1000, help="training images for the conversion")
    parser.add_argument("-test-images", type=int, default=10000, help="test images, from the first on")
    parser.add_argument("-device", default="cuda:0" if torch.cuda.is_available() else "cpu", help="where to compute")
    parser.add_argument("-out-dir", type=Path, default=Path("logs/ann2snn_compare"), help="where results go")
    parser.add_argument("-seed", type=int, default=2020, help="seed of all random numbers")
    parser.add_argument("-resume", type=Path, help="checkpoint.pth of a run with the same flags: go on with it")
    args = parser.parse_args(argv)
    for flag in ("epochs", "qcfs_epochs", "L", "channels", "calibration", "test_images"):
        if getattr(args, flag) < 1:
            parser.error(f"-{flag.replace('_', '-')} must be at least 1, but {getattr(args, flag)} was given")
    if min(args.steps) < 1:
        parser.error(f"-steps must be at least 1, but {min(args.steps)} was given")
    return args


def tasks(args: argparse.Namespace) -> list[Task]:
    """The data sets whose folders are given; else the subset of MNIST."""
    digits = ann_training.Recipe(epochs=args.epochs, shift=2.0, rotation=10.0)
    clothes = ann_training.Recipe(epochs=args.epochs, shift=1.0, flip=True)
    found = []
    if args.mnist is not None:
        found.append(_task("MNIST", MNIST(args.mnist, True), MNIST(args.mnist, False), digits, args.mnist_ann, args))
    if args.fashion is not None:
        splits = FashionMNIST(args.fashion, True), FashionMNIST(args.fashion, False)
        found.append(_task("Fashion-MNIST", *splits, clothes, args.fashion_ann, args))
    if not found:
        print("No folder: using the subset of MNIST that comes along (6000 images, 1000 for the test).")
        found.append(_task("MNIST (subset)", MNISTSubset(True), MNISTSubset(False), digits, args.mnist_ann, args))
    return found


def _task(
    name: str,
    train: MNIST | FashionMNIST | MNISTSubset,
    test: MNIST | FashionMNIST | MNISTSubset,
    recipe: ann_training.Recipe,
    weights: Path | None,
    args: argparse.Namespace,
) -> Task:
    (images, labels), (test_images, test_labels) = ((s.data.unsqueeze(1), s.targets) for s in (train, test))
    count = args.test_images
    return Task(name, (images, labels), (test_images[:count], test_labels[:count]), recipe, weights)


def accuracies(ann: nn.Module, name: str, calibration: Loader, test: Loader, steps: Sequence[int]) -> dict[int, float]:
    """The accuracy of the converted network after each number of steps."""
    method = ann2snn.METHODS[name]
    if not method.needs_T and method.neuron != "delayed":
        snn = ann2snn.convert(ann, calibration, method)
        curve = ann2snn.accuracy_over_time(snn, test, max(steps)).tolist()
        return {t: curve[t - 1] for t in steps}
    result = {}
    for t in steps:
        snn = ann2snn.convert(ann, calibration, method, t)
        result[t] = ann2snn.accuracy_over_time(snn, test, t)[-1].item()
    return result


class Progress:
    """What of a run is done, in a file: weights and accuracies of each data set.

    :raises FileNotFoundError: if ``-resume`` names no file
    :raises CheckpointError: (a ValueError) if that file is none of these, or of a run with other flags
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.path = args.out_dir / "checkpoint.pth"
        self.settings = settings_of(args)
        self.done: dict[str, dict[str, dict]] = {}
        if args.resume is None:
            return
        saved = run_folder.load_checkpoint(args.resume, ("settings", "done"))
        other = [key for key, value in self.settings.items() if saved["settings"].get(key) != value]
        if other:
            flags = ", ".join("-" + key.replace("_", "-") for key in other)
            raise run_folder.CheckpointError(
                f"{args.resume} is of a run with other values of {flags}: "
                "give the same flags to -resume, or start anew without it"
            )
        self.done = saved["done"]

    def of(self, task: str) -> dict[str, dict]:
        """What is known of ``task``: of ``"ann"``, ``"quantised"`` the weights, of ``"snn"`` accuracies by method."""
        return self.done.setdefault(task, {"snn": {}})

    def save(self) -> None:
        """Write all of it aside and rename."""
        run_folder.save_checkpoint(self.path, {"settings": self.settings, "done": self.done})


def settings_of(args: argparse.Namespace) -> dict[str, object]:
    """The flags that numbers depend on."""
    chosen = {key: value for key, value in vars(args).items() if key not in NO_SETTINGS}
    return {key: str(value) if isinstance(value, Path) else value for key, value in chosen.items()}


def with_qcfs(ann: nn.Module, task: Task, args: argparse.Namespace) -> nn.Module:
    """``ann`` with QCFS in the place of its ReLUs, with as large values as its ReLUs had; not trained yet."""
    return ann2snn.replace_activations(ann, args.L, dataloader=_batches(task.train, args.calibration, args.device))


def trained_with_qcfs(ann: nn.Module, task: Task, args: argparse.Namespace) -> nn.Module:
    """``ann`` with QCFS in the place of its ReLUs, trained a little more: batches with L levels and with 16 L in turn.

    With L levels alone the network learns that everything below half a level is 0. After more than L time steps that is
    there again, and accuracy falls. Batches with many levels, which are almost none, are what many time steps give.
    """
    quantised = with_qcfs(ann, task, args)
    activations = [module for module in quantised.modules() if isinstance(module, ann2snn.QCFS)]

    def set_levels(number: int) -> None:
        for activation in activations:
            activation.L = args.L * (1 if number % 2 == 0 else 16)

    recipe = replace(task.recipe, epochs=args.qcfs_epochs, lr=task.recipe.lr / 3)
    ann_training.train(quantised, *task.train, recipe, args.device, set_levels)
    set_levels(0)
    return quantised


def trained(task: Task, args: argparse.Namespace, progress: Progress) -> tuple[nn.Module, nn.Module]:
    """The network with ReLUs and the one with QCFS: from ``progress``, or trained and put there."""
    torch.manual_seed(args.seed)
    ann = CNN(args.channels)
    done = progress.of(task.name)
    if "quantised" in done:
        ann.load_state_dict(done["ann"])
        quantised = with_qcfs(ann, task, args)
        quantised.load_state_dict(done["quantised"])
        return ann.to(args.device).eval(), quantised.to(args.device).eval()
    if task.weights is not None:
        ann.load_state_dict(torch.load(task.weights, map_location="cpu", weights_only=True))
    else:
        ann_training.train(ann, *task.train, task.recipe, args.device)
    quantised = trained_with_qcfs(ann, task, args)
    done |= {"ann": ann.state_dict(), "quantised": quantised.state_dict()}
    progress.save()
    return ann, quantised


def run(task: Task, args: argparse.Namespace, progress: Progress) -> dict[str, object]:
    """Train and convert in all ways; gives accuracies by name."""
    ann, quantised = trained(task, args, progress)
    ann_accuracy = ann_training.accuracy(ann, *task.test, args.device)
    quantised_accuracy = ann_training.accuracy(quantised, *task.test, args.device)
    print(f"{task.name}: ANN {ann_accuracy:.2%}, with QCFS (L={args.L}) {quantised_accuracy:.2%}", flush=True)

    calibration = _batches(task.train, args.calibration, args.device)
    test = list(ann_training.batches_of(*task.test, batch_size=100, shuffle=False))
    table = progress.of(task.name)["snn"]
    for name in tqdm((*RELU_METHODS, *QCFS_METHODS), desc=task.name, unit="method", leave=False):
        if name not in table:
            network = quantised if name in QCFS_METHODS else ann
            table[name] = accuracies(copy.deepcopy(network), name, calibration, test, args.steps)
            progress.save()
        print(f"{name:>12}: " + ", ".join(f"T={t} {value:.2%}" for t, value in table[name].items()), flush=True)
    return {"ann": ann_accuracy, "quantised_ann": quantised_accuracy, "snn": table, "test_images": len(task.test[1])}


def _batches(data: tuple[torch.Tensor, torch.Tensor], count: int, device: str) -> Loader:
    chosen = torch.randperm(len(data[1]), generator=torch.Generator().manual_seed(0))[:count]
    parts = ann_training.batches_of(*(part[chosen] for part in data), batch_size=250, shuffle=False)
    return [(images.to(device), labels.to(device)) for images, labels in parts]


def main(argv: Sequence[str] | None = None) -> dict[str, dict]:
    """Run all data sets and save what came out; gives the results by data set."""
    args = parse(argv)
    args.out_dir.mkdir(parents=True, exist_ok=True)
    without_picture = pictures.matplotlib_is_missing()
    progress = Progress(args)
    results: dict[str, dict] = {}
    panels: dict[str, curves.Panel] = {}
    text = ["# ANN to SNN: test accuracy (%) by method and time steps", ""]
    for task in tasks(args):
        found = results[task.name] = dict(run(task, args, progress))
        ann, quantised = (f"{found[key]:.2%}" for key in ("ann", "quantised_ann"))
        text += [
            f"## {task.name}",
            "",
            f"ANN {ann}, ANN with QCFS (L={args.L}) {quantised}, {found['test_images']} images",
            "",
        ]
        text += [curves.markdown_table("method", found["snn"], args.steps), ""]
        panels[f"{task.name}: ANN {ann}, with QCFS {quantised}"] = curves.Panel(found["snn"], found["ann"])
    if not without_picture:
        curves.draw_panels(args.out_dir / "ann2snn.png", panels, lowest=0.5)
        text += ["![Accuracies over time steps](ann2snn.png)", ""]
    about = {"settings": progress.settings, "torch": torch.__version__, "python": platform.python_version()}
    text.append(f"Seed {args.seed}, {args.calibration} training images for the conversion, torch {torch.__version__}.")
    (args.out_dir / "ann2snn.md").write_text("\n".join(text) + "\n")
    (args.out_dir / "ann2snn.json").write_text(json.dumps({**about, "results": results}, indent=1))
    print(f"Results: {(args.out_dir / 'ann2snn.md').resolve()}")
    return results


if __name__ == "__main__":
    try:
        main()
    except (DatasetNotFoundError, FileNotFoundError, DatasetFormatError, run_folder.CheckpointError) as error:
        sys.exit(f"compare: {error}")
