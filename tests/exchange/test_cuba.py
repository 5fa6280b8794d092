"""The neuron in Loihi's fixed point: every bit against integers, gradients against the formulas without rounding."""

import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, surrogate
from spikingjelly.activation_based.lava_exchange import BatchNorm2d, CubaLIFNode, step_quantize
from tests.exchange.loihi import LIMIT, Compartments
from tests.parity.compare import assert_same, counted

CASES = {
    "usual": {"current_decay": 0.25, "voltage_decay": 0.03},
    "scale 256, odd threshold": {"current_decay": 0.1, "voltage_decay": 0.3, "scale": 256, "v_threshold": 0.7131},
    "no loss": {"current_decay": 0.0, "voltage_decay": 0.0, "v_threshold": 20.0},
    "no memory": {"current_decay": 1, "voltage_decay": 1.0, "v_threshold": 0.3},
    "the smallest decay": {"current_decay": 1 / 4096, "voltage_decay": 4095 / 4096, "scale": 32},
}


def drawn(T: int = 60, size: float = 0.3, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(T, 40, generator=torch.Generator().manual_seed(1), dtype=dtype) * size


def compartments_of(node: CubaLIFNode) -> Compartments:
    decays = [round(float(decay)) for decay in (node.current_decay, node.voltage_decay)]
    return Compartments(*decays, node.threshold_units)


def assert_every_bit(node: CubaLIFNode, x_seq: torch.Tensor) -> float:
    chip, units = compartments_of(node), node.s_scale
    fired = 0
    for x in x_seq:
        spikes = node(x)
        expected = chip.step(np.trunc(x.double().numpy() * units).astype(np.int64))
        fired += expected.sum()
        assert np.array_equal(spikes.numpy(), expected)
        assert np.array_equal(node.current_state.double().numpy() * units, chip.current)
        assert np.array_equal(node.voltage_state.double().numpy() * units, chip.voltage)
    return fired / x_seq.numel()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", CASES)
def test_every_bit_is_that_of_the_integers(name: str, dtype: torch.dtype) -> None:
    rate = assert_every_bit(CubaLIFNode(**CASES[name]), drawn(dtype=dtype))
    assert 0 < rate < 0.6


def test_every_bit_up_to_24_bits_where_products_have_36() -> None:
    node = CubaLIFNode(0.013, 0.0017, v_threshold=1023.0, scale=64)
    assert_every_bit(node, drawn(T=200, size=30.0))
    assert float(node.v.abs().max()) * node.s_scale > 2**21


def test_states_stop_at_24_bits() -> None:
    node = CubaLIFNode(0.0, 0.0, v_threshold=2000.0)
    x = torch.tensor([1500.0, -1500.0]).expand(4, 2)
    assert_every_bit(node, x)
    assert (node.current_state * node.s_scale).tolist() == [LIMIT, -LIMIT]
    assert (node.v * node.s_scale).tolist() == [0, -LIMIT]


def test_fires_above_the_threshold_and_not_at_it() -> None:
    node = CubaLIFNode(1.0, 0.0, v_threshold=0.5)
    unit = 1 / node.s_scale
    assert node(torch.tensor([0.5, 0.5 + unit, 0.5 - unit])).tolist() == [0.0, 1.0, 0.0]


def test_the_threshold_is_rounded_down_as_for_the_chip() -> None:
    node = CubaLIFNode(1.0, 0.0, v_threshold=0.7, scale=32)
    assert node.threshold_units == 22
    unit = 1 / node.s_scale
    assert node(torch.tensor([22 / 32, 22 / 32 + unit])).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("backend", ["cpp", "torch"])
def test_a_sequence_gives_what_its_steps_give(backend: str) -> None:
    node = CubaLIFNode(0.25, 0.03, step_mode="m", backend=backend, store_v_seq=True)
    single = CubaLIFNode(0.25, 0.03, backend="torch")
    x = drawn(T=20)
    with counted() as shapes:
        y = node(x)
    assert bool(shapes) == (backend == "cpp")
    potentials = []
    for t, spikes in enumerate(y):
        assert torch.equal(single(x[t]), spikes)
        potentials.append(single.v)
    assert torch.equal(node.v_seq, torch.stack(potentials))
    assert torch.equal(node.current_state, single.current_state)


def test_the_kernel_has_the_loops_values_and_gradients() -> None:
    def make(backend: str) -> CubaLIFNode:
        return CubaLIFNode(
            0.25, 0.1, v_threshold=0.5, requires_grad=True, detach_reset=True, step_mode="m", backend=backend,
            surrogate_function=surrogate.ATan(),
        )  # fmt: skip

    assert_same(make, drawn(T=12).requires_grad_())


def smooth(x_seq: torch.Tensor, current_decay: torch.Tensor, voltage_decay: torch.Tensor, spikes: torch.Tensor):
    """The same neuron without rounding, which fires as it did; gives potentials before the reset, detached resets."""
    current = voltage = torch.zeros_like(x_seq[0])
    potentials = []
    for x, s in zip(x_seq, spikes, strict=True):
        current = current * (1 - current_decay / 4096) + x
        voltage = voltage * (1 - voltage_decay / 4096) + current
        potentials.append(voltage)
        voltage = voltage * (1 - s)
    return torch.stack(potentials)


def test_gradients_are_those_without_rounding() -> None:
    node = CubaLIFNode(
        0.25, 0.1, v_threshold=0.5, requires_grad=True, detach_reset=True, scale=1 << 12, step_mode="m",
        surrogate_function=surrogate.Sigmoid(alpha=2.0),
    )  # fmt: skip
    x = drawn(T=10, dtype=torch.float64).requires_grad_()
    y = node(x)
    weight = torch.randn_like(y)
    found = torch.autograd.grad((y * weight).sum(), [x, node.current_decay, node.voltage_decay])
    decays = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (1024.0, 410.0)]
    h = smooth(x, *decays, y.detach())
    truth = torch.autograd.grad((torch.sigmoid(2.0 * (h - 0.5)) * weight).sum(), [x, *decays])
    torch.testing.assert_close(found[0], truth[0], rtol=1e-2, atol=1e-4)
    for ours, theirs in zip(found[1:], truth[1:], strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-2, atol=1e-6)


def test_the_reset_is_in_the_graph_unless_detached() -> None:
    gradients = []
    for detach_reset in (False, True):
        x = drawn(T=10).requires_grad_()
        CubaLIFNode(0.25, 0.1, v_threshold=0.3, detach_reset=detach_reset, step_mode="m")(x).sum().backward()
        gradients.append(x.grad)
    assert not torch.allclose(*gradients)


def test_a_decay_for_each_channel() -> None:
    decay = torch.tensor([0.1, 0.5, 1.0])
    node = CubaLIFNode(decay, decay / 2, requires_grad=True, step_mode="m")
    x = drawn(T=9)[:, :36].reshape(9, 12, 3).clone().requires_grad_()
    y = node(x)
    y.sum().backward()
    assert node.current_decay.grad.shape == (3,)
    for channel, value in enumerate(decay.tolist()):
        single = CubaLIFNode(value, value / 2, step_mode="m")
        assert torch.equal(single(x[..., channel].detach()), y[..., channel].detach())
    decay.zero_()
    assert node.current_decay.tolist() == pytest.approx([409.6, 2048.0, 4096.0])


def test_decays_are_learned_and_kept_in_their_range() -> None:
    node = CubaLIFNode(0.9999, 0.0001, requires_grad=True)
    assert [name for name, _ in node.named_parameters()] == ["current_decay", "voltage_decay"]
    with torch.no_grad():
        node.current_decay += 10
        node.voltage_decay -= 10
    node.clamp_decay_parameters()
    assert (node.current_decay.item(), node.voltage_decay.item()) == (4096.0, 0.0)
    fixed = CubaLIFNode(0.5, 0.25)
    assert not list(fixed.parameters())
    assert {name: value.item() for name, value in fixed.state_dict().items()} == {
        "current_decay": 2048.0,
        "voltage_decay": 1024.0,
    }


def test_currents_over_time_are_kept_on_request() -> None:
    x = drawn(T=6)
    node = CubaLIFNode(0.25, 0.1, step_mode="m", store_i_seq=True, store_v_seq=True)
    plain = CubaLIFNode(0.25, 0.1, step_mode="m")
    assert torch.equal(node(x), plain(x))
    assert torch.equal(node.i_seq[-1], plain.current_state)
    assert torch.equal(node.v_seq[-1], plain.v)
    assert node.i_seq.shape == node.v_seq.shape == x.shape
    functional.reset_net(node)
    assert node.i_seq is None
    assert node.current_state == 0.0


def test_scales_and_repr() -> None:
    node = CubaLIFNode(0.5, 0.25, scale=128)
    assert (node.scale, node.s_scale, node.p_scale) == (128, 128 * 64, 4096)
    assert "scale=128" in repr(node)
    assert torch.equal(node.quantize_8bit(torch.tensor([0.3])), torch.tensor([38 / 128]))
    assert torch.equal(node.quantize_8bit(torch.tensor([0.3]), descale=True), torch.tensor([38.0]))


def test_a_norm_stands_between_current_and_potential() -> None:
    node = CubaLIFNode(0.5, 1.0, v_threshold=100.0, norm=nn.Hardtanh(-0.1, 0.1), backend="torch")
    node(torch.tensor([1.0, 0.05, -1.0]))
    assert node.current_state.tolist() == pytest.approx([1.0, 0.05, -1.0], abs=1e-3)
    assert node.v.tolist() == pytest.approx([0.1, 0.05, -0.1], abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"v_reset": None}, ValueError, r"v_reset must be 0\.0, for Loihi resets to nothing else, but None"),
        ({"v_reset": 0.5}, ValueError, r"but 0\.5 \(float\) was given"),
        ({"current_decay": 1.5}, ValueError, r"current_decay is the share that is lost .* from 0 to 1, but 1\.5"),
        ({"voltage_decay": torch.tensor([0.5, -0.1])}, ValueError, r"voltage_decay .* shape \[2\] was given"),
        ({"voltage_decay": "slow"}, TypeError, r"voltage_decay must be a float or a floating-point tensor"),
        ({"voltage_decay": float("nan")}, ValueError, r"from 0 to 1, but nan"),
        ({"scale": 100}, ValueError, r"scale must be a power of two, as 64, but 100"),
        ({"scale": 64.0}, TypeError, r"scale must be an int, but 64\.0"),
        ({"v_threshold": 0.01}, ValueError, r"v_threshold \* scale must be at least 1 and at most 131071.*0\.64"),
        ({"v_threshold": 1e4}, ValueError, r"at most 131071"),
        ({"v_threshold": torch.ones(3)}, TypeError, r"v_threshold must be a float: one threshold for all neurons"),
        ({"requires_grad": 1}, TypeError, r"requires_grad must be a bool"),
        ({"store_i_seq": 1}, TypeError, r"store_i_seq must be a bool"),
    ],
)
def test_bad_arguments(arguments: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        CubaLIFNode(**{"current_decay": 0.5, "voltage_decay": 0.5, **arguments})
    assert isinstance(caught.value, AssertionError)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_half_precision_holds_no_24_bits(dtype: torch.dtype, step_mode: str) -> None:
    node = CubaLIFNode(0.5, 0.5, step_mode=step_mode)
    with pytest.raises(TypeError, match=r"must be float32 or float64.*Convert it with x\.float\(\)"):
        node(torch.zeros(2, 3, dtype=dtype))


class TestBatchNorm2d:
    def test_shifts_by_powers_of_two_and_follows_the_statistics(self) -> None:
        for sigma, factor in ((0.003, 8.0), (0.3, 2.0), (0.55, 1.0), (1.9, 0.5), (2.2, 0.25), (200.0, 0.125)):
            x = torch.randn(64, 2, 4, 4, dtype=torch.float64)
            x = (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True) * sigma
            norm = BatchNorm2d(2, momentum=0.25).double()
            shifted = x + torch.tensor([3.0, -1.0]).view(1, 2, 1, 1)
            torch.testing.assert_close(norm(shifted), x * factor)
            torch.testing.assert_close(norm.running_mean, torch.tensor([0.75, -0.25], dtype=torch.float64))
            torch.testing.assert_close(
                norm.running_var, torch.tensor([sigma**2 / 4], dtype=torch.float64), rtol=1e-2, atol=0
            )
        assert BatchNorm2d(2, weight_exp_bits=5).double()(shifted).abs().max() < 0.3 * norm(shifted).abs().max()

    def test_evaluation_uses_the_running_statistics(self) -> None:
        norm = BatchNorm2d(2)
        norm.running_mean.copy_(torch.tensor([1.0, 2.0]))
        norm.running_var.fill_(9.0)
        x = torch.rand(3, 2, 2, 2)
        norm.eval()
        torch.testing.assert_close(norm(x), (x - torch.tensor([1.0, 2.0]).view(1, 2, 1, 1)) / 4)
        untracked = BatchNorm2d(2, track_running_stats=False, eps=100.0).eval()
        torch.testing.assert_close(untracked(x), (x - x.mean((0, 2, 3), keepdim=True)) / 8)  # bounded by 3 bits
        assert untracked.running_mean.tolist() == [0.0, 0.0]

    def test_the_hook_quantises(self) -> None:
        norm = BatchNorm2d(2, pre_hook_fx=lambda x: step_quantize(x, 0.25))
        y = norm(torch.randn(5, 2, 3, 3))
        assert torch.equal(y * 4, (y * 4).round())

    def test_bad_input(self) -> None:
        with pytest.raises(ValueError, match=r"expected x with shape \[N, 2, H, W\], but got \[3, 4, 2, 2\]"):
            BatchNorm2d(2)(torch.rand(3, 4, 2, 2))
        with pytest.raises(ImportError, match=r"needs Intel's lava-dl, which was archived in May 2026"):
            BatchNorm2d(2).to_lava()
