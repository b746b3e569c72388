"""What a kernel computes for each unit before a step: which sums, in which columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..equations import Expr, Graph, topological


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns, in their order: wx of the gates apart, then what the others need, then uh of those apart.

    A gate is joined if its wx and its uh only ever add up: one column holds the sum. Where they do more, as the
    candidate of the GRU, whose uh is multiplied by r first, they are apart, in two columns.

    values: what each column holds, by name. gradients: the name of its gradient in the graph's backward pass.
    apart: the gates apart, in the cell's order.
    wx_gates: the gate of each of the first columns; uh_gates: of each of the last. The joined are in both.
    """

    values: Mapping[str, Expr]
    gradients: tuple[str, ...]
    apart: tuple[str, ...]
    wx_gates: tuple[str, ...]
    uh_gates: tuple[str, ...]


def columns(graph: Graph, gates: Sequence[str], saved: Mapping[str, Expr]) -> Columns:
    """The columns of a step. saved: what is kept of it for backward."""
    sums = joined_sums(graph, saved)
    apart = tuple(gate for gate in graph.uh if gate not in sums)
    joined = tuple(gate for gate in gates if gate not in apart)
    if graph.uh:
        middle = {_sum_name(gate): sums[gate] for gate in joined}
    else:
        middle = {f"wx_{gate}": graph.wx[gate] for gate in joined}
    first = {f"wx_{gate}": graph.wx[gate] for gate in apart}
    last = {f"uh_{gate}": graph.uh[gate] for gate in apart}
    return Columns(
        values=first | middle | last,
        gradients=(*(f"d_wx_{gate}" for gate in (*apart, *joined)), *(f"d_uh_{gate}" for gate in apart)),
        apart=apart,
        wx_gates=(*apart, *joined),
        uh_gates=(*joined, *apart),
    )


def joined_sums(graph: Graph, saved: Mapping[str, Expr]) -> dict[str, Expr]:
    """The sum wx + uh of each joined gate: the only thing made of either, and neither is shown or saved."""
    results = [*graph.next.values(), *graph.traced.values(), *saved.values()]
    order = topological(results)
    found = {}
    for gate, uh in graph.uh.items():
        parts = {graph.wx[gate], uh}
        made = [node for node in order if parts & set(node.args)]
        if len(made) == 1 and made[0].op == "add" and set(made[0].args) == parts and not parts & set(results):
            found[gate] = made[0]
    return found


def _sum_name(gate: str) -> str:
    # a is what the literature calls the sum before the nonlinearity; rnn_tanh has that one alone.
    return gate if gate == "a" else f"a_{gate}"
