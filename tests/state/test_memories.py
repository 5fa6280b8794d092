"""The state contract of every stateful module."""

import copy
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from spikingjelly.activation_based import base, functional, layer, neuron
from tests.cases import NEURONS, NeuronCase

ONE_PER_CLASS = list({case.cls: case for case in NEURONS}.values())


def used(case: NeuronCase, dtype: torch.dtype = torch.float32) -> nn.Module:
    node = case.make("m").to(dtype)
    node(case.input(dtype).requires_grad_())
    return node


def memory_tensors(node: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value for name, value in node.named_memories() if isinstance(value, torch.Tensor)}


@pytest.mark.parametrize("case", ONE_PER_CLASS, ids=str)
def test_state_is_not_in_the_state_dict(case: NeuronCase) -> None:
    assert list(used(case).state_dict()) == list(case.make("m").state_dict())


@pytest.mark.parametrize("case", ONE_PER_CLASS, ids=str)
@pytest.mark.parametrize(
    "copier", [copy.deepcopy, lambda node: pickle.loads(pickle.dumps(node))], ids=["deepcopy", "pickle"]
)
def test_copies_have_the_state_without_the_graph(case: NeuronCase, copier) -> None:
    node = used(case)
    twin = copier(node)
    mine, others = memory_tensors(node), memory_tensors(twin)
    assert mine.keys() == others.keys()
    for name, value in mine.items():
        assert torch.equal(value, others[name])
        assert not others[name].requires_grad
        assert value.data_ptr() != others[name].data_ptr()
    x = case.input(seed=1)
    with torch.no_grad():
        assert torch.equal(node(x), twin(x))
    functional.reset_net(twin)
    assert torch.equal(twin(x), case.make("m")(x))


@pytest.mark.parametrize("case", ONE_PER_CLASS, ids=str)
def test_conversion_moves_the_state(case: NeuronCase) -> None:
    node = used(case)
    node.double()
    assert all(value.dtype == torch.float64 for value in memory_tensors(node).values())
    assert node(case.input(torch.float64)).dtype == torch.float64
    if case.half:
        node.half()
        assert all(value.dtype == torch.float16 for value in memory_tensors(node).values())
        assert node(case.input(torch.float16)).dtype == torch.float16
    node.to("meta")
    assert all(value.is_meta for value in memory_tensors(node).values())


def test_a_moved_state_leaves_the_graph_of_its_former_dtype() -> None:
    net = small_net()
    net(torch.rand(2, 3))
    kept = net.fire.v
    assert net.float().fire.v is kept, "nothing moved, nothing is cut"
    net.double()
    assert not net.fire.v.requires_grad
    net(torch.rand(2, 3, dtype=torch.float64)).sum().backward()
    assert net.fc.weight.grad.dtype == torch.float64


def test_tensor_reset_values_move_too() -> None:
    module = base.MemoryModule()
    module.register_memory("trace", torch.ones(3))
    module.double()
    module.trace = module.trace * 5
    module.reset()
    assert module.trace.dtype == torch.float64
    assert module.trace.tolist() == [1, 1, 1]


class Bag(base.MemoryModule):
    """Tensors inside lists and dicts, as queues are."""

    def __init__(self) -> None:
        super().__init__()
        self.register_memory("queue", [])
        self.register_memory("table", {})

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        self.queue = [*self.queue, x * 2]
        self.table = {"last": x * 3}
        return self.queue[0] + self.table["last"]


def test_containers_of_tensors_are_memories_too() -> None:
    bag = Bag()
    bag(torch.ones(2, requires_grad=True))
    twin = copy.deepcopy(bag).double()
    assert twin.queue[0].dtype == twin.table["last"].dtype == torch.float64
    assert bag.queue[0].requires_grad
    bag.detach()
    assert not bag.queue[0].requires_grad
    assert not bag.table["last"].requires_grad
    bag.reset()
    assert (bag.queue, bag.table) == ([], {})


def test_parametrized_neuron_runs_and_copies() -> None:
    class Shifted(nn.Module):
        def forward(self, w: torch.Tensor) -> torch.Tensor:
            return w + 0.5

    node = neuron.ParametricLIFNode(init_tau=2.0, step_mode="m")
    parametrize.register_parametrization(node, "w", Shifted())
    x = torch.rand(5, 3) * 2
    y = node(x)
    twin = copy.deepcopy(node)
    assert torch.equal(twin.v, node.v)
    functional.reset_net(twin)
    assert torch.equal(twin(x), y)
    y.sum().backward()
    assert node.parametrizations.w.original.grad is not None
    assert not torch.equal(y, neuron.ParametricLIFNode(init_tau=2.0, step_mode="m")(x))


def test_data_parallel_replicas_do_not_share_their_state() -> None:
    node = neuron.LIFNode(step_mode="m")
    node(torch.rand(3, 2))
    before = node.v
    replica = node._replicate_for_data_parallel()
    assert replica.v is before
    replica(torch.rand(3, 2))
    assert node.v is before
    assert replica.v is not before
    wrapped = nn.DataParallel(neuron.LIFNode(step_mode="m"))
    assert wrapped(torch.rand(3, 2)).shape == (3, 2)


def small_net(step_mode: str = "s") -> nn.Sequential:
    net = nn.Sequential()
    net.add_module("fc", layer.Linear(3, 4))
    net.add_module("fire", neuron.LIFNode())
    functional.set_step_mode(net, step_mode)
    return net


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_another_shape_without_reset_names_the_module(step_mode: str) -> None:
    net = small_net(step_mode)
    time = (5,) if step_mode == "m" else ()
    net(torch.rand(*time, 8, 3))
    with pytest.raises(RuntimeError, match=r"LIFNode 'fire' of Sequential still carries .* shape \[8, 4\]") as error:
        net(torch.rand(*time, 7, 3))
    assert "shape [7, 4]" in str(error.value)
    assert "functional.reset_net(net)" in str(error.value)
    functional.reset_net(net)
    net(torch.rand(*time, 7, 3))


def test_a_batch_that_would_broadcast_is_refused() -> None:
    node = neuron.IFNode()
    node(torch.rand(1, 4))
    with pytest.raises(RuntimeError, match=r"IFNode still carries the state"):
        node(torch.rand(6, 4))


@pytest.mark.parametrize("step_mode", ["s", "m"])
@pytest.mark.parametrize("value", [0.0, 0.25, "tensor"])
def test_a_state_that_is_reset_by_hand_takes_another_batch(step_mode: str, value: float | str) -> None:
    node = neuron.LIFNode(step_mode=step_mode, store_v_seq=step_mode == "m")
    time = (5,) if step_mode == "m" else ()
    node(torch.rand(*time, 8, 4))
    node.v = torch.full((3, 4), 0.5) if isinstance(value, str) else value
    x = torch.rand(*time, 3, 4)
    fresh = neuron.LIFNode(step_mode=step_mode)
    fresh.v = 0.5 if isinstance(value, str) else value
    assert torch.equal(node(x), fresh(x))
    assert torch.equal(node.v, fresh.v)
    with pytest.raises(RuntimeError, match=r"shape \[3, 4\].*shape \[2, 4\]"):
        node(torch.rand(*time, 2, 4))


def test_a_second_state_that_is_not_reset_by_hand_is_found() -> None:
    node = neuron.IzhikevichNode()
    node(torch.rand(1, 4))
    node.v = 0.0
    with pytest.raises(RuntimeError, match=r"shape \[1, 4\].*shape \[6, 4\]"):
        node(torch.rand(6, 4))
    node.v, node.w = 0.0, 0.0
    assert node(torch.rand(6, 4)).shape == (6, 4)


def test_another_dtype_without_reset_is_refused() -> None:
    node = neuron.IFNode()
    node(torch.rand(2))
    with pytest.raises(RuntimeError, match=r"torch.float32.*torch.float64"):
        node(torch.rand(2, dtype=torch.float64))


def test_another_device_without_reset_is_refused() -> None:
    node = neuron.IFNode()
    node(torch.rand(2))
    with pytest.raises(RuntimeError, match=r"on cpu.*on meta"):
        node(torch.rand(2, device="meta"))


def test_an_initial_state_is_used_and_must_fit() -> None:
    node = neuron.IFNode(v_reset=None)
    node.v = torch.tensor([0.9, 0.1])
    assert node(torch.tensor([[0.2, 0.2], [0.0, 0.0]])).tolist() == [[1, 0], [0, 0]]
    node.reset()
    node.v = torch.zeros(3)
    with pytest.raises(RuntimeError, match=r"a membrane potential v of shape \[3\]"):
        node(torch.rand(2))


def test_state_promoted_by_a_float32_parameter_stays() -> None:
    node = neuron.IFNode(v_threshold=torch.tensor([0.5, 0.7]))
    x = torch.rand(2, 2, dtype=torch.float16)
    node(x)
    assert node.v.dtype == torch.float32
    node(x)


def second_time(net: nn.Module, between) -> None:
    for _ in range(2):
        net(torch.rand(3, 3)).sum().backward()
        between(net)


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_forgotten_reset_is_hinted_at_before_pytorch_fails(step_mode: str) -> None:
    net = small_net(step_mode)
    with (
        pytest.warns(UserWarning, match=r"state that LIFNode kept .* functional.reset_net"),
        pytest.raises(RuntimeError, match="backward through the graph a second time"),
    ):
        second_time(net, lambda net: None)


@pytest.mark.parametrize("remedy", [functional.reset_net, functional.detach_net], ids=["reset", "detach"])
def test_the_remedies_of_the_hint_work_without_a_warning(remedy) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second_time(small_net(), remedy)


def test_training_through_time_gives_no_hint() -> None:
    net = small_net()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sum(net(torch.rand(2, 3)) for _ in range(4)).sum().backward()


def test_no_memory_is_kept_alive_by_the_hint() -> None:
    import gc
    import weakref

    net = small_net()
    first, second = net(torch.rand(3, 3)), net(torch.rand(3, 3))
    graph = weakref.ref(second.grad_fn)
    assert graph() is not None
    gc.disable()
    try:
        functional.reset_net(net)
        del first, second
        assert graph() is None
    finally:
        gc.enable()


def test_reset_and_detach() -> None:
    node = neuron.LIFNode(v_reset=-0.3)
    assert node.v == -0.3
    node(torch.rand(2, requires_grad=True))
    value = node.v
    node.detach()
    assert torch.equal(node.v, value)
    assert not node.v.requires_grad
    node.reset()
    assert node.v == -0.3
    node.set_reset_value("v", 0.25)
    node.reset()
    assert node.v == 0.25


def test_register_memory_guards_names_and_delattr_frees_them() -> None:
    module = base.MemoryModule()
    module.register_memory("trace", 1.0)
    with pytest.raises(AssertionError, match="`?trace`? has been set as a member variable"):
        module.register_memory("trace", 2.0)
    assert "trace" in dir(module)
    assert list(module.named_memories()) == [("trace", 1.0)]
    assert list(module.memories()) == [1.0]
    del module.trace
    assert not hasattr(module, "trace")
    module.register_memory("trace", 2.0)


def test_default_multi_step_forward_loops_over_the_single_step() -> None:
    class Accumulator(base.MemoryModule):
        def __init__(self) -> None:
            super().__init__()
            self.register_memory("total", 0.0)

        def single_step_forward(self, x: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
            self.total = self.total + x * scale
            return self.total

    module = Accumulator()
    module.step_mode = "m"
    assert module(torch.ones(3, 2), scale=2.0).tolist() == [[2, 2], [4, 4], [6, 6]]
    module.reset()
    assert module(torch.ones(2, 1, dtype=torch.int64), scale=3).tolist() == [[3], [6]]
    with pytest.raises(
        TypeError, match=r"Accumulator: the input must be a torch.Tensor, but \[1.0\] \(list\) was given"
    ):
        module([1.0])
    with pytest.raises(ValueError, match=r"step_mode='m' expects a sequence \[T, N, \*\] with T >= 1"):
        module(torch.ones(0, 2))


def test_shared_default_surrogate_is_not_shared() -> None:
    one, other = neuron.IFNode(), neuron.LIFNode()
    one.surrogate_function.set_spiking_mode(False)
    assert other.surrogate_function.spiking
    assert neuron.IFNode().surrogate_function.spiking


@pytest.mark.parametrize("backend", ["torch", "cpp"])
def test_a_state_that_was_left_in_inference_mode_can_be_trained_on(backend: str) -> None:
    node, other = (neuron.LIFNode(step_mode="m", backend=backend) for _ in range(2))
    before, x = torch.rand(2, 4, 100, 100)
    with torch.inference_mode():
        node(before)
    with torch.no_grad():
        other(before)
    gradients = []
    for used_node in (node, other):
        given = x.clone().requires_grad_()
        used_node(given).sum().backward()
        gradients.append(given.grad)
    assert gradients[0].any()
    assert torch.equal(*gradients)
