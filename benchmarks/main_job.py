"""Training steps of the README's MNIST network: all time steps at once against one after another."""

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from benchmarks.report import Options, Report
from benchmarks.rounds import in_turns, in_words, ratios
from spikingjelly.activation_based import encoding, functional
from spikingjelly.activation_based.examples import lif_fc_mnist
from spikingjelly.datasets import MNISTSubset

T, BATCH, ROUNDS, WARM_UP_ROUNDS, BATCHES_OF_MNIST = 100, 64, 15, 2, 60000 // 64


class StepByStep:
    """The usual way: encode, run and sum one time step after another."""

    def __init__(self) -> None:
        self.net = lif_fc_mnist.SNN(tau=2.0)
        functional.set_step_mode(self.net, "s")
        self.encoder = encoding.PoissonEncoder()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3)

    def rates(self, encode: Callable[[int], torch.Tensor]) -> torch.Tensor:
        functional.reset_net(self.net)
        total = torch.zeros(1)
        for t in range(T):
            total = total + self.net(encode(t))
        return total / T

    def train_on(self, images: torch.Tensor, labels: torch.Tensor) -> float:
        rates = self.rates(lambda t: self.encoder(images))
        loss = F.mse_loss(rates, F.one_hot(labels, lif_fc_mnist.CLASSES).float())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def check_numerics(usual: StepByStep, ours: lif_fc_mnist.PoissonClassifier, images: torch.Tensor) -> None:
    """Both ways give the same firing rates and weight gradients for the same spikes."""
    ours.net.load_state_dict(usual.net.state_dict())
    spikes = ours.encoder(images.expand(T, *images.shape))
    functional.reset_net(ours.net)
    gradients, rates = [], []
    for net, y in ((usual.net, usual.rates(lambda t: spikes[t])), (ours.net, ours.net(spikes).mean(0))):
        rates.append(y)
        gradients.append(torch.autograd.grad(y.square().sum(), list(net.parameters())))
    torch.testing.assert_close(rates[0], rates[1])
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-5)


def clock(train_on: Callable[[torch.Tensor, torch.Tensor], object], *batch: torch.Tensor) -> Callable[[], float]:
    """Seconds of a training step on ``batch``."""

    def seconds() -> float:
        began = time.perf_counter()
        train_on(*batch)
        return time.perf_counter() - began

    return seconds


def run(options: Options, report: Report) -> None:
    """Print the milliseconds of a training step of each way, and their ratio."""
    torch.manual_seed(0)
    rounds = options.rounds(ROUNDS)
    subset = MNISTSubset(train=True)
    images, labels = subset.images()[:BATCH], subset.targets[:BATCH]
    usual = StepByStep()
    ours = lif_fc_mnist.PoissonClassifier(lif_fc_mnist.parse(["-device", "cpu"]))
    check_numerics(usual, ours, images)
    ways = {"step by step": usual.train_on, "all at once": ours.train_on}
    clocks = {name: clock(train_on, images, labels) for name, train_on in ways.items()}
    in_turns(clocks, WARM_UP_ROUNDS)
    times = in_turns(clocks, rounds)
    print(f"Training step of Linear(784, 10) + LIF, T={T}, batch {BATCH}, median of {rounds} (min, max):")
    for name, seconds in times.items():
        epoch = statistics.median(seconds) * BATCHES_OF_MNIST
        print(f"  {name:13} {in_words(seconds, ' ms', 1e3)}, {epoch:5.1f} s an epoch of MNIST")
        report.add("main_job", case={"T": T, "batch": BATCH}, contender=name, seconds=seconds)
    print(f"  all at once is {in_words(ratios(times['step by step'], times['all at once']))} times faster")
