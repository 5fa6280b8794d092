"""Programs written for the 2.0 releases, which moved and renamed: their names and orders of arguments work."""

import importlib
import importlib.util
import subprocess
import sys

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import ann2snn, base, functional, layer, learning, model, neuron, quantize, surrogate

HERE = "spikingjelly.activation_based"
NAMES = {
    "functional.forward": "chunk_multi_step_forward multi_step_forward seq_to_ann_forward t_last_multi_step_forward",
    "functional.loss": "kernel_dot_product spike_similar_loss temporal_efficient_training_cross_entropy",
    "functional.misc": "delay first_spike_index kaiming_normal_conv_linear_weight redundant_one_hot set_threshold_margin",
    "functional.net_config": "detach_net reset_net set_step_mode",
    "layer.bn": "BatchNorm2d NeuNorm TemporalEffectiveBatchNorm2d ThresholdDependentBatchNorm2d",
    "layer.container": "ElementWiseRecurrentContainer LinearRecurrentContainer StepModeContainer TLastSeqToANNContainer",
    "layer.misc": "Delay PrintShapeModule SynapseFilter VotingLayer",
    "layer.online_learning": "GradwithTrace OTTTSequential SpikeTraceOp",
    "layer.stateless_wrapper": "Conv2d ConvTranspose3d Flatten GroupNorm Linear MaxPool2d Upsample WSConv2d WSLinear",
    "learning.plasticity": "MSTDPETLearner MSTDPLearner STDPLearner",
    "neuron.adapt": "AdaptBaseNode IzhikevichNode",
    "neuron.base_node": "BaseNode NonSpikingBaseNode SimpleBaseNode",
    "neuron.inter_layer_connection": "ILCBaseNode ILCCUBALIFNode ILCIFNode ILCLIFNode",
    "neuron.lif_variants": "CUBALIFNode GatedLIFNode KLIFNode LIAFNode",
    "neuron.nonlinear_if": "EIFNode QIFNode",
    "neuron.online_learning": "OTTTLIFNode SLTTLIFNode",
}
EXAMPLES = {
    "a2c": "A2C",
    "dqn_state": "DQN_state",
    "ppo": "PPO",
    "spiking_a2c": "Spiking_A2C",
    "spiking_dqn_state": "Spiking_DQN_state",
    "spiking_ppo": "Spiking_PPO",
    "speech_commands": "speechcommands",
    "plasticity.stdp_mnist": "stdp_mnist",
}
MOVED = {
    "examples.train_imagenet": "model.train_imagenet_example",
    "examples.common.train_classify": "model.train_classify",
    "examples.common.tv_ref_classify": "model.tv_ref_classify",
    "examples.common.tv_ref_classify.utils": "model.tv_ref_classify.utils",
}


@pytest.mark.parametrize("module", NAMES)
def test_parts_of_packages(module: str) -> None:
    part, package = (
        importlib.import_module(f"{HERE}.{module}"),
        importlib.import_module(f"{HERE}.{module.split('.')[0]}"),
    )
    for name in NAMES[module].split():
        assert getattr(part, name) is getattr(package, name)
    assert package.__spec__.name == package.__name__


@pytest.mark.parametrize(
    ("later", "today"), [*((f"examples.{a}", f"examples.{b}") for a, b in EXAMPLES.items()), *MOVED.items()]
)
def test_modules_that_moved(later: str, today: str) -> None:
    module = importlib.import_module(f"{HERE}.{today}")
    assert importlib.import_module(f"{HERE}.{later}") is module
    assert module.__spec__.name == module.__name__ == f"{HERE}.{today}"
    spec = importlib.util.find_spec(f"{HERE}.{later}")
    assert spec is not None
    if spec.submodule_search_locations is None:
        assert spec.loader.get_code(spec.name).co_filename == module.__file__  # what python -m runs


@pytest.mark.parametrize("name", ["examples.speech_commands", "examples.plasticity.stdp_mnist"])
def test_an_example_runs_under_both_names(name: str) -> None:
    command = [sys.executable, "-W", "error", "-m", f"{HERE}.{name}", "--help"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "-epochs" in result.stdout
    assert result.stderr == ""


def test_a_name_of_no_release_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"examples\.a3c"):
        importlib.import_module(f"{HERE}.examples.a3c")


def test_networks_in_the_package_of_models() -> None:
    from spikingjelly.activation_based.model import Spikformer, spikformer_ti
    from spikingjelly.activation_based.model.spikformer import Spikformer as at_home

    assert Spikformer is at_home
    assert callable(spikformer_ti)
    names = {
        "MSResNet",
        "ms_resnet18",
        "ms_resnet34",
        "QKFormer",
        "qkformer_10_384",
        "SpikeDrivenTransformer",
        "sdt_8_384",
    }
    for name in names | {"Spikformer", "spikformer_cifar10", "spikformer_s", "spikformer_ti"}:
        assert name in dir(model)
        assert getattr(model, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        model.nothing  # noqa: B018


def test_networks_in_the_package_of_sample_models() -> None:
    assert ann2snn.sample_models.CNN is ann2snn.sample_models.mnist_cnn.CNN
    for name in ("BasicBlock", "Bottleneck", "ResNet", "ResNet18", "ResNet34", "ResNet50", "ResNet101", "ResNet152"):
        assert getattr(ann2snn.sample_models, name) is getattr(ann2snn.sample_models.cifar10_resnet, name)


@pytest.mark.parametrize("name", ["Round", "Ceil", "Floor", "StepQuantize", "KBitQuantize", "Clamp"])
def test_autograd_functions_of_quantize(name: str) -> None:
    lower = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
    assert getattr(quantize, f"{name}ATGF") is getattr(quantize, f"{lower}_atgf")


def test_the_step_mode_of_a_container_comes_second() -> None:
    linear = nn.Linear(2, 3)
    for container in (
        layer.StepModeContainer(False, "m", linear),
        layer.StepModeContainer(False, linear, step_mode="m"),
    ):
        assert container.step_mode == "m"
        assert list(container) == [linear]
        assert container(torch.ones(4, 1, 2)).shape == (4, 1, 3)
        assert container[:1].step_mode == "m"
    assert layer.StepModeContainer(True, linear).step_mode == "s"
    with pytest.raises(ValueError, match="step_mode"):
        layer.StepModeContainer(False, "x", linear)


def test_the_step_mode_of_drop_connect() -> None:
    assert layer.DropConnectLinear(2, 2, step_mode="m").step_mode == "m"
    assert layer.DropConnectLinear(2, 2, state_mode="m").step_mode == "m"
    assert layer.DropConnectLinear(2, 2).step_mode == "s"


def test_a_learner_without_batch_size_takes_any() -> None:
    synapse, node = nn.Linear(3, 2, bias=False), neuron.IFNode(v_threshold=0.1)
    with torch.no_grad():
        synapse.weight.abs_()
    learners = [
        learning.MSTDPLearner("s", synapse, node, 2.0, 3.0),
        learning.MSTDPLearner("s", synapse=synapse, sn=node, tau_pre=2.0, tau_post=3.0),
        learning.MSTDPLearner(step_mode="s", synapse=synapse, sn=node, tau_pre=2.0, tau_post=3.0),
        learning.MSTDPLearner("s", None, synapse, node, 2.0, 3.0),
    ]
    for batch in (2, 5):
        functional.reset_net(node)
        x = torch.ones(batch, 3)
        held = learning.MSTDPLearner("s", batch, synapse, node, 2.0, 3.0)
        changes = []
        for learner in learners:
            learner.reset()
        for _ in range(4):
            node(synapse(x))
        for learner in [*learners, held]:
            changes.append(learner.step(1.0, on_grad=False))
        assert changes[0].any()
        assert all(torch.equal(change, changes[0]) for change in changes)


def test_leaky_k_relu_in_both_orders() -> None:
    for made in (
        surrogate.LeakyKReLU(False, 0.1, 2.0),
        surrogate.LeakyKReLU(0.1, 2.0, False),
        surrogate.LeakyKReLU(0.1, k=2.0, spiking=False),
        surrogate.LeakyKReLU(leak=0.1, k=2.0, spiking=False),
    ):
        assert (made.leak, made.k, made.spiking) == (0.1, 2.0, False)
    with pytest.raises(TypeError):
        surrogate.LeakyKReLU(0.1, 2.0, False, 3.0)


def test_deterministic_pass_without_its_alpha() -> None:
    assert surrogate.DeterministicPass(False).spiking is False
    assert surrogate.DeterministicPass(False).alpha == 1.0
    assert surrogate.DeterministicPass(0.5, False).alpha == 0.5


class OfTwo(surrogate.SurrogateFunctionBase):
    def __init__(self, slope: float = 2.0, offset: float = 0.25, spiking: bool = True) -> None:
        super().__init__(spiking, slope=slope, offset=offset)

    @staticmethod
    def primitive_function(x: torch.Tensor, slope: float, offset: float) -> torch.Tensor:
        return torch.sigmoid(slope * x + offset)


class OfAlpha(surrogate.SurrogateFunctionBase):
    def __init__(self, alpha: float = 2.0, spiking: bool = True) -> None:
        super().__init__(spiking, alpha=alpha)

    @staticmethod
    def primitive_function(x: torch.Tensor, alpha: float) -> torch.Tensor:
        return torch.sigmoid(alpha * x)


class OfNothing(surrogate.SurrogateFunctionBase):
    def __init__(self, spiking: bool = True) -> None:
        super().__init__(spiking=spiking)

    @staticmethod
    def primitive_function(x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(x)


def test_surrogates_with_named_parameters() -> None:
    x = torch.linspace(-1, 1, 7, requires_grad=True)
    assert torch.equal(OfTwo(3.0, 0.5, False)(x), torch.sigmoid(3 * x + 0.5))
    assert torch.equal(OfAlpha(4.0, False)(x), torch.sigmoid(4 * x))
    assert torch.equal(OfNothing(False)(x), torch.sigmoid(x))
    for spiking, smooth in ((OfTwo(), OfTwo(spiking=False)), (OfAlpha(), OfAlpha(spiking=False))):
        assert torch.equal(spiking(x), (x >= 0).to(x))
        slopes = [torch.autograd.grad(f(x).sum(), x)[0] for f in (spiking, smooth)]
        torch.testing.assert_close(*slopes)
    assert repr(OfTwo()) == "OfTwo(slope=2.0, offset=0.25, spiking=True)"
    with pytest.raises(TypeError, match=r"SurrogateFunctionBase: expected \(alpha, spiking=True\), or"):
        surrogate.SurrogateFunctionBase(1.0, True, beta=2.0)
    node = neuron.LIFNode(surrogate_function=OfTwo(), step_mode="m")
    plain = neuron.LIFNode(surrogate_function=OfTwo(), step_mode="m", backend="torch")
    current = torch.rand(4, 2, 3, generator=torch.Generator().manual_seed(0)) * 3
    assert torch.equal(node(current), plain(current))


def test_memories_of_a_network_are_taken_out_and_put_back() -> None:
    net = nn.Sequential(neuron.LIFNode(), nn.Sequential(nn.Identity(), neuron.IFNode()))
    assert list(base.named_memories(net)) == [("0.v", 0.0), ("1.1.v", 0.0)]
    x = torch.full((2, 3), 1.5)
    net(x)
    state = base.extract_memories(net)
    assert [name for name, _ in base.named_memories(net, "net")] == ["net.0.v", "net.1.1.v"]
    assert next(base.memories(net)) is state[0] is net[0].v
    expected = [net(x) for _ in range(3)]
    functional.reset_net(net)
    net(torch.ones(5, 3))  # another batch in between
    base.load_memories(net, state)
    assert all(torch.equal(net(x), y) for y in expected)
    for values in (state[:1], [*state, 0.0]):
        with pytest.raises(ValueError, match=r"one value for each memory, 2, but it has"):
            base.load_memories(net, values)
