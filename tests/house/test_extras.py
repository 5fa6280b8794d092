"""What is said where a package of an extra is missing."""

import re
import sys
from pathlib import Path

import pytest

import spikingjelly
from spikingjelly._extras import imported, needing

PACKAGE = Path(spikingjelly.__file__).parent


def test_a_module_that_is_there_is_given() -> None:
    assert imported("json.decoder", "Reading", "datasets") is sys.modules["json.decoder"]


def test_a_missing_module_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nowhere", None)
    message = (
        r'Reading needs nowhere, which can\'t be imported \(.*\)\. Install it with: pip install "spikingjelly\[nir\]"$'
    )
    with pytest.raises(ImportError, match=message) as caught:
        imported("nowhere.at.all", "Reading", "nir")
    assert isinstance(caught.value.__cause__, ImportError)


def test_what_to_do_without_it_stands_behind() -> None:
    with (
        pytest.raises(ImportError, match=r'"spikingjelly\[plot\]", or look away\.$'),
        needing("A", "B", "plot", ", or look away."),
    ):
        raise ImportError("broken")


def test_other_errors_pass() -> None:
    with pytest.raises(ValueError, match="^mine$"), needing("A", "B", "plot"):
        raise ValueError("mine")


def test_only_extras_that_exist_are_named() -> None:
    project = PACKAGE.parent / "pyproject.toml"
    if not project.exists():
        pytest.skip("needs the source tree: pyproject.toml lists the extras")
    extras = set(re.findall(r"^(\w+) = \[", project.read_text().split("[project.optional-dependencies]")[1], re.M))
    texts = [path.read_text() for path in PACKAGE.rglob("*.py")]
    named = {name for text in texts for name in re.findall(r"spikingjelly\[(\w+)\]", text)}
    named |= {name for text in texts for name in re.findall(r'(?:needing|imported)\(.*"(\w+)"\)', text)}
    assert named
    assert named <= extras
