"""Subclasses of the classes of activation_based, in the style of published programs."""

import math
import types

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import base, functional, layer, neuron, surrogate
from tests.parity.compare import counted

T = 6
BACKENDS = ("torch", "cupy")


def equal_runs(make, x: torch.Tensor, kernels: int = 1) -> list[torch.Tensor]:
    """Outputs, potentials and gradients are the same in the loop and in a kernel, which is taken ``kernels`` times."""
    results = []
    for backend in BACKENDS:
        torch.manual_seed(0)
        node, leaf = make(backend), x.clone().requires_grad_()
        with counted() as calls:
            y = node(leaf)
        assert len(calls) == (kernels if backend == "cupy" else 0)
        loss = (y * torch.arange(y.shape[-1])).sum() + node.v.sum()
        results.append([y, node.v, *torch.autograd.grad(loss, [leaf, *node.parameters()])])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-5)
    return results[0]


class NineArguments(neuron.LIFNode):
    def __init__(
        self, tau=2.0, decay_input=True, v_threshold=1.0, v_reset=0.0, surrogate_function=surrogate.Sigmoid(),  # noqa: B008
        detach_reset=False, step_mode="s", backend="torch", store_v_seq=False,
    ):  # fmt: skip
        super().__init__(
            tau, decay_input, v_threshold, v_reset, surrogate_function, detach_reset, step_mode, backend, store_v_seq
        )
        self.register_memory("trace", 0.0)

    def neuronal_charge(self, x):
        self.trace = 0.5 * self.trace + x
        super().neuronal_charge(self.trace)


def test_nine_arguments_by_position_and_a_memory_of_its_own() -> None:
    def make(backend):
        return NineArguments(1.5, False, 0.8, None, surrogate.ATan(), True, "m", backend, True)

    x = torch.rand(T, 2, 3)
    equal_runs(make, x)
    node = make("cupy")
    node(x)
    trace = sum(step * 0.5 ** (T - 1 - t) for t, step in enumerate(x))
    torch.testing.assert_close(node.trace, trace)
    assert node.v_seq.shape == x.shape
    node.reset()
    assert (node.trace, node.v, node.v_seq) == (0.0, 0.0, None)


class SevenArguments(neuron.BaseNode):
    """The base with seven arguments by position, and two neuronal methods."""

    def __init__(self, tau=2.0):
        super().__init__(1.0, 0.0, surrogate.ATan(), True, "m", "torch", False)
        self.tau = tau

    @property
    def supported_backends(self):
        return ("torch",)

    def neuronal_charge(self, x):
        self.v = self.v + (x - self.v) / self.tau

    def extra_repr(self):
        return super().extra_repr() + f", tau={self.tau}"


def test_a_base_that_supports_torch_alone() -> None:
    node, twin = SevenArguments(1.5), neuron.LIFNode(1.5, detach_reset=True, step_mode="m")
    x = torch.rand(T, 2, 3) * 2
    assert torch.equal(node(x), twin(x))
    assert "backend=torch, tau=1.5" in repr(node)
    functional.set_backend(node, "cupy")
    assert node.backend == "torch"
    with pytest.raises(NotImplementedError, match=r"SevenArguments: backend must be one of torch in step_mode='m'"):
        node.backend = "cupy"


class ResetsToHalf(neuron.IFNode):
    """Another reset; seven keywords passed on."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def neuronal_reset(self, spike):
        spike_d = spike.detach() if self.detach_reset else spike
        self.v = self.jit_soft_reset(self.v, spike_d, 0.5 * self.v_threshold)


def test_an_overridden_reset_counts_in_training_and_evaluation() -> None:
    x = torch.full((T, 1, 2), 0.6)
    for backend in BACKENDS:
        for training in (True, False):
            node = ResetsToHalf(
                v_threshold=1.0, v_reset=None, surrogate_function=surrogate.ATan(), detach_reset=False,
                step_mode="m", backend=backend, store_v_seq=True,
            )  # fmt: skip
            node.train(training)
            assert node(x)[:, 0, 0].tolist() == [0, 1, 1, 1, 1, 1]
            torch.testing.assert_close(node.v_seq[:, 0, 0], torch.tensor([0.6, 0.7, 0.8, 0.9, 1.0, 1.1]))
    equal_runs(lambda backend: ResetsToHalf(step_mode="m", backend=backend), torch.rand(T, 2, 3))


class HardByHand(neuron.LIFNode):
    """The published static functions, in evaluation too; a `single_step_forward` of its own."""

    def single_step_forward(self, x):
        self.v_float_to_tensor(x)
        if self.training:
            self.v = self.neuronal_charge_decay_input(x, self.v, self.v_reset, self.tau)
            spike = self.neuronal_fire()
            self.v = self.jit_hard_reset(self.v, spike, self.v_reset)
            return spike
        spike, self.v = self.jit_eval_single_step_forward_hard_reset_decay_input(
            x, self.v, self.v_threshold, self.v_reset, self.tau
        )
        return spike


@pytest.mark.parametrize("training", [True, False])
def test_published_static_functions(training: bool) -> None:
    x = torch.rand(T, 2, 3) * 3
    for backend in BACKENDS:
        node, twin = (cls(1.7, v_reset=-0.2, step_mode="m", backend=backend) for cls in (HardByHand, neuron.LIFNode))
        node.train(training)
        assert torch.equal(node(x), twin(x))
        torch.testing.assert_close(node.v, twin.v)


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("decay_input", [True, False, None])
def test_evaluation_functions(reset: str, decay_input: bool | None) -> None:
    x, v_reset = torch.rand(T, 2, 3) * 2, -0.2 if reset == "hard" else None
    more = [] if decay_input is None else [1.7]
    name = f"{reset}_reset" + {None: "", True: "_decay_input", False: "_no_decay_input"}[decay_input]
    kwargs = {"v_threshold": 0.8, "v_reset": v_reset, "step_mode": "m", "backend": "torch", "store_v_seq": True}
    node = neuron.IFNode(**kwargs) if decay_input is None else neuron.LIFNode(1.7, decay_input, **kwargs)
    y, v = node(x), torch.full((2, 3), v_reset or 0.0)
    parameters = [0.8, *([v_reset] if reset == "hard" else []), *more]
    run = {
        multi: getattr(type(node), f"jit_eval_{multi}_{name}")
        for multi in ("multi_step_forward", "single_step_forward")
    }
    spikes, after = run["multi_step_forward"](x, v, *parameters)
    with_v_seq = getattr(node, f"jit_eval_multi_step_forward_{name}_with_v_seq")(x, v, *parameters)
    for step in x:
        spike, v = run["single_step_forward"](step, v, *parameters)
    assert torch.equal(spikes, y)
    assert torch.equal(with_v_seq[0], y)
    assert torch.equal(spike, y[-1])
    assert torch.equal(with_v_seq[2], node.v_seq)
    for last in (after, with_v_seq[1], v):
        assert torch.equal(last, node.v)


class WithoutDecay(neuron.ParametricLIFNode):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.v_threshold_base = self.v_threshold

    def neuronal_reset(self, spike):
        super().neuronal_reset(spike)
        self.v = self.v - 0.1 * spike


def test_keywords_and_positions_of_plif() -> None:
    def make(backend):
        return WithoutDecay(
            init_tau=1.5, decay_input=False, v_threshold=0.9, v_reset=None, surrogate_function=surrogate.ATan(),
            detach_reset=True, step_mode="m", backend=backend, store_v_seq=True,
        )  # fmt: skip

    equal_runs(make, torch.rand(T, 2, 3))
    node = neuron.ParametricLIFNode(1.5, False, 0.9, None, surrogate.ATan(), True, "m", "cupy", True)
    assert (node.decay_input, node.v_threshold, node.v_reset, node.backend) == (False, 0.9, None, "cupy")
    assert node.w.item() == pytest.approx(-math.log(0.5))


class TwiceInitialised(neuron.LIFNode):
    """Attributes before the base is there, and the base's constructor called twice."""

    def __init__(self):
        self.name = "before"
        self.step_mode = "s"
        super().__init__()
        super().__init__(tau=1.5, step_mode="m", v_reset=None)
        self.tau = 3.0


def test_constructor_called_twice_and_attributes_before_it() -> None:
    node = TwiceInitialised()
    assert (node.name, node.tau, node.v_reset, node.step_mode) == ("before", 3.0, None, "m")
    assert dict(node.named_memories()) == {"v": 0.0}
    x = torch.rand(T, 3)
    assert torch.equal(node(x), neuron.LIFNode(3.0, v_reset=None, step_mode="m")(x))


class Relevance(nn.Module):
    """A mix-in that keeps the last input, as programs that explain networks do."""

    def __init__(self):
        super().__init__()
        self.register_forward_hook(lambda module, inputs, output: setattr(module, "X", inputs[0].detach()))

    def relprop(self, R, alpha):
        return R * self.X / alpha


class RelevantLIF(neuron.LIFNode, Relevance):
    def __init__(self, **kwargs):
        neuron.LIFNode.__init__(self, **kwargs)
        Relevance.__init__(self)
        neuron.LIFNode.__init__(self, **kwargs)


class RelevantConv(layer.Conv2d, Relevance):
    def __init__(self, in_channels, out_channels, **kwargs):
        super().__init__(in_channels, out_channels, **kwargs)
        self.register_forward_hook(lambda module, inputs, output: setattr(module, "X", inputs[0].detach()))


def test_multiple_inheritance() -> None:
    node = RelevantLIF(tau=1.5, step_mode="m", surrogate_function=surrogate.ATan())
    x = torch.rand(T, 2, 3)
    node(x)
    assert node.tau == 1.5
    conv = RelevantConv(
        2, 3, kernel_size=3, stride=1, padding=1, dilation=1, groups=1, bias=False, padding_mode="zeros", step_mode="m"
    )
    x = torch.rand(T, 2, 2, 5, 5)
    y = conv(x)
    assert isinstance(conv, nn.Conv2d)
    assert list(conv.state_dict()) == ["weight"]
    torch.testing.assert_close(y.flatten(0, 1), nn.functional.conv2d(x.flatten(0, 1), conv.weight, padding=1))
    assert torch.equal(conv.relprop(1.0, 2.0), conv.X / 2)


class Cooperative(neuron.IFNode, Relevance):
    def __init__(self):
        super().__init__(surrogate_function=surrogate.ATan())


def test_cooperative_inheritance() -> None:
    assert [cls.__name__ for cls in Cooperative.__mro__[:3]] == ["Cooperative", "IFNode", "BaseNode"]
    assert Cooperative()(torch.ones(2)).tolist() == [1.0, 1.0]


def test_layers_are_layers_of_torch() -> None:
    pairs = {
        "Conv1d": (2, 3, 3), "Conv2d": (2, 3, 3), "Conv3d": (2, 3, 3), "ConvTranspose2d": (2, 3, 3), "Linear": (3, 5),
        "BatchNorm1d": (3,), "BatchNorm2d": (3,), "GroupNorm": (1, 3), "MaxPool2d": (2,), "AvgPool1d": (2,),
        "AvgPool2d": (2,), "AdaptiveAvgPool2d": (1,), "Flatten": (),
    }  # fmt: skip
    for name, arguments in pairs.items():
        module = getattr(layer, name)(*arguments, step_mode="m")
        plain = getattr(nn, name)
        assert isinstance(module, plain)
        assert isinstance(module, base.StepModule)
        assert list(module.state_dict()) == list(plain(*arguments).state_dict())
        module.step_mode = "s"


class ClampedNorm(layer.BatchNorm1d):
    def __init__(self, num_features, step_mode="m"):
        super().__init__(num_features, step_mode=step_mode)

    def forward(self, x):
        return super().forward(x).clamp(-1, 1)


class LastOnly(layer.Linear):
    def __init__(self, in_features, out_features):
        super().__init__(in_features, out_features, bias=False, step_mode="m")


def test_layers_with_a_forward_of_their_own() -> None:
    x = torch.rand(T, 8, 3) * 9
    y = ClampedNorm(3)(x)
    assert (y.min(), y.max()) == (-1, 1)
    assert LastOnly(3, 2)(x).shape == (T, 8, 2)


class Echo(base.MemoryModule):
    """Only `single_step_forward`; the loop over time is inherited."""

    def __init__(self, step_mode="s"):
        super().__init__()
        self.step_mode = step_mode
        self.register_memory("h", 0.0)

    def single_step_forward(self, x):
        self.h = 0.5 * self.h + x
        return self.h

    def v_float_to_tensor(self, x):
        if isinstance(self.h, float):
            self.h = torch.full_like(x, self.h)


def test_a_memory_module_with_one_method() -> None:
    echo, x = Echo(), torch.rand(T, 3)
    steps = torch.stack([echo(step) for step in x])
    functional.reset_net(echo)
    functional.set_step_mode(echo, step_mode="m")
    assert torch.equal(echo(x), steps)
    assert echo._memories.keys() == echo._memories_rv.keys() == {"h"}
    echo._memories["h"] = torch.zeros(3)
    assert torch.equal(echo.h, torch.zeros(3))
    with pytest.raises(AssertionError, match="h has been set as a member variable"):
        echo.register_memory("h", 1.0)


class OwnSequence(neuron.base.MemoryModule):
    """Every neuronal method and the loop by hand, on `neuron.base` and `neuron.surrogate`."""

    def __init__(self, v_threshold=1.0, surrogate_function=neuron.surrogate.ATan(), backend="torch"):  # noqa: B008
        super().__init__()
        self.register_memory("v", 0.0)
        self.v_threshold, self.surrogate_function, self.backend = v_threshold, surrogate_function, backend
        self.step_mode = "m"

    @property
    def supported_backends(self):
        return ("torch", "cupy")

    def neuronal_charge(self, x):
        self.v = self.v + x

    def neuronal_fire(self):
        return self.surrogate_function(self.v - self.v_threshold)

    def neuronal_reset(self, spike):
        self.v = (1.0 - spike) * self.v

    def multi_step_forward(self, x_seq):
        spikes = []
        for x in x_seq:
            self.neuronal_charge(x)
            spikes.append(self.neuronal_fire())
            self.neuronal_reset(spikes[-1])
        return torch.stack(spikes)

    def extra_repr(self):
        return f"v_threshold={self.v_threshold}, backend={self.backend}"


class OwnMultiStep(nn.Module, neuron.base.MultiStepModule):
    def forward(self, x_seq):
        return x_seq.mean(0)


def test_a_neuron_on_neuron_base() -> None:
    x, node = torch.rand(T, 3), OwnSequence(backend="cupy")
    assert torch.equal(node(x), neuron.IFNode(surrogate_function=surrogate.ATan(), step_mode="m")(x))
    assert "backend=cupy" in repr(node)
    assert torch.equal(OwnMultiStep()(x), x.mean(0))
    with pytest.raises(ValueError, match="OwnMultiStep '0' only supports step_mode='m'"):
        functional.set_step_mode(nn.Sequential(OwnMultiStep()), "s")


def neuron_with(fire, backend):
    node = neuron.LIFNode(step_mode="m", backend=backend)
    node.neuronal_fire = types.MethodType(fire, node)
    return node


def test_methods_replaced_on_an_instance() -> None:
    def fire(self):
        return self.surrogate_function(self.v - 0.5 * self.v_threshold)

    x = torch.rand(T, 2, 3) * 2
    y = equal_runs(lambda backend: neuron_with(fire, backend), x)[0]
    assert torch.equal(y, equal_runs(lambda backend: WithReset(v_threshold=0.5, step_mode="m", backend=backend), x)[0])
    assert not torch.equal(y, neuron.LIFNode(step_mode="m", backend="cupy")(x))


class WithReset(neuron.LIFNode):
    """A threshold of one half whose reset is to zero anyway."""


@pytest.mark.parametrize("cls", [neuron.LIFNode, WithReset])
def test_methods_replaced_in_a_class_after_it_has_run(cls: type, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.rand(T, 2, 3) * 2
    make = lambda backend: cls(step_mode="m", backend=backend)  # noqa: E731
    before = equal_runs(make, x)[0]

    def charge(self, x):
        self.v = self.v + 2.0 * x

    monkeypatch.setattr(cls, "neuronal_charge", charge)
    patched = equal_runs(make, x)[0]
    assert torch.equal(patched, neuron.IFNode(step_mode="m")(2.0 * x))
    monkeypatch.undo()
    assert torch.equal(equal_runs(make, x)[0], before)


class Rectangle(surrogate.MultiArgsSurrogateFunctionBase):
    def __init__(self, width=1.0, height=1.0, spiking=True):
        super().__init__(spiking, width=width, height=height)

    @staticmethod
    def spiking_function(x, width, height):
        return RectangleFunction.apply(x, width, height)

    @staticmethod
    def primitive_function(x, width, height):
        return height * x.clamp(-width / 2, width / 2)


class RectangleFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, width, height):
        ctx.save_for_backward(x)
        ctx.width, ctx.height = width, height
        return surrogate.heaviside(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.height * (ctx.saved_tensors[0].abs() < ctx.width / 2).float(), None, None


def test_surrogates_of_their_own() -> None:
    x = torch.rand(T, 2, 3) * 2
    y = equal_runs(lambda b: neuron.LIFNode(surrogate_function=Rectangle(0.7, 1.3), step_mode="m", backend=b), x)[0]
    assert torch.equal(y, neuron.LIFNode(step_mode="m")(x))
    sg = Rectangle(spiking=False)
    assert sg(torch.tensor([0.25, 2.0])).tolist() == [0.25, 0.5]
    sg.set_spiking_mode(True)
    assert sg(torch.tensor([0.25, -2.0])).tolist() == [1.0, 0.0]
    with pytest.raises(NotImplementedError, match="ATan has no CUDA code: kernels are derived"):
        surrogate.ATan().cuda_codes("y", "x", dtype="float")


class SigmoidOfFive(surrogate.SurrogateFunctionBase):
    def __init__(self, alpha=5.0, spiking=True):
        super().__init__(alpha, spiking)

    @staticmethod
    def spiking_function(x, alpha):
        return surrogate.sigmoid.apply(x, alpha)

    @staticmethod
    def primitive_function(x, alpha):
        return (x * alpha).sigmoid()


def test_a_surrogate_from_lower_case_functions() -> None:
    x = torch.linspace(-1, 1, 11, requires_grad=True)
    ours, published = SigmoidOfFive(), surrogate.Sigmoid(alpha=5.0)
    grads = [torch.autograd.grad(sg(x).sum(), x)[0] for sg in (ours, published)]
    torch.testing.assert_close(*grads)
    torch.testing.assert_close(
        surrogate.atan_backward(torch.ones(11), x, 2.0)[0], torch.autograd.grad(surrogate.ATan()(x).sum(), x)[0]
    )
