"""Features of MNIST that STDP finds without labels.

``python -m spikingjelly.activation_based.examples.stdp_mnist -n 100 -T 20 -b 64 -epochs 1 -data-dir MNIST_FOLDER``

Each image is shown for T time steps as Poisson spikes to n neurons that compete: in each time step only the one that is
furthest above its threshold fires, and its spike resets all of them. STDP strengthens the synapses of the winner from
the pixels that were active before the spike, and the weights of a neuron are then scaled to length 1, so that each
neuron comes to look like the images for which it wins. Thresholds rise with each win and sink with each win of another,
so that all neurons take part. Labels are only used afterwards, to count for which digits each neuron fires; a test
image is then the digit for which its spikes speak most. After Diehl and Cook, "Unsupervised learning of digit
recognition using spike-timing-dependent plasticity", Frontiers in Computational Neuroscience 9, 2015, with scaling of
weights and a hard competition in place of inhibitory neurons. More neurons and epochs do better, such as
``-n 400 -epochs 3 -lr 2e-3``. Checkpoints, TensorBoard scalars, ``run.json`` (flags, versions, all epochs) and a
picture of the weights lie in ``-out-dir``.
"""

import argparse
import time
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from spikingjelly.activation_based import encoding, functional, layer, learning, neuron
from spikingjelly.activation_based.examples.common import (
    batches,
    command,
    feature_pictures,
    flags,
    pictures,
    run_folder,
)
from spikingjelly.activation_based.examples.common.images import SUBSET
from spikingjelly.datasets import MNIST, MNISTSubset

CLASSES, PIXELS = 10, 28 * 28


class WinnerTakesAllNode(neuron.LIFNode):
    """LIF neurons ``[N, n]`` of which in each time step at most one fires, for each sample.

    The winner resets the potentials of all. In training, the threshold of neuron i goes up by ``plasticity`` times the
    number by which its share of the spikes exceeds 1 / n, relative to it; the spikes of all samples count together.

    :param n: number of neurons
    :param plasticity: how fast thresholds adapt
    """

    threshold: torch.Tensor

    def __init__(self, n: int, tau: float, plasticity: float, step_mode: str = "m") -> None:
        super().__init__(tau, decay_input=False, v_threshold=0.0, step_mode=step_mode, backend="torch")
        self.plasticity = plasticity
        self.register_buffer("threshold", torch.zeros(n))

    def neuronal_fire(self) -> torch.Tensor:
        excess = self.v - self.threshold
        highest, winner = excess.max(1, keepdim=True)
        spike = torch.zeros_like(excess).scatter_(1, winner, (highest >= 0).to(excess))
        if self.training and spike.any():
            self.threshold += self.plasticity * (spike.sum(0) / spike.sum() * spike.shape[1] - 1)
        return spike

    def neuronal_reset(self, spike: torch.Tensor) -> None:
        self.v = self.v * (1 - spike.amax(1, keepdim=True))


class Features:
    """The neurons, their synapses, and the rule that teaches them."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.T, self.device = args.T, torch.device(args.device)
        synapse = layer.Linear(PIXELS, args.n, bias=False, step_mode="m")
        nn.init.uniform_(synapse.weight, 0, 1)
        self.net = nn.Sequential(synapse, WinnerTakesAllNode(args.n, args.tau, args.plasticity)).to(self.device)
        self.weight = synapse.weight.requires_grad_(False)
        self.learner = learning.STDPLearner(
            "m", synapse, self.net[1], args.tau_trace, args.tau_trace,
            f_pre=lambda w: args.depression * w, f_post=torch.ones_like,
        )  # fmt: skip
        self.encoder = encoding.PoissonEncoder(step_mode="m")
        self.optimizer = torch.optim.SGD([self.weight], lr=args.lr)
        self.scale_weights()

    def scale_weights(self) -> None:
        """Weights are excitatory, and those of each neuron have length 1."""
        self.weight.clamp_(min=0)
        self.weight.div_(self.weight.norm(dim=1, keepdim=True))

    def spikes(self, images: torch.Tensor) -> torch.Tensor:
        """The spikes ``[T, N, n]`` for images ``[N, 1, 28, 28]``."""
        functional.reset_net(self.net)
        # All images are made equally bright, half as bright as an image on average is, for pixels to be probabilities.
        pixels = F.normalize(images.to(self.device).flatten(1), dim=1) * 4.6
        return self.net(self.encoder(pixels.clamp(max=1).expand(self.T, *pixels.shape)))

    def learn_epoch(self, loader: DataLoader, title: str, lrs: tuple[float, float]) -> float:
        """One pass through the images, with a learning rate that falls from the first of ``lrs`` to the second.

        Gives the change of the weights, relative to them.
        """
        self.net.train()
        before = self.weight.clone()
        for i, (images, _) in enumerate(tqdm(loader, desc=title, unit="batch", leave=False)):
            self.optimizer.param_groups[0]["lr"] = lrs[0] + (lrs[1] - lrs[0]) * i / len(loader)
            self.learner.reset()
            self.spikes(images)
            self.optimizer.zero_grad()
            self.learner.step()
            self.optimizer.step()
            self.scale_weights()
        return ((self.weight - before).norm() / before.norm()).item()

    def responses(self, loader: DataLoader, title: str) -> tuple[torch.Tensor, torch.Tensor]:
        """How often each neuron fires for each image, ``[images, n]``, and the labels; nothing is learned."""
        self.net.eval()
        self.learner.disable()
        counts, labels = [], []
        for images, targets in tqdm(loader, desc=title, unit="batch", leave=False):
            counts.append(self.spikes(images).sum(0).cpu())
            labels.append(targets)
        self.learner.enable()
        return torch.cat(counts), torch.cat(labels)

    def state(self, **more: object) -> dict[str, object]:
        """All that a resumed run needs."""
        return {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            **more,
        }

    def restore(self, state: dict) -> None:
        """Go on from :meth:`state`."""
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])


def preferences(counts: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """For each neuron the shares of the classes in its spikes ``[n, 10]``, as if all classes were equally frequent.

    :param counts: spikes of each neuron for each image, ``[images, n]``
    :param labels: of the images
    """
    of_class = F.one_hot(labels, CLASSES).to(counts)
    per_image = counts.T @ of_class / of_class.sum(0).clamp(min=1)
    return per_image / per_image.sum(1, keepdim=True).clamp(min=1e-9)


def accuracy_of(counts: torch.Tensor, labels: torch.Tensor, preference: torch.Tensor) -> float:
    """How often the class for which the spikes speak most is the label."""
    return ((counts @ preference).argmax(1) == labels).float().mean().item()


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = flags.parser(
        "stdp_mnist", "Find features of MNIST by STDP, without labels.", T=20, b=64, epochs=1, lr=1e-3
    )
    parser.add_argument("-n", type=int, default=100, help="number of neurons")
    parser.add_argument("-tau", type=float, default=10.0, help="membrane time constant in time steps")
    parser.add_argument("-tau-trace", type=float, default=5.0, help="time constant of the traces in time steps")
    parser.add_argument("-depression", type=float, default=0.5, help="strength of depression, relative to the weights")
    parser.add_argument("-plasticity", type=float, default=5e-4, help="how fast thresholds adapt")
    args = flags.parse(parser, argv, ("n", "T", "b", "epochs"))
    for flag in ("tau", "tau_trace"):
        if not getattr(args, flag) > 1:
            name = flag.replace("_", "-")
            parser.error(f"-{name} must be greater than 1 time step, but {getattr(args, flag)} was given")
    return args


def load_data(args: argparse.Namespace) -> list[DataLoader]:
    """Loaders of the training images, of the same in their order for labels, and of the test images."""
    if args.data_dir is None:
        print(f"No -data-dir: training on {SUBSET}.")
    loaders = []
    for train in (True, False):
        images = MNISTSubset(train) if args.data_dir is None else MNIST(args.data_dir, train, download=args.download)
        if train:
            loaders.append(batches.loader(images.data, images.targets, args.b, True, workers=args.j))
        loaders.append(batches.loader(images.data, images.targets, 256, False, workers=args.j))
    return loaders


def resumed(args: argparse.Namespace, features: Features) -> tuple[list[dict[str, float]], torch.Tensor]:
    """The epochs that lie behind, and the preferences of the neurons."""
    if args.resume is None:
        return [], torch.zeros(args.n, CLASSES)
    state = run_folder.load_checkpoint(args.resume, ("epoch", "net", "optimizer", "random", "preference", "history"))
    features.restore(state)
    history = state["history"]
    print(f"Resumed from {args.resume} after epoch {state['epoch']}, test accuracy {history[-1]['test_acc']:.4f}.")
    return history, state["preference"]


def one_epoch(
    args: argparse.Namespace, features: Features, epoch: int, loaders: Sequence[DataLoader]
) -> tuple[dict[str, float], torch.Tensor]:
    """Learn, label the neurons, test; what came out, and the preferences of the neurons."""
    train_loader, label_loader, test_loader = loaders
    began = time.perf_counter()
    lrs = args.lr * (1 - epoch / args.epochs), args.lr * (1 - (epoch + 1) / args.epochs)
    change = features.learn_epoch(train_loader, f"epoch {epoch}", lrs)
    learned = time.perf_counter()
    counts, labels = features.responses(label_loader, "labels")
    preference = preferences(counts, labels)
    row = {
        "epoch": epoch,
        "weight_change": change,
        "train_acc": accuracy_of(counts, labels, preference),
        "test_acc": accuracy_of(*features.responses(test_loader, "test"), preference),
        "train_seconds": learned - began,
        "test_seconds": time.perf_counter() - learned,
    }
    return row, preference


def best_of(history: Sequence[dict[str, float]]) -> float:
    """The highest test accuracy so far, -1 before the first epoch."""
    return max((row["test_acc"] for row in history), default=-1.0)


def line_of(history: Sequence[dict[str, float]]) -> str:
    """What is said of the last epoch."""
    return (
        "epoch {epoch}: weights changed by {weight_change:.1%}, train accuracy {train_acc:.4f}, test accuracy "
        "{test_acc:.4f} (best {best:.4f}), {train_seconds:.1f} s to learn, {test_seconds:.1f} s to label and test"
    ).format(**history[-1], best=best_of(history))


@torch.no_grad()
def main(argv: Sequence[str] | None = None) -> float:
    """Learn, label the neurons, test, after each epoch; draw the weights. Gives the last test accuracy."""
    args = parse(argv)
    torch.manual_seed(args.seed)
    loaders = load_data(args)
    features = Features(args)
    history, preference = resumed(args, features)
    folder = args.out_dir / f"stdp_mnist_n{args.n}_T{args.T}_b{args.b}_lr{args.lr}"
    folder.mkdir(parents=True, exist_ok=True)
    no_picture = pictures.matplotlib_is_missing()
    scalars = run_folder.Scalars(folder, purge_step=len(history))
    for epoch in range(len(history), args.epochs):
        row, preference = one_epoch(args, features, epoch, loaders)
        improved = row["test_acc"] > best_of(history)
        history.append(row)
        state = features.state(epoch=epoch, preference=preference, history=history)
        run_folder.save_checkpoint(folder / "checkpoint_latest.pth", state)
        if improved:
            run_folder.save_checkpoint(folder / "checkpoint_max.pth", state)
        data = SUBSET if args.data_dir is None else "MNIST"
        run_folder.save_record(folder / "run.json", args, data, {"epochs": history})
        scalars.add(epoch, **{name: row[name] for name in ("weight_change", "train_acc", "test_acc")})
        print(line_of(history), flush=True)
    scalars.close()
    accuracy = history[-1]["test_acc"]
    print(f"Test accuracy {accuracy:.2%} after {len(history)} epochs, best {best_of(history):.2%}.")
    if not no_picture:
        picture = folder / "features.png"
        feature_pictures.draw_features(picture, features.weight.cpu().view(-1, 28, 28), preference)
        print(f"Picture: {picture.resolve()}")
    return accuracy


if __name__ == "__main__":
    command.run("stdp_mnist", main)
