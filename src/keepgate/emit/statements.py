"""An expression graph as statements, one assignment a line, with each shared part named once."""

import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from types import FrameType

from ..equations import Cell, Expr, Named, topological

# Given a node, and the names of the nodes that are there: the text that computes it.
Write = Callable[[Expr, Mapping[Expr, str]], str]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One line: what `text` computes goes to `target`, which is a new name or the place of a result."""

    target: str
    text: str
    new: bool


class Names:
    """Names, given out once each: what is taken gains an underscore."""

    def __init__(self, taken: Collection[str] = ()) -> None:
        self._taken = set(taken)

    def new(self, wanted: str) -> str:
        """The name, or the nearest to it that is free."""
        while wanted in self._taken:
            wanted += "_"
        self._taken.add(wanted)
        return wanted

    def numbered(self, start: str) -> str:
        """The first free name of start1, start2, …"""
        return self.new(next(name for k in count(1) if (name := f"{start}{k}") not in self._taken))


def statements(
    results: Mapping[str, Expr],
    *,
    given: Mapping[Expr, str],
    called: Mapping[Expr, str],
    always: Collection[Expr] = (),
    names: Names,
    write: Write,
) -> Iterator[Statement]:
    """What computes every result from what is given, each line from those above it.

    A part that is needed more than once becomes a line of its own, and so does a part of `always` that is not
    just one result. results: nodes by the place where each goes, such as next[0]. given: the nodes that are
    there, by their names. called: what to call a part.
    """
    order = topological(results.values(), stop=given.keys())
    uses = Counter(results.values())
    for node in order:
        if node not in given:
            uses.update(node.args)
    only_results = {node for node in results.values() if uses[node] == 1}
    known = dict(given)
    for node in order:
        if node in known or node.op in ("const", "symbol"):
            continue
        wanted = node in always and node not in only_results
        if wanted or (uses[node] > 1 and not _is_short(node, known)):
            text = write(node, known)
            known[node] = names.new(called[node]) if node in called else _unnamed(node, known, names)
            yield Statement(target=known[node], text=text, new=True)
    for place, node in results.items():
        yield Statement(target=place, text=write(node, known), new=False)


def _is_short(node: Expr, known: Mapping[Expr, str]) -> bool:
    """Whether a shared part reads better written out each time: 1 - z, -z."""
    if node.op not in ("neg", "sub") or node.args[-1] not in known:
        return False
    return node.op == "neg" or node.args[0].op == "const"


def _unnamed(node: Expr, known: Mapping[Expr, str], names: Names) -> str:
    """A name for a part that the cell has none for: tanh_c, else t1, t2, …"""
    if len(node.args) == 1 and node.args[0] in known:
        return names.new(f"{node.op}_{known[node.args[0]]}")
    return names.numbered("t")


def variables(cell: Cell) -> dict[Expr, str]:
    """What the step's own code calls the parts of its graph: the names of its variables, in their order."""
    graph = cell.graph
    groups = [
        dict(graph.wx),
        dict(graph.uh),
        dict(graph.previous),
        *([graph.vectors] if cell.vectors else []),
    ]
    found: dict[Expr, str] = {}
    code = getattr(cell.step, "__code__", None)

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "return" and frame.f_code is code:
            nodes = {name: value for name, value in frame.f_locals.items() if isinstance(value, Expr)}
            found.update({node: name for name, node in reversed(nodes.items())})

    # A name lives nowhere but in the function's frame. Nodes are the graph's own, since equal ones are one object.
    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        cell.step(*(Named(**group) for group in groups))
    finally:
        sys.setprofile(before)
    return dict(reversed(found.items()))
