"""The tempotron against its equation written out, its gradients against finite differences."""

import inspect
import math

import pytest
import torch

from spikingjelly.timing_based import neuron


def kernel(t: float, tau: float, tau_s: float) -> float:
    return math.exp(-t / tau) - math.exp(-t / tau_s) if t >= 0 else 0.0


def obvious_potentials(node: neuron.Tempotron, in_spikes: torch.Tensor) -> torch.Tensor:
    """``[N, out, T]``, one spike after the other."""
    peak = max(kernel(t / 1000, node.tau, node.tau_s) for t in range(100_000))
    N = len(in_spikes)
    v = torch.zeros(N, node.fc.out_features, node.T, dtype=torch.float64)
    for n in range(N):
        for i, spike in enumerate(in_spikes[n].tolist()):
            for t in range(node.T if spike >= 0 else 0):
                psp = node.v_threshold / peak * kernel(t - spike, node.tau, node.tau_s)
                v[n, :, t] += node.fc.weight[:, i].detach().double() * psp
    return v


def random_times(N: int, features: int, T: int, whole: bool) -> torch.Tensor:
    times = torch.rand(N, features, dtype=torch.float64) * (T + 3)
    times = times.floor() if whole else times
    return torch.where(torch.rand(N, features) < 0.3, -1.0, times)


@pytest.mark.parametrize("arguments", [{}, {"tau": 7.0, "tau_s": 3.0, "v_threshold": 2.5}, {"tau": 4, "tau_s": 1}])
@pytest.mark.parametrize("whole", [True, False])
def test_potentials_are_those_of_the_equation(arguments: dict, whole: bool) -> None:
    node = neuron.Tempotron(6, 3, T=12, **arguments).double()
    in_spikes = random_times(4, 6, 12, whole)
    expected = obvious_potentials(node, in_spikes)
    torch.testing.assert_close(node(in_spikes), expected, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(node(in_spikes, "v_max"), expected.max(2).values, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.int32])
def test_both_routes_agree(dtype: torch.dtype) -> None:
    weight_type = dtype if dtype.is_floating_point else torch.float32
    node = neuron.Tempotron(50, 4, 30).to(weight_type)
    in_spikes = random_times(8, 50, 30, whole=True).to(dtype)
    results = []
    for times in (in_spikes, in_spikes.to(weight_type).requires_grad_()):
        v = node(times)
        node.zero_grad()
        v.square().sum().backward()
        results.append((v.detach(), node.fc.weight.grad.clone()))
    torch.testing.assert_close(results[0], results[1])


def test_the_kernels_of_all_spikes_are_made_only_where_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    psp_kernel = neuron.Tempotron.psp_kernel

    def watched(t: torch.Tensor, tau: float, tau_s: float) -> torch.Tensor:
        sizes.append(list(t.shape))
        return psp_kernel(t, tau, tau_s)

    monkeypatch.setattr(neuron.Tempotron, "psp_kernel", staticmethod(watched))
    node = neuron.Tempotron(50, 4, 30)
    in_spikes = torch.randint(0, 30, (8, 50)).float()
    for times in (in_spikes, in_spikes + 0.5, in_spikes.clone().requires_grad_()):
        node(times)
    assert sizes == [[30, 30], [8, 50, 30], [8, 50, 30]]


def test_one_spike_of_weight_1_lifts_the_potential_right_to_the_threshold() -> None:
    tau_s = 10 * 3 / (4 * math.log(4))  # the peak is 10 time steps after the spike
    node = neuron.Tempotron(1, 1, 30, 4 * tau_s, tau_s, v_threshold=3.0).double()
    torch.nn.init.ones_(node.fc.weight)
    v = node(torch.tensor([[5]]))
    assert v.argmax() == 15
    assert v.max().item() == pytest.approx(3.0, abs=1e-12)


@pytest.mark.parametrize("route", ["whole", "fractional"])
def test_times_that_are_no_spikes_within_T(route: str) -> None:
    node = neuron.Tempotron(4, 2, 10)
    late = {"whole": 10.0, "fractional": 9.5}[route]
    assert torch.equal(
        node(torch.tensor([[-1.0, -0.5 if route == "fractional" else -7.0, late, math.inf]])), torch.zeros(1, 2, 10)
    )


def test_long_before_a_spike_nothing_overflows() -> None:
    t = torch.tensor([-1e6, -1.0, 0.0, 2.0], requires_grad=True)
    psp = neuron.Tempotron.psp_kernel(t, 2.0, 0.5)
    torch.testing.assert_close(psp, torch.tensor([0.0, 0.0, 0.0, math.exp(-1) - math.exp(-4)]))
    psp.sum().backward()
    torch.testing.assert_close(t.grad, torch.tensor([0.0, 0.0, 2 - 1 / 2, 2 * math.exp(-4) - math.exp(-1) / 2]))


@pytest.mark.parametrize("ret_type", ["v", "v_max"])
def test_gradients_are_finite_differences(ret_type: str) -> None:
    node = neuron.Tempotron(5, 3, 8, 5.0, 2.0, 0.7).double()
    times = random_times(2, 5, 8, whole=False).requires_grad_()

    def with_weight(weight: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(node, {"fc.weight": weight}, (times, ret_type))

    assert torch.autograd.gradcheck(with_weight, (node.fc.weight, times))
    whole = random_times(2, 5, 8, whole=True)
    assert torch.autograd.gradcheck(lambda weight: with_weight(weight, whole), (node.fc.weight,))


def test_spike_times_are_those_of_the_largest_potential() -> None:
    node = neuron.Tempotron(2, 2, 100, tau=8.0, tau_s=2.0)
    with torch.no_grad():
        node.fc.weight.copy_(torch.tensor([[9.0, 0.0], [0.0, 0.9]]))
    in_spikes = torch.tensor([[10, 30]])
    v, times = node(in_spikes).detach(), node(in_spikes, "spikes").detach()
    assert times[0, 0] == v[0, 0].argmax()
    assert times[0, 1] == -v[0, 1].argmax(), "0.9 of the threshold: no spike"


def test_gradients_of_spike_times_are_those_of_the_soft_argmax() -> None:
    node = neuron.Tempotron(5, 2, 8, 5.0, 2.0, 0.3).double()
    with torch.no_grad():
        node.fc.weight.copy_(torch.stack((torch.linspace(0.8, 2.0, 5), torch.linspace(-2.0, 0.1, 5))))
    in_spikes = random_times(2, 5, 8, whole=False).requires_grad_()
    times, v = node(in_spikes, "spikes"), node(in_spikes)
    soft = (torch.softmax(8 * v, 2) * torch.arange(8)).sum(2)
    fires = v.amax(2) >= node.v_threshold
    assert fires.any()
    assert not fires.all()
    towards = torch.rand(2, 2, dtype=torch.float64)
    given = torch.autograd.grad(times, (node.fc.weight, in_spikes), towards)
    expected = torch.autograd.grad(torch.where(fires, soft, -soft), (node.fc.weight, in_spikes), towards)
    torch.testing.assert_close(given, expected)


def test_a_silent_neuron_is_silent_for_the_next_layer() -> None:
    node = neuron.Tempotron(1, 1, 200)
    torch.nn.init.constant_(node.fc.weight, -50.0)
    for spike in (0, -1):
        assert node(torch.tensor([[spike]]), "spikes").item() < 0


def test_layers_can_be_stacked() -> None:
    first, second = neuron.Tempotron(6, 5, 20), neuron.Tempotron(5, 2, 20)
    torch.nn.init.uniform_(first.fc.weight, 0.3, 0.9)
    hidden = first(torch.randint(0, 10, (3, 6)), "spikes")
    second(hidden, "v_max").sum().backward()
    assert first.fc.weight.grad.abs().sum() > 0


def test_a_batch_of_one_keeps_its_dimension() -> None:
    node = neuron.Tempotron(4, 1, 10)
    for ret_type, shape in (("v", (1, 1, 10)), ("v_max", (1, 1)), ("spikes", (1, 1))):
        assert node(torch.randint(0, 10, (1, 4)), ret_type).shape == shape
    assert node(torch.zeros(0, 4), "v_max").shape == (0, 1)


@pytest.mark.parametrize("v_threshold", [1.0, 0.4, torch.tensor([[0.2, 0.5, 1.0]])])
def test_loss_is_that_of_the_wrong_decisions(v_threshold: float | torch.Tensor) -> None:
    v_max, label = torch.rand(7, 3) * 1.5, torch.randint(0, 3, (7,))
    thresholds = torch.as_tensor(v_threshold).expand(7, 3)
    expected = 0.0
    for n in range(7):
        for j in range(3):
            fires, should = v_max[n, j] >= thresholds[n, j], label[n] == j
            expected += 0.0 if fires == should else (v_max[n, j] - thresholds[n, j]).item() ** 2
    loss = neuron.Tempotron.mse_loss(v_max, v_threshold, label, 3)
    assert loss.item() == pytest.approx(expected / 7)
    assert loss.shape == ()


def test_learns_patterns_of_spike_times() -> None:
    """The experiment of Gütig and Sompolinsky: random patterns, half of which should make the neuron fire."""
    patterns = torch.randint(0, 50, (20, 100))
    label = torch.arange(20) % 2
    node = neuron.Tempotron(100, 2, 60)
    optimizer = torch.optim.Adam(node.parameters(), 0.01)
    losses = []
    for _ in range(200):
        loss = node.mse_loss(node(patterns, "v_max"), node.v_threshold, label, 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 0.1
    assert torch.equal(node(patterns, "v_max") >= 1.0, label[:, None] == torch.arange(2))


def test_state_and_repr() -> None:
    node = neuron.Tempotron(4, 2, 10, 6.0, 2.0, 0.5)
    assert {name: list(value.shape) for name, value in node.state_dict().items()} == {"fc.weight": [2, 4]}
    assert (node.T, node.tau, node.tau_s, node.v_threshold) == (10, 6.0, 2.0, 0.5)
    assert repr(node).startswith("Tempotron(\n  T=10, tau=6.0, tau_s=2.0, v_threshold=0.5\n")
    before = node.v0
    node.v_threshold = 1.0
    assert node.v0 == 2 * before


def test_signatures() -> None:
    written = [f"{p.name}={p.default}" for p in inspect.signature(neuron.Tempotron).parameters.values()]
    assert written[3:] == ["tau=15.0", "tau_s=3.75", "v_threshold=1.0"]
    assert [name.split("=")[0] for name in written[:3]] == ["in_features", "out_features", "T"]
    assert list(inspect.signature(neuron.Tempotron.psp_kernel).parameters) == ["t", "tau", "tau_s"]
    losses = inspect.signature(neuron.Tempotron.mse_loss)
    assert list(losses.parameters) == ["v_max", "v_threshold", "label", "num_classes"]
    assert inspect.signature(neuron.Tempotron.forward).parameters["ret_type"].default == "v"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 2, 10), ValueError, "in_features must be at least 1, but 0 was given"),
        ((4, 2.0, 10), TypeError, "out_features must be an int"),
        ((4, 2, 0), ValueError, "T must be at least 1"),
        ((4, 2, 10, "15"), TypeError, r"tau must be a number, but '15' \(str\)"),
        ((4, 2, 10, math.inf), ValueError, "tau must be finite and greater than 0, but inf"),
        ((4, 2, 10, 15.0, 0.0), ValueError, "tau_s must be finite and greater than 0, but 0.0"),
        ((4, 2, 10, 15.0, 15.0), ValueError, "tau_s must be less than tau, but tau_s=15.0 and tau=15.0"),
        ((4, 2, 10, 15.0, 3.0, -1.0), ValueError, "v_threshold must be .* greater than 0, but -1.0"),
        ((4, 2, 10, 15.0, 3.0, True), TypeError, r"v_threshold must be a number, but True \(bool\)"),
    ],
)
def test_wrong_arguments(arguments: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"Tempotron: {message}"):
        neuron.Tempotron(*arguments)


def test_wrong_inputs() -> None:
    node = neuron.Tempotron(4, 2, 10)
    with pytest.raises(TypeError, match=r"in_spikes must be a torch.Tensor, but \[1\] \(list\)"):
        node([1])
    for shape in ((4,), (1, 5), (1, 2, 2)):
        with pytest.raises(
            ValueError, match=r"in_spikes must be \[N, in_features\] with in_features=4, but .*flatten\(1\)"
        ):
            node(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"ret_type must be 'v', 'v_max' or 'spikes', but 'v_min' \(str\)"):
        node(torch.zeros(1, 4), "v_min")
    with pytest.raises(ValueError, match="in_spikes holds NaN; .* has the time -1"):
        node(torch.full((1, 4), math.nan))


@pytest.mark.parametrize(("v_shape", "label_shape"), [((3, 4), (3,)), ((3,), (3,)), ((4, 2), (3,)), ((3, 2), (3, 1))])
def test_wrong_shapes_of_the_loss(v_shape: tuple, label_shape: tuple) -> None:
    with pytest.raises(
        ValueError, match=r"mse_loss: v_max must be \[N, num_classes\] with num_classes=2, and label \[N\]"
    ):
        neuron.Tempotron.mse_loss(torch.zeros(v_shape), 1.0, torch.zeros(label_shape, dtype=torch.int64), 2)
