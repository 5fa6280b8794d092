"""In which order the nodes of a graph run, and which of its edges are recurrent connections."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Edge = tuple[str, str]


class GraphError(ValueError):
    """A graph that has no meaning as a network."""


@dataclass(frozen=True)
class Plan:
    """How a graph runs in one time step.

    Several edges into one node are summed. A recurrent connection, an edge in ``delayed``, carries the output that its
    source had in the time step before, 0 in the first one.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    edges: tuple[Edge, ...]  # as in the graph
    order: tuple[str, ...]  # all nodes but the inputs, each behind its sources
    delayed: frozenset[Edge]
    early: frozenset[str]  # delay nodes that close a cycle: the delayed edge is one of their time steps

    def sources(self) -> dict[str, list[str]]:
        """For each node in ``order`` the nodes whose outputs are summed for it."""
        sources: dict[str, list[str]] = {name: [] for name in self.order}
        for source, target in self.edges:
            sources[target].append(source)
        return sources


def plan(
    names: Sequence[str],
    edges: Sequence[Edge],
    inputs: Sequence[str],
    outputs: Sequence[str],
    has_state: Callable[[str], bool],
    is_delay: Callable[[str], bool],
) -> Plan:
    """The :class:`Plan` of a graph.

    A cycle is cut behind its last node with a state, as seen from the input of the graph, so that neurons read each
    other's spikes of the time step before. Where a node of the cycle is a delay of one time step or more, that delay
    is the time the spike takes round, and nothing is added.

    :param has_state: whether a node's output is a neuron's or an integrator's
    :param is_delay: whether a node is a delay of at least one time step
    :raises GraphError: for missing nodes and inputs, and for cycles without a state
    """
    _check(names, edges, inputs, outputs)
    delayed: set[Edge] = set()
    early: set[str] = set()
    while cycle := _find_cycle(inputs, [edge for edge in edges if edge not in delayed]):
        delays = [name for name in cycle if is_delay(name)]
        with_state = [position for position, name in enumerate(cycle) if has_state(name)]
        if delays:
            early.add(delays[-1])
            delayed.update(edge for edge in edges if edge[1] == delays[-1])
        elif with_state:
            last = with_state[-1]
            delayed.add((cycle[last], cycle[(last + 1) % len(cycle)]))
        else:
            raise GraphError(
                f"the cycle {' -> '.join([*cycle, cycle[0]])} is no recurrent connection: none of its nodes has a "
                "state, so that its value would depend on itself within one time step. Put a neuron, an integrator or "
                "a Delay of at least one time step into it."
            )
    order = _in_order(names, [edge for edge in edges if edge not in delayed])
    order = tuple(name for name in order if name not in inputs)
    return Plan(tuple(inputs), tuple(outputs), tuple(edges), order, frozenset(delayed), frozenset(early))


def _check(names: Sequence[str], edges: Sequence[Edge], inputs: Sequence[str], outputs: Sequence[str]) -> None:
    known = set(names)
    for edge in edges:
        for name in edge:
            if name not in known:
                raise GraphError(
                    f"the edge {edge[0]!r} -> {edge[1]!r} names the node {name!r}, which the graph does not have."
                )
    twice = [edge for edge in set(edges) if edges.count(edge) > 1] if len(set(edges)) < len(edges) else []
    if twice:
        raise GraphError(f"the edge {twice[0][0]!r} -> {twice[0][1]!r} is there twice. Keep one, or use a Scale.")
    if not inputs or not outputs:
        raise GraphError(f"it has no {'Input' if not inputs else 'Output'} node. Add one and an edge to it.")
    _check_ends(names, edges, inputs, outputs)


def _check_ends(names: Sequence[str], edges: Sequence[Edge], inputs: Sequence[str], outputs: Sequence[str]) -> None:
    sources, targets = {edge[0] for edge in edges}, {edge[1] for edge in edges}
    for name in names:
        if (name in targets) == (name in inputs):
            problem = (
                "is an Input, but an edge leads to it" if name in targets else "gets no input: no edge leads to it"
            )
            raise GraphError(f"the node {name!r} {problem}. Is an edge or a node missing?")
        if (name in sources) == (name in outputs):
            problem = "is an Output, but an edge leaves it" if name in sources else "leads nowhere: no edge leaves it"
            raise GraphError(f"the node {name!r} {problem}. Is an edge or a node missing?")
    unreached = set(names) - _reached(inputs, edges)
    if unreached:
        raise GraphError(f"no path leads from an Input to the node {min(unreached)!r}. Is an edge missing?")


def _targets(edges: Iterable[Edge]) -> dict[str, list[str]]:
    targets: dict[str, list[str]] = {}
    for source, target in edges:
        targets.setdefault(source, []).append(target)
    return targets


def _reached(inputs: Sequence[str], edges: Sequence[Edge]) -> set[str]:
    targets, seen, waiting = _targets(edges), set(inputs), list(inputs)
    while waiting:
        for name in targets.get(waiting.pop(), ()):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen


def _find_cycle(inputs: Sequence[str], edges: Sequence[Edge]) -> list[str]:
    """The first cycle that a depth-first walk from the inputs meets, from the node where it enters; else []."""
    targets, done = _targets(edges), set[str]()
    for start in [*inputs, *targets]:
        path, on_path = [start], {start}
        branches = [iter(targets.get(start, ()))]
        while path and start not in done:
            name = next(branches[-1], None)
            if name is None:
                branches.pop()
                done.add(path[-1])
                on_path.discard(path.pop())
            elif name in on_path:
                return path[path.index(name) :]
            elif name not in done:
                path.append(name)
                on_path.add(name)
                branches.append(iter(targets.get(name, ())))
    return []


def _in_order(names: Sequence[str], edges: Sequence[Edge]) -> tuple[str, ...]:
    targets = _targets(edges)
    missing = dict.fromkeys(names, 0)
    for _, target in edges:
        missing[target] += 1
    ready = [name for name in names if not missing[name]]
    for name in ready:  # grows while it is read
        for target in targets.get(name, ()):
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    return tuple(ready)
