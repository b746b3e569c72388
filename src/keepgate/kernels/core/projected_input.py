"""A cell whose input is projected before its run: W_ih x of each gate is a unit input beside wx, which has the bias."""

from ...emit.preactivations import fused_sums
from ...equations import Cell, Named, Step, cell, evaluate

# Unit inputs, each before a gate's name. The second is zero: its gradient is that of uh, where wx + uh has none.
INPUT, RECURRENT = "product_ih_", "product_hh_"


def with_projected_input(base: Cell) -> Cell:
    """The cell with a unit input for each gate, and another for each whose wx and uh do more than add up.

    Raises CellError for a cell that multiplies inside its step, or whose step leaves out a gate's wx or uh.
    """
    graph = base.product_free_graph
    sums = fused_sums(graph, {})
    split = [gate for gate in graph.uh if gate not in sums]

    def step(wx: Named, uh: Named, s: Named, *given: Named) -> Step:
        *vectors, added = given
        values = {node: getattr(wx, gate) for gate, node in graph.wx.items()}
        values |= {node: getattr(uh, gate) for gate, node in graph.uh.items()}
        values |= {node: getattr(s, state) for state, node in graph.previous.items()}
        values |= {node: getattr(vectors[0], name) for name, node in graph.vectors.items()}
        for gate, node in graph.wx.items():
            if gate in sums:
                values[sums[gate]] = values[node] + values[graph.uh[gate]] + getattr(added, INPUT + gate)
            else:
                values[node] = values[node] + getattr(added, INPUT + gate)
        for gate in split:
            values[graph.uh[gate]] = values[graph.uh[gate]] + getattr(added, RECURRENT + gate)
        results = graph.next | graph.traced
        return Step(**dict(zip(results, evaluate(results.values(), values), strict=True)))

    step.__name__ = f"{base.name}_projected_input"
    return cell(
        gates=" ".join(base.gates),
        states=" ".join(base.states),
        recurrent=base.recurrent,
        vectors=" ".join(base.vectors),
        unit_inputs=" ".join([*(INPUT + gate for gate in base.gates), *(RECURRENT + gate for gate in split)]),
        recurrent_state=base.recurrent_state,
    )(step)
