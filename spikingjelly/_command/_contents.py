"""What is said of a file, in the same words for all kinds."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Layer:
    """A layer, a node or an operation.

    :param shape: of its weights, or of its output where it has none
    """

    name: str
    kind: str
    shape: str
    parameters: int


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    :param facts: pairs of word and text that only this kind has
    :param states: pairs of name and shape
    :param dt: duration of a time step in seconds, where the file says it
    :param fault: why it is no network, if it isn't one
    """

    kind: str
    layers: list[Layer]
    parameters: int
    states: list[tuple[str, str]] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    dt: float | None = None
    fault: str | None = None
