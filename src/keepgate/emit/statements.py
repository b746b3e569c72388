"""An expression graph as statements, one assignment a line, with each shared part named once."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from ..equations import Expr, topological

# Given a node, and the names of the nodes that are there: the text that computes it.
Write = Callable[[Expr, Mapping[Expr, str]], str]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One line: what `text` computes goes to `target`, which is a new name or the place of a result."""

    target: str
    text: str
    new: bool


class Names:
    """Names, each given out once: a name that is taken gains an underscore."""

    def __init__(self, taken: Collection[str] = ()) -> None:
        self._taken = set(taken)

    def new(self, name: str) -> str:
        """The name, or the nearest to it that is free."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def numbered(self, start: str) -> str:
        """The first free name of start1, start2, …"""
        return self.new(next(name for k in count(1) if (name := f"{start}{k}") not in self._taken))


def statements(
    results: Mapping[str, Expr],
    *,
    inputs: Mapping[Expr, str],
    called: Mapping[Expr, str],
    always: Collection[Expr] = (),
    names: Names,
    write: Write,
) -> Iterator[Statement]:
    """Assignments that compute every result from the inputs, each line from those above it.

    A part that is needed more than once becomes a line of its own, and so does a part of `always` that is not
    just one result. results: nodes by the place where each goes, such as next[0]. inputs: the nodes that are
    there, by their names. called: what to call a part.
    """
    order = topological(results.values(), stop=inputs.keys())
    uses = Counter(results.values())
    for node in order:
        if node not in inputs:
            uses.update(node.args)
    only_results = {node for node in results.values() if uses[node] == 1}
    names_of = dict(inputs)
    for node in order:
        if node in names_of or node.op in ("const", "symbol"):
            continue
        own_line = node in always and node not in only_results
        if own_line or (uses[node] > 1 and not _is_short(node, names_of)):
            text = write(node, names_of)
            names_of[node] = names.new(called[node]) if node in called else _unnamed(node, names_of, names)
            yield Statement(target=names_of[node], text=text, new=True)
    for place, node in results.items():
        yield Statement(target=place, text=write(node, names_of), new=False)


def _is_short(node: Expr, names_of: Mapping[Expr, str]) -> bool:
    """Whether a shared part reads better written out each time: 1 - z, -z."""
    if node.op not in ("neg", "sub") or node.args[-1] not in names_of:
        return False
    return node.op == "neg" or node.args[0].op == "const"


def _unnamed(node: Expr, names_of: Mapping[Expr, str], names: Names) -> str:
    """A name for a part that the cell has none for: tanh_c, else t1, t2, …"""
    if len(node.args) == 1 and node.args[0] in names_of:
        return names.new(f"{node.op}_{names_of[node.args[0]]}")
    return names.numbered("t")
