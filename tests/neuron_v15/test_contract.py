"""What every neuron of this group keeps: state, copies, dtypes, defaults of its own, signatures."""

import copy
import inspect
import pickle
from collections.abc import Callable

import pytest
import torch

from spikingjelly.activation_based import base, functional, surrogate
from spikingjelly.activation_based.neuron import (
    cuba,
    dsr,
    gated_lif,
    ilc,
    mpbn,
    noisy,
    non_spiking,
    online,
    psn,
    simple,
)
from spikingjelly.activation_based.neuron import noisy_non_spiking as noisy_ns

T, SHAPE = 4, (3, 6)


def drawn(node: noisy.NoisyBaseNode | noisy_ns.NoisyNonSpikingBaseNode) -> torch.nn.Module:
    node.reset_noise(20)
    return node


def stepping(node: torch.nn.Module) -> torch.nn.Module:
    node.step_mode = "m"
    return node


NODES: dict[str, Callable[..., torch.nn.Module]] = {
    "SimpleIFNode": lambda **kw: simple.SimpleIFNode(step_mode="m", **kw),
    "SimpleLIFNode": lambda **kw: simple.SimpleLIFNode(1.5, True, step_mode="m", **kw),
    "PSN": lambda **kw: psn.PSN(T, **kw),
    "MaskedPSN": lambda **kw: psn.MaskedPSN(2, T, 0.5, step_mode="m", **kw),
    "SlidingPSN": lambda **kw: psn.SlidingPSN(2, step_mode="m", **kw),
    "GatedLIFNode": lambda **kw: gated_lif.GatedLIFNode(T, 6, **kw),
    "DSRIFNode": lambda: dsr.DSRIFNode(T, 1.0),
    "DSRLIFNode": lambda: dsr.DSRLIFNode(T),
    "CLIFNode": lambda **kw: stepping(cuba.CLIFNode(**kw)),
    "ILCIFNode": lambda **kw: ilc.ILCIFNode(2, 3, **kw),
    "ILCLIFNode": lambda **kw: ilc.ILCLIFNode(2, 3, **kw),
    "ILCCLIFNode": lambda **kw: ilc.ILCCLIFNode(2, 3, **kw),
    "NoisyCLIFNode": lambda **kw: drawn(noisy.NoisyCLIFNode(6, T=T, **kw)),
    "NoisyILCCLIFNode": lambda **kw: drawn(noisy.NoisyILCCLIFNode(2, 3, T=T, **kw)),
    "NonSpikingIFNode": lambda: non_spiking.NonSpikingIFNode(),
    "NonSpikingLIFNode": lambda: non_spiking.NonSpikingLIFNode(),
    "NoisyNonSpikingIFNode": lambda: drawn(noisy_ns.NoisyNonSpikingIFNode(6, T=T)),
    "MPBNLIFNode": lambda **kw: mpbn.MPBNLIFNode(step_mode="m", out_features=6, **kw),
}
CARRY = ["SimpleIFNode", "SimpleLIFNode", "GatedLIFNode", "CLIFNode", "MPBNLIFNode"]
WITH_SURROGATE = [name for name in NODES if not name.startswith("DSR") and "NonSpiking" not in name]


def sequence(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand(T, *SHAPE, dtype=dtype) * 2


@pytest.mark.parametrize("name", NODES)
def test_state_is_not_in_the_state_dict(name: str) -> None:
    node = NODES[name]()
    before = list(node.state_dict())
    node(sequence())
    assert list(node.state_dict()) == before
    NODES[name]().load_state_dict(node.state_dict())


@pytest.mark.parametrize("name", NODES)
@pytest.mark.parametrize(
    "copier", [copy.deepcopy, lambda node: pickle.loads(pickle.dumps(node))], ids=["copy", "pickle"]
)
def test_copies_go_on_where_the_original_stood(name: str, copier: Callable) -> None:
    node = NODES[name]()
    node(sequence().requires_grad_())
    twin = copier(node)
    x = sequence()
    assert torch.equal(node(x), twin(x))


@pytest.mark.parametrize("name", NODES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_conversion_after_a_forward_pass(name: str, dtype: torch.dtype) -> None:
    node = NODES[name]()
    with torch.no_grad():  # parameters change in place, so that the graph of an earlier dtype can't be run backward
        node(sequence())
    node.to(dtype)
    y = node(sequence(dtype).requires_grad_())
    assert y.dtype == dtype
    y.sum().backward()
    if isinstance(node, base.MemoryModule):
        tensors = [value for value in node.memories() if isinstance(value, torch.Tensor)]
        assert all(value.dtype == dtype for value in tensors)


@pytest.mark.parametrize("name", NODES)
def test_reset_and_what_is_carried_over(name: str) -> None:
    node, x = NODES[name]().eval(), sequence()
    if "Noisy" in name:
        node.is_training = False
    first = node(x)
    assert torch.equal(node(x), first) == (name not in CARRY)
    functional.reset_net(node)
    assert torch.equal(node(x), first)


@pytest.mark.parametrize("name", CARRY)
def test_a_forgotten_reset_is_an_error_only_where_state_is_carried(name: str) -> None:
    node = NODES[name]()
    node(sequence())
    with pytest.raises(RuntimeError, match=f"{name} still carries the state"):
        node(sequence()[:, :2])


@pytest.mark.parametrize("name", [name for name in NODES if name not in CARRY])
def test_another_batch_needs_no_reset_where_nothing_is_carried(name: str) -> None:
    node = NODES[name]()
    node(sequence())
    other = sequence()[:, :2]
    actual = node(other)
    functional.reset_net(node)
    again = node(other)
    assert again.shape == actual.shape
    if not name.startswith("Noisy"):
        assert torch.equal(again, actual)


@pytest.mark.parametrize("name", WITH_SURROGATE)
def test_surrogates_that_are_none(name: str) -> None:
    for error in (TypeError, AssertionError):
        with pytest.raises(
            error, match=rf"{name}: surrogate_function must .* such as surrogate.ATan\(\).*'atan' \(str\)"
        ):
            NODES[name](surrogate_function="atan")
        with pytest.raises(error, match=r"but the class Erf was given. Make one of it: surrogate_function=Erf\(\)\."):
            NODES[name](surrogate_function=surrogate.Erf)


@pytest.mark.parametrize("name", NODES)
def test_inputs_that_are_no_floating_point_sequences(name: str) -> None:
    with pytest.raises(TypeError, match=r"the input must have a floating-point dtype.*x\.float\(\)"):
        NODES[name]()(torch.ones(T, *SHAPE, dtype=torch.int64))
    with pytest.raises(TypeError, match=r"the input must be a torch\.Tensor"):
        NODES[name]()([1.0])
    with pytest.raises(ValueError, match=r"T >= 1"):
        NODES[name]()(torch.rand(0, *SHAPE))


@pytest.mark.parametrize("name", WITH_SURROGATE)
def test_default_surrogates_are_not_shared(name: str) -> None:
    one, other = NODES[name](), NODES[name]()
    assert one.surrogate_function is not other.surrogate_function
    one.surrogate_function.set_spiking_mode(False)
    assert other.surrogate_function.spiking
    assert NODES[name]().surrogate_function.spiking
    expected = {"P": surrogate.ATan, "M": surrogate.ATan}.get(name[0]) if "PSN" in name else None
    if expected is None:
        expected = surrogate.Rect if "CLIF" in name or "ILC" in name else surrogate.Sigmoid
        expected = surrogate.ATan if name == "SlidingPSN" else expected
    assert type(other.surrogate_function) is expected


@pytest.mark.parametrize("name", WITH_SURROGATE)
def test_a_given_surrogate_is_used_as_it_is(name: str) -> None:
    given = surrogate.PiecewiseExp(alpha=1.3, spiking=False)
    node = NODES[name](surrogate_function=given)
    assert node.surrogate_function is given
    y = node(sequence())
    assert ((y != 0) & (y != 1)).any()


COMMON = "v_threshold v_reset surrogate_function detach_reset step_mode"
SIGNATURES = {
    simple.SimpleBaseNode: COMMON,
    simple.SimpleIFNode: COMMON,
    simple.SimpleLIFNode: f"tau decay_input {COMMON}",
    psn.PSN: "T surrogate_function",
    psn.MaskedPSN: "k T lambda_init surrogate_function step_mode",
    psn.SlidingPSN: "k exp_init surrogate_function step_mode backend",
    gated_lif.GatedLIFNode: "T inplane init_linear_decay init_v_subreset init_tau init_v_threshold init_conduct "
    "surrogate_function step_mode backend",
    dsr.DSRIFNode: "T v_threshold alpha v_threshold_training v_threshold_grad_scaling v_threshold_lower_bound step_mode "
    "backend kwargs",
    dsr.DSRLIFNode: "T v_threshold tau delta_t alpha v_threshold_training v_threshold_grad_scaling "
    "v_threshold_lower_bound step_mode backend kwargs",
    online.OTTTLIFNode: f"tau decay_input {COMMON} backend store_v_seq",
    online.SLTTLIFNode: f"tau decay_input {COMMON} backend store_v_seq",
    cuba.CLIFNode: "c_decay v_decay v_threshold v_reset surrogate_function",
    noisy.NoisyBaseNode: "num_node is_training T sigma_init beta v_threshold v_reset surrogate_function",
    noisy.NoisyCLIFNode: "num_node c_decay v_decay is_training T sigma_init beta v_threshold v_reset surrogate_function",
    ilc.ILCBaseNode: "act_dim dec_pop_dim v_threshold v_reset surrogate_function",
    ilc.ILCIFNode: "act_dim dec_pop_dim v_threshold v_reset surrogate_function",
    ilc.ILCLIFNode: "act_dim dec_pop_dim v_decay v_threshold v_reset surrogate_function",
    ilc.ILCCLIFNode: "act_dim dec_pop_dim c_decay v_decay v_threshold v_reset surrogate_function",
    noisy.NoisyILCBaseNode: "act_dim dec_pop_dim is_training T sigma_init beta v_threshold v_reset surrogate_function",
    noisy.NoisyILCCLIFNode: "act_dim dec_pop_dim c_decay v_decay is_training T sigma_init beta v_threshold v_reset "
    "surrogate_function",
    non_spiking.NonSpikingBaseNode: "decode",
    non_spiking.NonSpikingIFNode: "decode",
    non_spiking.NonSpikingLIFNode: "tau decode",
    noisy_ns.NoisyNonSpikingBaseNode: "num_node is_training T sigma_init beta decode",
    noisy_ns.NoisyNonSpikingIFNode: "num_node is_training T sigma_init beta decode",
    mpbn.MPBNBaseNode: f"{COMMON} backend store_v_seq mpbn out_features out_channels learnable_vth bn_momentum "
    "bn_decay_momentum bn_min_momentum",
    mpbn.MPBNLIFNode: f"tau decay_input {COMMON} backend store_v_seq mpbn out_features out_channels learnable_vth "
    "bn_momentum bn_decay_momentum bn_min_momentum",
}


@pytest.mark.parametrize("cls", SIGNATURES, ids=lambda cls: cls.__name__)
def test_signatures(cls: type) -> None:
    assert list(inspect.signature(cls).parameters) == SIGNATURES[cls].split()
    assert cls.__doc__, "a public class needs a docstring of its own"


@pytest.mark.parametrize("name", NODES)
def test_non_contiguous_inputs(name: str) -> None:
    node = NODES[name]().eval()
    if "Noisy" in name:
        node.is_training = False
    x = sequence()
    expected = node(x)
    functional.reset_net(node)
    assert torch.equal(node(x.transpose(1, 2).contiguous().transpose(1, 2)), expected)
