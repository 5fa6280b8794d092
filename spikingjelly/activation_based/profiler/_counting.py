"""Sees every operation while a network runs, and books it on the module that runs."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from spikingjelly.activation_based.profiler import _rules
from spikingjelly.activation_based.profiler._site import Site


@dataclass
class Ledger:
    """What the operations of one module did."""

    sites: dict[Any, Site] = field(default_factory=dict)
    elementwise: int = 0
    uncounted: set[str] = field(default_factory=set)
    folded: bool = False


class Counting(TorchDispatchMode):
    """Books operations in ``ledgers`` under the name in ``scope`` while it is the active mode.

    :param weights: the storages of parameters and buffers: these, and what is computed from them alone, are never
        spikes, and what is computed from them alone is free, as it can be computed once
    :param fold_batch_norm: whether normalisation by running means is free, as scale and shift of the layer before
    """

    def __init__(self, weights: set[int], fold_batch_norm: bool) -> None:
        super().__init__()
        self.ledgers: dict[str, Ledger] = defaultdict(Ledger)
        self.scope = ""
        self.in_neuron = False
        self._weights = weights
        self._derived_weights = WeakTensorKeyDictionary()
        self._fold_batch_norm = fold_batch_norm

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # otherwise the first operation imports all of torch._dynamo, which takes seconds

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = _rules.name_of_operation(func)
        if _rules.rule_for(name, args, func._overloadpacket in _rules.flop_formulas()) is None:
            with self:  # what is made of other operations is counted as these
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        out = func(*args, **kwargs)
        tensors = _tensors(args)
        if tensors and all(map(self._is_weight, tensors)):
            for result in _tensors(out):
                self._derived_weights[result] = True
        else:
            self._book(func, name, args, kwargs, out)
        return out

    def _book(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        ledger = self.ledgers[self.scope]
        macs = _rules.dense_macs(func, args, kwargs, out)
        rule = _rules.rule_for(name, args, macs is not None)
        if rule is None:
            self._book_the_rest(ledger, func, name, out)
        elif self._fold_batch_norm and _rules.is_fixed_norm(name, args):
            ledger.folded = True
        elif not (self.in_neuron and macs is None):
            kind, count = rule
            result = out if isinstance(out, torch.Tensor) else out[0]
            site = ledger.sites.setdefault(self._site_key(name, args), Site(kind))
            count(site, args, result, self._is_weight)
            site.dense_macs += macs or 0
            site.outputs += result.numel()

    def _book_the_rest(self, ledger: Ledger, func: Any, name: str, out: Any) -> None:
        if self.in_neuron or func.is_view or name in _rules.NO_ARITHMETIC:
            return
        if _rules.is_elementwise(func):
            ledger.elementwise += out.numel() if isinstance(out, torch.Tensor) else 0
        else:
            ledger.uncounted.add(name)

    def _site_key(self, name: str, args: tuple[Any, ...]) -> Any:
        """Equal for the same operation at all time steps, whether they come one by one or together."""
        tensors = [arg for arg in args if isinstance(arg, torch.Tensor)]
        strided = (tensor for tensor in tensors if tensor.layout == torch.strided)
        places = (tensor.untyped_storage().data_ptr() for tensor in strided)
        weights = tuple(
            place for place in places if place in self._weights
        )  # those derived anew are elsewhere each time
        return (name, weights, *(tensor.shape[-1] for tensor in tensors))

    def _is_weight(self, tensor: torch.Tensor) -> bool:
        if tensor in self._derived_weights:
            return True
        return tensor.layout == torch.strided and tensor.untyped_storage().data_ptr() in self._weights


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for item in value for tensor in _tensors(item)] if isinstance(value, tuple | list) else []
