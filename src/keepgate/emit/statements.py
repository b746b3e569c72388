"""An expression graph as statements, one assignment a line, with each shared part named once."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..equations import Expr, topological

# Given a node and the names that nodes have, the text that computes it.
Write = Callable[[Expr, Mapping[Expr, str]], str]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One line: `text` is computed and goes to `target`, a new name unless it is a result's own place."""

    target: str
    text: str
    new: bool


class Names:
    """Names given out once each: one that is taken gains underscores."""

    def __init__(self, taken: frozenset[str]) -> None:
        self._taken = set(taken)

    def new(self, wanted: str) -> str:
        """The name, or the nearest to it that nobody has."""
        while wanted in self._taken:
            wanted += "_"
        self._taken.add(wanted)
        return wanted


def statements(
    results: Mapping[str, Expr],
    given: Mapping[Expr, str],
    called: Mapping[Expr, str],
    names: Names,
    write: Write,
) -> Iterator[Statement]:
    """What computes each result from what is given, in an order in which it can be computed.

    results: where each result goes, such as next[0]. given: the nodes that are there, with their names.
    called: what a node is called if it deserves a name, which is when it is needed more than once.
    """
    uses = Counter(results.values())
    order = topological(results.values(), stop=given.keys())
    for node in order:
        if node not in given:
            uses.update(node.args)
    known = dict(given)
    for node in order:
        if node in known or uses[node] < 2 or not _deserves_name(node, known):
            continue
        text = write(node, known)
        known[node] = names.new(_name(node, known, called))
        yield Statement(target=known[node], text=text, new=True)
    for target, node in results.items():
        yield Statement(target=target, text=write(node, known), new=False)


def _deserves_name(node: Expr, known: Mapping[Expr, str]) -> bool:
    """Whether a shared node is more than a number, and more than 1 - z or -z, which read better written out."""
    if node.op in ("const", "symbol"):
        return False
    simple = all(a.op == "const" or a in known for a in node.args)
    return not (simple and (node.op == "neg" or (node.op == "sub" and node.args[0].op == "const")))


def _name(node: Expr, known: Mapping[Expr, str], called: Mapping[Expr, str]) -> str:
    if node in called:
        return called[node]
    if len(node.args) == 1 and node.args[0] in known:
        return f"{node.op}_{known[node.args[0]]}"
    return "shared"
