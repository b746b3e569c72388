"""What a kernel computes for each unit before a step: which sums, in which columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..equations import Expr, Graph, topological


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns, in their order: wx of the split gates, then what the others need, then uh of the split ones.

    A gate is fused if its wx and its uh only ever add up: one column holds the sum. Where they do more, as in the
    candidate of the GRU, whose uh is multiplied by r first, it is split into two columns.

    values: what each column holds, by name. gradients: the name of its gradient in the graph's backward pass.
    split: the split gates, in the cell's order.
    wx_gates: the gate of each of the first columns; uh_gates: of each of the last. The fused are in both.
    """

    values: Mapping[str, Expr]
    gradients: tuple[str, ...]
    split: tuple[str, ...]
    wx_gates: tuple[str, ...]
    uh_gates: tuple[str, ...]


def columns(graph: Graph, gates: Sequence[str], saved: Mapping[str, Expr]) -> Columns:
    """The columns of a step. saved: what is kept of it for backward."""
    sums = fused_sums(graph, saved)
    split = tuple(gate for gate in graph.uh if gate not in sums)
    fused = tuple(gate for gate in gates if gate not in split)
    if graph.uh:
        middle = {_sum_name(gate): sums[gate] for gate in fused}
    else:
        middle = {f"wx_{gate}": graph.wx[gate] for gate in fused}
    first = {f"wx_{gate}": graph.wx[gate] for gate in split}
    last = {f"uh_{gate}": graph.uh[gate] for gate in split}
    return Columns(
        values=first | middle | last,
        gradients=(*(f"d_wx_{gate}" for gate in (*split, *fused)), *(f"d_uh_{gate}" for gate in split)),
        split=split,
        wx_gates=(*split, *fused),
        uh_gates=(*fused, *split),
    )


def fused_sums(graph: Graph, saved: Mapping[str, Expr]) -> dict[str, Expr]:
    """The sum wx + uh of each fused gate: the only thing made of either, and neither is shown or saved."""
    results = [*graph.next.values(), *graph.traced.values(), *saved.values()]
    order = topological(results)
    sums = {}
    for gate, uh in graph.uh.items():
        parts = {graph.wx[gate], uh}
        users = [node for node in order if parts & set(node.args)]
        if (
            len(users) == 1
            and users[0].op == "add"
            and set(users[0].args) == parts
            and not parts & set(results)
        ):
            sums[gate] = users[0]
    return sums


def _sum_name(gate: str) -> str:
    # a is what the literature calls the sum before the nonlinearity; rnn_tanh has that one alone.
    return gate if gate == "a" else f"a_{gate}"
