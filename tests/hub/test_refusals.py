"""Folders from anyone: what is wrong is said in one message, nothing is executed, no memory is taken for it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import hub, layer, neuron
from tests.hub.test_sharing import Own, small_config

pytest.importorskip("safetensors")
pytest.importorskip("huggingface_hub")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = small_config()
    hub.save_pretrained(hub.build(config), tmp_path / "net", config)
    return tmp_path / "net"


def _refused(folder: Path, problem: str, **options: Any) -> None:
    with pytest.raises(hub.HubError, match=problem) as refusal:
        hub.from_pretrained(folder, **options)
    assert str(folder) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def _change(folder: Path, **entries: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ({"format": "other"}, "it has no 'format': 'spikingjelly'"),
        ({"format_version": 2}, "its format_version is 2, but 1 is understood"),
        ({"code": "import os"}, r"it has the unknown entries \['code'\]"),
        ({"builder": "os.system"}, "names the builder 'os.system', which is no network"),
        ({"builder": "../../evil"}, "names the builder '../../evil', which is no network"),
        ({"builder": "__import__"}, "names the builder '__import__', which is no network"),
        ({"builder": ["sequential"]}, "builder must be a name and arguments a dict"),
        ({"arguments": []}, "builder must be a name and arguments a dict"),
        (
            {"arguments": {"pretrained": "/etc/passwd"}},
            "the argument 'pretrained', which would read weights from elsew",
        ),
        ({"arguments": {"layers": 3}}, "sequential can't be made with the arguments of the description"),
        ({"arguments": {"other": 3}}, "unexpected keyword argument 'other'"),
        ({"arguments": {"layers": [{"layer": "Conv9d"}]}}, r"names the layer 'Conv9d' \(str\), which is not in this"),
        ({"arguments": {"layers": [{"neuron": "__class__"}]}}, "names the neuron '__class__'"),
        ({"arguments": {"layers": [{"neuron": ["LIFNode"]}]}}, r"names the neuron \['LIFNode'\]"),
        ({"arguments": {"layers": [{"function": "eval"}]}}, r"\{'function': 'eval'\}.*is no reference that is known"),
        ({"arguments": {"layers": [{"neuron": "LIFNode", "arguments": [1]}]}}, "but a dict is expected"),
        ({"arguments": {"layers": [{"neuron": "LIFNode", "arguments": {"tau": 0.5}}]}}, "tau must be greater than 1"),
        ({"arguments": {"layers": 2**40}}, "a size is at most 16,777,216"),
        ({"arguments": {"layers": float("inf")}}, "is inf, but a finite number is expected"),
        ({"arguments": {"layers": [0] * 5000}}, "has 5,000 entries, but at most 4,096"),
        ({"arguments": {"layers": [[[[[[[[[[0]]]]]]]]]]}}, "is nested more than 8 deep"),
        ({"step_mode": "x"}, "step_mode must be 's', 'm' or null, but 'x'"),
        ({"input_shape": [1, -3]}, "input_shape must be a list of at most 4 sizes"),
    ],
)
def test_hostile_descriptions(folder: Path, entries: dict[str, Any], problem: str) -> None:
    _change(folder, **entries)
    _refused(folder, problem)


@pytest.mark.parametrize("text", ["", "[" * 100_000, "[]", "\x00", '{"format": '])
def test_descriptions_that_are_none(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    _refused(folder, "it is no JSON|it is no description of a network")


def test_a_description_that_is_too_long(folder: Path) -> None:
    (folder / "config.json").write_text(" " * (2**20 + 1))
    _refused(folder, "has 1,048,577 bytes, but a description has at most 1 MiB")


def test_networks_larger_than_their_weights_take_no_memory(folder: Path) -> None:
    large = {"layer": "Linear", "arguments": {"in_features": 2**24, "out_features": 2**24}}
    _change(folder, arguments={"layers": [large]})
    _refused(folder, "the weights lack '0.weight', of shape .16777216, 16777216.")
    _change(folder, builder="spikformer_2_384", arguments={"depths": 2**20})
    _refused(folder, "the description makes more than 1,[0-9]+ modules for the tensors of the weights")


def test_weights_of_another_network(folder: Path) -> None:
    arguments = json.loads((folder / "config.json").read_text())["arguments"]
    arguments["layers"][1]["arguments"]["out_features"] = 9
    _change(folder, arguments=arguments)
    _refused(folder, r"'1.weight' has the shape \[8, 16\] in the weights, but \[9, 16\] in the network")
    _change(folder, arguments={"layers": arguments["layers"][:1]})
    _refused(folder, "the weights hold '1.weight', which the network does not have")


def test_several_dtypes(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    config = small_config()
    net = hub.build(config)
    net[1].half()
    with pytest.raises(ValueError, match=r"the state dict mixes torch.float16, torch.float32.*Call net.float\(\)"):
        hub.save_pretrained(net, tmp_path / "mixed", config)
    state = load_file(folder / "model.safetensors")
    state["1.weight"] = state["1.weight"].double()
    save_file(state, folder / "model.safetensors")
    _refused(folder, "the weights mix torch.float32, torch.float64, but one dtype is expected")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_truncated_weights(folder: Path, share: float) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: int(len(content) * share)])
    _refused(folder, "is no safetensors file, or it is truncated or damaged")


def test_places_that_are_not_there(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "empty" / "inner")
    for place in ("nowhere", "../../x", "./a", "a/b/c", "/etc/x", "me/..", tmp_path / "none"):
        with pytest.raises(FileNotFoundError, match="there is no folder or file .*, and it is no 'owner/name'"):
            hub.from_pretrained(place)
    (folder / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="has no model.safetensors"):
        hub.from_pretrained(folder)


def test_a_hub_that_can_not_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    class Unreachable:
        def create_repo(self, *arguments: Any, **keywords: Any) -> None:
            raise OSError("name not known.\nsee the log.")

    def fail(*arguments: Any, **keywords: Any) -> None:
        raise LookupError("no such repository " + 300 * "x")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(hub.HubError, match=r"owner/name is no folder here, and .* hub: no such repository x+\.\.\.\.$"):
        hub.from_pretrained("owner/name")
    config = small_config()
    with pytest.raises(hub.HubError, match=r"push_to_hub: owner/name .* hub: name not known\. Is there a"):
        hub.push_to_hub(hub.build(config), "owner/name", config, api=Unreachable())


def test_weights_without_a_description(folder: Path) -> None:
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, folder / "model.safetensors")
    (folder / "config.json").unlink()
    _refused(folder, "has no description of its network, and there is no config.json beside it")


def test_nothing_is_saved_of_what_is_wrong(tmp_path: Path) -> None:
    config = small_config()
    net = hub.build(config)
    wrong: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"net": 3}, TypeError, "net must be a torch.nn.Module"),
        ({"config": {}}, TypeError, "config must come from make_config"),
        ({"metrics": {"acc": "good"}}, TypeError, r"metrics\['acc'\] must be a number"),
        ({"firing_rates": {"2": 1.5}}, ValueError, r"firing_rates\['2'\] must be in \[0, 1\], but 1.5"),
        ({"folder": tmp_path / "a" / "b"}, FileNotFoundError, "the folder .*a does not exist"),
        ({"folder": Path(__file__)}, FileExistsError, "test_refusals.py is a file, but the name of a folder is needed"),
        ({"net": nn.Sequential(*net, nn.Identity())}, ValueError, r"'5' is a Identity, but None in the network of seq"),
        ({"net": nn.Linear(2, 2)}, ValueError, "net is not what config describes: .*Make it with hub.build"),
    ]
    for keywords, error, message in wrong:
        with pytest.raises(error, match=message):
            hub.save_pretrained(**{"net": net, "folder": tmp_path / "net", "config": config, **keywords})
    net(torch.ones(1, 1, 1, 4, 4))
    with pytest.raises(ValueError, match=r"the layer '2' \(ParametricLIFNode\) still has the state v"):
        hub.save_pretrained(net, tmp_path / "net", config)
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_leaves_the_former_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import safetensors.torch

    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(tensors: Any, path: Path, metadata: Any) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(safetensors.torch, "save_file", fail)
    config = small_config()
    with pytest.raises(OSError, match="no space left"):
        hub.save_pretrained(hub.build(config), folder, config)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


class ExtraState(nn.Module):
    def get_extra_state(self) -> int:
        return 3

    def set_extra_state(self, state: int) -> None: ...


def test_a_state_dict_with_other_things_than_tensors(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'_extra_state' of the state dict is a int, but only tensors are saved"):
        hub.save_pretrained(ExtraState(), tmp_path, hub.make_config(ExtraState))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"builder": 3}, TypeError, "builder must be a class or a function"),
        ({"step_mode": "x"}, ValueError, "step_mode must be 's', 'm' or None, but 'x'"),
        ({"input_shape": (0,)}, ValueError, "input_shape must be at least 1"),
        ({"tau": torch.ones(1)}, TypeError, "the argument tau is a tensor .*, which can't be described"),
        ({"tau": {"a": [lambda: 3]}}, TypeError, "the argument tau.a is "),
        ({"tau": Own}, TypeError, "the argument tau is .*Own"),
        ({"tau": hub.Part(Own)}, TypeError, "the argument tau is .*Own"),
    ],
)
def test_what_can_not_be_described(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        hub.make_config(**{"builder": Own, **arguments})


def test_dicts_are_no_references() -> None:
    config = hub.make_config(Own, hidden=3, scales={"neuron": 1.0, "nested": {"layer": neuron.LIFNode}})
    net = hub.build(hub.NetworkConfig.from_text(config.to_text()), Own)
    assert net.scales == {"neuron": 1.0, "nested": {"layer": neuron.LIFNode}}
    config = hub.make_config(Own, hidden=3, scales=[layer.Linear, None, True, "text"])
    assert hub.build(hub.NetworkConfig.from_text(config.to_text()), Own).scales == [layer.Linear, None, True, "text"]


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    with pytest.raises(ImportError, match=r"needs safetensors, which can't be imported.*spikingjelly\[hub\]"):
        hub.from_pretrained(folder)
