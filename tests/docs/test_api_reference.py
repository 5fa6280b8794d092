"""Every public module and what it exports is in the API reference."""

import pytest

pytest.importorskip("sphinx", reason='Sphinx is not installed: pip install "spikingjelly[docs]"')

import api_links
import api_reference

from spikingjelly.activation_based import layer, neuron
from spikingjelly.activation_based.neuron import lif


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return api_reference.pages("spikingjelly")


def test_every_public_module_is_shown(pages: dict[str, str]) -> None:
    elsewhere = (*api_reference.FORMER, "activation_based.examples.common")
    for module in api_reference.public_modules("spikingjelly"):
        short = module.__name__.removeprefix("spikingjelly.")
        empty = not module.__doc__ and not api_reference.exported(module)
        if short not in pages and not empty and not api_reference.within(short, elsewhere):
            package = pages[short.rpartition(".")[0]]
            assert any(f":: {name}\n" in package for name in api_reference.exported(module)), short


def test_a_page_shows_all_that_its_module_exports(pages: dict[str, str]) -> None:
    page = pages["activation_based.neuron"]
    for name in api_reference.exported(neuron):
        assert f":: {name}\n" in page
    assert ".. autoclass:: LIFNode\n" in page
    assert "activation_based.neuron.lif" not in pages
    assert api_reference.is_file_of_its_package(lif)


def test_an_object_is_described_once(pages: dict[str, str]) -> None:
    described = [page for page, text in pages.items() if ".. autoclass:: SpikingSelfAttention\n" in text]
    assert described == ["activation_based.layer"]
    assert (
        "The same as :obj:`spikingjelly.activation_based.layer.SpikingSelfAttention`"
        in pages["activation_based.model.spikformer"]
    )


def test_former_names_tell_what_they_are_today(pages: dict[str, str]) -> None:
    assert "* - ``MultiStepLIFNode``" in pages["clock_driven"]


@pytest.mark.parametrize("chinese", [False, True])
def test_the_index_lists_each_page_once(chinese: bool, pages: dict[str, str]) -> None:
    index = api_reference.index_page(sorted(pages), chinese)
    assert all(index.count(f"<{name}>") == 1 for name in pages)
    assert ("API 参考" in index) == chinese


def test_unknown_modules_are_listed_too() -> None:
    assert "   new_room <new_room>" in api_reference.index_page(["new_room"], False)


def test_a_constant_shows_its_keys() -> None:
    assert "``a``, ``b``" in api_reference.constant("TABLE", {"a": 1, "b": 2})


def test_private_bases_give_way_to_public_ones() -> None:
    documented = {api_reference.full_name(layer.Linear), api_reference.full_name(neuron.BaseNode)}
    found = api_links.public_bases(neuron.OTTTLIFNode, "spikingjelly", documented)
    assert neuron.BaseNode in found
    assert not any(base.__name__.startswith("_") for base in found)
