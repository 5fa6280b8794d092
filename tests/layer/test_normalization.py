"""Batch norms: statistics of all time steps together in 'm', of each step in 's'; thresholds and scales in time."""

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import base, functional, layer

T, N, C = 4, 3, 2
SPATIAL = {"1d": (5,), "2d": (3, 4), "3d": (2, 3, 2)}
SHAPES = [("1d", ()), *SPATIAL.items()]


def by_hand(x_seq: torch.Tensor, eps: float, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Channel by channel, over everything else."""
    y_seq = torch.empty_like(x_seq)
    for c in range(x_seq.shape[2]):
        x = x_seq[:, :, c]
        y_seq[:, :, c] = weight[c] * (x - x.mean()) / (x.var(unbiased=False) + eps).sqrt() + bias[c]
    return y_seq


def randomise(bn: nn.Module) -> nn.Module:
    for parameter in bn.parameters():
        nn.init.uniform_(parameter, 0.5, 2.0)
    return bn.double()


@pytest.mark.parametrize(("dims", "spatial"), SHAPES)
def test_sequences_are_normalised_over_time_and_batch(dims: str, spatial: tuple[int, ...]) -> None:
    bn = randomise(getattr(layer, f"BatchNorm{dims}")(C, eps=0.1, momentum=0.3, step_mode="m"))
    x_seq = torch.randn(T, N, C, *spatial, dtype=torch.float64) + 2
    torch.testing.assert_close(bn(x_seq), by_hand(x_seq, 0.1, bn.weight, bn.bias))
    mean = torch.stack([x_seq[:, :, c].mean() for c in range(C)])
    var = torch.stack([x_seq[:, :, c].var() for c in range(C)])
    torch.testing.assert_close(bn.running_mean, 0.3 * mean)
    torch.testing.assert_close(bn.running_var, 0.7 + 0.3 * var)
    assert bn.num_batches_tracked == 1


@pytest.mark.parametrize(("dims", "spatial"), SHAPES)
def test_single_steps_are_torch(dims: str, spatial: tuple[int, ...]) -> None:
    bn = getattr(layer, f"BatchNorm{dims}")(C, momentum=None)
    reference = getattr(nn, f"BatchNorm{dims}")(C, momentum=None)
    assert isinstance(bn, getattr(nn, f"BatchNorm{dims}"))
    assert isinstance(bn, base.StepModule)
    for x in torch.randn(T, N, C, *spatial):
        assert torch.equal(bn(x), reference(x))
    assert bn.state_dict().keys() == reference.state_dict().keys()
    torch.testing.assert_close(dict(bn.state_dict()), dict(reference.state_dict()), rtol=0, atol=0)


@pytest.mark.parametrize(("dims", "spatial"), SHAPES)
def test_both_step_modes_agree_in_evaluation(dims: str, spatial: tuple[int, ...]) -> None:
    bn = randomise(getattr(layer, f"BatchNorm{dims}")(C, step_mode="m"))
    x_seq = torch.randn(T, N, C, *spatial, dtype=torch.float64)
    bn(x_seq)
    bn.eval()
    y_seq = bn(x_seq)
    bn.step_mode = "s"
    torch.testing.assert_close(torch.stack([bn(x) for x in x_seq]), y_seq)


def test_without_affine_and_running_statistics() -> None:
    bn = layer.BatchNorm2d(C, affine=False, track_running_stats=False, step_mode="m").eval()
    assert bn.state_dict() == {}
    x_seq = torch.randn(T, N, C, 3, 4)
    torch.testing.assert_close(bn(x_seq), by_hand(x_seq, 1e-5, torch.ones(C), torch.zeros(C)))


@pytest.mark.parametrize(
    ("dims", "shape", "layouts"),
    [
        ("1d", (2, 2), r"\[T, N, C, L\] or \[T, N, C\]"),
        ("2d", (2, 2, 3, 3), r"\[T, N, C, H, W\]"),
        ("3d", (2, 2, 3, 3, 3), r"\[T, N, C, D, H, W\]"),
    ],
)
def test_ranks(dims: str, shape: tuple[int, ...], layouts: str) -> None:
    x = torch.rand(shape)
    message = (
        rf"expected x with shape {layouts}, but got x with shape \[2, 2.*add the time dimension with x.unsqueeze\(0\)"
    )
    for make in (
        lambda: getattr(layer, f"BatchNorm{dims}")(2, step_mode="m"),
        lambda: getattr(layer, f"ThresholdDependentBatchNorm{dims}")(1.0, 1.0, 2),
        lambda: getattr(layer, f"TemporalEffectiveBatchNorm{dims}")(2, 2, step_mode="m"),
    ):
        with pytest.raises(ValueError, match=message):
            make()(x)
        with pytest.raises(TypeError, match="must have a floating-point dtype, but a tensor of dtype torch.int64"):
            make()(torch.ones(2, 2, 2, *SPATIAL[dims], dtype=torch.int64))
        with pytest.raises(TypeError, match="must be a torch.Tensor, but None"):
            make()(None)


@pytest.mark.parametrize("cls", ["BatchNorm2d", "TemporalEffectiveBatchNorm2d"])
def test_sequences_in_step_mode_s(cls: str) -> None:
    bn = getattr(layer, cls)(*([T, C] if cls.startswith("Temporal") else [C]))
    with pytest.raises(ValueError, match=rf"{cls}: expected x with shape \[N, C, H, W\] in step_mode='s'.*'m'\)"):
        bn(torch.rand(T, N, C, 3, 3))
    with pytest.raises(TypeError, match=rf"{cls}: the input must be a torch.Tensor, but 'x' \(str\)"):
        bn("x")


# Threshold-dependent


@pytest.mark.parametrize(("dims", "spatial"), SHAPES)
def test_threshold_dependent(dims: str, spatial: tuple[int, ...]) -> None:
    bn = getattr(layer, f"ThresholdDependentBatchNorm{dims}")(0.5, 3.0, C, eps=0.1, momentum=0.4).double()
    assert isinstance(bn, nn.modules.batchnorm._BatchNorm)
    assert not isinstance(bn, getattr(nn, f"BatchNorm{dims}")), "whose weights programs set to 1"
    assert isinstance(bn, base.MultiStepModule)
    assert bn.step_mode == "m"
    assert bn.state_dict().keys() == getattr(nn, f"BatchNorm{dims}")(C).state_dict().keys()
    assert torch.equal(bn.weight, torch.full((C,), 1.5, dtype=torch.float64))
    x_seq = torch.randn(T, N, C, *spatial, dtype=torch.float64)
    torch.testing.assert_close(bn(x_seq), by_hand(x_seq, 0.1, torch.full((C,), 1.5), torch.zeros(C)))
    assert bn.momentum == 0.4


def test_threshold_dependent_arguments() -> None:
    bn = layer.ThresholdDependentBatchNorm2d(alpha=1, v_th=0.5, num_features=C, affine=True)
    assert torch.equal(bn.weight, torch.full((C,), 0.5))
    functional.set_step_mode(bn, "m")
    with pytest.raises(ValueError, match="ThresholdDependentBatchNorm2d: step_mode must be 'm', but 's'"):
        bn.step_mode = "s"
    with pytest.raises(ValueError, match="step_mode must be 'm', but 's'"):
        layer.ThresholdDependentBatchNorm2d(1.0, 0.5, C, step_mode="s")
    with pytest.raises(ValueError, match="affine must be True, but False was given"):
        layer.ThresholdDependentBatchNorm1d(1.0, 0.5, C, affine=False)
    with pytest.raises(TypeError, match=r"alpha must be a number, but '1' \(str\)"):
        layer.ThresholdDependentBatchNorm1d("1", 0.5, C)
    with pytest.raises(TypeError, match="v_th must be a number, but None"):
        layer.ThresholdDependentBatchNorm1d(1.0, None, C)


# Temporal effective


@pytest.mark.parametrize(("dims", "spatial"), SHAPES)
def test_temporal_effective_scales_each_time_step(dims: str, spatial: tuple[int, ...]) -> None:
    bn = getattr(layer, f"TemporalEffectiveBatchNorm{dims}")(T, C, eps=0.1, momentum=0.3, step_mode="m")
    assert {k: tuple(v.shape) for k, v in bn.named_parameters()} == {"scale": (T,), "bn.weight": (C,), "bn.bias": (C,)}
    assert torch.equal(bn.scale, torch.ones(T))
    randomise(bn)
    x_seq = torch.randn(T, N, C, *spatial, dtype=torch.float64)
    expected = by_hand(x_seq, 0.1, bn.bn.weight, bn.bn.bias)
    y_seq = bn(x_seq)
    for t in range(T):
        torch.testing.assert_close(y_seq[t], bn.scale[t] * expected[t])
    assert bn.bn.momentum == 0.3


@pytest.mark.parametrize(("dims", "spatial"), SHAPES)
def test_temporal_effective_counts_single_steps(dims: str, spatial: tuple[int, ...]) -> None:
    bn = randomise(getattr(layer, f"TemporalEffectiveBatchNorm{dims}")(T, C, step_mode="m"))
    x_seq = torch.randn(T, N, C, *spatial, dtype=torch.float64)
    bn(x_seq)
    bn.eval()
    expected = bn(x_seq)
    weight = torch.randn_like(expected)
    gradients = torch.autograd.grad((expected * weight).sum(), list(bn.parameters()))
    bn.step_mode = "s"
    for _ in range(2):
        steps = []
        for t, x in enumerate(x_seq):
            assert bn.t == t
            steps.append(bn(x))
        y_seq = torch.stack(steps)
        torch.testing.assert_close(y_seq, expected)
        own = torch.autograd.grad((y_seq * weight).sum(), list(bn.parameters()))
        torch.testing.assert_close(own, gradients)
        with pytest.raises(
            RuntimeError, match=r"has T=4 time steps and this would be number 5. Call functional.reset_net"
        ):
            bn(x_seq[0])
        functional.reset_net(bn)
        assert bn.t == 0


def test_a_refused_step_is_not_counted() -> None:
    bn = layer.TemporalEffectiveBatchNorm2d(T, C)
    with pytest.raises(ValueError, match="expected x with shape"):
        bn(torch.rand(T, N, C, 3, 3))
    assert bn.t == 0


@pytest.mark.parametrize("length", [3, 5])
def test_temporal_effective_wants_its_own_length(length: int) -> None:
    bn = layer.TemporalEffectiveBatchNorm1d(T, C, step_mode="m")
    with pytest.raises(
        ValueError, match=rf"sequence of T=4 time steps, but got x with shape \[{length}, 3, 2\].*T={length}"
    ):
        bn(torch.rand(length, N, C))


def test_temporal_effective_arguments() -> None:
    with pytest.raises(ValueError, match="T must be at least 1, but 0"):
        layer.TemporalEffectiveBatchNorm1d(0, C)
    with pytest.raises(TypeError, match=r"T must be an int, but 4.0 \(float\)"):
        layer.TemporalEffectiveBatchNorm1d(4.0, C)
    with pytest.raises(ValueError, match="step_mode must be 's' or 'm', but 't'"):
        layer.TemporalEffectiveBatchNorm1d(T, C, step_mode="t")
    bn = layer.TemporalEffectiveBatchNorm3d(T, C, affine=False, track_running_stats=False)
    assert isinstance(bn, layer.TemporalEffectiveBatchNormNd)
    assert list(bn.state_dict()) == ["scale"]
    functional.set_step_mode(bn, "m")
    assert repr(bn).startswith("TemporalEffectiveBatchNorm3d(\n  T=4, step_mode=m\n")
    with pytest.raises(TypeError, match="TemporalEffectiveBatchNorm1d, 2d or 3d"):
        layer.TemporalEffectiveBatchNormNd(T, C)
