"""MNIST with a small convolutional network, trained as an ANN and converted in all published modes and more.

``python -m spikingjelly.activation_based.ann2snn.examples.cnn_mnist -T 50 -epochs 12 -data-dir MNIST_FOLDER``

Prints the accuracy of the ANN and, for each mode, of the spiking network after several numbers of time steps; saves all
of them as JSON, and the curves as a picture. Without ``-data-dir`` it uses the subset of MNIST that comes along.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import nn

from spikingjelly.activation_based import ann2snn, functional
from spikingjelly.activation_based.ann2snn.sample_models.mnist_cnn import CNN
from spikingjelly.activation_based.examples.common import ann_training, command, curves, flags, pictures, run_folder
from spikingjelly.datasets import MNIST, MNISTSubset

MODES: dict[str, str | float] = {
    "max": "max",
    "99.9%": "99.9%",
    "1/2": 1 / 2,
    "1/3": 1 / 3,
    "1/4": 1 / 4,
    "1/5": 1 / 5,
}
METHODS = ("opi", "bias")
# The tutorial's accuracies after 50 steps, of another training.
PUBLISHED = {
    "ann": 0.9870, "max": 0.9777, "99.9%": 0.9841, "1/2": 0.9844, "1/3": 0.9828, "1/4": 0.9747, "1/5": 0.9487,
}  # fmt: skip
Loader = list[tuple[torch.Tensor, ...]]


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="cnn_mnist", description="Train a CNN on MNIST and convert it to spiking networks.", allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    parser.add_argument("-T", type=int, default=50, help="time steps of the spiking networks")
    parser.add_argument("-epochs", type=int, default=12, help="epochs of the ANN's training")
    parser.add_argument("-b", type=int, default=128, help="batch size of the training")
    parser.add_argument("-lr", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("-limit", type=float, default=3.0, help="activations above it are punished; 0 for no limit")
    parser.add_argument("-limit-weight", type=float, default=0.03, help="how much they are punished")
    parser.add_argument("-clip", type=float, default=0.15, help="least part of -limit to clip at in training; 1: none")
    parser.add_argument(
        "-levels", type=int, default=25, help="levels of clipped activations in training; 0: no rounding"
    )
    parser.add_argument("-channels", type=int, default=32, help="channels of each convolution")
    parser.add_argument("-device", default="cuda:0" if torch.cuda.is_available() else "cpu", help="where to compute")
    parser.add_argument("-data-dir", type=Path, help="folder of MNIST; without it, the subset that comes along is used")
    parser.add_argument("-download", action="store_true", help="download MNIST to -data-dir if it is not there")
    parser.add_argument("-calibration", type=int, default=10000, help="training images to measure activations on")
    parser.add_argument("-ann", type=Path, help="weights of a trained ANN, as ann.pth of an earlier run: no training")
    parser.add_argument("-out-dir", type=Path, default=Path("logs/ann2snn_mnist"), help="where results go")
    parser.add_argument("-seed", type=int, default=2020, help="seed of all random numbers")
    args = parser.parse_args(argv)
    for flag in ("T", "epochs", "b", "channels", "calibration"):
        if getattr(args, flag) < 1:
            parser.error(f"-{flag} must be at least 1, but {getattr(args, flag)} was given")
    if not 0 < args.clip <= 1:
        parser.error(f"-clip must be greater than 0 and at most 1, but {args.clip} was given")
    for flag in ("limit", "limit_weight", "levels"):
        if getattr(args, flag) < 0:
            parser.error(f"-{flag.replace('_', '-')} must be at least 0, but {getattr(args, flag)} was given")
    if args.download and args.data_dir is None:
        parser.error("-download needs -data-dir, the folder to download to")
    if args.ann is not None and not args.ann.is_file():
        parser.error(f"-ann: there is no file {args.ann}")
    args.command = flags.command_of("spikingjelly.activation_based.ann2snn.examples.cnn_mnist", argv)
    return args


def trained_ann(args: argparse.Namespace, images: torch.Tensor, labels: torch.Tensor) -> CNN:
    """The network, trained on images that are shifted by up to 2 pixels and rotated by up to 10 degrees.

    What the modes lose differs. 'max' loses small activations: a spike stands for the largest activation of all, an
    outlier, and after T steps what is below a T-th of it is rounded down to nothing. 1/5 loses large ones: rates end at
    1. So activations above ``-limit`` are punished, and half of the batches see activations as the modes leave them:
    clipped at a random part of the limit, down to ``-clip``, and rounded down to ``-levels`` levels.
    """
    torch.manual_seed(args.seed)
    ann = CNN(args.channels)
    if args.ann is not None:
        ann.load_state_dict(torch.load(args.ann, map_location="cpu", weights_only=True))
        return ann.to(args.device)
    recipe = ann_training.Recipe(
        args.epochs,
        args.b,
        args.lr,
        shift=2.0,
        rotation=10.0,
        activation_limit=args.limit or None,
        activation_weight=args.limit_weight,
        clip=args.clip if args.limit else 1.0,
        levels=args.levels or None,
    )
    ann_training.train(ann, images, labels, recipe, args.device)
    torch.save(ann.state_dict(), args.out_dir / "ann.pth")
    return ann


def conversions(ann: nn.Module, calibration: Loader, T: int) -> Iterator[tuple[str, Callable[[], nn.Module]]]:
    """Name and function for each way to convert."""

    def with_mode(mode: str | float) -> nn.Module:
        snn = ann2snn.Converter(calibration, mode=mode)(ann)
        functional.set_step_mode(snn, "m")
        ann2snn.fold_scales(snn)  # type: ignore[arg-type]
        return snn

    for name, mode in MODES.items():
        yield name, lambda mode=mode: with_mode(mode)  # type: ignore[misc]
    for method in METHODS:
        few = calibration[:2]  # 1000 images are enough for them, and a calibration simulates all of them
        yield method, lambda method=method, few=few: ann2snn.convert(ann, few, method, T)  # type: ignore[misc]


def main(argv: Sequence[str] | None = None) -> dict[str, dict[int, float]]:
    """Train, convert, test; gives the accuracy after each time step for each mode and method."""
    args = parse(argv)
    args.out_dir.mkdir(parents=True, exist_ok=True)
    if args.data_dir is None:
        print("No -data-dir: using the subset of MNIST that comes along (6000 images, 1000 for the test).")
    splits = [
        MNISTSubset(train) if args.data_dir is None else MNIST(args.data_dir, train, download=args.download)
        for train in (True, False)
    ]
    (images, labels), (test_images, test_labels) = ((split.data.unsqueeze(1), split.targets) for split in splits)
    ann = trained_ann(args, images, labels)
    ann_accuracy = ann_training.accuracy(ann, test_images, test_labels, args.device)
    print(f"ANN: test accuracy {ann_accuracy:.2%}")

    chosen = torch.randperm(len(images))[: args.calibration]
    calibration = list(ann_training.batches_of(images[chosen], labels[chosen], batch_size=500, shuffle=False))
    test = list(ann_training.batches_of(test_images, test_labels, batch_size=100, shuffle=False))
    results: dict[str, dict[int, float]] = {}
    steps = sorted({t for t in (1, 2, 4, 8, 16, 32) if t < args.T} | {args.T})
    for name, convert in conversions(ann, calibration, args.T):
        accuracies = ann2snn.accuracy_over_time(convert(), test, args.T).tolist()
        results[name] = dict(enumerate(accuracies, 1))
        print(f"{name:>7}: " + ", ".join(f"T={t} {results[name][t]:.2%}" for t in steps), flush=True)
    outcome = {"T": args.T, "seed": args.seed, "ann": ann_accuracy, "published": PUBLISHED, "snn": results}
    data = "the subset of MNIST that comes along" if args.data_dir is None else "MNIST"
    run_folder.save_record(args.out_dir / "accuracy.json", args, data, outcome)
    if not pictures.matplotlib_is_missing():
        picture = args.out_dir / "accuracy.png"
        curves.draw_panels(picture, {"MNIST: converted CNN": curves.Panel(results, ann_accuracy)}, lowest=0.5)
        print(f"Picture: {picture.resolve()}")
    return results


if __name__ == "__main__":
    command.run("cnn_mnist", main)
