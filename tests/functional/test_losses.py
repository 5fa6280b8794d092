"""Losses on spike trains, against their sums written out."""

import math

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional

KERNELS = {
    "linear": ((), lambda x, y: sum(a * b for a, b in zip(x, y, strict=True))),
    "polynomial": ((3,), lambda x, y: sum(a * b for a, b in zip(x, y, strict=True)) ** 3),
    "sigmoid": ((0.7,), lambda x, y: 1 / (1 + math.exp(-0.7 * sum(a * b for a, b in zip(x, y, strict=True))))),
    "gaussian": ((1.5,), lambda x, y: math.exp(-sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / (2 * 1.5**2))),
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels(kernel: str) -> None:
    x, y = torch.randn(3, 4, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)
    args, one = KERNELS[kernel]
    expected = torch.tensor([[one(a, b) for b in y.tolist()] for a in x.tolist()], dtype=torch.float64)
    torch.testing.assert_close(functional.kernel_dot_product(x, y, kernel, *args), expected)
    torch.testing.assert_close(functional.kernel_dot_product(x.view(3, 2, 2), y, kernel, *args), expected)


def test_the_default_kernel_is_linear() -> None:
    x = torch.rand(3, 4)
    assert torch.equal(functional.kernel_dot_product(x, x), x @ x.t())


def cosine(a: list[float], b: list[float]) -> float:
    return sum(p * q for p, q in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b) + 1e-8)


LOSSES = {
    "mse": lambda k, y: (k - y) ** 2,
    "l1": lambda k, y: abs(k - y),
    "bce": lambda k, y: -math.log(k) if y else -max(math.log1p(-k) if k < 1 else -math.inf, -100.0),
}


@pytest.mark.parametrize("labels_dtype", [torch.bool, torch.long, torch.float16])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_spike_similar_loss(kernel: str, loss: str, labels_dtype: torch.dtype) -> None:
    scale = 0.3 if kernel == "polynomial" else 1.0  # binary cross entropy needs similarities up to 1
    spikes = (torch.rand(5, 3, 4, dtype=torch.float64) < 0.5).double() * scale
    classes = [0, 1, 2, 1, 0]
    args, one = KERNELS[kernel]
    one = cosine if kernel == "linear" else one
    rows = spikes.flatten(1).tolist()
    terms = [LOSSES[loss](one(rows[i], rows[j]), classes[i] == classes[j]) for i in range(5) for j in range(5)]
    labels = nn.functional.one_hot(torch.tensor(classes)).to(labels_dtype)
    value = functional.spike_similar_loss(spikes, labels, kernel, loss, *args)
    assert value.item() == pytest.approx(sum(terms) / 25, rel=1e-6)


def test_silent_samples_are_similar_to_none_and_have_a_gradient() -> None:
    spikes = torch.tensor([[0.0, 0.0], [1.0, 0.0]], requires_grad=True)
    loss = functional.spike_similar_loss(spikes, torch.eye(2), "linear", "l1")
    assert loss.item() == pytest.approx(0.25)  # of [[1, 0], [0, 1]] only the silent sample's own 1 is missed
    loss.backward()
    assert torch.isfinite(spikes.grad).all()


def test_rounding_does_not_break_binary_cross_entropy() -> None:
    spikes = torch.rand(50, 30)
    labels = torch.eye(2)[torch.arange(50) % 2]
    for kernel, args in (("linear", ()), ("gaussian", (0.1,))):
        assert torch.isfinite(
            functional.spike_similar_loss(spikes.repeat(2, 1), labels.repeat(2, 1), kernel, "bce", *args)
        )


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_temporal_efficient_training(shape: tuple[int, ...]) -> None:
    x_seq = torch.randn(5, 2, 4, *shape, dtype=torch.float64)
    target = torch.randint(0, 4, (2, *shape))
    steps = [nn.functional.cross_entropy(x, target) for x in x_seq]
    value = functional.temporal_efficient_training_cross_entropy(x_seq, target)
    torch.testing.assert_close(value, sum(steps) / 5)
    soft = torch.rand(2, 4, *shape, dtype=torch.float64)
    steps = [nn.functional.cross_entropy(x, soft) for x in x_seq]
    torch.testing.assert_close(functional.temporal_efficient_training_cross_entropy(x_seq, soft), sum(steps) / 5)


def test_bad_arguments_are_told() -> None:
    x = torch.rand(3, 4)
    with pytest.raises(NotImplementedError, match=r"kernel_dot_product: 'poly' \(str\) is not a kernel. .* polynomial"):
        functional.kernel_dot_product(x, x, "poly")
    for kernel, parameter in (("polynomial", "d"), ("sigmoid", "alpha"), ("gaussian", "sigma")):
        with pytest.raises(TypeError, match=f"the {kernel} kernel takes one more argument, its {parameter}, but none"):
            functional.kernel_dot_product(x, x, kernel)
        with pytest.raises(TypeError, match="spike_similar_loss: .* takes one more argument"):
            functional.spike_similar_loss(x, torch.eye(3), kernel)
    with pytest.raises(ValueError, match="x and y must have equally many features, but 4 and 3"):
        functional.kernel_dot_product(x, x[:, :3])
    with pytest.raises(ValueError, match=r"y must be vectors \[N, M\].*unsqueeze"):
        functional.kernel_dot_product(x, x[0])
    with pytest.raises(TypeError, match="x must have a floating-point dtype"):
        functional.kernel_dot_product(x.int(), x)
    with pytest.raises(NotImplementedError, match="'huber' .* is not a loss. Choose one of mse, l1, bce"):
        functional.spike_similar_loss(x, torch.eye(3), "linear", "huber")
    with pytest.raises(NotImplementedError, match="spike_similar_loss: 'cos' .* is not a kernel"):
        functional.spike_similar_loss(x, torch.eye(3), "cos")
    with pytest.raises(ValueError, match=r"labels must be one-hot \[N, C\] with N = 3"):
        functional.spike_similar_loss(x, torch.eye(2))
    with pytest.raises(TypeError, match="spikes must have a floating-point dtype"):
        functional.spike_similar_loss(x > 0.5, torch.eye(3))
    for bad_x, bad_target in ((torch.rand(2, 3), torch.zeros(2)), (torch.rand(2, 3, 4), torch.zeros(4))):
        with pytest.raises(ValueError, match=r"expected logits x_seq \[T, N, C, \*\] and a target"):
            functional.temporal_efficient_training_cross_entropy(bad_x, bad_target.long())
    with pytest.raises(TypeError, match="x_seq must have a floating-point dtype"):
        functional.temporal_efficient_training_cross_entropy(torch.zeros(2, 3, 4).int(), torch.zeros(3).long())
