"""Random graphs, and the comparison of two."""

from typing import Any

import nir
import numpy as np
from hypothesis import strategies as st


def same_graph(one: Any, other: Any) -> None:
    """Assert that two graphs have the same nodes, parameters (in float32) and edges; metadata may only be added."""
    assert set(one.nodes) == set(other.nodes)
    assert set(one.edges) == set(other.edges)
    assert _within(one.metadata, other.metadata)
    for name, node in one.nodes.items():
        twin = other.nodes[name]
        assert type(node) is type(twin), name
        if isinstance(node, nir.NIRGraph):
            same_graph(node, twin)
            continue
        mine, theirs = node.to_dict(), twin.to_dict()
        assert _within(mine.pop("metadata"), theirs.pop("metadata"))
        assert mine.keys() == theirs.keys()
        for field, value in mine.items():
            assert np.array_equal(_rounded(value), _rounded(theirs[field])), f"{name}.{field}"


def _rounded(value: Any) -> np.ndarray:
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _within(some: dict[str, Any], more: dict[str, Any]) -> bool:
    return all(more.get(key) == value for key, value in some.items())


def _array(draw: Any, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    """Values of float32, all equal in half of the cases."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    size = () if draw(st.booleans()) else shape
    return np.broadcast_to(rng.uniform(low, high, size).astype(np.float32), shape).copy()


def _neuron(draw: Any, shape: tuple[int, ...]) -> Any:
    def values(low: float, high: float) -> np.ndarray:
        return _array(draw, shape, low, high)

    leak = {"r": values(0.5, 5), "v_leak": values(-1, 1)}
    fire = {"v_threshold": values(0.2, 2), "v_reset": values(-1, 0.1)}
    current = {"tau_syn": values(1e-3, 1e-2), "tau_mem": values(1e-3, 1e-2), "w_in": values(0.5, 2)}
    tau = {"tau": values(1e-3, 1e-2)}
    return draw(
        st.sampled_from(
            [
                lambda: nir.IF(r=values(100, 2000), **fire),
                lambda: nir.IF(r=np.full(shape, 1e3, np.float32), **fire),
                lambda: nir.LIF(**tau, **leak, **fire),
                lambda: nir.LIF(**tau, r=np.ones(shape), v_leak=fire["v_reset"], **fire),
                lambda: nir.LIF(np.full(shape, 3e-3), np.full(shape, 3.0), np.zeros(shape), np.ones(shape)),
                lambda: nir.CubaLIF(**current, **leak, **fire),
                lambda: nir.I(r=values(100, 2000)),
                lambda: nir.LI(**tau, **leak),
                lambda: nir.CubaLI(**current, **leak),
                lambda: nir.Threshold(threshold=values(0.2, 2)),
                lambda: nir.Scale(scale=values(-2, 2)),
                lambda: nir.Delay(delay=draw(st.integers(0, 3)) * np.full(shape, 1e-3)),
                lambda: nir.Delay(delay=np.arange(np.prod(shape)).reshape(shape) % 3 * 1e-3),
            ]
        )
    )()


def _image_layer(draw: Any, shape: tuple[int, ...]) -> tuple[Any, tuple[int, ...]]:
    channels, height, width = shape
    if min(height, width) < 3:
        flat = draw(st.booleans())
        return nir.Flatten({"input": np.array(shape)}, 0, -1 if flat else 1), (
            (channels * height * width,) if flat else (channels * height, width)
        )
    if draw(st.booleans()):
        kind = draw(st.sampled_from([nir.AvgPool2d, nir.SumPool2d]))
        stride, pad = draw(st.integers(1, 2)), draw(st.integers(0, 1))
        sides = [(side + 2 * pad - 2) // stride + 1 for side in (height, width)]
        return kind(np.array([2, 2]), np.array([stride, stride]), np.array([pad, pad])), (channels, *sides)
    out, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2)) if min(height, width) > 4 else 1
    padding = draw(st.sampled_from([(0, 0), (1, 0), "same", "valid"]))
    size = 3 if padding == "same" else 2
    weight = _array(draw, (out, channels, size, size), -1, 1)
    pad = (0, 0) if padding == "valid" else padding
    sides = [
        s if pad == "same" else s + 2 * p - dilation
        for s, p in zip((height, width), (0, 0) if pad == "same" else pad, strict=True)
    ]
    bias = _array(draw, (out,), -1, 1)
    return nir.Conv2d((height, width), weight, (1, 1), padding, (dilation, dilation), 1, bias), (out, *sides)


def _layer(draw: Any, shape: tuple[int, ...]) -> tuple[Any, tuple[int, ...]]:
    if len(shape) == 3:
        return _image_layer(draw, shape)
    out = draw(st.integers(1, 4))
    if len(shape) == 2 and draw(st.booleans()) and shape[1] > 2:
        weight = _array(draw, (out, shape[0], 2), -1, 1)
        return nir.Conv1d(shape[1], weight, 1, 0, 2, 1, _array(draw, (out,), -1, 1)), (out, shape[1] - 2)
    weight = _array(draw, (*shape[:-1], out, shape[-1]), -1, 1)
    if draw(st.booleans()):
        return nir.Linear(weight), (*shape[:-1], out)
    return nir.Affine(weight, _array(draw, (*shape[:-1], out), -1, 1)), (*shape[:-1], out)


@st.composite
def random_graphs(draw: Any, deepest: int = 1) -> Any:
    """Chains of layers and neurons with sums past them, recurrent connections and graphs inside."""
    shape = draw(st.sampled_from([(3,), (2, 4), (2, 5, 6)]))
    nodes: dict[str, Any] = {"in": nir.Input({"input": np.array(shape)})}
    edges, last = [], "in"
    for number in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from(["layer.{}", "{}", "n-{}", "keys{}", "forward{}"])).format(number)
        choice = draw(st.integers(0, 5))
        if choice < 2:
            nodes[name], shape = _layer(draw, shape)
        elif choice == 5 and deepest:
            inner = draw(random_graphs(deepest=deepest - 1))
            if tuple(next(iter(inner.input_type.values()))) != shape:
                continue
            nodes[name], shape = inner, tuple(int(n) for n in next(iter(inner.output_type.values())))
        else:
            nodes[name] = _neuron(draw, shape)
            nodes[name].metadata = draw(st.sampled_from([{}, {"note": "kept"}]))
            _more_edges(draw, edges, nodes, name, last)
        edges.append((last, name))
        last = name
    nodes["out"] = nir.Output({"output": np.array(shape)})
    edges.append((last, "out"))
    return nir.NIRGraph(nodes, edges, metadata={"dt": 1e-3, "note": "kept"}, type_check=False)


def _more_edges(draw: Any, edges: list[tuple[str, str]], nodes: dict[str, Any], name: str, last: str) -> None:
    """A recurrent connection of a neuron to itself, or past it through a scale."""
    kind = draw(st.integers(0, 3))
    has_state = type(nodes[name]).__name__ in ("IF", "LIF", "CubaLIF", "I", "LI", "CubaLI")
    if kind == 1 and has_state:
        edges.append((name, name))
    elif kind == 2:
        shape = tuple(int(n) for n in nodes[name].input_type["input"])
        nodes[f"beside {name}"] = nir.Scale(_array(draw, shape, -1, 1))
        edges += [(last, f"beside {name}"), (f"beside {name}", name)]
    elif kind == 3 and has_state:
        shape = tuple(int(n) for n in nodes[name].input_type["input"])
        nodes[f"back {name}"] = nir.Scale(_array(draw, shape, -1, 1))
        edges += [(name, f"back {name}"), (f"back {name}", name)]
