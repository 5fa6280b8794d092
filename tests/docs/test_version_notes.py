"""The names of other versions in docs/*/version_notes.md can be imported, and those of 2.0.0 are the same objects."""

import importlib
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {language: (DOCS / language / "version_notes.md").read_text(encoding="utf-8") for language in ("en", "zh")}
PACKAGES = {"activation_based", "clock_driven", "event_driven", "timing_based", "cext", "datasets"}


def tables(text: str) -> list[list[tuple[list[str], list[str]]]]:
    """Of each table, the names in the first and in the second column of each row."""
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        lines = [line.split("|")[1:3] for line in table.splitlines()[2:]]
        found.append([(re.findall(r"`([\w.]+)`", old), re.findall(r"`([\w.]+)`", new)) for old, new in lines])
    return found


ERAS = tables(PAGES["en"])
NAMES = sorted({name for era in ERAS for row in era for column in row for name in column})


def imported(name: str) -> Any:
    """The module or its attribute."""
    inside = "" if name.partition(".")[0] in PACKAGES else "activation_based."
    full = f"spikingjelly.{inside}{name}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # names the spelling of today, once a process
        try:
            return importlib.import_module(full)
        except ModuleNotFoundError as error:
            if error.name != full:
                raise
            module, _, attribute = full.rpartition(".")
            return getattr(importlib.import_module(module), attribute)


def test_there_is_a_table_for_each_era() -> None:
    assert [len(era) > 10 for era in ERAS] == [True] * 3
    assert all(old and new for era in ERAS for old, new in era)


def test_both_languages_have_the_same_names() -> None:
    assert tables(PAGES["zh"]) == ERAS


@pytest.mark.parametrize("name", NAMES)
def test_the_name_can_be_imported(name: str) -> None:
    assert imported(name) is not None


@pytest.mark.parametrize(("old", "new"), [(old, new[0]) for olds, new in ERAS[-1] for old in olds])
def test_both_names_of_the_last_era_are_the_same_object(old: str, new: str) -> None:
    assert imported(old) is imported(new)


def test_a_name_that_does_not_exist_is_found_out() -> None:
    with pytest.raises(AttributeError, match="MultiStepNothing"):
        imported("clock_driven.neuron.MultiStepNothing")
