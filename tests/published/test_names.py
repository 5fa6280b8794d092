"""The names that published programs use can be imported in every way in which they do it."""

import importlib
from typing import Any

import pytest

from tests.published.names import (
    ACTIVATION_BASED,
    ACTIVATION_BASED_MODULES,
    CLOCK_DRIVEN,
    CLOCK_DRIVEN_MODULES,
    RENAMED,
)


def look_up(path: str) -> Any:
    """``path`` as `from package.module import name` and attributes of it find it."""
    package, module, *names = path.split(".")
    found = importlib.import_module(f"spikingjelly.{package}.{module}")
    for name in names:
        found = (
            getattr(__import__(found.__name__, fromlist=[name]), name)
            if hasattr(found, "__path__")
            else getattr(found, name)
        )
    return found


@pytest.mark.parametrize("name", CLOCK_DRIVEN)
def test_of_clock_driven(name: str) -> None:
    assert look_up(f"clock_driven.{name}") is not None


@pytest.mark.parametrize("name", [n for n in ACTIVATION_BASED if n != "auto_cuda.cfunction"])
def test_of_activation_based(name: str) -> None:
    assert look_up(f"activation_based.{name}") is not None


@pytest.mark.parametrize("name", RENAMED)
def test_of_a_later_release(name: str) -> None:
    assert look_up(f"activation_based.{name}") is look_up(f"activation_based.{RENAMED[name]}")


@pytest.mark.parametrize("module", CLOCK_DRIVEN_MODULES)
def test_import_star(module: str) -> None:
    names: dict[str, Any] = {}
    exec(f"from spikingjelly.clock_driven.{module} import *", names)
    assert set(CLOCK_DRIVEN_MODULES[module].split()) <= set(names)


@pytest.mark.parametrize("module", ACTIVATION_BASED_MODULES)
def test_import_star_brings_what_a_module_imports(module: str) -> None:
    names: dict[str, Any] = {}
    exec(f"from spikingjelly.activation_based.{module} import *", names)
    assert set(ACTIVATION_BASED_MODULES[module].split()) <= set(names)


def test_check_of_a_backend() -> None:
    from spikingjelly.clock_driven import neuron

    for backend in ("torch", "cupy"):
        assert neuron.check_backend(backend) is None
    with pytest.raises(NotImplementedError, match=r"'numpy' \(str\) is not a backend"):
        neuron.check_backend("numpy")


def test_classes_are_those_of_activation_based() -> None:
    from spikingjelly.activation_based import neuron as today
    from spikingjelly.activation_based import surrogate
    from spikingjelly.clock_driven import base, neuron
    from spikingjelly.clock_driven import surrogate as former

    assert former.ATan is surrogate.ATan
    assert former.atan is surrogate.atan
    for name in ("IFNode", "LIFNode", "ParametricLIFNode", "QIFNode", "EIFNode"):
        node = getattr(neuron, name)
        assert issubclass(node, getattr(today, name))
        assert issubclass(node, neuron.BaseNode)
        assert issubclass(node, base.MemoryModule)
    for name in ("IFNode", "LIFNode", "ParametricLIFNode", "EIFNode", "GeneralNode"):
        assert issubclass(getattr(neuron, f"MultiStep{name}"), getattr(neuron, name))


def test_the_former_extension() -> None:
    from spikingjelly.cext import neuron as cext_neuron
    from spikingjelly.clock_driven import neuron

    assert cext_neuron.MultiStepIFNode is neuron.MultiStepIFNode


def test_the_timer_of_the_former_extension() -> None:
    from spikingjelly import cext

    calls: list[int] = []
    assert cext.cal_fun_t(3, "cpu", calls.append, 1) >= 0
    assert len(calls) >= 3


def test_statements_of_cuda_are_replaced_by_a_message() -> None:
    from spikingjelly.activation_based.auto_cuda import cfunction

    with pytest.raises(NotImplementedError, match=r"cfunction\.add writes no CUDA code any more: kernels are derived"):
        cfunction.add(z="z", x="x", y="y", dtype="float")
    names: dict[str, Any] = {}
    exec("from spikingjelly.activation_based.auto_cuda.cfunction import *", names)
    assert {"sigmoid_backward", "heaviside", "if_else_else"} <= set(names)


def test_modules_behind_the_neurons_are_found_from_them() -> None:
    from spikingjelly.activation_based import neuron

    assert neuron.neuron_kernel.MultiStepIFNodePTT is not None
    assert neuron.ac_neuron_kernel.IFNodeATGF is not None
    assert neuron.cuda_utils.cal_blocks(512) == 1
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = neuron.nothing


@pytest.mark.parametrize(
    ("module", "alternative"),
    [
        ("neuron_cupy", "neuron, whose classes run in a derived kernel with backend='cupy'"),
        ("neuron_cupy_lite", "neuron, whose classes run in a derived kernel with backend='cupy'"),
    ],
)
def test_modules_that_were_replaced_name_what_to_use(module: str, alternative: str) -> None:
    with pytest.raises(ImportError, match=f"{module} does not exist. Use {alternative}"):
        exec(f"from spikingjelly.activation_based import {module}")
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from spikingjelly.activation_based import nothing")
