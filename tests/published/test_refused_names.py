"""Names of other releases that are not here say what to use; and some that are."""

import importlib

import pytest
import torch

from spikingjelly import visualizing
from spikingjelly.activation_based import base, functional, neuron

REFUSED = {
    "activation_based.memopt.BitSpikeCompressor": "Use functional.packed_spikes",
    "activation_based.memopt.checkpoint_module": r"Use checkpoint\(module\)",
    "activation_based.profiler.HookProfiler": r"Use profile\(net, x\)",
    "activation_based.functional.sparse_linear": "Use layer.Linear",
    "activation_based.ann2snn.Qwen2SNNConfig": "transformers are not converted",
    "activation_based.spike_op.spikeLinear": "Use spike_linear",
    "clock_driven.ann2snn.parser": "Use ann2snn.Converter",
    "timing_based.neuron.SRM": "Use Tempotron",
    "clock_driven.neuron.PLIFNode": "Use ParametricLIFNode",
    "datasets.NeuromorphicDatasetConfig": "Use the arguments of a data set",
}
MODULES = {
    "clock_driven.optim": "Use torch.optim",
    "clock_driven.ann2snn.parser": "Use ann2snn.Converter",
    "clock_driven.model.train_imagenet": "Use activation_based.model.train_imagenet_example",
    "timing_based.solver": "Use timing_based.neuron.Tempotron",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_is_not_here_says_what_to_use(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    found = importlib.import_module(f"spikingjelly.{module}")
    with pytest.raises(ImportError, match=f"{attribute}.* does not exist.*{REFUSED[name]}|{REFUSED[name]}"):
        getattr(found, attribute)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        found.nothing  # noqa: B018


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_is_not_here_says_what_to_use(name: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=f"does not exist. {MODULES[name]}"):
        importlib.import_module(f"spikingjelly.{name}")


def test_parts_of_the_2_0_releases() -> None:
    for part in ("bar3d", "feature_map", "heatmap", "spikes"):
        assert importlib.import_module(f"spikingjelly.visualizing.{part}") is visualizing
    for part in ("conv_bn_fusion", "spike"):
        assert importlib.import_module(f"spikingjelly.activation_based.functional.{part}") is functional


def test_names_of_the_2_0_releases() -> None:
    v, spike = torch.tensor([0.5, 2.0]), torch.tensor([0.0, 1.0])
    assert neuron.LIFNode.apply_hard_reset(v, spike, 0.25).tolist() == [0.5, 0.25]
    assert neuron.LIFNode.apply_soft_reset(v, spike, 0.75).tolist() == [0.5, 1.25]
    module = base.MemoryModule()
    module.register_memory("state", 3)
    module.state = 4
    assert module.get_reset_value("state") == 3
    functional.invalidate_reset_cache(module)
    with pytest.raises(TypeError, match="invalidate_reset_cache"):
        functional.invalidate_reset_cache(3)  # type: ignore[arg-type]
