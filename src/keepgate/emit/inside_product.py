"""A step with a product inside, u.n(v), as an elementwise step: v is one more result, and each product a column."""

from ..equations import Cell, Graph, topological
from ..equations.additive import replaced
from ..equations.expr import symbol
from ..errors import CellError

# As a trace cannot name a value: the operand is not what a user sees.
_OPERAND = "_operand"


def elementwise_step(cell: Cell) -> tuple[Graph, tuple[str, ...]]:
    """The step's graph with each product as a symbol of `uh`, and the gates whose product is inside the step.

    Theirs is with another value than the state that uh is computed from: with the last of `next`, the operand, which
    is none of the cell's states. Their uh come last. Raises CellError for products inside with more than one value, and
    for a gate with two products.
    """
    graph = cell.graph
    if cell.recurrent != "in_step":
        return graph, ()
    nodes = topological([*graph.next.values(), *graph.traced.values()])
    gate_of = {node: str(node.args[0].name).removeprefix("u_") for node in nodes if node.op == "product"}
    outer = graph.previous[cell.recurrent_state]
    inside = {node: gate for node, gate in gate_of.items() if node.args[1] is not outer}
    operands = {node.args[1] for node in inside}
    if len(operands) > 1 or len({*gate_of.values()}) < len(gate_of):
        raise CellError(
            f"{cell.name} multiplies more than one value inside its step, or a gate's weights twice; the core "
            f"multiplies one value beside {cell.recurrent_state}, and each gate's weights once"
        )
    uh = {gate: symbol(f"uh_{gate}") for gate in sorted(cell.gates, key=[*inside.values()].__contains__)}
    columns = {node: uh[gate] for node, gate in gate_of.items()}
    results = graph.next | ({_OPERAND: next(iter(operands))} if operands else {})
    elementwise = Graph(
        wx=graph.wx,
        uh=uh,
        previous=graph.previous,
        vectors=graph.vectors,
        unit_inputs=graph.unit_inputs,
        next={name: replaced(node, columns) for name, node in results.items()},
        traced={name: replaced(node, columns) for name, node in graph.traced.items()},
    )
    return elementwise, tuple(gate for gate in uh if gate in inside.values())
