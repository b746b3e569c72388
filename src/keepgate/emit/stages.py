"""A step that mixes units as stages: elementwise parts, with products and means over a row's units between them."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..equations import Expr, Graph, topological

_MIXES = ("product", "row_mean")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """An elementwise part of a step, and what is then made of all units together.

    read: the planes that are there before it, in order; a plane is one number for each unit. written: the nodes that it
    gives, of the last stage the new states. mixed: of each product and mean that follows, the node and the number of
    its operand's plane; their planes come after `written`.
    """

    read: tuple[Expr, ...]
    written: tuple[Expr, ...]
    mixed: tuple[tuple[Expr, int], ...] = ()


def stages_of(graph: Graph) -> list[Stage]:
    """The stages of a step, one for a step that is elementwise."""
    new = [*graph.next.values()]
    levels = _levels(new)
    last = max(levels[node] for node in new)
    mixed = [node for node in levels if node.op in _MIXES]
    stages: list[Stage] = []
    planes: list[Expr] = []
    for level in range(last):
        following = [node for node in mixed if levels[node] == level + 1]
        new_planes = [
            *dict.fromkeys([*(_operand(node) for node in following), *_used_later(levels, level, new)])
        ]
        new_planes = [node for node in new_planes if node not in planes]
        read = tuple(planes)
        planes += new_planes
        operands = tuple((node, planes.index(_operand(node))) for node in following)
        stages.append(Stage(read=read, written=tuple(new_planes), mixed=operands))
        planes += following
    return [*stages, Stage(read=tuple(planes), written=tuple(new))]


def _operand(node: Expr) -> Expr:
    """What is mixed: a product's second argument, a mean's first."""
    return node.args[node.op == "product"]


def _levels(new: Iterable[Expr]) -> dict[Expr, int]:
    """Of every node below the new states, how many products and means lie below it, one after the other."""
    levels: dict[Expr, int] = {}
    for node in topological(new):
        levels[node] = max((levels[argument] for argument in node.args), default=0) + (node.op in _MIXES)
    return levels


def _used_later(levels: dict[Expr, int], level: int, new: list[Expr]) -> Iterable[Expr]:
    """The elementwise nodes of a level before the last that a later one computes with or gives."""
    live_nodes = {
        *new,
        *(
            argument
            for node in levels
            if levels[node] > level and node.op not in _MIXES
            for argument in node.args
        ),
    }
    for node in levels:
        if levels[node] == level and node in live_nodes and node.op not in (*_MIXES, "symbol", "const"):
            yield node
