"""Networks of integers against the float networks they were made from: accuracy, speed, size.

Without ``--images`` on the subset of MNIST that comes along; with it on MNIST and Fashion-MNIST in its folders
``mnist`` and ``fashion-mnist``.
"""

import copy
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from benchmarks.report import DidNotRun, Options, Report
from benchmarks.rounds import in_turns, in_words, ratios
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.integer import IntegerNetwork, quantize_network
from spikingjelly.datasets import MNIST, FashionMNIST, MNISTSubset

T, CHANNELS, EPOCHS, TRAINED_ON, BATCH, ROUNDS, WARM_UP_ROUNDS = 4, 16, 3, 10_000, 128, 9, 2
SPEED_BATCHES = (1, 100)
LEAST_AGREEMENT = 0.9  # of predictions; a mistake in a scale gives chance


@dataclass(frozen=True)
class Images:
    """``[N, 1, 28, 28]`` in [0, 1], and labels."""

    name: str
    train: torch.Tensor
    train_labels: torch.Tensor
    test: torch.Tensor
    test_labels: torch.Tensor


def read(name: str, train: MNIST | MNISTSubset, test: MNIST | MNISTSubset, at_most: int) -> Images:
    images = [found.data.unsqueeze(1).float() / 255 for found in (train, test)]
    return Images(name, images[0][:at_most], train.targets[:at_most], images[1], test.targets)


def image_sets(folder: Path | None, at_most: int) -> Iterator[Images]:
    if folder is None:
        yield read("MNISTSubset", MNISTSubset(True), MNISTSubset(False), at_most)
        return
    for name, dataset in (("mnist", MNIST), ("fashion-mnist", FashionMNIST)):
        root = folder / name
        yield read(dataset.__name__, dataset(root, True), dataset(root, False), at_most)


def network() -> nn.Sequential:
    """IF, LIF and soft-reset LIF neurons behind normalised convolutions and linear layers."""
    sg = surrogate.ATan
    net = nn.Sequential(
        layer.Conv2d(1, CHANNELS, 3, padding=1, bias=False), layer.BatchNorm2d(CHANNELS),
        neuron.IFNode(surrogate_function=sg()), layer.MaxPool2d(2),
        layer.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False), layer.BatchNorm2d(CHANNELS),
        neuron.LIFNode(surrogate_function=sg()), layer.AvgPool2d(2), layer.Flatten(),
        layer.Linear(CHANNELS * 49, 128), neuron.LIFNode(v_reset=None, surrogate_function=sg()), layer.Linear(128, 10),
    )  # fmt: skip
    functional.set_step_mode(net, "m")
    return net


def scores(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    functional.reset_net(net)
    return net(x.expand(T, *x.shape)).mean(0)


def train(net: nn.Module, images: Images, epochs: int) -> None:
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    net.train()
    for epoch in range(epochs):
        order = torch.randperm(len(images.train))
        for chosen in tqdm(order.split(BATCH), desc=f"{images.name}, epoch {epoch}", leave=False):
            loss = nn.functional.cross_entropy(scores(net, images.train[chosen]), images.train_labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    net.eval()


@torch.no_grad()
def predictions(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return torch.cat([scores(net, part).argmax(1) for part in tqdm(x.split(250), desc="test", leave=False)])


def check_numerics(q: IntegerNetwork, x: torch.Tensor) -> None:
    """The kernels give every bit of the loop over time in float64, where no integer below 2^53 is rounded."""
    exact = copy.deepcopy(q)
    for part in exact.layers:
        if hasattr(part, "dtype"):
            part.dtype = torch.float64
    functional.set_backend(exact, "torch", neuron.BaseNode)
    if not torch.equal(scores(q, x), scores(exact, x)):
        raise DidNotRun("the integers in float32 are not those in float64")


def clock(net: nn.Module, x: torch.Tensor) -> Callable[[], float]:
    """Seconds of one batch."""

    def seconds() -> float:
        began = time.perf_counter()
        with torch.no_grad():
            scores(net, x)
        return time.perf_counter() - began

    return seconds


def size(net: nn.Module) -> int:
    """Bytes of all tensors."""
    return sum(value.numel() * value.element_size() for value in net.state_dict().values())


def run(options: Options, report: Report) -> None:
    """Print accuracy, agreement, size and milliseconds of both networks."""
    epochs, at_most = (1, 2 * BATCH) if options.quick else (EPOCHS, TRAINED_ON)
    print(f"Integers of 8 bits against floats, T={T}, {epochs} epochs of at most {at_most} images:")
    for images in image_sets(options.images, at_most):
        torch.manual_seed(0)
        net = network()
        train(net, images, epochs)
        functional.reset_net(net)
        q = quantize_network(net, images.train.split(500), steps=T)
        functional.set_step_mode(q, "m")
        check_numerics(q, images.test[:20])
        test, labels = (
            (images.test[:200], images.test_labels[:200]) if options.quick else (images.test, images.test_labels)
        )
        found = {"float": predictions(net, test), "integer": predictions(q, test)}
        agreement = (found["float"] == found["integer"]).float().mean().item()
        if agreement < LEAST_AGREEMENT:
            report.fail(f"integer, {images.name}", f"only {agreement:.1%} of the predictions agree")
            continue
        _print_accuracy(images, report, net, q, found, labels, agreement)
        for batch in SPEED_BATCHES:
            _print_speed(images, options, report, {"float": net, "integer": q}, batch)


def _print_accuracy(
    images: Images, report: Report, net: nn.Module, q: IntegerNetwork, found: dict[str, torch.Tensor],
    labels: torch.Tensor, agreement: float,
) -> None:  # fmt: skip
    accuracy = {name: (predicted == labels).float().mean().item() for name, predicted in found.items()}
    sizes = {"float": size(net), "integer": size(q)}
    print(
        f"  {images.name}: accuracy float {accuracy['float']:.2%}, integer {accuracy['integer']:.2%}, agreement "
        f"{agreement:.2%}; {sizes['float'] / 1024:.0f} KiB against {sizes['integer'] / 1024:.0f} KiB",
        flush=True,
    )
    for name in accuracy:
        case = {"images": images.name, "trained_on": len(images.train), "T": T}
        report.add(
            "integer", case=case, contender=name, accuracy=accuracy[name], agreement=agreement, bytes=sizes[name]
        )


def _print_speed(images: Images, options: Options, report: Report, nets: dict[str, nn.Module], batch: int) -> None:
    clocks = {name: clock(net, images.test[:batch]) for name, net in nets.items()}
    in_turns(clocks, WARM_UP_ROUNDS)
    times = in_turns(clocks, options.rounds(ROUNDS))
    for name, seconds in times.items():
        report.add("integer", case={"images": images.name, "T": T, "batch": batch}, contender=name, seconds=seconds)
    faster = in_words(ratios(times["float"], times["integer"]), "x")
    print(
        f"  {images.name}, batch {batch}: float {in_words(times['float'], ' ms', 1e3)}, integer "
        f"{statistics.median(times['integer']) * 1e3:.3g} ms, {faster}",
        flush=True,
    )
