"""CIFAR-10 with a residual network of 18 layers, trained as an ANN and converted.

``python -m spikingjelly.activation_based.ann2snn.examples.resnet18_cifar10 -data-dir CIFAR10_FOLDER -T 64 -epochs 60``

The folder holds the files of the binary version of CIFAR-10. Prints the accuracy of the ANN and of the spiking networks
after several numbers of time steps, saves them as JSON, and the curves as a picture. Training takes a GPU.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from spikingjelly.activation_based import ann2snn, functional
from spikingjelly.activation_based.ann2snn.examples import cifar10_binary
from spikingjelly.activation_based.ann2snn.sample_models import cifar10_resnet
from spikingjelly.activation_based.examples.common import ann_training, curves, pictures


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="resnet18_cifar10", description="Train ResNet-18 on CIFAR-10 and convert it.", allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    parser.add_argument("-data-dir", type=Path, required=True, help="folder of the binary version of CIFAR-10")
    parser.add_argument("-T", type=int, default=64, help="time steps of the spiking networks")
    parser.add_argument(
        "-mode", default="99.9%", help="mode of the published conversion: max, a percentile, or a float"
    )
    parser.add_argument(
        "-methods", nargs="*", default=["opi", "bias"], choices=sorted(ann2snn.METHODS), help="more ways"
    )
    parser.add_argument("-epochs", type=int, default=60, help="epochs of the ANN's training")
    parser.add_argument("-b", type=int, default=128, help="batch size")
    parser.add_argument("-lr", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("-width", type=int, default=64, help="channels of the first stage")
    parser.add_argument("-calibration", type=int, default=1000, help="training images for the conversion")
    parser.add_argument("-ann", type=Path, help="weights of a trained ANN, as ann.pth of an earlier run: no training")
    parser.add_argument("-device", default="cuda:0" if torch.cuda.is_available() else "cpu", help="where to compute")
    parser.add_argument("-out-dir", type=Path, default=Path("logs/ann2snn_cifar10"), help="where results go")
    parser.add_argument("-seed", type=int, default=2020, help="seed of all random numbers")
    args = parser.parse_args(argv)
    for flag in ("T", "epochs", "b", "width", "calibration"):
        if getattr(args, flag) < 1:
            parser.error(f"-{flag} must be at least 1, but {getattr(args, flag)} was given")
    if args.ann is not None and not args.ann.is_file():
        parser.error(f"-ann: there is no file {args.ann}")
    return args


def main(argv: Sequence[str] | None = None) -> dict[str, dict[int, float]]:
    """Train, convert, test; gives the accuracy after each time step for each way to convert."""
    args = parse(argv)
    train, test = cifar10_binary.read(args.data_dir, train=True), cifar10_binary.read(args.data_dir, train=False)
    args.out_dir.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    ann = cifar10_resnet.ResNet(cifar10_resnet.BasicBlock, (2, 2, 2, 2), width=args.width)
    if args.ann is not None:
        ann.load_state_dict(torch.load(args.ann, map_location="cpu", weights_only=True))
    else:
        recipe = ann_training.Recipe(args.epochs, args.b, args.lr, weight_decay=0.05, shift=4.0, flip=True)
        ann_training.train(ann, *train, recipe, args.device)
        torch.save(ann.state_dict(), args.out_dir / "ann.pth")
    ann_accuracy = ann_training.accuracy(ann, *test, args.device)
    print(f"ANN: test accuracy {ann_accuracy:.2%}")

    chosen = torch.randperm(len(train[1]))[: args.calibration]
    calibration = list(ann_training.batches_of(*(part[chosen] for part in train), batch_size=args.b, shuffle=False))
    batches = list(ann_training.batches_of(*test, batch_size=args.b, shuffle=False))
    results = {}
    for name in (args.mode, *args.methods):
        if name in ann2snn.METHODS and name != args.mode:
            snn = ann2snn.convert(ann, calibration, name, args.T)
        else:
            mode = args.mode if args.mode.lower() == "max" or args.mode.endswith("%") else float(args.mode)
            snn = ann2snn.Converter(calibration, mode=mode)(ann)
            functional.set_step_mode(snn, "m")
        results[name] = dict(enumerate(ann2snn.accuracy_over_time(snn, batches, args.T).tolist(), 1))
        shown = [t for t in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512) if t < args.T] + [args.T]
        print(f"{name:>10}: " + ", ".join(f"T={t} {results[name][t]:.2%}" for t in shown), flush=True)
    summary = {"T": args.T, "seed": args.seed, "ann": ann_accuracy, "snn": results}
    (args.out_dir / "accuracy.json").write_text(json.dumps(summary, indent=1))
    if not pictures.matplotlib_is_missing():
        picture = args.out_dir / "accuracy.png"
        curves.draw_panels(picture, {"CIFAR-10: converted ResNet-18": curves.Panel(results, ann_accuracy)})
        print(f"Picture: {picture.resolve()}")
    return results


if __name__ == "__main__":
    try:
        main()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"resnet18_cifar10: {error}")
