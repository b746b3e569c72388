"""A cell's step as lines of C, C++ or JavaScript: what it reads of each array by name, then one assignment a line."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from ..equations import Expr, topological
from .statements import Names, Write, statements

WIDTH = 120  # that of .clang-format
# The functions that a step calls, which no name of a cell may hide.
STEP_WORDS = "abs exp fma fms fnma greater log maximum minimum relu sigmoid softplus sqrt step_of tanh where"


def step_body(
    arrays: Mapping[str, Mapping[str, Expr]],
    results: Mapping[str, Expr],
    *,
    called: Mapping[Expr, str],
    always: Iterable[Expr] = (),
    words: Sequence[str],
    declare: str,
    write: Write,
    place: Callable[[str, int], str] = "{}[{}]".format,
) -> list[str]:
    """The lines of a step.

    arrays: what is read of each, by name. results: by the place where each goes. words: names that are taken.
    declare: what stands before a new name, "const V ". called, always: as in `statements`. place: how the k-th element
    of an array is written.
    """
    names = Names(words)
    read_names: dict[Expr, str] = {}
    reads: dict[str, dict[Expr, str]] = {array: {} for array in arrays}
    for array, nodes in arrays.items():
        for k, (name, node) in enumerate(nodes.items()):
            here = place(array, k)
            if node not in read_names:
                read_names[node] = here if name == here else names.new(name)
                if name != here:
                    reads[array][node] = f"{read_names[node]} = {here}"
    used = set(topological(results.values(), stop=read_names.keys()))
    needed = ([text for node, text in read.items() if node in used] for read in reads.values())
    lines = chain.from_iterable(filled(declare, texts, ";", WIDTH - 4) for texts in needed if texts)
    assignments = statements(
        results, inputs=read_names, called=called, always=set(always), names=names, write=write
    )
    return [*lines, *(f"{declare if s.new else ''}{s.target} = {s.text};" for s in assignments)]


def filled(start: str, items: Sequence[str], end: str, width: int) -> Iterator[str]:
    """Items after `start`, separated by commas; lines that would be too long go on below the first item."""
    line = start
    for k, item in enumerate(items):
        piece = item + (end if k == len(items) - 1 else ",")
        if k and len(line) + 1 + len(piece) > width:
            yield line
            line = " " * len(start) + piece
        else:
            line += f" {piece}" if k else piece
    yield line


def numbered(
    array: str, nodes: Iterable[Expr], place: Callable[[str, int], str] = "{}[{}]".format
) -> dict[str, Expr]:
    """The nodes by their places in an array: next[0], next[1], …"""
    return {place(array, k): node for k, node in enumerate(nodes)}


def names_of(symbols: Iterable[Expr]) -> dict[str, Expr]:
    """The symbols by their names."""
    return {str(node.name): node for node in symbols}


def by_node(*named: Mapping[str, Expr]) -> dict[Expr, str]:
    """What each node is called: the first of its names."""
    names: dict[Expr, str] = {}
    for name, node in chain.from_iterable(nodes.items() for nodes in named):
        names.setdefault(node, name)
    return names
