"""PSN, MaskedPSN and SlidingPSN against double loops over time."""

import pytest
import torch

from spikingjelly.activation_based import surrogate
from spikingjelly.activation_based.neuron.psn import PSN, MaskedPSN, SlidingPSN
from tests.neuron_v15.reference import assert_fires, by_steps, currents

T, K = 6, 3


def soft() -> surrogate.ATan:
    return surrogate.ATan(alpha=1.5, spiking=False)


def randomized(node: torch.nn.Module) -> torch.nn.Module:
    """In float64, with weights and biases that are all different."""
    node.double()
    with torch.no_grad():
        node.weight.normal_()
        node.bias.add_(torch.randn_like(node.bias) * 0.1 + 0.7)
    return node


def matrix_neuron(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """H[i] = sum_j W[i, j] X[j] + b[i]."""
    return torch.stack([sum(weight[i, j] * x[j] for j in range(len(x))) + bias[i] for i in range(len(x))])


@pytest.mark.parametrize("shape", [(T, 3), (T, 3, 4), (T, 2, 3, 2, 2)])
def test_psn_by_hand(shape: tuple[int, ...]) -> None:
    node = randomized(PSN(T))
    x = currents(*shape)
    expected = (matrix_neuron(x, node.weight, node.bias[:, 0]) >= 0).double()
    assert_fires(expected)
    assert torch.equal(node(x), expected)
    assert torch.equal(node(x), expected), "there is no state"


def test_initial_values_come_from_torchs_generator() -> None:
    torch.manual_seed(3)
    one, masked = PSN(4), MaskedPSN(2, 4)
    torch.manual_seed(3)
    expected = [torch.nn.init.kaiming_uniform_(torch.empty(4, 4), a=5**0.5) for _ in range(2)]
    for node, weight in zip((one, masked), expected, strict=True):
        assert torch.equal(node.weight, weight)
        assert node.weight.abs().max() <= 0.5  # sqrt(6 / ((1 + 5) * 4))
        assert node.bias.tolist() == [[-1.0]] * 4
    torch.manual_seed(3)
    drawn = SlidingPSN(5, exp_init=False)
    torch.manual_seed(3)
    assert torch.equal(drawn.weight, torch.nn.init.kaiming_uniform_(torch.empty(1, 5), a=5**0.5)[0])
    assert SlidingPSN(4).weight.tolist() == [0.125, 0.25, 0.5, 1.0]
    assert SlidingPSN(4).bias.item() == -1.0
    assert SlidingPSN(4).bias.shape == ()


def test_state_dict_keys_are_those_of_published_checkpoints() -> None:
    assert set(PSN(T).state_dict()) == {"weight", "bias"}
    assert set(SlidingPSN(K).state_dict()) == {"weight", "bias"}
    node = MaskedPSN(K, T, lambda_init=0.25)
    assert set(node.state_dict()) == {"weight", "bias", "_lambda_", "mask0", "mask1"}
    other = MaskedPSN(K, T)
    other.load_state_dict(node.state_dict())
    assert other.lambda_ == 0.25
    assert torch.equal(other.masked_weight(), node.masked_weight())


@pytest.mark.parametrize("lambda_", [0.0, 0.3, 1.0, 1.7])
def test_masked_psn_by_hand(lambda_: float) -> None:
    node = randomized(MaskedPSN(K, T, lambda_init=lambda_, step_mode="m"))
    x = currents(T, 3, 4)
    share = min(node.lambda_.item(), 1.0)
    weight = torch.zeros_like(node.weight)
    for i in range(T):
        for j in range(T):
            seen = j <= i and i - j < K
            weight[i, j] = node.weight[i, j] * (share * seen + (1 - share))
    torch.testing.assert_close(node.masked_weight(), weight)
    expected = (matrix_neuron(x, weight, node.bias[:, 0]) >= 0).double()
    assert_fires(expected)
    assert torch.equal(node(x), expected)


def test_lambda_can_be_set_and_moves_the_neuron_from_psn_to_k_steps() -> None:
    node, psn = randomized(MaskedPSN(K, T, step_mode="m", surrogate_function=soft())), PSN(T, soft()).double()
    psn.load_state_dict({"weight": node.weight, "bias": node.bias})
    x = currents(T, 2)
    torch.testing.assert_close(node(x), psn(x))
    node.lambda_ = 1.0
    late = x.clone()
    late[4] += 1.0
    assert torch.equal(node(x)[:4], node(late)[:4]), "no future once lambda is 1"
    assert not torch.equal(psn(x)[:4], psn(late)[:4])
    node.lambda_ = torch.tensor(0.5)
    assert node.lambda_ == 0.5
    with pytest.raises(ValueError, match=r"lambda_ goes from 0 .* but -0.1 was given"):
        node.lambda_ = -0.1


@pytest.mark.parametrize("k", [1, K, T, T + 3])
def test_masked_psn_step_by_step(k: int) -> None:
    node = randomized(MaskedPSN(k, T, lambda_init=1.0, surrogate_function=soft()))
    x = currents(T, 3, 4)
    y = by_steps(node, x)
    assert node.time_step == T
    assert torch.equal(torch.stack(node.queue), x[-min(k, T) :])
    with pytest.raises(OverflowError, match=r"MaskedPSN has run all of its T=6 time steps. Call functional.reset_net"):
        node(x[0])
    node.reset()
    assert (node.time_step, node.queue) == (0, [])
    assert torch.equal(by_steps(node, x), y)
    node.step_mode = "m"
    torch.testing.assert_close(node(x), y)


@pytest.mark.parametrize("k", [1, K, T + 3])
@pytest.mark.parametrize("backend", ["gemm", "conv"])
def test_sliding_psn_by_hand(k: int, backend: str) -> None:
    node = randomized(SlidingPSN(k, step_mode="m", backend=backend))
    for length in (1, T, 9):
        x = currents(length, 3, 4)
        h = torch.zeros_like(x)
        for t in range(length):
            for i in range(k):
                if t - k + 1 + i >= 0:
                    h[t] += node.weight[i].item() * x[t - k + 1 + i]
        assert torch.equal(node(x), (h + node.bias >= 0).double())
    assert_fires(node(x))


@pytest.mark.parametrize("shape", [(7, 3), (7, 3, 4), (7, 2, 3, 2, 2)])
def test_sliding_psn_backends_and_steps_agree(shape: tuple[int, ...]) -> None:
    node = randomized(SlidingPSN(K, surrogate_function=soft(), step_mode="m"))
    x = currents(*shape).requires_grad_()
    results = []
    for backend, mode in [("gemm", "m"), ("conv", "m"), ("gemm", "s")]:
        node.backend, node.step_mode = backend, mode
        y = node(x) if mode == "m" else by_steps(node, x)
        results.append((y, *torch.autograd.grad(y.square().sum(), [x, node.weight, node.bias])))
    torch.testing.assert_close(results[1], results[0])
    torch.testing.assert_close(results[2], results[0])
    assert torch.equal(torch.stack(node.queue), x[-K:])
    first = by_steps(node, x)
    assert not torch.allclose(first, results[0][0]), "without a reset the queue goes on"
    node.reset()
    assert node.queue == []
    torch.testing.assert_close(by_steps(node, x), results[0][0])


def test_gemm_weight_is_banded() -> None:
    node = SlidingPSN(2)
    assert node.gen_gemm_weight(3).tolist() == [[1.0, 0.0, 0.0], [0.5, 1.0, 0.0], [0.0, 0.5, 1.0]]


@pytest.mark.parametrize(
    "make",
    [
        lambda: PSN(4, soft()),
        lambda: MaskedPSN(2, 4, 0.3, soft(), "m"),
        lambda: SlidingPSN(3, True, soft(), "m", "gemm"),
        lambda: SlidingPSN(3, True, soft(), "m", "conv"),
    ],
)
def test_gradients(make) -> None:
    node = randomized(make())

    def forward(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(node, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(forward, (currents(4, 2, 2).requires_grad_(), node.weight, node.bias))


@pytest.mark.parametrize("make", [lambda: PSN(4), lambda: MaskedPSN(2, 4, step_mode="m")], ids=["PSN", "MaskedPSN"])
@pytest.mark.parametrize("length", [3, 5])
def test_another_number_of_time_steps_is_refused(make, length: int) -> None:
    with pytest.raises(
        ValueError, match=rf"PSN was built for T=4 time steps .* shape \[{length}, 2\].* Build it with T="
    ):
        make()(torch.rand(length, 2))


def test_errors() -> None:
    class Named(MaskedPSN):
        pass

    with pytest.raises(ValueError, match="Named: lambda_ goes from 0 .* but -0.1 was given"):
        Named(2, 4, lambda_init=-0.1)
    with pytest.raises(ValueError, match=r"lambda_ is 0.3, .* step_mode='s' works from lambda_ = 1 on"):
        MaskedPSN(2, 4, lambda_init=0.3)(torch.rand(3))
    with pytest.raises(ValueError, match=r"SlidingPSN expects a sequence \[T, N, \*\]"):
        SlidingPSN(2, step_mode="m")(torch.rand(3))
    with pytest.raises(TypeError, match="PSN: the input must have a floating-point dtype"):
        PSN(2)(torch.ones(2, 3, dtype=torch.uint8))
    with pytest.raises(TypeError, match="MaskedPSN: the input must be a torch.Tensor"):
        MaskedPSN(2, 4, 1.0)([1.0])
    with pytest.raises(NotImplementedError, match="backend must be 'gemm' or 'conv', but 'cupy'"):
        SlidingPSN(2, backend="cupy")
    with pytest.raises(ValueError, match="PSN: step_mode must be 'm', but 's'"):
        PSN(2).step_mode = "s"
    with pytest.raises(ValueError, match="PSN: T must be at least 1"):
        PSN(0)
    for make in (lambda: MaskedPSN(0, 4), lambda: SlidingPSN(0)):
        with pytest.raises(ValueError, match="k must be at least 1"):
            make()
    with pytest.raises(ValueError, match="MaskedPSN: T must be at least 1"):
        MaskedPSN(1, 0)
    with pytest.raises(TypeError, match="exp_init must be a bool"):
        SlidingPSN(2, exp_init=1)
    with pytest.raises(TypeError, match="lambda_init must be a float"):
        MaskedPSN(2, 4, lambda_init=1)


@pytest.mark.parametrize("node", [MaskedPSN(2, 4, 1.0), SlidingPSN(2)], ids=["MaskedPSN", "SlidingPSN"])
def test_another_batch_without_reset_is_refused(node: torch.nn.Module) -> None:
    node(torch.rand(1, 3))
    with pytest.raises(RuntimeError, match="PSN still carries the state"):
        node(torch.rand(2, 3))


def test_repr() -> None:
    assert "T=4, step_mode=m" in repr(PSN(4))
    assert "step_mode=s, backend=torch, k=2, T=4, lambda_=0.3" in repr(MaskedPSN(2, 4, 0.3))
    assert "step_mode=m, backend=conv, k=3" in repr(SlidingPSN(3, step_mode="m", backend="conv"))
