"""Additive decomposition of a state's update, s_t = keep · s_{t-1} + write, derived from the step's graph."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .derivative import derivative
from .expr import Expr, topological
from .graph import Graph
from .simplify import ONE, ZERO, fold


@dataclass(frozen=True, kw_only=True, eq=False)
class AdditiveUpdate:
    """Additive decomposition of one state: s_t = keep · s_{t-1} + write, unit by unit.

    Neither term depends on s_{t-1} except through the values in `constants`.
    keep_without_write: the factor `keep` once the gate that writes is closed: the same expression where that gate only
                        writes (LSTM), 1 where one gate keeps and writes (GRU).
    constants: traced values that count as constants, whatever they were computed from.
    """

    keep: Expr
    write: Expr
    keep_without_write: Expr
    constants: frozenset[Expr]


def additive_update(graph: Graph, gates: Collection[Expr], state: str) -> AdditiveUpdate | None:
    """The decomposition of a state's update; None if s_t is not affine in s_{t-1} (as in a plain RNN).

    Tried with the gates as constants first, then with every traced value: what else a step names may be a term of the
    sum, and becomes a constant only if it must.
    """
    new, previous = graph.next[state], graph.previous[state]
    for candidates in (gates, graph.traced.values()):
        constants = frozenset(candidates) - {new}
        keep = derivative(new, previous, constants)
        if keep is not ZERO and previous not in topological([keep], stop=constants):
            write = replaced(new, {previous: ZERO}, constants)
            closed = _keep_without_write(gates, keep, write)
            return AdditiveUpdate(keep=keep, write=write, keep_without_write=closed, constants=constants)
    return None


def _keep_without_write(gates: Collection[Expr], keep: Expr, write: Expr) -> Expr:
    """`keep` at the value of a gate, 0 or 1, at which `write` vanishes; gates that `keep` does not read come first."""
    below_keep = topological([keep])
    for gate in sorted(gates, key=lambda gate: gate in below_keep):
        for value in (ZERO, ONE):
            if replaced(write, {gate: value}) is ZERO:
                return replaced(keep, {gate: value})
    return keep


def output_slope(graph: Graph, state: str) -> Expr | None:
    """∂output/∂state at state = 0, traced values constant; None if the output is not 0 there.

    Where the output vanishes with the state, output = (output / state) · state exactly; this is the quotient's limit at
    state = 0.
    """
    output, new = next(iter(graph.next.values())), graph.next[state]
    if output is new:
        return ONE
    constants = frozenset(graph.traced.values()) - {output, new}
    if replaced(output, {new: ZERO}, constants) is not ZERO:
        return None
    return replaced(derivative(output, new, constants), {new: ZERO}, constants)


def replaced(root: Expr, substitutes: Mapping[Expr, Expr], constants: Collection[Expr] = ()) -> Expr:
    """The expression with some nodes substituted, and constants folded.

    constants: nodes below which nothing is substituted; a matrix product always counts as one.
    """
    new_nodes = dict(substitutes)
    for node in topological([root], stop={*substitutes, *constants}):
        if node in new_nodes:
            continue
        opaque = node in constants or node.op == "product"
        arguments = node.args if opaque else tuple(new_nodes[argument] for argument in node.args)
        new_nodes[node] = node if arguments == node.args else fold(node.op, *arguments)
    return new_nodes[root]
