"""A network, saved in a folder and loaded again, computes the same; what people read is on its card."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, hub, layer, neuron, surrogate
from spikingjelly.activation_based.model import parametric_lif_net, sew_resnet, spikformer, spiking_vgg

pytest.importorskip("safetensors")
pytest.importorskip("huggingface_hub")


def small_config() -> hub.NetworkConfig:
    layers = [
        hub.Part(layer.Flatten),
        hub.Part(layer.Linear, in_features=16, out_features=8, bias=False),
        hub.Part(neuron.ParametricLIFNode, init_tau=3.0, surrogate_function=surrogate.ATan(3.0), v_reset=None),
        hub.Part(layer.Linear, in_features=8, out_features=3),
        hub.Part(neuron.LIFNode, tau=4.0, v_threshold=0.5),
    ]
    return hub.make_config(hub.sequential, layers=layers, step_mode="m", input_shape=(1, 4, 4))


def test_a_stack_of_layers(tmp_path: Path) -> None:
    config = small_config()
    net = hub.build(config)
    assert (net[2].v_reset, net[4].tau, net[1].bias, net[0].step_mode) == (None, 4.0, None, "m")
    assert isinstance(net[2].surrogate_function, surrogate.ATan)
    assert net[2].surrogate_function.alpha == 3.0
    hub.save_pretrained(net, tmp_path / "net", config)
    loaded, again = hub.load(tmp_path / "net")
    assert again == config
    assert not loaded.training
    x = torch.rand(5, 2, 1, 4, 4) * 3
    assert torch.equal(loaded(x), net(x))
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes((tmp_path / "net" / "model.safetensors").read_bytes())
    functional.reset_net(net)
    assert torch.equal(hub.from_pretrained(str(alone))(x), net(x))


@pytest.mark.parametrize(
    ("builder", "arguments", "size"),
    [
        (
            parametric_lif_net.MNISTNet,
            {"channels": 4, "spiking_neuron": neuron.LIFNode, "tau": 3.0, "surrogate_function": surrogate.ATan()},
            (1, 28, 28),
        ),
        (
            sew_resnet.sew_resnet18,
            {"cnf": "ADD", "spiking_neuron": neuron.IFNode, "num_classes": 5, "norm_layer": layer.BatchNorm2d},
            (3, 32, 32),
        ),
    ],
    ids=["MNISTNet", "sew_resnet18"],
)
def test_published_networks(builder: Any, arguments: dict[str, Any], size: tuple[int, ...], tmp_path: Path) -> None:
    config = hub.make_config(builder, step_mode="m", **arguments)
    net = hub.build(config).eval()
    hub.save_pretrained(net, tmp_path / "net", config)
    x = torch.rand(2, 1, *size)
    with torch.no_grad():
        assert torch.equal(hub.from_pretrained(tmp_path / "net")(x), net(x))


def test_every_builder_makes_a_network_without_memory() -> None:
    """Of the two newest families the smallest; of the others the first: the rest differ in numbers alone."""
    own = {"spiking_neuron": neuron.IFNode}
    cases = {"sew_resnet18": {"cnf": "ADD", **own}, "spiking_vgg11": own, "spiking_resnet18": own, "MNISTNet": own}
    for name in (*cases, "ms_resnet18", "qkformer_10_384", "sdt_8_384", "spikformer_2_384", "ottt_spiking_vggws"):
        config = hub.make_config(hub.builders()[name], **cases.get(name, {}))
        net = hub.on_meta(hub.NetworkConfig.from_text(config.to_text()), tensors=1000)
        assert {parameter.device.type for parameter in net.parameters()} == {"meta"}, name
    assert {"spikformer_s", "SpikingVGG", "sequential"} <= hub.builders().keys()
    assert not {"conv3x3", "BasicBlock", "sew_function"} & hub.builders().keys()


class Own(nn.Module):
    def __init__(self, hidden: int, tau: float = 2.0, scales: tuple[float, ...] = ()) -> None:
        super().__init__()
        self.scales = scales
        self.body = nn.Sequential(layer.Linear(2, hidden), neuron.LIFNode(tau=tau))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)


def test_a_class_of_ones_own(tmp_path: Path) -> None:
    config = hub.make_config(Own, hidden=3, tau=4.0, scales=(1.0, 2.0))
    net = hub.build(config, Own)
    hub.save_pretrained(net, tmp_path / "own", config)
    assert "builder=Own" in (tmp_path / "own" / "README.md").read_text()
    loaded = hub.from_pretrained(tmp_path / "own", builder=Own)
    assert (loaded.body[1].tau, list(loaded.scales)) == (4.0, [1.0, 2.0])
    with pytest.raises(hub.HubError, match=r"names the builder 'Own', which is no network.*pass it: builder="):
        hub.from_pretrained(tmp_path / "own")
    with pytest.raises(hub.HubError, match=r"the description is of 'Own', but builder=.*Sequential"):
        hub.from_pretrained(tmp_path / "own", builder=nn.Sequential)


def test_double_precision_stays(tmp_path: Path) -> None:
    config = small_config()
    net = hub.build(config).double()
    hub.save_pretrained(net, tmp_path / "net", config)
    loaded = hub.from_pretrained(tmp_path / "net")
    x = torch.rand(2, 1, 1, 4, 4, dtype=torch.float64) * 3
    assert torch.equal(loaded(x), net(x))
    assert torch.equal(loaded[1].weight, net[1].weight)


def test_the_card(tmp_path: Path) -> None:
    config = small_config()
    hub.save_pretrained(
        hub.build(config), tmp_path / "net", config, {"test accuracy": 0.9312}, {"2": 0.125, "4": 1}, "apache-2.0"
    )
    card = (tmp_path / "net" / "README.md").read_text()
    head = card.split("---")[1]
    assert "library_name: spikingjelly" in head
    assert "license: apache-2.0" in head
    assert "| test accuracy | 0.9312 |" in card
    assert "| 2 | 0.1250 |" in card
    assert "| 4 | 1.0000 |" in card
    assert "156 parameters" in card
    assert json.loads((tmp_path / "net" / "config.json").read_text())["input_shape"] == [1, 4, 4]
    assert 'hub.from_pretrained("owner/name")' in card
    hub.save_pretrained(hub.build(config), tmp_path / "net", config, repo_id="you/theirs")
    assert 'hub.from_pretrained("you/theirs")' in (tmp_path / "net" / "README.md").read_text()
    card = (tmp_path / "net" / "README.md").read_text()
    assert "Results" not in card
    assert "Firing rates" not in card
    assert sorted(path.name for path in (tmp_path / "net").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]


class FakeApi:
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> None:
        self.calls.append(("create", repo_id, private, exist_ok))

    def upload_folder(self, *, repo_id: str, folder_path: str, commit_message: str) -> None:
        files = {path.name: path.read_bytes() for path in Path(folder_path).iterdir()}
        self.calls.append(("upload", repo_id, commit_message, files))


def test_to_the_hub_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    config, api = small_config(), FakeApi()
    net = hub.build(config)
    hub.push_to_hub(
        net, "me/net", config, {"acc": 0.5}, {"2": 0.25}, "mit", private=True, commit_message="Better", api=api
    )
    (created, (_, repo, message, files)) = api.calls
    assert created == ("create", "me/net", True, True)
    assert (repo, message) == ("me/net", "Better")
    assert b"| acc | 0.5 |" in files["README.md"]
    assert b"| 2 | 0.2500 |" in files["README.md"]
    assert b"license: mit" in files["README.md"]
    assert b'from_pretrained("me/net")' in files["README.md"]

    def download(repo_id: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        assert (repo_id, revision) == ("me/net", "v2")
        for name in allow_patterns:
            (tmp_path / name).write_bytes(files[name])
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    loaded = hub.from_pretrained("me/net", revision="v2")
    x = torch.rand(2, 3, 1, 4, 4)
    assert torch.equal(loaded(x), net(x))


def test_the_librarys_own_mixin_works_with_our_layers(tmp_path: Path) -> None:
    from huggingface_hub import PyTorchModelHubMixin

    class Mixed(Own, PyTorchModelHubMixin): ...

    net = Mixed(hidden=3, tau=4.0)
    net(torch.ones(1, 2))
    net.save_pretrained(tmp_path)
    loaded = Mixed.from_pretrained(tmp_path)
    functional.reset_net(net)
    x = torch.rand(4, 2) * 3
    assert torch.equal(loaded(x), net(x))
    assert loaded.body[1].tau == 4.0


@pytest.mark.parametrize("network", [spiking_vgg.spiking_vgg11, spikformer.spikformer_2_384])
def test_weights_from_elsewhere_are_no_part_of_a_description(network: Any) -> None:
    with pytest.raises(ValueError, match="leave pretrained out"):
        hub.make_config(network, pretrained=True)
