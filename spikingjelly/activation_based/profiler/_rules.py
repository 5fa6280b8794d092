"""How each operation of PyTorch counts."""

import functools
from collections.abc import Callable
from typing import Any

import torch

from spikingjelly.activation_based.profiler._fan_out import (
    Reach,
    adaptive_reach,
    convolution_reach,
    reached,
    window_values,
)
from spikingjelly.activation_based.profiler._site import Site
from spikingjelly.activation_based.profiler._spikes import spike_level

aten = torch.ops.aten
IsWeight = Callable[[torch.Tensor], bool]
Count = Callable[[Site, tuple[Any, ...], torch.Tensor, IsWeight], None]


def _product(site: Site, a: torch.Tensor, b: torch.Tensor, is_weight: IsWeight) -> None:
    """``a`` ``[*, M, K]`` times ``b`` ``[*, K, N]``."""
    left, right = (a != 0).sum(-2), (b != 0).sum(-1)
    nonzero = int(left.sum()), int(right.sum())
    site.operands[0].add(None if is_weight(a) else spike_level(a), nonzero[0], nonzero[0] * b.shape[-1])
    site.operands[1].add(None if is_weight(b) else spike_level(b), nonzero[1], nonzero[1] * a.shape[-2])
    site.coincidences += int((left * right).sum())
    site.values += a.numel()


def _count_product(first: int) -> Count:
    def count(site: Site, args: tuple[Any, ...], out: torch.Tensor, is_weight: IsWeight) -> None:
        a, b = args[first : first + 2]
        _product(site, a if a.dim() > 1 else a[None], b if b.dim() > 1 else b[:, None], is_weight)

    return count


def _count_convolution(site: Site, args: tuple[Any, ...], out: torch.Tensor, is_weight: IsWeight) -> None:
    x, weight, _, stride, padding, dilation, transposed, _, groups = args[:9]
    dimensions = weight.dim() - 2
    steps, pads, gaps = (_each(value, dimensions) for value in (stride, padding, dilation))
    reach = convolution_reach(x.shape[2:], out.shape[2:], weight.shape[2:], steps, pads, gaps, transposed)
    channels = weight.shape[1] if transposed else weight.shape[0] // groups
    site.operands[0].add(spike_level(x), int((x != 0).sum()), reached(x, reach) * channels)
    site.values += x.numel()


def _each(value: Any, dimensions: int) -> list[int]:
    given = [value] if isinstance(value, int) else list(value)
    return given * dimensions if len(given) == 1 else given


def _count_windows(site: Site, x: torch.Tensor, reach: Reach) -> None:
    site.operands[0].add(spike_level(x), int((x != 0).sum()), reached(x, reach))
    site.dense_accumulates += window_values(x, reach)
    site.values += x.numel()


def _count_pooling(dimensions: int, dilated: bool) -> Count:
    def count(site: Site, args: tuple[Any, ...], out: torch.Tensor, is_weight: IsWeight) -> None:
        x, kernel = args[0], _each(args[1], dimensions)
        stride = _each(args[2], dimensions) if len(args) > 2 and args[2] else kernel
        padding = _each(args[3], dimensions) if len(args) > 3 else [0] * dimensions
        dilation = _each(args[4], dimensions) if dilated and len(args) > 4 else [1] * dimensions
        reach = convolution_reach(x.shape[-dimensions:], out.shape[-dimensions:], kernel, stride, padding, dilation)
        _count_windows(site, x, reach)

    return count


def _count_adaptive(dimensions: int) -> Count:
    def count(site: Site, args: tuple[Any, ...], out: torch.Tensor, is_weight: IsWeight) -> None:
        _count_windows(site, args[0], adaptive_reach(args[0].shape[-dimensions:], out.shape[-dimensions:]))

    return count


def _count_sum(site: Site, args: tuple[Any, ...], out: torch.Tensor, is_weight: IsWeight) -> None:
    _count_windows(site, args[0], [])


def _count_norm(macs: int, accumulates: int) -> Count:
    def count(site: Site, args: tuple[Any, ...], out: torch.Tensor, is_weight: IsWeight) -> None:
        site.norm_macs += macs * out.numel()
        site.dense_accumulates += accumulates * out.numel()
        site.values += out.numel()

    return count


def _count_dense(site: Site, args: tuple[Any, ...], out: torch.Tensor, is_weight: IsWeight) -> None:
    site.values += args[0].numel()


_PRODUCTS = {"mm": 0, "bmm": 0, "mv": 0, "dot": 0, "addmm": 1, "baddbmm": 1, "addmv": 1}
_CONVOLUTIONS = ("convolution", "_convolution", "convolution_overrideable")
# Mean and variance of the values at hand, which no weight can hold: an addition for the mean, a product for the
# variance, another for scale and shift.
_LIVE_NORM = _count_norm(2, 1)
SYNAPSES: dict[str, Count] = {
    **{name: _count_product(first) for name, first in _PRODUCTS.items()},
    **dict.fromkeys(_CONVOLUTIONS, _count_convolution),
}
WINDOWS: dict[str, Count] = {
    "avg_pool1d": _count_pooling(1, False),
    "avg_pool2d": _count_pooling(2, False),
    "avg_pool3d": _count_pooling(3, False),
    "max_pool1d": _count_pooling(1, True),
    "max_pool2d_with_indices": _count_pooling(2, True),
    "max_pool3d_with_indices": _count_pooling(3, True),
    **{f"{prefix}adaptive_{kind}_pool{d}d": _count_adaptive(d)
       for prefix in ("", "_") for kind in ("avg", "max") for d in (1, 2, 3)},
    **dict.fromkeys(("sum", "mean"), _count_sum),
}  # fmt: skip
_BATCH_NORMS = ("native_batch_norm", "cudnn_batch_norm", "miopen_batch_norm")  # argument 5 says whether means are live
_FIXED_NORMS = ("_native_batch_norm_legit_no_training", "_batch_norm_no_update")
_FIXED_NORM = _count_norm(1, 0)
NORMS: dict[str, Count] = {
    **dict.fromkeys(_FIXED_NORMS, _FIXED_NORM),
    **dict.fromkeys((*_BATCH_NORMS, "native_group_norm", "native_layer_norm", "_native_batch_norm_legit"), _LIVE_NORM),
}
# They move, make or choose values.
NO_ARITHMETIC = frozenset(
    (
        *("_local_scalar_dense", "_pack_padded_sequence", "_reshape_alias", "_to_copy", "_unsafe_view"),
        *("alias", "arange", "as_strided", "bernoulli", "cat", "clone", "constant_pad_nd", "copy", "copy_"),
        *("detach", "detach_", "embedding", "empty", "empty_like", "empty_strided", "eye", "fill", "fill_"),
        *("flip", "full", "full_like", "gather", "im2col", "index", "index_select", "is_same_size"),
        *("lift_fresh", "new_empty", "new_empty_strided", "new_full", "new_ones", "new_zeros", "normal"),
        *("normal_", "ones", "ones_like", "pixel_shuffle", "pixel_unshuffle", "rand", "rand_like", "randn"),
        *("randn_like", "randperm", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d", "repeat"),
        *("replication_pad1d", "replication_pad2d", "replication_pad3d", "roll", "scalar_tensor"),
        *("select_scatter", "slice_scatter", "split_with_sizes_copy", "stack", "unbind_copy", "uniform"),
        *("uniform_", "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "zero_", "zeros"),
        *("zeros_like"),
    )
)


def name_of_operation(func: Any) -> str:
    """``mm`` for ``aten.mm.default``; the namespace stays where it isn't aten."""
    name = func._schema.name
    return name.removeprefix("aten::")


def is_fixed_norm(name: str, args: tuple[Any, ...]) -> bool:
    """Whether this is normalisation by means and variances that were stored, whose layer before can hold it."""
    return name in _FIXED_NORMS or (name in _BATCH_NORMS and not args[5])


def is_elementwise(func: Any) -> bool:
    return torch.Tag.pointwise in func.tags


@functools.cache
def flop_formulas() -> dict[Any, Callable[..., int]]:
    """PyTorch's own counts of FLOPs, by operation."""
    from torch.utils.flop_counter import flop_registry  # imports triton

    return flop_registry


def dense_macs(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int | None:
    """Multiply-accumulates as PyTorch's own counter has them, or None for an operation that it does not count."""
    formula = flop_formulas().get(func._overloadpacket)
    if formula is not None:
        return formula(*args, **kwargs, out_val=out) // 2
    name = name_of_operation(func)
    if name in ("mv", "dot", "addmv"):
        return args[1 if name == "addmv" else 0].numel()
    return None


def rule_for(name: str, args: tuple[Any, ...], counted_by_torch: bool) -> tuple[str, Count] | None:
    """The kind of site and the rule for an operation, or None if there is none."""
    if is_fixed_norm(name, args):
        return "norm", _FIXED_NORM
    for kind, table in (("synapse", SYNAPSES), ("window", WINDOWS), ("norm", NORMS)):
        if name in table:
            return kind, table[name]
    return ("synapse", _count_dense) if counted_by_torch else None
