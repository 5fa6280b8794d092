"""MNIST with one layer of ten tempotrons, each of which should fire for one digit.

``python -m spikingjelly.timing_based.examples.tempotron_mnist -T 100 -m 16 -b 64 -epochs 6 -data-dir MNIST_FOLDER``

m neurons with Gaussian tuning curves stand for each pixel, and fire the earlier the closer its brightness is to theirs.
The tempotron with the largest potential is the prediction. A tempotron learns only from its mistakes, and images that
it just gets right teach it nothing; in training, thresholds are therefore moved against it by a margin, up where it
should fire and down where it should not. Weights, TensorBoard scalars, ``run.json`` (flags, versions, all epochs) and a
picture of one image's spikes and potentials lie in ``-out-dir``.
"""

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from spikingjelly import visualizing
from spikingjelly.activation_based.examples.common import batches, command, flags, pictures, run_folder
from spikingjelly.activation_based.examples.common.images import SUBSET
from spikingjelly.datasets import MNIST, MNISTSubset
from spikingjelly.timing_based import encoding, neuron

CLASSES = 10


class Net(nn.Module):
    """Gaussian tuning of each pixel, then ten tempotrons: images ``[N, 1, 28, 28]`` in [0, 1] to ``[N, 10]``.

    :param m: input neurons for each pixel
    :param T: time steps
    :param tau: membrane time constant in time steps; that of the synapses is a quarter of it
    """

    def __init__(self, m: int, T: int, tau: float) -> None:
        super().__init__()
        self.T = T
        self.encoder = encoding.GaussianTuning(1, m, 0.0, 1.0)
        self.tempotron = neuron.Tempotron(28 * 28 * m, CLASSES, T, tau, tau / 4)

    def spike_times(self, images: torch.Tensor) -> torch.Tensor:
        """Times of the input spikes ``[N, 784 * m]``, -1 for no spike."""
        return self.encoder.encode(images.flatten(1).unsqueeze(1), self.T).flatten(1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The largest potential of each tempotron."""
        return self.tempotron(self.spike_times(images), "v_max")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = flags.parser(
        "tempotron_mnist", "Classify MNIST with ten tempotrons.", T=100, b=64, epochs=6, lr=5e-4, resume=False,
        workers=False,
    )  # fmt: skip
    parser.add_argument("-m", type=int, default=16, help="input neurons for each pixel, at least 3")
    parser.add_argument("-tau", type=float, default=15.0, help="membrane time constant in time steps")
    parser.add_argument("-margin", type=float, default=0.5, help="how far thresholds are moved in training")
    args = flags.parse(parser, argv, package="spikingjelly.timing_based.examples")
    if args.m < 3:
        parser.error(f"-m must be at least 3, but {args.m} was given")
    if not args.tau > 0:
        parser.error(f"-tau must be greater than 0, but {args.tau} was given")
    if not args.margin >= 0:
        parser.error(f"-margin must be at least 0, but {args.margin} was given")
    return args


def images_of(args: argparse.Namespace, train: bool) -> DataLoader:
    """The loader of one split."""
    images = MNISTSubset(train) if args.data_dir is None else MNIST(args.data_dir, train, download=args.download)
    return batches.loader(images.data, images.targets, args.b, train)


class Classifier:
    """The network, its optimizer, and what happens to one batch."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.device = torch.device(args.device)
        self.net = Net(args.m, args.T, args.tau).to(self.device)
        self.margin, self.lr, self.epochs = args.margin, args.lr, args.epochs
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=args.lr, fused=True)

    def loss(self, v_max: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The loss of tempotrons whose thresholds are moved against them by the margin."""
        should_fire = F.one_hot(labels, CLASSES)
        moved = self.net.tempotron.v_threshold + self.margin * (2 * should_fire - 1)
        return neuron.Tempotron.mse_loss(v_max, moved, labels, CLASSES)

    def train_epoch(self, loader: DataLoader, epoch: int) -> tuple[float, float]:
        """Mean loss and accuracy over one pass through the training images.

        :raises FloatingPointError: if no tempotron learns any more
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * 0.5 * (1 + math.cos(math.pi * epoch / self.epochs))
        loss_sum, right, seen = 0.0, 0, 0
        with tqdm(loader, desc=f"epoch {epoch}", unit="batch", leave=False) as bar:
            for images, labels in bar:
                labels = labels.to(self.device)
                v_max = self.net(images.to(self.device))
                loss = self.loss(v_max, labels)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                loss_sum, seen = loss_sum + loss.item() * len(labels), seen + len(labels)
                right += int((v_max.argmax(1) == labels).sum())
                bar.set_postfix(loss=f"{loss_sum / seen:.4f}", acc=f"{right / seen:.4f}", refresh=False)
        if not v_max.any():
            raise FloatingPointError(
                "no potential rises above that of the start, 0, which no weight can change: the weights have been "
                "changed too much at once. Use a smaller -lr"
            )
        return loss_sum / seen, right / seen

    @torch.no_grad()
    def accuracy(self, loader: DataLoader) -> float:
        """Accuracy over a set of images."""
        right, seen = 0, 0
        for images, labels in tqdm(loader, desc="test", unit="batch", leave=False):
            right += int((self.net(images.to(self.device)).argmax(1).cpu() == labels).sum())
            seen += len(labels)
        return right / seen

    @torch.no_grad()
    def draw(self, path: Path, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Save a picture of the first image: when its input neurons fire, and the potentials of the tempotrons."""
        from matplotlib.figure import Figure

        times = self.net.spike_times(images[:1].to(self.device))
        v = self.net.tempotron(times)[0].cpu()
        maps = times.view(28, 28, -1).permute(2, 0, 1).cpu()
        columns = math.ceil(math.sqrt(len(maps)))
        figure = Figure(figsize=(13, 5.5), layout="constrained")
        left, right = cast("np.ndarray", figure.subfigures(1, 2))
        visualizing.plot_2d_feature_map(
            maps.masked_fill(maps < 0, math.nan), math.ceil(len(maps) / columns), columns, 2,
            f"input: digit {int(labels[0])}, the {len(maps)} neurons of each pixel (white: no spike)",
            colorbar_y_label="time step of the spike", figure=left,
        )  # fmt: skip
        visualizing.plot_2d_heatmap(
            v.t(), f"output: prediction {int(v.amax(1).argmax())}", "time step", "tempotron",
            colorbar_y_label="membrane potential (threshold 1)", figure=right,
        )  # fmt: skip
        figure.savefig(path, dpi=120)


def one_epoch(
    classifier: Classifier, epoch: int, train_loader: DataLoader, test_loader: DataLoader
) -> dict[str, float]:
    """Train and test once; what came out, and how long it took."""
    began = time.perf_counter()
    loss, train_accuracy = classifier.train_epoch(train_loader, epoch)
    trained = time.perf_counter()
    accuracy = classifier.accuracy(test_loader)
    return {
        "epoch": epoch, "train_loss": loss, "train_acc": train_accuracy, "test_acc": accuracy,
        "train_seconds": trained - began, "test_seconds": time.perf_counter() - trained,
    }  # fmt: skip


def best_of(history: Sequence[dict[str, float]]) -> float:
    """The highest test accuracy so far."""
    return max(row["test_acc"] for row in history)


def line_of(history: Sequence[dict[str, float]]) -> str:
    """What is said of the last epoch."""
    return (
        "epoch {epoch}: train loss {train_loss:.4f}, train accuracy {train_acc:.4f}, test accuracy {test_acc:.4f} "
        "(best {best:.4f}), {train_seconds:.1f} s to train, {test_seconds:.1f} s to test"
    ).format(**history[-1], best=best_of(history))


def main(argv: Sequence[str] | None = None) -> float:
    """Train, test after each epoch, save weights and record, draw; gives the last test accuracy."""
    args = parse(argv)
    torch.manual_seed(args.seed)
    if args.data_dir is None:
        print(f"No -data-dir: training on {SUBSET}.")
    train_loader, test_loader = images_of(args, train=True), images_of(args, train=False)
    classifier = Classifier(args)
    folder = args.out_dir / f"tempotron_T{args.T}_m{args.m}_b{args.b}_lr{args.lr}_tau{args.tau}_margin{args.margin}"
    folder.mkdir(parents=True, exist_ok=True)
    no_picture = pictures.matplotlib_is_missing()
    scalars = run_folder.Scalars(folder, purge_step=0)
    history: list[dict[str, float]] = []
    for epoch in range(args.epochs):
        history.append(one_epoch(classifier, epoch, train_loader, test_loader))
        scalars.add(epoch, **{name: history[-1][name] for name in ("train_loss", "train_acc", "test_acc")})
        data = SUBSET if args.data_dir is None else "MNIST"
        run_folder.save_record(folder / "run.json", args, data, {"epochs": history})
        print(line_of(history), flush=True)
    scalars.close()
    run_folder.save_checkpoint(folder / "weights.pth", classifier.net.state_dict())
    accuracy = history[-1]["test_acc"]
    print(f"Test accuracy {accuracy:.2%} after {args.epochs} epochs, best {best_of(history):.2%}.")
    if not no_picture:
        picture = folder / "sample.png"
        classifier.draw(picture, *next(iter(test_loader)))
        print(f"Picture: {picture.resolve()}")
    return accuracy


if __name__ == "__main__":
    command.run("tempotron_mnist", main)
