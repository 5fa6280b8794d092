"""Each wrong argument or input gets one message: what was given, what is expected, what to do."""

from functools import partial

import pytest
import torch

from spikingjelly.activation_based import base, neuron
from spikingjelly.fusion import choice


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: neuron.LIFNode(tau=1.0), ValueError, r"LIFNode: tau must be greater than 1.0, but 1.0 was given"),
        (lambda: neuron.LIFNode(tau=0.5), ValueError, r"tau must be greater than 1.0, but 0.5 was given"),
        (lambda: neuron.LIFNode(tau=2), TypeError, r"tau must be a float, but 2 \(int\) was given. Write tau=2.0"),
        (lambda: neuron.LIFNode(tau="2"), TypeError, r"tau must be a float, but '2' \(str\)"),
        (lambda: neuron.ParametricLIFNode(init_tau=1.0), ValueError, r"init_tau must be greater than 1.0"),
        (
            lambda: neuron.IFNode(v_reset=0),
            TypeError,
            r"v_reset must be a float or .* None, but 0 \(int\).*v_reset=0.0",
        ),
        (lambda: neuron.IFNode(v_reset="0"), TypeError, r"IFNode: v_reset must be"),
        (lambda: neuron.IFNode(v_reset=[0.0]), TypeError, r"\[0.0\] \(list\) was given"),
        (lambda: neuron.IFNode(v_threshold=1), TypeError, r"v_threshold must be a float.*v_threshold=1.0"),
        (
            lambda: neuron.IFNode(v_threshold=torch.tensor([1])),
            TypeError,
            r"a tensor of dtype torch.int64 and shape \[1\]",
        ),
        (
            lambda: neuron.IFNode(v_threshold=None),
            TypeError,
            r"v_threshold must be a float or a floating-point tensor, but",
        ),
        (
            lambda: neuron.IFNode(detach_reset=1),
            TypeError,
            r"detach_reset must be a bool, but 1 \(int\).*detach_reset=True",
        ),
        (lambda: neuron.IFNode(store_v_seq=2), TypeError, r"store_v_seq must be True or False, but 2 \(int\)"),
        (lambda: setattr(neuron.IFNode(), "store_v_seq", None), TypeError, r"must be True or False, but None"),
        (lambda: neuron.LIFNode(decay_input="no"), TypeError, r"LIFNode: decay_input must be True or False, but 'no'"),
        (lambda: neuron.ParametricLIFNode(decay_input=2.0), TypeError, r"decay_input must be True or False, but 2\.0"),
        (lambda: neuron.KLIFNode(scale_reset=0.5), TypeError, r"scale_reset must be True or False, but 0.5 \(float\)"),
        (lambda: neuron.QIFNode(a0=0.0), ValueError, r"a0 must be greater than 0.0"),
        (lambda: neuron.QIFNode(v_c=1), TypeError, r"v_c must be a float"),
        (lambda: neuron.QIFNode(tau=0.9), ValueError, r"tau must be greater than 1"),
        (lambda: neuron.QIFNode(v_rest=None), TypeError, r"v_rest must be a float"),
        (lambda: neuron.EIFNode(delta_T=-1.0), ValueError, r"delta_T must be greater than 0.0"),
        (lambda: neuron.EIFNode(theta_rh="1"), TypeError, r"theta_rh must be a float"),
        (lambda: neuron.IzhikevichNode(a0=-0.5), ValueError, r"a0 must be greater than 0.0"),
        (lambda: neuron.IzhikevichNode(tau_w=2), TypeError, r"tau_w must be a float"),
    ],
)
def test_arguments(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
    with pytest.raises(AssertionError):  # what published code catches
        make()


def test_step_mode() -> None:
    with pytest.raises(ValueError, match=r"LIFNode: step_mode must be 's' or 'm', but 'multi' \(str\) was given"):
        neuron.LIFNode(step_mode="multi")

    class OnlySequences(base.MultiStepModule):
        pass

    module = OnlySequences()
    assert module.step_mode == "m"
    with pytest.raises(ValueError, match="OnlySequences: step_mode must be 'm', but 's'"):
        module.step_mode = "s"
    with pytest.raises(ValueError, match="step_mode must be 's', but 'm'"):
        base.SingleModule().step_mode = "m"


def test_backend() -> None:
    with pytest.raises(
        NotImplementedError, match=r"backend must be one of torch, cupy, .* but 'cuda' \(str\) was given"
    ):
        neuron.LIFNode(backend="cuda")
    with pytest.raises(NotImplementedError, match="'cuda' .* is not a backend. Choose one of torch, cupy"):
        base.check_backend_library("cuda")
    for name in ("torch", "cupy", "triton", "cpp", "auto"):
        base.check_backend_library(name)
    with pytest.raises(NotImplementedError, match="backend must be one of torch in"):
        base.MemoryModule().backend = "cupy"


@pytest.mark.parametrize("backend", base.BACKENDS)
def test_every_backend_name_is_taken_from_the_start(backend: str) -> None:
    makers = [
        neuron.IFNode, neuron.LIFNode, neuron.ParametricLIFNode, neuron.QIFNode, neuron.EIFNode, neuron.IzhikevichNode,
        neuron.KLIFNode, neuron.OTTTLIFNode, neuron.SLTTLIFNode, neuron.DSRIFNode, neuron.DSRLIFNode,
        partial(neuron.LIAFNode, torch.tanh, True), partial(neuron.MPBNLIFNode, out_features=2),
        partial(neuron.GatedLIFNode, 4),
    ]  # fmt: skip
    for make in makers:
        assert make(backend=backend).backend == backend


def test_a_neuron_without_a_step_of_the_engine_says_so_too(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_said", set())
    neuron.DSRIFNode(4, backend="cupy")
    assert caplog.messages == ["DSRIFNode runs its eager PyTorch code with backend='cupy' too"]


@pytest.mark.parametrize("mode", ["s", "m"])
def test_inputs_that_are_no_floating_point_tensors(mode: str) -> None:
    node = neuron.LIFNode(step_mode=mode)
    with pytest.raises(
        TypeError, match=r"LIFNode: the input must be a torch.Tensor, but \[\[1.0\]\] \(list\).*as_tensor"
    ):
        node([[1.0]])
    with pytest.raises(
        TypeError, match=r"floating-point dtype, but a tensor of dtype torch.uint8 .* x.float\(\) / 255"
    ):
        node(torch.zeros(2, 3, dtype=torch.uint8))
    node(torch.zeros(2, 3))
    with pytest.raises(TypeError, match=r"the input must be a torch.Tensor"):
        node([[1.0]])


@pytest.mark.parametrize("x", [torch.tensor(1.0), torch.zeros(0, 3)], ids=["0-d", "T=0"])
def test_sequences_of_the_wrong_rank_or_length(x: torch.Tensor) -> None:
    with pytest.raises(
        ValueError, match=r"step_mode='m' expects a sequence \[T, N, \*\] with T >= 1.*use step_mode='s'"
    ):
        neuron.IFNode(step_mode="m")(x)


def test_missing_methods_are_named() -> None:
    class Empty(neuron.BaseNode):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty does not define neuronal_charge\(x\)"):
        Empty()(torch.rand(2))
    with pytest.raises(NotImplementedError, match="MemoryModule does not define single_step_forward"):
        base.MemoryModule()(torch.rand(2))


@pytest.mark.parametrize("backend", ["torch", "cpp"])
def test_an_input_that_is_not_dense(backend: str) -> None:
    with pytest.raises(TypeError, match=r"LIFNode: the input must be a dense tensor, .*torch.sparse_coo.*to_dense"):
        neuron.LIFNode(step_mode="m", backend=backend)(torch.rand(4, 2, 8).to_sparse())


def test_a_dtype_without_a_kernel_is_named(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_said", set())
    with pytest.raises(RuntimeError, match="float8|Float8"):  # PyTorch can't add such numbers
        neuron.LIFNode(step_mode="m", backend="cpp")(torch.rand(4, 8).to(torch.float8_e4m3fn))
    assert "kernels compute float64, float32, float16 and bfloat16, not torch.float8_e4m3fn" in caplog.text
