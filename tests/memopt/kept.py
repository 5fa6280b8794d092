"""What autograd holds after a forward pass, counted from what the hooks gave it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from spikingjelly import packing
from spikingjelly.activation_based.memopt import _recipes

_Hooks = torch.autograd.graph.saved_tensors_hooks


def kept_bytes(net: nn.Module, run: Callable[[], torch.Tensor]) -> int:
    """Each piece of memory once, whole or packed, without parameters."""
    given: list[Any] = []

    class Recorded(_Hooks):
        def __init__(self, pack: Callable[[torch.Tensor], Any], unpack: Callable[[Any], torch.Tensor]) -> None:
            def recorded(tensor: torch.Tensor) -> Any:
                given.append(pack(tensor))
                return given[-1]

            super().__init__(recorded, unpack)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.autograd.graph, "saved_tensors_hooks", Recorded)
        with Recorded(packing.Whole, lambda whole: whole.unpack()):
            output = run()
    assert output.requires_grad
    held: dict[int, int] = {}
    for form in given:
        _count(form, held)
    parameters = {parameter.untyped_storage()._cdata for parameter in net.parameters()}
    return sum(nbytes for key, nbytes in held.items() if key not in parameters)


def _count(form: Any, held: dict[int, int]) -> None:
    if isinstance(form, _recipes.Part):
        for argument in (*form.recipe.arguments, *form.recipe.keywords.values()):
            _count(argument, held)
    elif isinstance(form, _recipes.Packed):
        _count(form.form, held)
    elif isinstance(form, packing.Packed):
        held[id(form.values)] = form.values.nbytes
    elif isinstance(form, packing.Whole):
        storage = form.tensor.untyped_storage()
        held[storage._cdata] = storage.nbytes()
