"""Events to compare with, and what every reader owes its caller."""

from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st

from spikingjelly.datasets import DatasetFormatError
from tests.datasets.formats.writers import Event

DTYPES = {"t": np.int64, "x": np.int32, "y": np.int32, "p": np.int8}
Events = dict[str, np.ndarray]


def events_of(H: int, W: int, t_max: int, t_min: int = 0, max_size: int = 30) -> st.SearchStrategy[list[Event]]:
    """Lists of events on a sensor, ordered by time; the empty one too."""
    event = st.builds(Event, st.integers(t_min, t_max), st.integers(0, W - 1), st.integers(0, H - 1), st.integers(0, 1))
    return st.lists(event, max_size=max_size).map(lambda events: sorted(events, key=lambda event: event.t))


def assert_well_formed(events: Events) -> None:
    assert {name: column.dtype for name, column in events.items()} == DTYPES
    assert {column.shape for column in events.values()} == {(len(events["t"]),)}
    assert np.all(events["t"][1:] >= events["t"][:-1])
    assert np.isin(events["p"], [0, 1]).all()
    assert not events["t"].size or min(events["x"].min(), events["y"].min()) >= 0


def assert_same(events: Events, expected: Sequence[Event]) -> None:
    assert_well_formed(events)
    assert list(zip(*(events[name].tolist() for name in "txyp"), strict=True)) == [tuple(event) for event in expected]


def is_prefix(events: Events, whole: Events) -> bool:
    return all(np.array_equal(column, whole[name][: len(column)]) for name, column in events.items())


def read_or_refused(reader: Callable[[bytes], Events], data: bytes) -> Events | None:
    """Well-formed events, or None where the reader gave the documented error; anything else is raised."""
    try:
        events = reader(data)
    except DatasetFormatError as error:
        assert "<bytes>" in str(error)  # noqa: PT017
        return None
    assert_well_formed(events)
    return events
