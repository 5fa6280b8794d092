"""Names of the former acceleration: functions of kernels, helpers around them."""

from typing import Any

import pytest
import torch

from spikingjelly.activation_based import cuda_utils, neuron, neuron_kernel, surrogate
from spikingjelly.clock_driven import accelerating, cu_kernel_opt
from tests.parity.compare import counted

T = 7
DECAY = torch.tensor(0.4)
FUNCTIONS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "MultiStepIFNodePTT": ((0.8, 0.1, True), lambda **kw: neuron.IFNode(0.8, 0.1, detach_reset=True, **kw)),
    "MultiStepLIFNodePTT": ((False, 1.7, 0.8, None, False), lambda **kw: neuron.LIFNode(1.7, False, 0.8, None, **kw)),
    "MultiStepQIFNodePTT": (
        (1.7, 0.8, -0.2, 0.1, 0.7, 1.2, True),
        lambda **kw: neuron.QIFNode(1.7, 0.7, 1.2, 0.8, 0.1, -0.2, detach_reset=True, **kw),
    ),
    "MultiStepEIFNodePTT": (
        (1.7, 0.8, -0.2, 0.1, 0.7, 1.2, False),
        lambda **kw: neuron.EIFNode(1.7, 1.2, 0.7, 0.8, 0.1, -0.2, **kw),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_kernels(name: str) -> None:
    arguments, make = FUNCTIONS[name]
    x, v = (torch.rand(T, 12) * 2).requires_grad_(), (torch.rand(12) * 0.3).requires_grad_()
    sg = surrogate.ATan()
    with counted() as kernels:
        spikes, v_seq = getattr(neuron_kernel, name).apply(x, v, *arguments, sg.cuda_code)
    assert len(kernels) == 1
    node = make(surrogate_function=sg, step_mode="m", backend="torch", store_v_seq=True)
    node.v = v
    expected = node(x), node.v_seq
    weights = torch.arange(12)
    results = [
        [*pair, *torch.autograd.grad(((pair[0] + pair[1]) * weights).sum(), [x, v])]
        for pair in ((spikes, v_seq), expected)
    ]
    assert torch.equal(results[0][0], results[1][0])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_the_decay_of_plif_gets_its_gradient() -> None:
    x, sg, results = torch.rand(T, 12) * 2, surrogate.ATan(), []
    decay = DECAY.clone().requires_grad_()
    spikes, v_seq = neuron_kernel.MultiStepParametricLIFNodePTT.apply(
        x, torch.zeros(12), decay, True, 0.8, 0.0, False, sg
    )
    results.append([v_seq, torch.autograd.grad(spikes.sum() + v_seq.sum(), decay)[0]])
    node = neuron.ParametricLIFNode(2.5, True, 0.8, 0.0, sg, step_mode="m", store_v_seq=True, backend="torch")
    y = node(x)
    slope = DECAY * (1 - DECAY)
    results.append([node.v_seq, torch.autograd.grad(y.sum() + node.v_seq.sum(), node.w)[0] / slope])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


class PublishedQIF(neuron.BaseNode):
    """A subclass with a kernel call of its own in its multi-step forward."""

    def __init__(self, tau=2.0, v_c=0.8, a0=1.0, v_rest=0.0, step_mode="m", backend="cupy"):
        super().__init__(1.0, -0.1, surrogate.ATan(), True, step_mode, backend, True)
        self.tau, self.v_c, self.a0, self.v_rest = tau, v_c, a0, v_rest

    @property
    def supported_backends(self):
        return ("torch", "cupy")

    def neuronal_charge(self, x):
        self.v = self.v + (x + self.a0 * (self.v - self.v_rest) * (self.v - self.v_c)) / self.tau

    def multi_step_forward(self, x_seq):
        if self.backend == "torch":
            return super().multi_step_forward(x_seq)
        self.v_float_to_tensor(x_seq[0])
        spike_seq, v_seq = neuron_kernel.MultiStepQIFNodePTT.apply(
            x_seq.flatten(1), self.v.flatten(0), self.tau, self.v_threshold, self.v_reset, self.v_rest, self.v_c, self.a0,
            self.detach_reset, self.surrogate_function.cuda_code,
        )  # fmt: skip
        spike_seq, self.v_seq = spike_seq.reshape(x_seq.shape), v_seq.reshape(x_seq.shape)
        self.v = self.v_seq[-1].clone()
        return spike_seq


def test_a_published_subclass_with_its_own_kernel_call() -> None:
    x = torch.rand(T, 3, 4) * 3
    fused, loop = PublishedQIF(), PublishedQIF(backend="torch")
    assert torch.equal(fused(x), loop(x))
    torch.testing.assert_close(fused.v_seq, loop.v_seq)


def test_sizes_of_a_launch() -> None:
    # the recorded answers of the published function
    assert [cuda_utils.cal_blocks(n) for n in (1000, 1024, 1025)] == [2, 2, 3]
    assert cuda_utils.cal_blocks(1025, threads=128) == 9
    assert cu_kernel_opt.cal_blocks is cuda_utils.cal_blocks


def test_contiguous_arguments() -> None:
    transposed, vector = torch.rand(2, 3).t(), torch.ones(2)
    given = cuda_utils.get_contiguous(transposed, vector)
    assert given[0].is_contiguous()
    assert torch.equal(given[0], transposed)
    assert given[1] is vector
    with pytest.raises(TypeError, match="expected tensors or CuPy arrays, but float was given"):
        cuda_utils.get_contiguous(vector, 1.0)
    with pytest.raises(ValueError, match=r"contiguous tensors on cuda:0, but one of shape \[2\] on cpu was given"):
        cuda_utils.wrap_args_to_raw_kernel(0, vector)
    with pytest.raises(TypeError, match="but got int"):
        cuda_utils.wrap_args_to_raw_kernel(0, 3)


def test_timers() -> None:
    calls: list[tuple] = []
    assert cuda_utils.cpu_timer(lambda *a, **k: calls.append((a, k)), 1, b=2) >= 0
    assert cuda_utils.cal_fun_t(3, "cpu", lambda x: calls.append(x), 5) >= 0
    assert calls == [((1,), {"b": 2}), 5, 5, 5, 5]
    with pytest.raises(AssertionError, match="cal_fun_t: n must be at least 1, but 0 was given"):
        cuda_utils.cal_fun_t(0, "cpu", print)
    with cuda_utils.DeviceEnvironment(-1):
        pass


def test_accelerating() -> None:
    x, spike = torch.tensor([0.4, 1.2]), torch.tensor([0.0, 1.0])
    assert accelerating.add(x, spike).tolist() == pytest.approx([0.4, 2.2])
    assert accelerating.sub(x, spike).tolist() == pytest.approx([0.4, 0.2])
    assert accelerating.mul(x, spike).tolist() == pytest.approx([0.0, 1.2])
    assert accelerating.soft_voltage_transform(x, spike, 0.9).tolist() == pytest.approx([0.4, 0.3])
    assert accelerating.hard_voltage_transform(x, spike, -0.1).tolist() == pytest.approx([0.4, -0.1])
