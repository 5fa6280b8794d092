"""Nodes of clock_driven: the recorded numbers of the published package, memories, records, old argument orders."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from spikingjelly.clock_driven import functional, neuron, surrogate
from tests.conformance.test_vectors import CASES, Arrays, close, make_surrogate, recorded  # noqa: F401
from tests.exchange import fake_lava
from tests.parity.compare import counted

NAMES = ("IFNode", "LIFNode", "ParametricLIFNode", "QIFNode", "EIFNode")
NODES = [c for c in CASES if c["kind"] == "neuron" and c["cls"] in NAMES and c["step_mode"] == "m"]


def node_for(case: dict, **more: Any) -> nn.Module:
    """The class of the case, with what only the constructors of activation_based take left out."""
    kwargs = {
        name: value for name, value in case["kwargs"].items() if name not in ("step_mode", "backend", "store_v_seq")
    }
    cls = f"MultiStep{case['cls']}" if more else case["cls"]
    return getattr(neuron, cls)(**kwargs, surrogate_function=make_surrogate(*case["surrogate"]), **more)


def check(node: nn.Module, x: torch.Tensor, y: torch.Tensor, a: Arrays) -> None:
    assert torch.equal(y, a["y"])
    close(node.v, a["v"])
    y.backward(a["g"])
    close(x.grad, a["gx"])
    for name, parameter in node.named_parameters():
        close(parameter.grad, a[f"grad_{name}"])


@pytest.mark.parametrize("case", NODES, ids=[f"{c['id']}-{c['cls']}" for c in NODES])
def test_single_steps(case: dict, recorded: dict[str, Arrays]) -> None:  # noqa: F811
    a, node = recorded[case["id"]], node_for(case)
    x = a["x"].clone().requires_grad_()
    check(node, x, torch.stack([node(step) for step in x]), a)
    assert torch.equal(node.spike, a["y"][-1])


@pytest.mark.parametrize("backend", ["torch", "cupy"])
@pytest.mark.parametrize("case", [c for c in NODES if c["cls"] != "QIFNode"], ids=lambda c: f"{c['id']}-{c['cls']}")
def test_multiple_steps(case: dict, backend: str, recorded: dict[str, Arrays]) -> None:  # noqa: F811
    a, node = recorded[case["id"]], node_for(case, backend=backend)
    x = a["x"].clone().requires_grad_()
    with counted() as kernels:
        y = node(x)
    assert len(kernels) == (backend == "cupy"), "'cupy' runs the kernel of the CPU on a CPU"
    check(node, x, y, a)
    assert node.spike_seq is y
    close(node.v_seq[-1], a["v"])
    if "v_seq" in a:
        close(node.v_seq, a["v_seq"])


def test_memories() -> None:
    node = neuron.MultiStepLIFNode(v_threshold=0.5, v_reset=None)
    assert dict(node.named_memories()) == {"v": 0.0, "v_threshold": 0.5, "v_reset": None, "v_seq": None}
    node(torch.rand(4, 2, 3))
    node.v_threshold = 0.25
    node.reset()
    assert dict(node.named_memories()) == {"v": 0.0, "v_threshold": 0.5, "v_reset": None, "v_seq": None}
    assert node.spike_seq is None
    assert list(node.state_dict()) == []
    assert list(neuron.ParametricLIFNode().state_dict()) == ["w"]


def test_v_is_a_number_before_the_first_input() -> None:
    node = neuron.EIFNode()
    assert node.v == -0.1
    assert node.spike == 0.0
    node(torch.zeros(2, 3))
    assert node.v.shape == node.spike.shape == (2, 3)


@pytest.mark.parametrize("backend", ["torch", "cupy"])
def test_a_threshold_that_is_replaced_in_the_middle(backend: str) -> None:
    x = torch.tensor([[[0.6, 0.6, 0.6]]] * 2)
    node = neuron.MultiStepIFNode(backend=backend)
    assert node(x).tolist() == [[[0.0, 0.0, 0.0]], [[1.0, 1.0, 1.0]]]
    node.v_threshold = torch.tensor([0.5, 1.0, 10.0])
    assert node(x).tolist() == [[[1.0, 0.0, 0.0]], [[1.0, 1.0, 0.0]]]
    assert node.v_threshold.tolist() == [0.5, 1.0, 10.0]
    node.reset()
    assert node.v_threshold == 1.0


def test_thresholds_of_two_nodes_are_their_own() -> None:
    x = torch.full((3, 4), 0.4)
    low, high = (neuron.MultiStepIFNode(v_threshold=t, backend="cupy") for t in (0.3, 1.0))
    assert low(x).sum() == 12
    assert high(x).sum() == 4


def test_a_threshold_that_learns() -> None:
    grads = []
    for backend in ("torch", "cupy"):
        node = neuron.MultiStepLIFNode(backend=backend)
        node.v_threshold = threshold = torch.full((3,), 0.4, requires_grad=True)
        torch.manual_seed(1)
        node(torch.rand(6, 2, 3) * 2).sum().backward()
        grads.append(threshold.grad)
    torch.testing.assert_close(*grads)
    assert grads[0].abs().min() > 0


def test_argument_order_before_decay_input() -> None:
    sg = surrogate.ATan()
    for cls, backend in ((neuron.LIFNode, []), (neuron.MultiStepLIFNode, ["torch"]), (neuron.ParametricLIFNode, [])):
        old, new = cls(1.5, 0.7, -0.2, sg, True, *backend), cls(1.5, True, 0.7, -0.2, sg, True, *backend)
        assert repr(old) == repr(new)
        assert old.decay_input is True
        assert (old.v_threshold, old.v_reset, old.detach_reset) == (0.7, -0.2, True)
        assert old.surrogate_function is sg
    assert neuron.LIFNode(2.0, False).decay_input is False


def test_ints_are_taken_for_floats() -> None:
    node = neuron.LIFNode(tau=2, v_threshold=1, v_reset=0)
    assert (node.tau, node.v_threshold, node.v_reset) == (2.0, 1.0, 0.0)
    assert all(type(value) is float for value in (node.tau, node.v_threshold, node.v_reset))
    with pytest.raises(AssertionError, match=r"LIFNode: tau must be greater than 1\.0, but 1\.0 was given"):
        neuron.LIFNode(tau=1)
    with pytest.raises(AssertionError, match="detach_reset must be a bool"):
        neuron.IFNode(detach_reset=1)


def test_exchange_with_lava() -> None:
    with fake_lava.installed():
        lif = neuron.MultiStepLIFNode(4.0, decay_input=False, v_threshold=0.5).to_lava()
        assert isinstance(lif, fake_lava.Neuron)
        assert (lif.threshold, lif.current_decay, lif.voltage_decay) == (0.5, 1.0, 0.25)
        assert neuron.MultiStepIFNode().to_lava().voltage_decay == 0.0
        with pytest.raises(ValueError, match="decay_input"):
            neuron.MultiStepLIFNode().to_lava()


def test_flags_that_are_kept() -> None:
    assert neuron.LIFNode(2.0, True, 1.0, 0.0, torch.sigmoid, False, True).cupy_fp32_inference is True
    assert neuron.IFNode(cupy_fp32_inference=True).cupy_fp32_inference is True
    assert neuron.MultiStepLIFNode(lava_s_cale=32).lava_s_cale == 32
    assert neuron.MultiStepIFNode().lava_s_cale == 64
    with pytest.raises(NotImplementedError, match="'numpy'.* was given"):
        neuron.MultiStepIFNode(backend="numpy")


def test_general_node() -> None:
    x = torch.tensor([1.0, 2.0, 0.0, 0.0]).view(4, 1, 1)
    # 0.3 + 0.1 = 0.4; 0.2 + 0.6 + 0.1 = 0.9 fires; 0.1; 0.05 + 0.1 = 0.15
    node = neuron.GeneralNode(0.5, 0.3, 0.1, v_threshold=0.8)
    assert torch.stack([node(step) for step in x]).flatten().tolist() == [0.0, 1.0, 0.0, 0.0]
    assert node.v.item() == pytest.approx(0.15)
    for backend in ("torch", "cupy"):
        multi = neuron.MultiStepGeneralNode(0.5, 0.3, 0.1, 0.8, backend=backend)
        multi(x)
        assert multi.v_seq.flatten().tolist() == pytest.approx([0.4, 0.0, 0.1, 0.15])


def test_adaptive_base_node() -> None:
    class Adaptive(neuron.AdaptiveBaseNode):
        def neuronal_charge(self, x: torch.Tensor) -> None:
            self.v = self.v + x - self.w

    node = Adaptive(v_threshold=1, a=0.5, b=0.25, tau_w=2.0)
    assert [node(torch.ones(1)).item() for _ in range(3)] == [1.0, 0.0, 1.0]
    # w: (0.5 * 1 - 0) / 2 + 0.25 = 0.5; v: 0.5; w: 0.5 + (0.25 - 0.5) / 2 = 0.375; v: 1.125; w: 0.375 + (0.5625 - 0.375) / 2
    assert node.w.item() == pytest.approx(0.375 + 0.09375 + 0.25)


def test_liaf_node() -> None:
    node = neuron.LIAFNode(torch.tanh, True, tau=2.0, v_threshold=1)
    assert node(torch.tensor([1.0, 4.0])).tolist() == pytest.approx([np.tanh(-0.5), np.tanh(1.0)])
    assert node.v.tolist() == [0.5, 0.0]
    assert neuron.LIAFNode(torch.relu, False)(torch.tensor([1.0])).item() == 0.5


@pytest.mark.parametrize("cls", ["LIFNode", "MultiStepLIFNode"])
def test_copies(cls: str) -> None:
    node, x = getattr(neuron, cls)(), torch.rand(4, 2, 3, requires_grad=True)
    node(x)
    for twin in (copy.deepcopy(node), pickle.loads(pickle.dumps(node))):
        assert torch.equal(twin.v, node.v)
        assert twin.v_threshold == 1.0


@pytest.mark.parametrize("cls", ["LIFNode", "MultiStepLIFNode"])
def test_what_an_earlier_release_has_pickled(cls: str) -> None:
    node, x = getattr(neuron, cls)(tau=1.5, v_threshold=0.7), torch.rand(4, 2, 3)
    y = node(x)
    node.reset()
    ours = ("_backend", "_step_mode", "_store_v_seq", "monitor")
    state = {name: value for name, value in vars(node).items() if name not in ours}
    if cls == "MultiStepLIFNode":
        state.update(backend="torch", lava_neuron=None)
    loaded = getattr(neuron, cls).__new__(getattr(neuron, cls))
    loaded.__setstate__(state)
    assert loaded.backend == ("torch" if cls == "MultiStepLIFNode" else "auto")
    assert torch.equal(loaded(x), y)
    assert repr(loaded).startswith(f"{cls}(\n  v_threshold=0.7")


def test_a_record_of_every_time_step() -> None:
    net = nn.Sequential(
        nn.Linear(3, 4), neuron.LIFNode(v_threshold=0.2), nn.Linear(4, 2), neuron.IFNode(monitor_state=True)
    )
    functional.set_monitor(net, True)
    x = torch.rand(5, 2, 3)
    spikes = torch.stack([net(step) for step in x])
    for node in (net[1], net[3]):
        assert {name: len(steps) for name, steps in node.monitor.items()} == {"h": 5, "v": 5, "s": 5}
        h, v, s = (torch.from_numpy(np.stack(node.monitor[name])) for name in "hvs")
        assert torch.equal(s, (h >= node.v_threshold).float())
        assert torch.equal(v, h * (1 - s))
    assert torch.equal(s, spikes.detach())
    functional.set_monitor(net, True, reset=False)
    assert len(net[1].monitor["h"]) == 5
    functional.reset_net(net)
    assert net[1].monitor == {"h": [], "v": [], "s": []}
    functional.set_monitor(net, False)
    net(x[0])
    assert net[1].monitor is False


def test_a_record_of_a_sequence() -> None:
    x = torch.rand(5, 2, 3) * 2
    node, twin = neuron.MultiStepLIFNode(backend="cupy"), neuron.MultiStepLIFNode(backend="cupy")
    node.set_monitor()
    assert torch.equal(node(x), twin(x))
    assert torch.equal(torch.from_numpy(np.stack(node.monitor["v"])), twin.v_seq)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the compiler itself, about its own parts
def test_nodes_compile() -> None:
    x = torch.rand(4, 2, 3) * 2
    node, twin = neuron.MultiStepLIFNode(backend="cpp"), neuron.MultiStepLIFNode(backend="torch")
    torch.compiler.reset()  # the compiler counts how often `forward` was compiled, whoever did it
    compiled = torch.compile(node, backend="aot_eager")
    assert torch.equal(compiled(x), twin(x))
    assert torch.equal(node.v_seq, twin.v_seq)
    torch.compiler.reset()
