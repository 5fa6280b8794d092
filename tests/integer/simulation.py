"""A network of integers in plain numpy: int64 arithmetic, no floats behind the input."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def integers_of(x: np.ndarray, record: dict) -> np.ndarray:
    units = np.round(x.astype(np.float32) / np.float32(record["input_scale"]))
    return np.clip(units, record["input_low"], record["input_high"]).astype(np.int64)


def windows(x: np.ndarray, kernel, stride, padding, dilation, fill: int = 0) -> np.ndarray:
    """``[N, C, *out, *kernel]`` for ``x`` ``[N, C, *]``."""
    dims = len(kernel)
    x = np.pad(x, ((0, 0), (0, 0), *[(p, p) for p in padding]), constant_values=fill)
    reach = [gap * (k - 1) + 1 for gap, k in zip(dilation, kernel, strict=True)]
    view = sliding_window_view(x, reach, axis=tuple(range(2, 2 + dims)))
    steps = (
        slice(None),
        slice(None),
        *[slice(None, None, s) for s in stride],
        *[slice(None, None, g) for g in dilation],
    )
    return view[steps]


def convolved(x: np.ndarray, weight: np.ndarray, geometry: dict) -> np.ndarray:
    dims = weight.ndim - 2
    view = windows(x, weight.shape[2:], geometry["stride"], geometry["padding"], geometry["dilation"])
    groups, out = geometry["groups"], weight.shape[0]
    parts = []
    for part, kernels in zip(np.split(view, groups, 1), np.split(weight, groups, 0), strict=True):
        axes = (1, *range(2 + dims, 2 + 2 * dims))
        parts.append(np.moveaxis(np.tensordot(part, kernels, axes=(axes, range(1, dims + 2))), -1, 1))
    y = np.concatenate(parts, 1)
    assert y.shape[1] == out
    return y


class Neurons:
    def __init__(self, layer: dict) -> None:
        mantissa, shift = (layer[name].numpy().astype(np.int64) for name in ("mantissa", "shift"))
        self.threshold, self.kept = mantissa << shift, layer["kept"]
        self.reset = None if layer["v_reset"] is None else layer["v_reset"].numpy().astype(np.int64)
        self.v = None

    def step(self, x: np.ndarray) -> np.ndarray:
        shape = (-1, *[1] * (x.ndim - 2))
        threshold = self.threshold.reshape(shape)
        rest = np.zeros_like(threshold) if self.reset is None else self.reset.reshape(shape)
        if self.v is None:
            self.v = np.broadcast_to(rest, x.shape)
        charged = rest + (((self.v - rest) * self.kept + 2**11) >> 12) + x
        spikes = (charged >= threshold).astype(np.int64)
        self.v = charged - spikes * threshold if self.reset is None else np.where(spikes == 1, rest, charged)
        assert np.abs(charged).max() < 2**31
        return spikes


def run(record: dict, x_seq: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Integer outputs ``[T, N, *]`` for floats ``[T, N, *]``, and the potentials of each layer of neurons at the end."""
    neurons = {i: Neurons(layer) for i, layer in enumerate(record["layers"]) if layer.get("mantissa") is not None}
    outputs = []
    for x in integers_of(x_seq, record):
        for number, layer in enumerate(record["layers"]):
            x = _layer(layer, x)
            if number in neurons:
                x = neurons[number].step(x)
        outputs.append(x)
    return np.stack(outputs), [n.v for n in neurons.values()]


def _layer(layer: dict, x: np.ndarray) -> np.ndarray:
    kind = layer["kind"]
    if kind == "flatten":
        return x.reshape(len(x), -1)
    geometry = layer["geometry"]
    if kind in ("sum_pool", "max_pool"):
        fill = 0 if kind == "sum_pool" else np.iinfo(np.int64).min
        view = windows(x, geometry["kernel_size"], geometry["stride"], geometry["padding"], (1, 1), fill)
        return view.sum((-2, -1)) if kind == "sum_pool" else view.max((-2, -1))
    weight = layer["weight"].numpy().astype(np.int64)
    y = x @ weight.T if weight.ndim == 2 else convolved(x, weight, geometry)
    return y if layer["bias"] is None else y + layer["bias"].numpy().astype(np.int64).reshape(-1, *[1] * (y.ndim - 2))
