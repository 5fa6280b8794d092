"""MNIST with one fully connected layer of LIF neurons.

``python -m spikingjelly.activation_based.examples.lif_fc_mnist -tau 2.0 -T 100 -b 64 -epochs 4 -data-dir MNIST_FOLDER``

Each image is shown for T time steps as Poisson spikes. The ten output neurons stand for the ten digits, the loss is the
mean squared error between their firing rates and the one-hot label, and the most active neuron is the prediction.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from spikingjelly.activation_based import encoding, functional, layer, neuron, surrogate
from spikingjelly.activation_based.examples.common import batches, pictures, run_folder
from spikingjelly.datasets import MNIST, DatasetFormatError, DatasetNotFoundError, DownloadError, MNISTSubset

CLASSES = 10


class SNN(nn.Module):
    """Flatten, Linear(784, 10) without bias, LIF: spikes ``[T, N, 1, 28, 28]`` to spikes ``[T, N, 10]``.

    :param tau: membrane time constant in time steps, greater than 1
    """

    def __init__(self, tau: float) -> None:
        super().__init__()
        self.layer = nn.Sequential(
            layer.Flatten(),
            layer.Linear(28 * 28, CLASSES, bias=False),
            neuron.LIFNode(tau=tau, surrogate_function=surrogate.ATan()),
        )
        # One matrix product for all time steps, then one pass over time.
        functional.set_step_mode(self, "m")

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        return self.layer(spikes)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="lif_fc_mnist", description="Classify MNIST with one layer of LIF neurons.", allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    best_device = "cuda:0" if torch.cuda.is_available() else "cpu"
    parser.add_argument("-T", type=int, default=100, help="time steps an image is shown for")
    parser.add_argument("-tau", type=float, default=2.0, help="membrane time constant in time steps")
    parser.add_argument("-device", default=best_device, help="where to compute")
    parser.add_argument("-b", type=int, default=64, help="batch size")
    parser.add_argument("-epochs", type=int, default=100, help="epochs in all, those before -resume included")
    parser.add_argument("-j", type=int, default=0, help="loader processes; the images lie in memory, so 0 is fast")
    parser.add_argument("-data-dir", type=Path, help="folder of MNIST; without it, the subset that comes along is used")
    parser.add_argument("-download", action="store_true", help="download MNIST to -data-dir if it is not there")
    parser.add_argument("-out-dir", type=Path, default=Path("logs"), help="where checkpoints, scalars and picture go")
    parser.add_argument("-resume", type=Path, help="checkpoint to go on from")
    parser.add_argument("-amp", action="store_true", help="automatic mixed precision")
    parser.add_argument("-opt", choices=("sgd", "adam"), default="adam", help="optimizer")
    parser.add_argument("-momentum", type=float, default=0.9, help="momentum of SGD")
    parser.add_argument("-lr", type=float, default=1e-3, help="learning rate")
    parser.add_argument("-seed", type=int, default=2020, help="seed of all random numbers")
    args = parser.parse_args(argv)
    for flag in ("T", "b", "epochs"):
        if getattr(args, flag) < 1:
            parser.error(f"-{flag} must be at least 1, but {getattr(args, flag)} was given")
    if not args.tau > 1:
        parser.error(f"-tau must be greater than 1 time step, but {args.tau} was given")
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error(f"-device {args.device}: this PyTorch finds no CUDA device; use -device cpu")
    if args.download and args.data_dir is None:
        parser.error("-download needs -data-dir, the folder to download to")
    return args


def load_data(args: argparse.Namespace) -> tuple[DataLoader, DataLoader]:
    """The loaders of the training and the test images."""
    if args.data_dir is None:
        print("No -data-dir: training on the subset of MNIST that comes along (6000 images, 1000 for the test).")
    return images_of(args, train=True), images_of(args, train=False)


def images_of(args: argparse.Namespace, train: bool) -> DataLoader:
    """The loader of one split."""
    images = MNISTSubset(train) if args.data_dir is None else MNIST(args.data_dir, train, download=args.download)
    return batches.loader(images.data, images.targets, args.b, train, workers=args.j)


class Classifier:
    """The network, its encoder and its optimizer, and what happens to one batch."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.T = args.T
        self.device = torch.device(args.device)
        self.net = SNN(args.tau).to(self.device)
        self.encoder = encoding.PoissonEncoder(step_mode="m")
        parameters = self.net.parameters()
        if args.opt == "sgd":
            self.optimizer: torch.optim.Optimizer = torch.optim.SGD(parameters, lr=args.lr, momentum=args.momentum)
        else:
            self.optimizer = torch.optim.Adam(parameters, lr=args.lr, fused=True)
        half = torch.float16 if self.device.type == "cuda" else torch.bfloat16
        self.autocast = torch.autocast(self.device.type, dtype=half, enabled=args.amp)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=args.amp and half is torch.float16)

    def spikes(self, images: torch.Tensor) -> torch.Tensor:
        """The output spikes ``[T, N, 10]`` for images ``[N, 1, 28, 28]`` in [0, 1]."""
        functional.reset_net(self.net)
        with self.autocast:
            return self.net(self.encoder(images.expand(self.T, *images.shape)))

    def train_on(self, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, int]:
        """One step of the optimizer; gives the loss and the number of right predictions."""
        rates = self.spikes(images).float().mean(0)
        loss = F.mse_loss(rates, F.one_hot(labels, CLASSES).to(rates))
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.item(), int((rates.argmax(1) == labels).sum())

    def train_epoch(self, loader: DataLoader, title: str) -> tuple[float, float]:
        """Mean loss and accuracy over one pass through the training images."""
        self.net.train()
        loss_sum, right, seen = 0.0, 0, 0
        with tqdm(loader, desc=title, unit="batch", leave=False) as bar:
            for images, labels in bar:
                images, labels = images.to(self.device), labels.to(self.device)
                loss, right_now = self.train_on(images, labels)
                loss_sum, right, seen = loss_sum + loss * len(labels), right + right_now, seen + len(labels)
                bar.set_postfix(loss=f"{loss_sum / seen:.4f}", acc=f"{right / seen:.4f}", refresh=False)
        return loss_sum / seen, right / seen

    @torch.no_grad()
    def accuracy(self, loader: DataLoader) -> float:
        """Accuracy over a set of images."""
        self.net.eval()
        right, seen = 0, 0
        for images, labels in tqdm(loader, desc="test", unit="batch", leave=False):
            rates = self.spikes(images.to(self.device)).float().mean(0)
            right += int((rates.argmax(1).cpu() == labels).sum())
            seen += len(labels)
        return right / seen

    def state(self, **more: object) -> dict[str, object]:
        """All that a resumed run needs."""
        return {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": torch.get_rng_state(),
            **more,
        }

    def restore(self, state: dict) -> None:
        """Go on from :meth:`state`."""
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["random"])

    @torch.no_grad()
    def draw(self, path: Path, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Save a picture of the first image on its way through the network."""
        node = cast(neuron.LIFNode, self.net.layer[-1])
        node.store_v_seq = True
        spikes = self.spikes(images[:1].to(self.device))
        potentials = node.v_seq
        pictures.draw_sample(
            path, images[0, 0], int(labels[0]), spikes[:, 0].float().cpu(), potentials[:, 0].float().cpu(),
            node.v_threshold,
        )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> float:
    """Train, test after each epoch, keep checkpoints, draw a picture; gives the last test accuracy."""
    args = parse(argv)
    torch.manual_seed(args.seed)
    train_loader, test_loader = load_data(args)
    classifier = Classifier(args)
    start, best, accuracy = 0, 0.0, 0.0
    if args.resume is not None:
        state = run_folder.load_checkpoint(args.resume)
        classifier.restore(state)
        start, best, accuracy = state["epoch"] + 1, state["best"], state["accuracy"]
        print(f"Resumed from {args.resume} after epoch {state['epoch']}, test accuracy {accuracy:.4f}.")
    amp = "_amp" if args.amp else ""
    folder = args.out_dir / f"T{args.T}_b{args.b}_{args.opt}_lr{args.lr}_tau{args.tau}{amp}"
    folder.mkdir(parents=True, exist_ok=True)
    no_picture = pictures.matplotlib_is_missing()
    scalars = run_folder.Scalars(folder, purge_step=start)

    for epoch in range(start, args.epochs):
        began = time.perf_counter()
        loss, train_accuracy = classifier.train_epoch(train_loader, f"epoch {epoch}")
        trained = time.perf_counter()
        accuracy = classifier.accuracy(test_loader)
        improved, best = accuracy > best, max(best, accuracy)
        state = classifier.state(epoch=epoch, accuracy=accuracy, best=best)
        run_folder.save_checkpoint(folder / "checkpoint_latest.pth", state)
        if improved:
            run_folder.save_checkpoint(folder / "checkpoint_max.pth", state)
        scalars.add(epoch, train_loss=loss, train_acc=train_accuracy, test_acc=accuracy)
        print(
            f"epoch {epoch}: train loss {loss:.4f}, train accuracy {train_accuracy:.4f}, test accuracy {accuracy:.4f} "
            f"(best {best:.4f}), {trained - began:.1f} s to train, {time.perf_counter() - trained:.1f} s to test"
        )
    scalars.close()
    print(f"Test accuracy {accuracy:.2%} after {max(start, args.epochs)} epochs, best {best:.2%}.")
    if not no_picture:
        picture = folder / "sample.png"
        classifier.draw(picture, *next(iter(test_loader)))
        print(f"Picture: {picture.resolve()}")
    return accuracy


if __name__ == "__main__":
    try:
        main()
    except DatasetNotFoundError as error:
        sys.exit(f"lif_fc_mnist: {error}\nHere, download=True is the flag -download.")
    except (FileNotFoundError, DatasetFormatError, DownloadError) as error:
        sys.exit(f"lif_fc_mnist: {error}")
