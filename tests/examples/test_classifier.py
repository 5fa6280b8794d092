"""The part of the training loop that has numbers: losses, learning rate, evaluation."""

import argparse

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import layer, neuron
from spikingjelly.activation_based.examples.common.classifier import (
    Classifier,
    mse_of_rates,
    squared_error_of_rates,
)

RATES = torch.tensor([[0.5, 0.0, 0.25], [1.0, 0.0, 0.0]])
LABELS = torch.tensor([0, 2])


def args(**changes: object) -> argparse.Namespace:
    usual = {"device": "cpu", "opt": "sgd", "lr": 0.1, "momentum": 0.9, "epochs": 4, "amp": False}
    return argparse.Namespace(**usual | changes)


class Scores(nn.Module):
    """Gives its input times a factor, and counts the calls."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * x


def test_losses() -> None:
    errors = [0.25, 0.0, 0.0625, 1.0, 0.0, 1.0]
    assert mse_of_rates(RATES, LABELS).item() == pytest.approx(sum(errors) / 6)
    assert squared_error_of_rates(RATES, LABELS).item() == pytest.approx(sum(errors) / 2)


def test_the_learning_rate_follows_half_a_cosine_or_stays() -> None:
    rates: dict[bool, list[float]] = {True: [], False: []}
    for cosine, found in rates.items():
        classifier = Classifier(Scores(), args(), cosine=cosine)
        for epoch in range(4):
            classifier.start_epoch(epoch)
            found.append(classifier.optimizer.param_groups[0]["lr"])
    assert rates[True] == pytest.approx([0.1, 0.0853553, 0.05, 0.0146447], rel=1e-5)
    assert rates[False] == [0.1] * 4


def test_one_step_of_sgd() -> None:
    """d/df of the mean of (f x - y)^2 at f = 1, times the learning rate."""
    classifier = Classifier(Scores(), args(momentum=0.0))
    x = torch.tensor([[0.5, 0.25]])
    loss, right = classifier.train_on(x, torch.tensor([1]))
    assert (loss, right) == (pytest.approx((0.25 + 0.5625) / 2), 0)
    gradient = (2 * 0.5 * 0.5 + 2 * (0.25 - 1) * 0.25) / 2
    assert classifier.net.factor.item() == pytest.approx(1 - 0.1 * gradient)


@pytest.mark.parametrize(("max_norm", "step"), [(0.01, 0.001), (100.0, None)])
def test_gradients_are_scaled_down_to_a_norm_and_never_up(max_norm: float, step: float | None) -> None:
    moved = []
    for norm in (None, max_norm):
        classifier = Classifier(Scores(), args(momentum=0.0), max_norm=norm)
        classifier.train_on(torch.tensor([[0.5, 0.25]]), torch.tensor([1]))
        moved.append(abs(classifier.net.factor.item() - 1))
    assert moved[0] > 0.002
    assert moved[1] == pytest.approx(moved[0] if step is None else step, rel=1e-3)


def test_the_network_is_reset_before_each_batch_also_of_another_size() -> None:
    net = nn.Sequential(layer.Linear(3, 3), neuron.IFNode())
    classifier = Classifier(net, args())
    batches = [(torch.rand(n, 3), torch.zeros(n, dtype=torch.int64)) for n in (4, 4, 2)]
    loss, _, seen = classifier.train_epoch(batches, "epoch")
    assert seen == 10
    assert loss > 0


def test_training_images_are_augmented_and_test_images_are_not() -> None:
    seen = []

    def double(x: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return 2 * x

    batch = [(torch.tensor([[1.0, 0.0]]), torch.tensor([0]))]
    classifier = Classifier(Scores(), args(), augment=double)
    loss, _, _ = classifier.train_epoch(batch, "epoch")
    assert loss == pytest.approx(0.5)  # (2 - 1)^2 / 2
    assert len(seen) == 1
    classifier.evaluate(batch)
    assert len(seen) == 1


def test_evaluation() -> None:
    classifier = Classifier(Scores(), args(), loss=squared_error_of_rates)
    samples = torch.eye(3)[[0, 1, 1, 2]]
    result = classifier.evaluate([(samples[:3], torch.tensor([0, 1, 2])), (samples[3:], torch.tensor([0]))])
    assert result.confusion.tolist() == [[1, 0, 1], [0, 1, 0], [0, 1, 0]]
    assert result.accuracy == 0.5
    assert result.loss == pytest.approx(4 / 4)  # two samples are wrong by 1 in two classes


def test_a_loss_that_is_not_finite_ends_the_run() -> None:
    classifier = Classifier(Scores(float("inf")), args())
    with pytest.raises(FloatingPointError, match="the loss became (nan|inf): use a smaller -lr, or leave out -amp"):
        classifier.train_on(RATES, LABELS)


def test_mixed_precision_computes_in_bfloat16_and_scores_in_float32() -> None:
    net = nn.Linear(4, 2)
    dtypes = []
    net.register_forward_hook(lambda _module, _inputs, output: dtypes.append(output.dtype))
    for amp in (False, True):
        assert Classifier(net, args(amp=amp)).respond(torch.rand(1, 4)).dtype == torch.float32
    assert dtypes == [torch.float32, torch.bfloat16]
