"""Which of the ways to frames the arguments of a data set name."""

import warnings
from typing import Any


def way_to_frames(owner: str, data_type: str, **ways: Any) -> str | None:
    """The name of the one of ``ways`` that isn't None; None for events.

    :param owner: name of the class, for the messages
    :param ways: ``frames_number``, ``duration`` and ``custom_integrate_function``
    :raises ValueError: for another ``data_type``, and for frames with none or several of the ways. Events with any of
        them only warn: programs whose ``data_type`` is an option pass both
    """
    if data_type not in ("event", "frame"):
        raise ValueError(f'{owner}: data_type must be "event" or "frame", but {data_type!r} was given.')
    given = [name for name, value in ways.items() if value is not None]
    if data_type == "event" and given:
        warnings.warn(
            f'{owner}: data_type="event" (the default) gives events and no frames, but {" and ".join(given)} was '
            f'given. Pass data_type="frame" to get frames, or leave {" and ".join(given)} out to get events.',
            stacklevel=4,
        )
        return None
    if data_type == "frame" and len(given) != 1:
        raise ValueError(
            f'{owner}: data_type="frame" needs one of frames_number (with split_by), duration and '
            f"custom_integrate_function, but {' and '.join(given) or 'none'} was given."
        )
    return given[0] if given else None
