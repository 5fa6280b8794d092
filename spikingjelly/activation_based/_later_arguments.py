"""Calls in the order of arguments of another release."""

import functools
from collections.abc import Callable
from typing import Any

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def also_called(rearranged: Callable[[tuple[Any, ...], dict[str, Any]], Arguments]) -> Callable[[Any], Any]:
    """Let an ``__init__`` be called in another order as well.

    :param rearranged: from the arguments of a call to those that ``__init__`` has
    """

    def decorate(init: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(init)
        def also(self: Any, *args: Any, **kwargs: Any) -> None:
            args, kwargs = rearranged(args, kwargs)
            init(self, *args, **kwargs)

        return also

    return decorate
