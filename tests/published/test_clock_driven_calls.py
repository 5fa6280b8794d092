"""How published programs call parts of clock_driven: through super(), by keyword, by hand; numbers of 0.0.0.0.14."""

import io
import math
import zlib

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based import ann2snn as today
from spikingjelly.clock_driven import ann2snn, functional, layer, neuron, surrogate
from spikingjelly.clock_driven.model import sew_resnet, spiking_resnet, spiking_vgg, train_classify

T = 4


class PastItsClass(neuron.MultiStepLIFNode):
    def forward(self, x_seq):
        return torch.stack([super(neuron.MultiStepLIFNode, self).forward(x) for x in x_seq])


class OfItsBase(neuron.MultiStepIFNode):
    def forward(self, x_seq):
        self.spike_seq = torch.stack([neuron.IFNode.forward(self, x) for x in x_seq])
        return self.spike_seq


class OfAnyNode(neuron.MultiStepParametricLIFNode):
    def forward(self, x_seq):
        return torch.stack([neuron.BaseNode.forward(self, x) for x in x_seq])


@pytest.mark.parametrize(
    ("node", "twin"),
    [
        (PastItsClass(1.5, v_threshold=0.7), neuron.LIFNode(1.5, v_threshold=0.7)),
        (OfItsBase(0.7, None), neuron.IFNode(0.7, None)),
        (OfAnyNode(3.0, v_threshold=0.4), neuron.ParametricLIFNode(3.0, v_threshold=0.4)),
    ],
    ids=["LIF", "IF", "PLIF"],
)
def test_a_node_for_sequences_has_the_single_step_of_its_base(node: nn.Module, twin: nn.Module) -> None:
    x = torch.rand(T, 3, T, generator=torch.Generator().manual_seed(0)) * 3
    spikes = node(x)
    assert 0 < spikes.mean() < 1
    assert torch.equal(spikes, torch.stack([twin(step) for step in x]))
    assert torch.equal(node.v, twin.v)
    if not isinstance(node, OfItsBase):
        assert torch.equal(node.spike, spikes[-1])


def test_threshold_dependent_norms_keep_their_weights_where_all_batch_norms_are_set() -> None:
    net = nn.Sequential(
        layer.SeqToANNContainer(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)),
        layer.MultiStepThresholdDependentBatchNorm2d(0.5, 0.8, 3),
    )
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.weight, 2.0)
    assert net[0][1].weight.tolist() == [2.0] * 3
    assert net[1].weight.tolist() == pytest.approx([0.4] * 3)
    assert isinstance(net[1], nn.modules.batchnorm._BatchNorm)
    assert type(net[1]).__name__ == "MultiStepThresholdDependentBatchNorm2d"
    with pytest.raises(
        ValueError, match=r"MultiStepThresholdDependentBatchNorm2d: expected x with shape \[T, N, C, H, W\]"
    ):
        net[1](torch.rand(2, 3))


def test_arguments_of_forward_by_the_names_they_had() -> None:
    x = torch.rand(2, 3)
    assert torch.equal(layer.SynapseFilter(tau=4.0)(in_spikes=x), x)
    assert layer.DropConnectLinear(3, 4)(input=x).shape == (2, 4)
    for dims, shape in enumerate([(2, 2, 3), (2, 2, 3, 4, 4), (2, 2, 3, 4, 4, 4)], start=1):
        norm = getattr(layer, f"MultiStepThresholdDependentBatchNorm{dims}d")(1.0, 0.5, 3)
        assert norm(x_seq=torch.rand(shape)).shape == shape
    assert layer.MultiStepTemporalWiseAttention(T=4, reduction=2, dimension=2)(x_seq=torch.rand(4, 2, 3)).shape[0] == 4


def test_dropouts_for_sequences_are_dropouts() -> None:
    assert issubclass(layer.MultiStepDropout, layer.Dropout)
    assert issubclass(layer.MultiStepDropout2d, layer.Dropout2d)
    assert issubclass(layer.Dropout2d, layer.Dropout)
    torch.manual_seed(0)
    dropout = layer.Dropout2d(0.5, dropout_spikes=True)
    y = dropout(torch.ones(8, 4, 2, 2))
    assert set(y.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(y.amax((2, 3)), y.amin((2, 3))), "whole channels"
    y_seq = layer.MultiStepDropout2d(0.5)(torch.ones(3, 8, 4, 2, 2))
    assert set(y_seq.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(y_seq[0], y_seq[2])


def sew_net(block=sew_resnet.MultiStepBasicBlock, **keywords):
    return sew_resnet._multi_step_sew_resnet(
        "resnet18", block, [1, 1, 1, 1], False, True, 2, "ADD", neuron.MultiStepIFNode, num_classes=3,
        surrogate_function=surrogate.ATan(), v_threshold=0.2, **keywords,
    )  # fmt: skip


class Features(sew_resnet.MultiStepSEWResNet):
    """Its own way through the parts, on images and on steps as one batch."""

    def _forward_impl(self, x):
        x = self.bn1(self.conv1(x))
        x = self.sn1(x.unsqueeze(0).repeat(self.T, 1, 1, 1, 1))
        x = functional.seq_to_ann_forward(x, self.maxpool)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        x = functional.seq_to_ann_forward(x, [self.avgpool, nn.Flatten(1)])
        return self.fc(x)


def test_parts_of_a_network_for_sequences_take_images() -> None:
    torch.manual_seed(0)
    net, x = sew_net(), torch.rand(2, 3, 16, 16)
    twin = Features(
        sew_resnet.MultiStepBasicBlock, [1, 1, 1, 1], num_classes=3, T=2, cnf="ADD",
        multi_step_neuron=neuron.MultiStepIFNode, v_threshold=0.2, surrogate_function=surrogate.ATan(),
    )  # fmt: skip
    twin.load_state_dict(net.state_dict())
    torch.testing.assert_close(twin(x), net(x))
    file = io.BytesIO()
    torch.save(net, file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    functional.reset_net(net)
    functional.reset_net(again)
    torch.testing.assert_close(again.eval()(x), net.eval()(x))


def test_networks_of_other_blocks_and_layers() -> None:
    class Halved(sew_resnet.MultiStepBasicBlock):
        def forward(self, x_seq):
            return super().forward(x_seq) * 0.5

    net = sew_net(Halved)
    assert isinstance(net.layer3[0], Halved)
    assert net.T == 2
    assert net(torch.rand(1, 3, 16, 16)).shape == (2, 1, 3)
    plain = spiking_resnet._spiking_resnet(
        "resnet18", spiking_resnet.BasicBlock, [1, 2, 1, 1], False, True, neuron.IFNode, num_classes=3
    )
    assert len(plain.layer2) == 2
    with pytest.raises(TypeError, match=r"resnet18: at most single_step_neuron follow `progress`, but 2 values"):
        spiking_resnet._spiking_resnet("resnet18", spiking_resnet.BasicBlock, [1] * 4, False, True, neuron.IFNode, 3)
    assert set(sew_resnet.model_urls) == set(spiking_resnet.model_urls)
    assert sew_resnet.model_urls["wide_resnet50_2"].startswith("https://")
    assert set(spiking_vgg.model_urls) == {f"vgg{n}{bn}" for n in (11, 13, 16, 19) for bn in ("", "_bn")}
    assert "_sew_resnet" not in sew_resnet.__all__


class Small(spiking_vgg.MultiStepSpikingVGG):
    def __init__(self, *args, **kwargs):
        with torch.device("meta"):  # for the layers that are replaced are large
            super().__init__(*args, **kwargs)
        self.features.to_empty(device="cpu")
        self.avgpool, self.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(4, 3)
        self._initialize_weights()

    def _forward_impl(self, x):
        return super()._forward_impl(x) + 1.0


def test_a_vgg_whose_layers_are_replaced() -> None:
    net = Small([4, "M"], num_classes=3, T=2, multi_step_neuron=neuron.MultiStepIFNode)
    assert not net.classifier.bias.any()
    assert 0 < net.classifier.weight.std() < 0.05
    assert net(torch.zeros(2, 3, 8, 8)).tolist() == [[[1.0] * 3] * 2] * 2
    both = nn.Sequential(nn.Conv2d(3, 2, 3), neuron.MultiStepIFNode())
    assert spiking_vgg.sequential_forward(both, torch.rand(2, 2, 3, 6, 6)).shape == (2, 2, 2, 4, 4)


def test_a_vgg_by_its_configuration() -> None:
    with torch.device("meta"):
        net = spiking_vgg._multi_step_spiking_vgg(
            "vgg11", "A", True, False, True, nn.BatchNorm2d, 3, neuron.MultiStepIFNode, num_classes=7
        )
        single = spiking_vgg._spiking_vgg("vgg11", "A", False, False, True, None, neuron.IFNode, num_classes=5)
    assert (net.T, net.classifier[6].out_features, len(net.features)) == (3, 7, 29)
    assert (single.classifier[6].out_features, len(single.features)) == (5, 21)


def random(*shape: int, seed: int, scale: float = 1.0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * scale


class BatchFirst(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            layer.SeqToANNContainer(nn.Linear(6, 8)),
            neuron.MultiStepLIFNode(v_threshold=0.4),
            layer.SeqToANNContainer(nn.Linear(8, 7)),
        )

    def forward(self, x):
        return self.net(x.transpose(0, 1)).mean(0)


def test_functions_of_training(capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(zlib.crc32(b"tc") & 0x7FFFFFFF)
    model = BatchFirst()
    batches = [
        (random(n, T, 6, seed=i, scale=4.0), torch.randint(0, 7, (n,), generator=torch.Generator().manual_seed(i)))
        for i, n in enumerate((4, 4, 2))
    ]
    optimizer, device = torch.optim.SGD(model.parameters(), 0.1), torch.device("cpu")
    epoch = [train_classify.train_one_epoch(model, nn.CrossEntropyLoss(), optimizer, batches, device) for _ in "12"]
    assert epoch[0] == pytest.approx((0.0, 70.0, 2.020190), abs=1e-4)
    assert epoch[1] == pytest.approx((30.0, 90.0, 1.831989), abs=1e-4)
    tested = train_classify.evaluate(model, nn.CrossEntropyLoss(), batches, "cpu")
    assert tested == pytest.approx((40.0, 100.0, 1.737227), abs=1e-4)
    assert not model.training
    assert model.net[1].v == 0.0
    own = train_classify.evaluate(model, nn.CrossEntropyLoss(), batches, "cpu", lambda output, target: (1.0, 2.0))
    assert own[:2] == pytest.approx((30.0, 60.0))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Train: train_acc1=0.000, train_acc5=70.000, train_loss=2.020190, samples/s=")
    assert lines[2].startswith("Test: test_acc1=40.000, test_acc5=100.000, test_loss=1.737227, samples/s=")
    with pytest.raises(ValueError, match="data_loader gave no batch"):
        train_classify.evaluate(model, nn.CrossEntropyLoss(), [], "cpu")
    scaled = train_classify.train_one_epoch(
        model, nn.CrossEntropyLoss(), optimizer, batches, "cpu", torch.amp.GradScaler("cpu", enabled=False)
    )
    assert scaled[2] == pytest.approx(1.73, abs=0.05)


def test_printing_of_one_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("builtins.print", print)
    assert train_classify.on_master()
    assert not train_classify.use_dist()
    train_classify.setup_for_distributed(False)
    print("hidden")
    print("shown", force=True)  # type: ignore[call-overload]
    assert capsys.readouterr().out == "shown\n"


def test_squared_error_of_spikes() -> None:
    x, s = random(3, 4, seed=0).requires_grad_(), (random(3, 4, seed=3) > 0.5).float().requires_grad_()
    loss = functional.spike_mse_loss(x, s)
    assert loss.item() == pytest.approx(0.2117, abs=1e-4)
    loss.backward()
    torch.testing.assert_close(x.grad, 2 * (x - s).detach() / 12)
    torch.testing.assert_close(s.grad, (1 - 2 * x).detach() / 12)
    torch.testing.assert_close(functional.spike_mse_loss(x, s > 0), F.mse_loss(x, s))


def test_a_converted_network_has_the_nodes_of_the_package() -> None:
    def golden(*shape: int) -> torch.Tensor:
        return (torch.arange(math.prod(shape)) * 0.618034 % 1).reshape(shape)

    ann, x = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3), nn.ReLU()), golden(5, 4)
    with torch.no_grad():
        for i, p in enumerate(ann.parameters()):
            p.copy_(golden(*p.shape) - 0.5 + 0.03 * i)
    snn = ann2snn.Converter([(x, 0)], "max")(ann)
    nodes = [m for m in snn.modules() if isinstance(m, neuron.IFNode)]
    assert [(m.v_threshold, m.v_reset, m.training) for m in nodes] == [(1.0, None, False)] * 2
    total = sum(snn(x) for _ in range(8))
    recorded = torch.tensor([[0, 1.404169, 0], [0, 1.685002, 0], [0, 1.965836, 0.842501]])  # by 0.0.0.0.12
    torch.testing.assert_close(total[:3].detach(), recorded, rtol=0, atol=1e-5)
    assert [m.spike.shape for m in nodes] == [(5, 6), (5, 3)]
    assert ann2snn.Converter("cpu", [x]).mode == "Max"
    assert ann2snn.Converter("cpu", [x], "MaxNorm").mode == "max"
    assert ann2snn.convert is today.convert
    with pytest.raises(ImportError, match=r"parser does not exist\. Use ann2snn\.Converter"):
        ann2snn.parser  # noqa: B018


def test_former_orders_of_the_converter() -> None:
    torch.manual_seed(0)
    ann, images = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)), [torch.rand(8, 4)]
    expected = ann2snn.Converter(images, mode="99.9%").forward(ann)(images[0])
    for converter in (ann2snn.Converter(images, "99.9%"), ann2snn.Converter("cpu", images, "99.9%")):
        assert (converter.mode, converter.dataloader) == ("99.9%", images)
        torch.testing.assert_close(converter(ann)(images[0]), expected)
    assert ann2snn.Converter(images, 0.5).mode == 0.5
    assert ann2snn.Converter(images, "cpu").device == "cpu"
