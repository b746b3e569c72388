"""Which states are carried from step to step, s_t = a s_{t-1} + b, and what shows them: found in a step's graph."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .derivative import derivative
from .expr import Expr, topological
from .graph import Graph
from .simplify import ONE, ZERO, fold


@dataclass(frozen=True, kw_only=True, eq=False)
class Carry:
    """One state as s_t = keep · s_{t-1} + write, unit by unit. Neither holds s_{t-1} but by way of `held`.

    unwritten: what the step would keep if the gate that writes were shut: as much where that gate is one of its own
               (LSTM), everything where the same gate keeps and writes (GRU).
    held: the traced values that are taken as they are, whatever they were computed from.
    """

    keep: Expr
    write: Expr
    unwritten: Expr
    held: frozenset[Expr]


def carry(graph: Graph, gates: Collection[Expr], state: str) -> Carry | None:
    """How a state is carried; None if nothing of it is, or not by a factor (as in a plain RNN).

    The gates are held first: what else a step names may be a part of the sum, and is held only if it must be.
    """
    new, previous = graph.next[state], graph.previous[state]
    for held in (gates, graph.traced.values()):
        fixed = frozenset(held) - {new}
        keep = derivative(new, previous, fixed)
        if keep is not ZERO and previous not in topological([keep], stop=fixed):
            write = replaced(new, {previous: ZERO}, fixed)
            return Carry(keep=keep, write=write, unwritten=_unwritten(gates, keep, write), held=fixed)
    return None


def _unwritten(gates: Collection[Expr], keep: Expr, write: Expr) -> Expr:
    """What is kept once a gate stands where nothing is written; a gate that keeps nothing besides goes first."""
    kept = topological([keep])
    for gate in sorted(gates, key=lambda gate: gate in kept):
        for shut in (ZERO, ONE):
            if replaced(write, {gate: shut}) is ZERO:
                return replaced(keep, {gate: shut})
    return keep


def slope_of_output(graph: Graph, state: str) -> Expr | None:
    """How the output begins to grow with a state where that is zero; None if the output is not zero there.

    A state that the output vanishes with shows itself as (output / state) · state, exactly; at zero itself this
    slope stands for the quotient.
    """
    output, new = next(iter(graph.next.values())), graph.next[state]
    if output is new:
        return ONE
    held = frozenset(graph.traced.values()) - {output, new}
    if replaced(output, {new: ZERO}, held) is not ZERO:
        return None
    return replaced(derivative(output, new, held), {new: ZERO}, held)


def replaced(root: Expr, given: Mapping[Expr, Expr], held: Collection[Expr] = ()) -> Expr:
    """The expression with some nodes exchanged for others, and what is zero by that left out.

    held: nodes below which nothing is exchanged; a matrix product is always taken so.
    """
    found = dict(given)
    for node in topological([root], stop={*given, *held}):
        if node in found:
            continue
        opaque = node in held or node.op == "product"
        arguments = node.args if opaque else tuple(found[argument] for argument in node.args)
        found[node] = node if arguments == node.args else fold(node.op, *arguments)
    return found[root]
