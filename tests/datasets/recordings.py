"""Events for tests: made up, drawn by hypothesis, and real ones read byte by byte."""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

Recording = dict[str, np.ndarray]
H, W = 5, 7


def recording(t: list[int], x: list[int], y: list[int], p: list[int]) -> Recording:
    return {
        "t": np.array(t, np.int64),
        "x": np.array(x, np.int32),
        "y": np.array(y, np.int32),
        "p": np.array(p, np.int8),
    }


def at_times(t: list[int]) -> Recording:
    """One event in another pixel at each time, ON and OFF in turn."""
    n = range(len(t))
    return recording(t, [i % W for i in n], [i // W % H for i in n], [i % 2 for i in n])


@st.composite
def recordings(draw: st.DrawFn, min_size: int = 0) -> Recording:
    """Sorted events on H x W pixels; times often repeat and often leave gaps."""
    one = st.tuples(st.integers(0, 60), st.integers(0, W - 1), st.integers(0, H - 1), st.integers(0, 1))
    rows = sorted(draw(st.lists(one, min_size=min_size, max_size=40)), key=lambda row: row[0])
    start = draw(st.sampled_from([0, -50, 80_048_267]))
    t, x, y, p = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    return recording([start + moment for moment in t], x, y, p)


def structured(events: Recording, order: str = "xytp") -> np.ndarray:
    """The same events as a structured array, with the fields in ``order``."""
    array = np.empty(len(events["t"]), [(name, events[name].dtype) for name in order])
    for name in order:
        array[name] = events[name]
    return array


def read_n_mnist(path: Path) -> Recording:
    """Five bytes an event: x, y, polarity and the upper 7 of 23 bits of time, the lower 16."""
    data = path.read_bytes()
    rows = [data[i : i + 5] for i in range(0, len(data), 5)]
    return recording(
        [(row[2] & 127) << 16 | row[3] << 8 | row[4] for row in rows],
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] >> 7 for row in rows],
    )


def read_dvs128(path: Path) -> Recording:
    """AEDAT 3.1 with nothing but whole packets of valid polarity events in it."""
    data = path.read_bytes()
    end = b"#!END-HEADER\r\n"
    at = data.index(end) + len(end)
    words = []
    while at < len(data):
        count = int.from_bytes(data[at + 20 : at + 24], "little")
        words.append(np.frombuffer(data, "<u4", 2 * count, at + 28).reshape(count, 2))
        at += 28 + 8 * count
    address, t = np.concatenate(words).astype(np.int64).T
    return {"t": t, "x": address >> 17, "y": address >> 2 & 0x7FFF, "p": address >> 1 & 1}
