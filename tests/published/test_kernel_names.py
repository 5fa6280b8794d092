"""Names of the former acceleration: functions of kernels, helpers around them."""

from typing import Any

import pytest
import torch

from spikingjelly import configure
from spikingjelly.activation_based import cuda_utils, neuron, neuron_kernel, spike_op, surrogate, tensor_cache
from spikingjelly.activation_based.auto_cuda import base as cuda_base
from spikingjelly.activation_based.auto_cuda import cfunction, generator
from spikingjelly.activation_based.auto_cuda import neuron_kernel as ac_neuron_kernel
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


def test_threads_of_a_launch_are_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configure, "cuda_threads", 256)
    assert cuda_utils.cal_blocks(1025) == 5


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


def test_izhikevich_on_a_sequence() -> None:
    x, v, w, sg = torch.rand(T, 12) * 3, torch.rand(12) * 0.3, torch.rand(12) * 0.1, surrogate.ATan()
    results = neuron_kernel.MultiStepIzhikevichNodePTT.apply(
        x, v, w, 1.7, 0.8, -0.2, 0.1, 0.3, 0.2, 2.5, 0.7, 1.2, True, sg.cuda_code
    )
    node = neuron.IzhikevichNode(
        1.7, 0.7, 1.2, 0.8, -0.2, 0.1, 0.0, 2.5, 0.3, 0.2, sg, True, step_mode="m", store_v_seq=True
    )
    node.v, node.w = v, w
    assert torch.equal(results[0], node(x))
    torch.testing.assert_close(results[1], node.v_seq)
    torch.testing.assert_close(results[2][-1], node.w)


ATGF: dict[str, tuple[Any, ...]] = {
    # name of the neuron: what its kernels take in front, the decay, today's neuron
    "IFNode": ((), (), lambda **kw: neuron.IFNode(0.8, **kw)),
    "LIFNode": ((False,), (1 / 1.7,), lambda **kw: neuron.LIFNode(1.7, False, 0.8, **kw)),
    "ParametricLIFNode": (
        (True,), (torch.tensor(0.4),), lambda **kw: neuron.ParametricLIFNode(2.5, True, 0.8, **kw),
    ),
}  # fmt: skip


@pytest.mark.parametrize("v_reset", [None, 0.1])
@pytest.mark.parametrize("name", ATGF)
def test_generated_kernels_are_those_of_the_neurons(name: str, v_reset: float | None) -> None:
    front, decay, make = ATGF[name]
    sg, hard = surrogate.ATan(), v_reset is not None
    forward = getattr(ac_neuron_kernel, f"{name}FPTTKernel")(*front, hard_reset=hard, dtype="float")
    backward = getattr(ac_neuron_kernel, f"{name}BPTTKernel")(
        *front, surrogate_function=sg.cuda_codes, hard_reset=hard, detach_reset=True, dtype="float"
    )
    assert forward.check_attributes(hard_reset=hard, dtype="float")
    assert not backward.check_attributes(hard_reset=hard, detach_reset=False)
    x, v = (torch.rand(T, 12) * 2).requires_grad_(), (torch.rand(12) * 0.3).requires_grad_()
    spikes, v_seq = getattr(ac_neuron_kernel, f"{name}ATGF").apply(x, v, 0.8, v_reset, *decay, forward, backward)
    node = make(v_reset=v_reset, surrogate_function=sg, detach_reset=True, step_mode="m", store_v_seq=True)
    node.v = v
    pairs = ((spikes, v_seq), (node(x), node.v_seq))
    assert torch.equal(spikes, pairs[1][0])
    for one, other in zip(*(torch.autograd.grad((s + p).sum(), [x, v]) for s, p in pairs), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_a_kernel_of_ones_own_is_defined_and_refused() -> None:
    class Mine(ac_neuron_kernel.NeuronFPTTKernel):
        def neuronal_charge(self):
            return cfunction.add(z="h", x="x", y="v", dtype=self.dtype)

    with pytest.raises(
        NotImplementedError, match=r"neuron_kernel\.Mine writes no CUDA code any more: .*neuronal_charge"
    ):
        Mine(hard_reset=True, dtype="float")
    for call in (
        lambda: cuda_base.CKernel1D("mine"),
        lambda: cuda_base.CodeTyper(2),
        lambda: cuda_base.wrap_with_comment("code", "comment"),
        lambda: generator.analyse_graph(print, ()),
        lambda: ac_neuron_kernel.NeuronATGFBase.pre_forward({}),
        lambda: ac_neuron_kernel.neuronal_fire("spike", "v", "v_th"),
        lambda: neuron_kernel.save_cuda_codes("here.cu"),
    ):
        with pytest.raises(NotImplementedError, match="writes no CUDA code any more"):
            call()
    x = torch.ones(1, requires_grad=True)
    assert [ac_neuron_kernel.if_requires_grad(items) for items in ([1, x], [x.detach()])] == [True, False]


def test_spikes_as_bits() -> None:
    spike = (torch.rand(3, 5, 7) > 0.5).double()
    packed = tensor_cache.float_spike_to_bool(spike)
    assert (packed[0].dtype, packed[0].numel(), packed[3]) == (torch.uint8, 14, 7)
    assert torch.equal(tensor_cache.bool_spike_to_float(*packed), spike)
    key = tensor_cache.BOOL_TENSOR_CACHE.store_bool(spike)
    assert torch.equal(tensor_cache.BOOL_TENSOR_CACHE.get_float(key, torch.Size([15, 7])), spike.view(15, 7))
    assert tensor_cache.tensor_key(spike) == tensor_cache.tensor_key(spike.view(-1))
    with pytest.raises(ValueError, match="zeros and ones, but other values were given"):
        tensor_cache.float_spike_to_bool(spike * 0.5)


def test_layers_that_keep_bits() -> None:
    spike = (torch.rand(2, 3, 40, 80) > 0.5).float()  # large enough to be packed
    for dims, conv in ((1, spike_op.spike_conv1d), (2, spike_op.spike_conv2d), (3, spike_op.spike_conv3d)):
        x = spike.flatten(2) if dims == 1 else spike if dims == 2 else spike.unsqueeze(2)
        weight = torch.rand(4, 3, *[1] * dims, requires_grad=True)
        y = conv(x, weight, torch.ones(4), stride=2)
        expected = getattr(torch.nn.functional, f"conv{dims}d")(x, weight, torch.ones(4), stride=2)
        torch.testing.assert_close(y, expected)
        torch.testing.assert_close(*(torch.autograd.grad(out.sum(), weight)[0] for out in (y, expected)))
    x = spike.flatten(1)[:, :5].requires_grad_()
    module = spike_op.SpikeLinear(5, 2, bias=False)
    assert torch.equal(module(x), torch.nn.functional.linear(x, module.weight))
    torch.testing.assert_close(spike_op.SpikeConv1d(3, 2, 3)(spike.flatten(2)).shape, torch.Size([2, 2, 3198]))
    torch.testing.assert_close(spike_op.SpikeConv3d(3, 2, 1)(spike.unsqueeze(2)).shape, torch.Size([2, 2, 1, 40, 80]))
