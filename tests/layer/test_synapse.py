"""SynapseFilter and NeuNorm against their equations, written out as loops over numbers."""

import math

import pytest
import torch

from spikingjelly.activation_based import functional, layer


@pytest.mark.parametrize("learnable", [False, True])
def test_current_of_one_synapse(learnable: bool) -> None:
    spikes = [0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0]
    current, expected = 0.0, []
    for s in spikes:
        current = current - (1.0 - s) * current / 4.0 + s
        expected.append(current)
    synapse = layer.SynapseFilter(4.0, learnable, "m").double()
    y_seq = synapse(torch.tensor(spikes, dtype=torch.float64).view(-1, 1))
    torch.testing.assert_close(y_seq.flatten().tolist(), expected, rtol=1e-6, atol=1e-6)
    assert expected[-1] == pytest.approx((1 - (1 - 0.25) ** 0 + 0.75**2 + 2) * 0.75)


def test_time_constant_is_learned() -> None:
    synapse = layer.SynapseFilter(5.0, learnable=True, step_mode="m")
    assert {name: p.shape for name, p in synapse.named_parameters()} == {"w": ()}
    assert synapse.w.item() == pytest.approx(-math.log(4.0))
    x_seq = torch.tensor([1.0, 0.0, 0.0]).view(3, 1)
    synapse(x_seq)[2].backward()
    decay = 1 / 5
    slope = decay * (1 - decay)  # of the sigmoid
    assert synapse.w.grad.item() == pytest.approx(-2 * (1 - decay) * slope, rel=1e-5)
    synapse.w.data.fill_(0.0)
    functional.reset_net(synapse)
    torch.testing.assert_close(synapse(x_seq).flatten(), torch.tensor([1.0, 0.5, 0.25]))


def test_synapse_arguments() -> None:
    assert layer.SynapseFilter().tau == 100.0
    assert list(layer.SynapseFilter().parameters()) == []
    assert layer.SynapseFilter(5)(torch.ones(2)).tolist() == [1.0, 1.0]
    assert repr(layer.SynapseFilter(5.0, step_mode="m")) == "SynapseFilter(tau=5.0, learnable=False, step_mode=m)"
    assert repr(layer.SynapseFilter(5.0, True)).startswith("SynapseFilter(tau=5.0")
    for tau in (1.0, 0.5, -3, 0):
        for error in (ValueError, AssertionError):
            with pytest.raises(error, match=rf"SynapseFilter: tau must be greater than 1.0, but {tau} was given"):
                layer.SynapseFilter(tau, learnable=tau == 0.5)
    with pytest.raises(TypeError, match=r"tau must be a number, but '3' \(str\)"):
        layer.SynapseFilter("3")


@pytest.mark.parametrize("shared", [False, True])
def test_neunorm_subtracts_the_trace_of_all_channels(shared: bool) -> None:
    T, N, C, H, W = 4, 2, 3, 2, 2
    norm = layer.NeuNorm(C, H, W, k=0.6, shared_across_channels=shared, step_mode="m").double()
    assert norm.w.shape == (1 if shared else C, H, W)
    spikes = (torch.rand(T, N, C, H, W) > 0.5).double()
    y_seq = norm(spikes)
    for n in range(N):
        for h in range(H):
            for w in range(W):
                trace = 0.0
                for t in range(T):
                    trace = 0.6 * trace + 0.4 / C**2 * sum(spikes[t, n, c, h, w].item() for c in range(C))
                    for c in range(C):
                        expected = spikes[t, n, c, h, w].item() - norm.w[0 if shared else c, h, w].item() * trace
                        assert y_seq[t, n, c, h, w].item() == pytest.approx(expected)


def test_neunorm_arguments() -> None:
    norm = layer.NeuNorm(2, 3, 4)
    assert list(norm.state_dict()) == ["w"]
    assert norm.k0 == 0.9
    assert norm.k1 == pytest.approx(0.1 / 4)
    assert repr(norm) == "NeuNorm(shape=torch.Size([2, 3, 4]), k=0.9, step_mode=s)"
    bound = math.sqrt(6 / (1 + 5)) / math.sqrt(3 * 4)
    many = layer.NeuNorm(200, 3, 4).w
    assert many.abs().max().item() == pytest.approx(bound, rel=0.01)
    with pytest.raises(ValueError, match="NeuNorm: height must be at least 1, but 0"):
        layer.NeuNorm(2, 0, 4)
    with pytest.raises(TypeError, match=r"NeuNorm: in_channels must be an int, but 2.0 \(float\)"):
        layer.NeuNorm(2.0, 3, 4)
    with pytest.raises(TypeError, match="k must be a number, but None"):
        layer.NeuNorm(2, 3, 4, k=None)


@pytest.mark.parametrize(
    ("mode", "shape"), [("s", (5, 2, 3, 3)), ("s", (2, 3, 4)), ("s", (5, 1, 2, 3, 4)), ("m", (5, 2, 3, 4))]
)
def test_neunorm_shapes(mode: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"expected x with shape \[N, 2, 3, 4\] at each time step, but got x with shape"
    ):
        layer.NeuNorm(2, 3, 4, step_mode=mode)(torch.rand(shape))


@pytest.mark.parametrize("learnable", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_kernel_of_the_synapse_agrees_with_its_loop(learnable: bool, dtype: torch.dtype) -> None:
    results = []
    for backend in ("torch", "cpp"):
        torch.manual_seed(2)
        synapse = layer.SynapseFilter(4.0, learnable, "m").to(dtype)
        assert synapse.backend == "auto"
        synapse.backend = backend
        x_seq = (torch.rand(6, 3, 70, dtype=dtype) < 0.3).to(dtype).requires_grad_()
        y_seq = torch.cat([synapse(x_seq[:2]), synapse(x_seq[2:])])
        weights = torch.linspace(-1, 1, y_seq.numel(), dtype=dtype).view_as(y_seq)
        results.append([y_seq, synapse.out_i, *torch.autograd.grad(y_seq, [x_seq, *synapse.parameters()], weights)])
    assert torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(*results)
