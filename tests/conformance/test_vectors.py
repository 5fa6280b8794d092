"""The recorded vectors of the published package: spikes equal, the rest to 1e-5 relative."""

import collections
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from spikingjelly.activation_based import encoding, functional, layer, learning, neuron, rnn, surrogate

DATA = Path(__file__).resolve().parents[1] / "data"
KINDS = ("surrogate", "neuron", "layer", "encoder", "functional", "rnn", "learning")
CASES = [case for case in json.loads((DATA / "cases.json").read_text()) if case["kind"] in KINDS]

Arrays = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def recorded() -> dict[str, Arrays]:
    arrays: dict[str, Arrays] = collections.defaultdict(dict)
    with np.load(DATA / "cases.npz", allow_pickle=False) as file:
        for key in file.files:
            case_id, name = key.split("/", 1)
            arrays[case_id][name] = torch.from_numpy(np.array(file[key]))
    return arrays


def close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual.detach(), expected, rtol=1e-5, atol=2e-6)


def run(module: torch.nn.Module, x: torch.Tensor, step_mode: str) -> torch.Tensor:
    return module(x) if step_mode == "m" else torch.stack([module(step) for step in x])


def make_surrogate(name: str, kwargs: dict) -> torch.nn.Module:
    return getattr(surrogate, name)(**kwargs)


def check_surrogate(case: dict, a: Arrays) -> None:
    function = make_surrogate(case["cls"], case["kwargs"])
    x = a["x"].requires_grad_()
    y = function(x)
    close(y, a["y"])
    close(torch.autograd.grad(y, x, a["g"])[0], a["gx"])


def check_neuron(case: dict, a: Arrays) -> None:
    node = getattr(neuron, case["cls"])(
        **case["kwargs"], surrogate_function=make_surrogate(*case["surrogate"]), step_mode=case["step_mode"]
    )
    node.store_v_seq = "v_seq" in a
    x = a["x"].requires_grad_()
    y = run(node, x, case["step_mode"])
    y.backward(a["g"])
    assert torch.equal(y, a["y"])
    for name in ("v", "w", "v_seq"):
        if name in a and name not in dict(node.named_parameters()):
            close(getattr(node, name), a[name])
    close(x.grad, a["gx"])
    for name, parameter in node.named_parameters():
        close(parameter.grad, a[f"grad_{name}"])


def make_layer(case: dict) -> torch.nn.Module:
    kwargs = {**case["kwargs"], "step_mode": case["step_mode"]}
    if case["cls"] == "ElementWiseRecurrentContainer":
        kwargs["element_wise_function"] = torch.add
    sub_module = [neuron.LIFNode()] if "sub" in case else []
    return getattr(layer, case["cls"])(*sub_module, **kwargs)


def check_layer(case: dict, a: Arrays) -> None:
    module = make_layer(case)
    module.load_state_dict({name[3:]: value for name, value in a.items() if name.startswith("sd/")})
    x = a["x"].requires_grad_()
    y = run(module, x, case["step_mode"])
    close(y, a["y"])
    if "gx" in a:
        y.backward(a["g"])
        close(x.grad, a["gx"])
    for name, parameter in module.named_parameters():
        if f"grad/{name}" in a:
            close(parameter.grad, a[f"grad/{name}"])
    for name, value in module.state_dict().items():
        close(value, a[f"after/{name}"])


def check_encoder(case: dict, a: Arrays) -> None:
    if case["cls"] == "PeriodicEncoder":
        encoder = encoding.PeriodicEncoder(a["spike"])
        assert torch.equal(torch.stack([encoder() for _ in range(len(a["y"]))]), a["y"])
        return
    encoder = getattr(encoding, case["cls"])(**case["kwargs"], step_mode=case["step_mode"])
    y = encoder(a["x"]) if case["step_mode"] == "m" else torch.stack([encoder(a["x"]) for _ in range(len(a["y"]))])
    assert torch.equal(y, a["y"])


def fused_output(args: dict, a: Arrays) -> torch.Tensor:
    conv, bn = torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)
    conv.load_state_dict({name[5:]: value for name, value in a.items() if name.startswith("conv/")})
    bn.load_state_dict({name[3:]: value for name, value in a.items() if name.startswith("bn/")})
    return functional.fuse_convbn2d(conv.eval(), bn.eval())(a["x"])


CALLS = {
    "spike_similar_loss": lambda args, a: functional.spike_similar_loss(
        a["spikes"], a["labels"], args["kernel_type"], args["loss_type"], *args["extra"]
    ),
    "first_spike_index": lambda args, a: functional.first_spike_index(a["spikes"]),
    "temporal_efficient_training_cross_entropy": lambda args, a: functional.temporal_efficient_training_cross_entropy(
        a["x"], a["target"]
    ),
    "redundant_one_hot": lambda args, a: functional.redundant_one_hot(a["labels"], args["num_classes"], args["n"]),
    "delay": lambda args, a: functional.delay(a["x"], args["delay_steps"]),
    "fuse_convbn2d": fused_output,
}


def check_functional(case: dict, a: Arrays) -> None:
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if case["fn"] == "fuse_convbn2d" else {"rtol": 1e-5, "atol": 2e-6}
    torch.testing.assert_close(CALLS[case["fn"]](case["args"], a).detach(), a["y"], **tolerance, check_dtype=False)


def check_learning(case: dict, a: Arrays) -> None:
    mode, kwargs = case["step_mode"], case["kwargs"]
    n_out, n_in = a["w"].shape[:2]
    if case["synapse"] == "linear":
        synapse = layer.Linear(n_in, n_out, bias=False, step_mode=mode)
    else:
        synapse = layer.Conv2d(n_in, n_out, 3, padding=1, bias=False, step_mode=mode)
    synapse.weight.data.copy_(a["w"])
    node = neuron.IFNode(step_mode=mode)
    within_one = {"f_pre": lambda w: w.clamp(-1, 1), "f_post": lambda w: w.clamp(-1, 1)}
    rule = getattr(learning, case["cls"])(step_mode=mode, synapse=synapse, sn=node, **within_one, **kwargs)
    changes = []
    for x, reward in [(a["x"], None)] if mode == "m" else zip(a["x"], a["R"], strict=True):
        node(synapse(x))
        changes.append(rule.step(*[reward] * (case["cls"] != "STDPLearner"), on_grad=False))
    close(torch.stack(changes), a["dw"])


def check_rnn(case: dict, a: Arrays) -> None:
    net = getattr(rnn, case["cls"])(**case["kwargs"])
    net.load_state_dict({name[3:]: value for name, value in a.items() if name.startswith("sd/")})
    x = a["x"].requires_grad_()
    y, states = net(x)
    assert torch.equal(y, a["y"])
    close(torch.autograd.grad(y, x, a["g"])[0], a["gx"])
    for number, state in enumerate(states if isinstance(states, tuple) else [states]):
        assert torch.equal(state, a[f"state{number}"])


@pytest.mark.parametrize("case", CASES, ids=[f"{c['id']}-{c.get('cls', c.get('fn'))}" for c in CASES])
def test_recorded_case(case: dict, recorded: dict[str, Arrays]) -> None:
    globals()[f"check_{case['kind']}"](case, recorded[case["id"]])


def test_every_kind_is_there() -> None:
    counts = collections.Counter(case["kind"] for case in CASES)
    expected = {"surrogate": 27, "neuron": 248, "layer": 22, "encoder": 7, "functional": 14, "rnn": 5, "learning": 5}
    assert counts == expected
