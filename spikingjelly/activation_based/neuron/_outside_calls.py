"""Calls by which a step takes from the world, or gives to it, what no kernel does: they would happen in the trace only.

They are noticed before they happen, so that the loop afterwards finds the world as it was.
"""

import contextlib
import datetime
import functools
import gc
import random
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import torch

from spikingjelly.activation_based.neuron._reading import is_users
from spikingjelly.fusion.dispatch import Unfusable

_MODULES = frozenset({"time", "posix", "nt", "_io"})
_TODAY = frozenset({"now", "today", "utcnow"})
_INTERNAL = (str(Path(torch.__file__).parent), str(Path(__file__).parents[2]))


@contextlib.contextmanager
def refused(generators: Sequence[Any], codes: Container[CodeType]) -> Iterator[None]:
    """Inside, such calls raise :class:`Unfusable`. While a profiler is at work, most are not noticed.

    :param generators: of NumPy, which does not show its calls to Python: these, and its own, get their states back
    :param codes: of the functions that a step may run; what others do meanwhile, as threads and finalizers, is theirs
    """
    states = [(generator, _state_of(generator)) for generator in (*generators, np.random)]
    drawn = False
    try:
        with _noticed(codes):
            yield
    finally:
        for generator, state in states:
            if repr(_state_of(generator)) != repr(state):
                _set_state(generator, state)
                drawn = True
    if drawn:
        raise Unfusable("it draws random numbers of NumPy")


def _state_of(generator: Any) -> Any:
    """Of a generator, or of the module ``numpy.random``, which has the methods of one."""
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    return generator.get_state(legacy=False)


def _set_state(generator: Any, state: Any) -> None:
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)


@contextlib.contextmanager
def _noticed(codes: Container[CodeType]) -> Iterator[None]:
    if sys.getprofile() is not None:
        yield
        return
    collects = gc.isenabled()
    gc.disable()  # finalizers would run in the middle of the step
    sys.setprofile(functools.partial(_look, codes))
    try:
        yield
    finally:
        sys.setprofile(None)
        if collects:
            gc.enable()


def _look(codes: Container[CodeType], frame: FrameType, event: str, function: Any) -> None:
    if event != "c_call" or frame.f_code.co_filename.startswith(_INTERNAL):
        return
    what = _what_of(function)
    if what is None:
        return
    caller = _users_frame(frame)
    if caller is None or caller.f_code not in codes:
        return
    if caller is frame or function is not next:  # context managers call it as well
        raise Unfusable(f"{caller.f_code.co_filename}:{caller.f_lineno}: {what}")


def _what_of(function: Callable[..., Any]) -> str | None:
    name, owner = getattr(function, "__name__", ""), getattr(function, "__self__", None)
    if isinstance(owner, random.Random):
        return f"{name} draws random numbers"
    if function is next:
        return "next takes what it gives only once"
    if function is print or function is input:
        return f"{name} is no operation of a kernel"
    if getattr(function, "__module__", None) in _MODULES or type(owner).__module__ in _MODULES:
        return f"{name} is no operation of a kernel"
    if isinstance(owner, type) and issubclass(owner, datetime.date) and name in _TODAY:
        return f"{name} is another in each time step"
    return None


def _users_frame(frame: FrameType | None) -> FrameType | None:
    """The line of a user's that has led to a call; None if PyTorch or this package has, for its own sake."""
    while frame is not None and not frame.f_code.co_filename.startswith(_INTERNAL):
        if is_users(frame.f_globals.get("__name__")):
            return frame
        frame = frame.f_back
    return None
