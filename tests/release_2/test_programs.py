"""Programs for release 2.0.0 give the numbers that they gave there."""

import json
from pathlib import Path

import pytest
import torch

from tests.release_2.programs import PROGRAMS

RECORDED = json.loads((Path(__file__).parents[1] / "data" / "release_2.json").read_text())


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_what_it_gave_there(name: str) -> None:
    results, recorded = PROGRAMS[name](), RECORDED[name]
    assert len(results) == len(recorded)
    for result, (shape, values) in zip(results, recorded, strict=True):
        assert list(result.shape) == shape
        torch.testing.assert_close(result.detach().float(), torch.tensor(values).view(shape), atol=1e-4, rtol=1e-4)


def test_all_records_are_of_programs() -> None:
    assert set(RECORDED) == set(PROGRAMS)
