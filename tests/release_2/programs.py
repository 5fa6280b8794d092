"""Short programs in the spelling of release 2.0.0. What they gave there is in ``tests/data/release_2.json``."""

from collections.abc import Callable

import torch
from torch import nn

from spikingjelly.activation_based import ann2snn, functional, layer, learning, monitor, neuron, quantize, surrogate

Tensors = list[torch.Tensor]


def wave(*shape: int, scale: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    """Numbers between ``shift - scale`` and ``shift + scale`` that are the same everywhere."""
    count = int(torch.tensor(shape).prod())
    return (torch.sin(torch.arange(count, dtype=torch.float64) * 1.7 + 0.3) * scale + shift).float().view(shape)


def slope(node: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> Tensors:
    x = x.requires_grad_()
    y = node(x)
    return [y, torch.autograd.grad((y * wave(*y.shape)).sum(), x)[0]]


def signed_spikes() -> Tensors:
    sg = surrogate.ATan(2.5)
    hard = neuron.TernaryIFNode(0.8, 0.2, sg, True, "m")
    soft = neuron.TernaryLIFNode(1.7, False, 0.6, None, sg, False, "m", True)
    return [*slope(hard, wave(6, 2)), *slope(soft, wave(6, 2, scale=1.2)), soft.v_seq]


def numbers_of_spikes() -> Tensors:
    count = surrogate.MultiLevelSpikeCount(3, grad_window=(0.5, 2.5))
    node = neuron.ILIFNode(1.6, 0.7, count, step_mode="m")
    y, grad = slope(node, wave(5, 3, scale=2.0, shift=0.5))
    slots = layer.SpikeCountToBinary(3).eval()
    return [y, grad, slots(y), layer.TemporalBinSum(3).eval()(slots(y)), quantize.multi_level_spike_count(y * 0.6, 2)]


def oscillator_and_complement() -> Tensors:
    raf = neuron.RAFNode(-0.3, 0.9, 0.8, 0.5, 0.1, surrogate.Sigmoid(3.0), step_mode="m")
    clif = neuron.ComplementaryLIFNode(1.7, 0.6, surrogate.PiecewiseQuadratic(1.2), "m", store_state_seqs=True)
    results = [*slope(raf, wave(7, 2, shift=0.5)), raf.u, raf.v, *slope(clif, wave(6, 2, shift=0.3))]
    return [*results, *clif.state_seqs]


def neurons_for_conversion() -> Tensors:
    half = neuron.HalfThresholdIFNode(0.8, surrogate.ATan(), step_mode="m")
    aware = neuron.ActivationAwareIFNode(
        torch.tensor([0.5, 1.0, 0.8]), torch.tensor([0.1, -0.2, 0.0]), 1, step_mode="m"
    )
    stbif = neuron.STBIFNode(torch.tensor(0.3), 4, True, step_mode="m")
    results = [*slope(half, wave(5, 3, shift=0.4)), *slope(aware, wave(4, 2, 3, 2, shift=0.4))]
    with torch.no_grad():
        return [*results, stbif(wave(12, 3, scale=0.5)), stbif.accumulated]


def few_spikes() -> Tensors:
    table = neuron.FewSpikeTable([1.0, 0.5, 0.25], [1.0, 0.5, 0.25], [0.9, 0.6, 0.2])
    other = neuron.FewSpikeTable([0.5, 0.4, 0.3], [0.5, 0.4, 0.3], [1.0, 2.0, 3.0])
    nodes = [
        neuron.FewSpikeNode(table, surrogate.ATan(3.0)),
        neuron.HGNode([table, other], [0.3]),
        neuron.OutlierAwareThresholdNode(table, other, 0.4, 1.5),
    ]
    return [tensor for node in nodes for tensor in slope(node, wave(9, scale=2.0, shift=0.4))]


def own_neuron() -> Tensors:
    def core(x: torch.Tensor, v: torch.Tensor, bias: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = 0.6 * v + x + bias
        spike = surrogate.sigmoid.apply(h - 1.0, 3.0)
        return spike, h - spike

    node = neuron.FlexSN(core, num_states=1, static_inputs=(torch.full((2,), 0.1),))
    return [*slope(node, wave(6, 2, shift=0.5)), *node.states]


def norms() -> Tensors:
    through_time = layer.BatchNormThroughTime1d(3, 2, eps=1e-3, momentum=0.3, step_mode="m")
    attention = layer.MultiDimensionalAttention(3, 4, 2, 2, use_temporal=False)
    for parameter in attention.parameters():
        parameter.data = wave(*parameter.shape)
    results = [*slope(through_time, wave(3, 5, 2)), *slope(attention, wave(3, 2, 4, 3, 3))]
    return [*results, through_time.bn_list[1].running_var]


def steps() -> Tensors:
    sg = surrogate.ATan(3.0)
    x, v, w = wave(2, 3), wave(2, 3, shift=0.4), wave(2, 3, scale=0.2)
    return [
        *functional.lif_step(x, v, 1.7, False, 0.8, -0.1, sg, True),
        *functional.izhikevich_step(x, v, w, 1.7, 1.2, 0.05, 0.7, 2.5, 0.2, 0.3, 0.8, None, sg),
        *functional.klif_step(x, v, torch.tensor(1.3), 1.7, True, True, 0.6, None, sg),
        *functional.eif_step(x, v, 1.7, 0.8, 0.9, 0.1, 0.8, -0.1, sg),
        *functional.plif_multi_step(wave(5, 2, 3), v, torch.tensor(0.3), False, 0.7, None, sg, store_v_seq=True),
        *functional.izhikevich_multi_step(
            wave(5, 2, 3), v, w, 1.7, 0.8, -0.1, 0.05, 0.2, 0.3, 2.5, 0.7, 1.2, False, sg, True
        ),
        functional.lif_charge(x, v, 1.7, False, 0.2),
        functional.voltage_reset(x, (v > 0.5).float(), 0.7, None, False),
    ]


def plasticity() -> Tensors:
    pre, post, weight = (wave(2, 4) > 0).float(), (wave(2, 3) > 0).float(), wave(3, 4)
    trace = (wave(2, 4, shift=1.0), wave(2, 3, shift=1.0))
    change, traces = functional.stdp_linear_step(
        pre, post, trace, weight, tau_pre=2.0, tau_post=3.0, f_pre=torch.sigmoid
    )
    net = nn.Sequential(layer.Linear(4, 3, bias=False), neuron.IFNode(v_threshold=0.5))
    net[0].weight.data = wave(3, 4, shift=0.5)
    learner = learning.STDPLearner("s", net[0], net[1], 2.0, 3.0)
    with monitor.OutputMonitor(net, neuron.IFNode) as spikes:
        net(pre)
    learned = learner.step(on_grad=False)
    learner.close()
    return [change, *traces, *spikes.records, learned]


def conversion() -> Tensors:
    ann = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).eval()
    for parameter in ann.parameters():
        parameter.data = wave(*parameter.shape)
    snn = ann2snn.FXConverter(ann2snn.RateCodingRecipe([wave(5, 4)], mode="90%")).convert(ann)
    with torch.no_grad():
        return [sum(snn(wave(5, 4)) for _ in range(8)) / 8]


def queues() -> Tensors:
    sg = surrogate.ATan(3.0)
    x, before = wave(2, 3), (wave(6, shift=0.3), wave(6, shift=-0.3))
    waiting = (wave(2, 3, shift=1.0), wave(2, 3, shift=2.0))
    results = [functional.delay_step(x, waiting[:steps], 2)[0] for steps in (1, 2)]
    late, step, queue = functional.masked_psn_step(x, 2, before, wave(5, 5), wave(5, 1, shift=-0.5), 2, sg)
    first = functional.masked_psn_step(x, 0, (), wave(5, 5), wave(5, 1, shift=-0.5), 2, sg)
    slid = functional.sliding_psn_step(x, before, wave(3, shift=0.6), torch.tensor(-0.4), sg)
    short = functional.sliding_psn_step(x, (), wave(3, shift=0.6), torch.tensor(-0.4), sg)
    return [*results, late, torch.tensor(step), *queue, first[0], slid[0], *slid[1], short[0], *short[1]]


def rare_steps() -> Tensors:
    def gate(first: float, second: float) -> torch.Tensor:
        return torch.tensor([first, second]).view(1, 2, 1, 1)

    sg, x, before = surrogate.ATan(3.0), wave(1, 2, 2, 2, shift=0.5), (wave(1, 2, 2, 2, shift=0.2) > 0).float()
    glif = functional.gated_lif_step(
        x, wave(1, 2, 2, 2, scale=0.4), before, gate(0.3, 0.6), gate(0.4, 0.7), gate(0.2, 0.8), gate(0.25, 0.5),
        gate(0.5, 0.6), gate(0.1, 0.2), gate(0.5, 0.4), gate(0.7, 0.9), sg,
    )  # fmt: skip
    neunorm = functional.neunorm_step((x > 0.3).float(), wave(1, 1, 2, 2), wave(1, 2, 2, 2), 0.7, 0.1)
    spikes, out = (wave(2, 3) > 0).float(), wave(2, 3, shift=0.5)
    filtered = [functional.synapse_filter_step(spikes, out, tau) for tau in (0.2, torch.tensor(0.3))]
    decays = (torch.tensor(1024.0), torch.tensor(2048.0))
    lava = functional.lava_cuba_lif_step(
        wave(9, scale=2.0), wave(9), wave(9, shift=0.2), *decays, 4096, 0.7, 2.5e-6, 0.0, sg
    )
    bits = functional.bit_spike_compress((wave(3, 5) > 0).float())
    return [*glif, *neunorm, *filtered, *lava, bits, functional.bit_spike_decompress(bits, (3, 5), torch.float32)]


def sequences_for_conversion() -> Tensors:
    stbif = functional.stbif_multi_step(
        wave(5, 2, 3), torch.full((2, 3), 0.5), torch.zeros(2, 3), *map(torch.tensor, (0.3, 4.0, -3.0))
    )
    x, v, thresholds, offsets = (
        wave(4, 2, 3, 2, shift=0.5), wave(2, 3, 2, scale=0.2), torch.tensor([0.5, 1.0, 0.8]),
        torch.tensor([0.1, -0.2, 0.0]),
    )  # fmt: skip
    soft = functional.activation_aware_if_multi_step(x, v, thresholds, offsets, 3, 2, None, True)
    hard = functional.activation_aware_if_multi_step(x, v, torch.tensor(0.5), torch.tensor(0.1), 3, 2, 0.1)
    return [*stbif, *soft, *hard[:2]]


def of_network(net: nn.Module, x: torch.Tensor) -> Tensors:
    """Outputs in training and evaluation and a gradient, with parameters that are the same everywhere."""
    with torch.no_grad():
        for number, (name, parameter) in enumerate(net.named_parameters()):
            scale = 1.0 if parameter.dim() < 2 else 2.0 / parameter[0].numel() ** 0.5
            shift = 1.5 if "bn" in name and name.endswith("weight") else 0.1
            parameter.copy_(wave(*parameter.shape, scale=scale * (1.0 + number % 3 / 10), shift=shift * scale))
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    trained = net(x)
    first = next(iter(net.parameters()))
    gradient = torch.autograd.grad((trained * wave(*trained.shape)).sum(), first)[0]
    functional.reset_net(net)
    return [trained, net.eval()(x), gradient.flatten()[:20]]


def networks() -> Tensors:
    from spikingjelly.activation_based.model import MASNN, AttMSResNet, MaxFormer, MaxResNet  # fmt: skip

    torch.manual_seed(0)
    x = wave(2, 3, 2, 32, 32, scale=1.5)
    soft = {"surrogate_function": surrogate.Sigmoid(2.0)}
    return [
        *of_network(MaxFormer(2, 2, 5, 16, (1, 2, 1), 2.0, **soft), x),
        *of_network(MaxFormer(2, 2, 5, 16, (1, 1, 1), 3.0, cifar=True, **soft), x[..., :8, :8]),
        *of_network(MaxResNet(2, 2, 5, (1, 2, 1), 4, 3, 1, True, (4, 6, 8)), x[..., :16, :16]),
        *of_network(AttMSResNet(2, 2, 5, (1, 2, 1), 8, 3, 1, False, None, 4, 0.3), x[..., :16, :16]),
        *of_network(MASNN(2, 2, 5, (16, 12), (8, 16), (1, 2), 12, 2, 8), x[..., :16, :12]),
    ]


PROGRAMS = {
    program.__name__: program
    for program in (
        signed_spikes, numbers_of_spikes, oscillator_and_complement, neurons_for_conversion, few_spikes, own_neuron,
        norms, steps, plasticity, conversion, queues, rare_steps, sequences_for_conversion,
        networks,
    )
}  # fmt: skip
