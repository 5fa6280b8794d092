"""Neurons against formulas that are solved on paper, and against plain Python written from the equations."""

import math

import pytest
import torch

from spikingjelly.activation_based import neuron, surrogate

F64 = torch.float64


@pytest.mark.parametrize("tau", [1.1, 2.0, 7.5])
@pytest.mark.parametrize("v_reset", [0.0, -0.3, None])
def test_lif_below_threshold_decays_geometrically(tau: float, v_reset: float | None) -> None:
    node = neuron.LIFNode(tau=tau, v_reset=v_reset, v_threshold=10.0, step_mode="m", store_v_seq=True)
    node.v = torch.full((1,), 4.0, dtype=F64)
    node(torch.zeros(20, 1, dtype=F64))
    rest = v_reset or 0.0
    steps = torch.arange(1, 21, dtype=F64)
    expected = rest + (4.0 - rest) * (1 - 1 / tau) ** steps
    torch.testing.assert_close(node.v_seq[:, 0], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("decay_input", [True, False])
@pytest.mark.parametrize("current", [1.1, 1.5, 3.0])
def test_lif_period_under_constant_current(current: float, decay_input: bool) -> None:
    tau = 6.0
    node = neuron.LIFNode(tau=tau, decay_input=decay_input, v_threshold=1.0, v_reset=0.0, step_mode="m")
    spikes = node(torch.full((400, 1), current if decay_input else current / tau, dtype=F64))[:, 0]
    # V[n] = I (1 - (1 - 1/tau)^n) reaches 1 at the first n that is not below this:
    period = math.ceil(math.log(1 - 1 / current) / math.log(1 - 1 / tau))
    assert spikes.nonzero().squeeze(1).diff().unique().tolist() == [period]
    assert spikes.argmax() == period - 1


@pytest.mark.parametrize("current", [0.125, 0.375, 0.90625])  # sums of these are exact
def test_soft_reset_if_counts_the_integral(current: float) -> None:
    node = neuron.IFNode(v_threshold=1.0, v_reset=None, step_mode="m")
    spikes = node(torch.full((1000, 1), current, dtype=F64))
    assert spikes.sum() == math.floor(1000 * current)
    torch.testing.assert_close(node.v, torch.tensor([1000 * current], dtype=F64) - spikes.sum())


def test_threshold_is_inclusive() -> None:
    assert neuron.IFNode(v_threshold=0.5)(torch.tensor([0.5, 0.4999])).tolist() == [1, 0]


def test_parametric_lif_starts_at_its_time_constant_and_learns_it() -> None:
    plain, learned = neuron.LIFNode(tau=3.5, step_mode="m"), neuron.ParametricLIFNode(init_tau=3.5, step_mode="m")
    assert learned.w.shape == ()
    assert learned.w.item() == pytest.approx(-math.log(2.5), rel=1e-6)
    assert list(learned.state_dict()) == ["w"]
    x = torch.rand(9, 4) * 3
    assert torch.equal(plain(x), learned(x))
    torch.testing.assert_close(plain.v, learned.v)


def scalar_izhikevich(x: list[float], p: dict[str, float]) -> tuple[list[float], float, float]:
    v, w, spikes = p["v_reset"], p["w_rest"], []
    for current in x:
        v = v + (current + p["a0"] * (v - p["v_rest"]) * (v - p["v_c"]) - w) / p["tau"]
        w = w + (p["a"] * (v - p["v_rest"]) - w) / p["tau_w"]
        s = 1.0 if v >= p["v_threshold"] else 0.0
        v = p["v_reset"] if s else v
        w = w + p["b"] * s
        spikes.append(s)
    return spikes, v, w


def test_izhikevich_step_by_step_in_python() -> None:
    p = {
        "tau": 1.5, "v_c": 0.6, "a0": 1.1, "v_threshold": 0.9, "v_reset": -0.1, "v_rest": 0.05, "w_rest": 0.02,
        "tau_w": 2.5, "a": 0.4, "b": 0.3,
    }  # fmt: skip
    x = (torch.rand(40, 1, dtype=F64) * 2).tolist()
    node = neuron.IzhikevichNode(**p, step_mode="m")
    spikes = node(torch.tensor(x, dtype=F64))
    expected, v, w = scalar_izhikevich([row[0] for row in x], p)
    assert 5 < sum(expected) < 35
    assert spikes[:, 0].tolist() == expected
    assert node.v.item() == pytest.approx(v, abs=1e-12)
    assert node.w.item() == pytest.approx(w, abs=1e-12)


def test_qif_and_eif_step_by_step_in_python() -> None:
    x = (torch.rand(40, 1, dtype=F64) * 2.5).tolist()
    qif = neuron.QIFNode(tau=1.5, v_c=0.6, a0=1.1, v_threshold=0.9, v_rest=0.05, v_reset=-0.2, step_mode="m")
    eif = neuron.EIFNode(tau=1.5, delta_T=0.7, theta_rh=0.9, v_threshold=0.9, v_rest=0.05, v_reset=-0.2, step_mode="m")
    charges = {
        qif: lambda v, i: v + (i + 1.1 * (v - 0.05) * (v - 0.6)) / 1.5,
        eif: lambda v, i: v + (i - (v - 0.05) + 0.7 * math.exp((v - 0.9) / 0.7)) / 1.5,
    }
    for node, charge in charges.items():
        v, expected = -0.2, []
        for (current,) in x:
            v = charge(v, current)
            expected.append(1.0 if v >= 0.9 else 0.0)
            v = -0.2 if expected[-1] else v
        assert 3 < sum(expected) < 39
        assert node(torch.tensor(x, dtype=F64))[:, 0].tolist() == expected
        assert node.v.item() == pytest.approx(v, abs=1e-12)


@pytest.mark.parametrize("v_reset", [0.0, -0.3, None])
@pytest.mark.parametrize("scale_reset", [True, False])
def test_klif_step_by_step_in_python(v_reset: float | None, scale_reset: bool) -> None:
    tau, k, threshold = 1.6, 1.4, 0.8
    node = neuron.KLIFNode(scale_reset, tau, v_threshold=threshold, v_reset=v_reset, step_mode="m").double()
    node.k.data.fill_(k)
    x = (torch.rand(40, 1, dtype=F64) * 2 - 0.3).tolist()
    v, expected, rest = v_reset or 0.0, [], v_reset or 0.0
    for (current,) in x:
        v = max(0.0, k * (v + (current - (v - rest)) / tau))
        s = v >= threshold
        expected.append(float(s))
        scale = k if scale_reset else 1.0
        v = (v - s * threshold) / scale if v_reset is None else (v_reset if s else v / scale)
    assert 3 < sum(expected) < 39
    assert node(torch.tensor(x, dtype=F64))[:, 0].tolist() == expected
    assert node.v.item() == pytest.approx(v, abs=1e-12)


@pytest.mark.parametrize("threshold_related", [True, False])
def test_liaf_fires_analog_values_of_the_charged_potential(threshold_related: bool) -> None:
    liaf = neuron.LIAFNode(torch.tanh, threshold_related, tau=1.7, v_threshold=0.8, v_reset=-0.1, step_mode="m")
    x = torch.rand(12, 5, dtype=F64) * 2
    y = liaf(x)
    v, outputs = torch.full((5,), -0.1, dtype=F64), []
    for current in x:
        h = v + (current - (v + 0.1)) / 1.7
        outputs.append(torch.tanh(h - 0.8 if threshold_related else h))
        v = torch.where(h >= 0.8, -0.1, h)
    torch.testing.assert_close(y, torch.stack(outputs), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(liaf.v, v, rtol=1e-12, atol=1e-12)
    with pytest.raises(TypeError, match="act must be callable"):
        neuron.LIAFNode("relu", True)


@pytest.mark.parametrize("detach_reset", [False, True])
def test_smooth_lif_has_the_gradient_of_finite_differences(detach_reset: bool) -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        node = neuron.LIFNode(
            tau=1.8, v_threshold=0.7, v_reset=None if detach_reset else -0.2, detach_reset=False,
            surrogate_function=surrogate.ATan(spiking=False), step_mode="m",
        )  # fmt: skip
        return node(x)

    assert torch.autograd.gradcheck(forward, (torch.rand(5, 3, dtype=F64, requires_grad=True) * 2,))


def test_detach_reset_cuts_the_path_through_the_reset() -> None:
    def gradient(detach_reset: bool) -> torch.Tensor:
        x = torch.tensor([[1.2], [0.3]], dtype=F64, requires_grad=True)
        node = neuron.IFNode(
            v_reset=None, detach_reset=detach_reset, surrogate_function=surrogate.ATan(), step_mode="m"
        )
        node(x)
        return torch.autograd.grad(node.v.sum(), x)[0][:, 0]

    def slope(h: float) -> float:
        return 1 / (1 + (math.pi * h) ** 2)

    # V = x0 - S(x0) + x1 - S(x0 - S(x0) + x1), soft reset with threshold 1
    first, second = slope(0.2), slope(1.2 - 1 + 0.3 - 1)
    attached = torch.tensor([(1 - first) * (1 - second), 1 - second], dtype=F64)
    torch.testing.assert_close(gradient(False), attached)
    assert gradient(True).tolist() == [1, 1]


def test_eval_mode_keeps_gradients_and_the_smooth_surrogate() -> None:
    node = neuron.LIFNode(surrogate_function=surrogate.ATan(spiking=False)).eval()
    x = torch.rand(4, requires_grad=True)
    y = node(x)
    assert ((y > 0) & (y < 1)).all()
    y.sum().backward()
    assert x.grad.abs().min() > 0


def test_heterogeneous_threshold_and_reset() -> None:
    node = neuron.IFNode(v_threshold=torch.tensor([0.5, 1.0, 2.0]), v_reset=torch.tensor([0.0, 0.1, 0.2]))
    assert node(torch.tensor([[1.5, 0.5, 1.7]])).tolist() == [[1, 0, 0]]
    torch.testing.assert_close(node.v, torch.tensor([[0.0, 0.6, 1.9]]))


def test_a_learnable_threshold_gets_its_gradient() -> None:
    node = neuron.IFNode(step_mode="m", surrogate_function=surrogate.ATan())
    node.v_threshold = torch.nn.Parameter(torch.tensor([0.7, 0.9]))
    node(torch.rand(5, 3, 2)).sum().backward()
    assert (node.v_threshold.grad < 0).all()
    assert list(node.state_dict()) == ["v_threshold"]


def test_a_users_neuron_is_its_charge() -> None:
    class Resonator(neuron.BaseNode):
        def neuronal_charge(self, x: torch.Tensor) -> None:
            self.v = 0.9 * self.v + x

    x = torch.rand(10, 4)
    node = Resonator(v_threshold=1.2, v_reset=None, step_mode="m")
    v, spikes = torch.zeros(4), []
    for current in x:
        v = 0.9 * v + current
        spikes.append((v >= 1.2).float())
        v = v - 1.2 * spikes[-1]
    assert torch.equal(node(x), torch.stack(spikes))
