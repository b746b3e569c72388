"""Program: a cell's step, forward and backward, as straight-line code on numbered registers, for the C++ core."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..equations import Analysis, Cell, Expr, Graph, topological
from ..equations.additive import replaced
from ..equations.expr import make, symbol
from ..equations.simplify import ONE
from .preactivations import fused_sums

# Operation, register of the result, registers of the arguments.
Instruction = tuple[str, int, tuple[int, ...]]

# The same before registers are given out: an operation and its arguments.
_Line = tuple[str, tuple[Expr, ...]]


@dataclass(frozen=True, kw_only=True)
class Program:
    """Registers are those bound to arrays, then one for each constant, then temporaries."""

    constants: tuple[float, ...]
    temporaries: int
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, kw_only=True)
class StepProgram:
    """All that the core must know of a cell.

    split, wx_gates, uh_gates: as in `Columns`. planes: the names of what a forward run saves, in order.
    vectors: weights per unit, those of a diagonal recurrence last, one for each gate.
    infer, forward: from columns, previous states and vectors to the new states; forward also to what is saved.
    backward: to the gradients of columns, vectors and previous states, from those of the new states, what was saved,
        the previous and the new states, and the vectors.
    """

    split: tuple[str, ...]
    wx_gates: tuple[str, ...]
    uh_gates: tuple[str, ...]
    planes: tuple[str, ...]
    vectors: tuple[str, ...]
    reads_output: bool
    infer: Program
    forward: Program
    backward: Program


def step_program(cell: Cell) -> StepProgram:
    """A cell's step for the core. Raises CellError for recurrent="in_step", whose step is not elementwise."""
    graph = _of_columns(cell)
    analysis = Analysis(graph=graph)
    split = tuple(gate for gate in graph.uh)
    fused = tuple(gate for gate in cell.gates if gate not in split)
    columns = [*(graph.wx[gate] for gate in (*split, *fused)), *graph.uh.values()]
    previous, following = [*graph.previous.values()], [*graph.next.values()]
    # A trace shows a value that is one of the states before the step, too.
    traced = {name: node for name, node in graph.traced.items() if node not in following}
    planes = traced | {name: node for name, node in analysis.saved.items() if name not in graph.traced}
    saved, vectors = [*planes.values()], [*graph.vectors.values()]

    inputs = [*columns, *previous, *vectors]
    results = _distinct([*following, *saved], inputs)
    lines = _lines(inputs, results)
    places = {node: len(inputs) + n for n, node in enumerate(results)}
    # A run that saves nothing leaves each new state where it found the old one.
    aliases = {len(inputs) + n: len(columns) + n for n in range(len(following))}
    forward = _assembled(lines, _numbered(inputs), places, aliases, len(inputs) + len(results))
    states = dict(list(places.items())[: len(following)])
    bound = len(inputs) + len(states)
    infer = _assembled(_reached(lines, states), _numbered(inputs), states, aliases, bound)

    derivatives = [analysis.backward[f"d_{node.name}"] for node in (*columns, *vectors, *previous)]
    inputs = [*graph.upstream.values(), *saved, *previous, *following, *vectors]
    results = _distinct(derivatives, inputs)
    places = {node: n for n, node in enumerate(results)}
    # So does the way back with each state's gradient.
    aliases = {len(results) - len(previous) + n: len(results) + n for n in range(len(previous))}
    arrays = _numbered(inputs, len(results))
    backward = _assembled(_lines(inputs, results), arrays, places, aliases, len(inputs) + len(results))
    return StepProgram(
        split=split,
        wx_gates=(*split, *fused),
        uh_gates=(*fused, *split),
        planes=(*cell.states[1:], *planes),
        vectors=tuple(graph.vectors),
        reads_output=analysis.reads_output,
        infer=infer,
        forward=forward,
        backward=backward,
    )


def _of_columns(cell: Cell) -> Graph:
    """The graph as the core's columns feed it: one symbol, in `wx`, for each gate whose wx and uh only add up.

    A diagonal recurrence is written out: for each gate u h_prev is added to the column that has its bias.
    """
    graph = cell.elementwise_graph
    sums = fused_sums(graph, {})
    output = next(iter(graph.previous.values()))
    fused = {gate: symbol(f"wx_{gate} + uh_{gate}") for gate in sums}
    weights: dict[str, Expr] = {}
    written = {sums[gate]: fused[gate] for gate in sums}
    if cell.recurrent == "diagonal":
        weights = {f"u_{gate}": symbol(f"u_{gate}") for gate in cell.gates}
        for gate in cell.gates:
            column = fused.get(gate, graph.uh[gate])
            product = make("mul", weights[f"u_{gate}"], output)
            written[sums.get(gate, column)] = make("add", product, column)
    return Graph(
        wx=graph.wx | fused,
        uh={gate: uh for gate, uh in graph.uh.items() if gate not in sums},
        previous=graph.previous,
        vectors=graph.vectors | weights,
        next={name: replaced(node, written) for name, node in graph.next.items()},
        traced={name: replaced(node, written) for name, node in graph.traced.items()},
    )


def _numbered(nodes: Sequence[Expr], first: int = 0) -> dict[Expr, int]:
    """The registers of nodes, one after another; the first for a node that comes twice."""
    return {node: first + n for n, node in reversed(list(enumerate(nodes)))}


def _distinct(results: Iterable[Expr], inputs: Collection[Expr]) -> list[Expr]:
    """Results that are computed, each by a line of its own: a copy of what is there already, or goes elsewhere too."""
    distinct: list[Expr] = []
    for node in results:
        while node in distinct or node in inputs or node.op == "const":
            node = make("copy", node)
        distinct.append(node)
    return distinct


def _lines(inputs: Collection[Expr], results: Collection[Expr]) -> dict[Expr, _Line]:
    """How each node that is needed is computed, in order. A product that is only added to something is fused with it.

    No other rounding is left out, so that the bits are those of the compiled step (emit/expression.py). A product with
    the slope of a sigmoid or a tanh becomes one instruction, which rounds as its parts do.
    """
    order = [node for node in topological(results, stop=inputs) if node not in inputs and node.args]
    uses = Counter(results)
    for node in order:
        uses.update(node.args)

    def once(node: Expr, operation: str) -> bool:
        return node.op == operation and uses[node] == 1 and node not in inputs

    lines: dict[Expr, _Line] = {}
    absorbed: set[Expr] = set()
    for node in order:
        match node.op, node.args:
            case (("add" | "sub"), (a, b)) if once(a, "mul"):
                absorbed.add(a)
                lines[node] = {"add": "fma", "sub": "fms"}[node.op], (*a.args, b)
            case (("add" | "sub"), (a, b)) if once(b, "mul"):
                absorbed.add(b)
                lines[node] = {"add": "fma", "sub": "fnma"}[node.op], (*b.args, a)
            case "mul", (a, b) if once(b, "mul") and _is_complement(b.args[1], b.args[0]):
                lines[node] = "mul_sigmoid_slope", (a, b.args[0])
            case "mul", (a, b) if once(b, "sub") and once(b.args[1], "mul") and _is_complement_of_square(b):
                lines[node] = "mul_tanh_slope", (a, b.args[1].args[0])
            case _:
                lines[node] = node.op, node.args
    return _reached({node: line for node, line in lines.items() if node not in absorbed}, results)


def _is_complement(node: Expr, of: Expr) -> bool:
    """Whether a node is 1 - of."""
    return node.op == "sub" and node.args[0] is ONE and node.args[1] is of


def _is_complement_of_square(node: Expr) -> bool:
    square = node.args[1].args
    return node.args[0] is ONE and square[0] is square[1]


def _reached(lines: Mapping[Expr, _Line], results: Collection[Expr]) -> dict[Expr, _Line]:
    """The lines on which the results depend."""
    needed = set(results)
    for node, (_, arguments) in reversed(list(lines.items())):
        if node in needed:
            needed.update(arguments)
    return {node: line for node, line in lines.items() if node in needed}


def _assembled(
    lines: Mapping[Expr, _Line],
    inputs: Mapping[Expr, int],
    results: Mapping[Expr, int],
    aliases: Mapping[int, int],
    bound: int,
) -> Program:
    """The lines on registers. inputs, results: of those that are bound to arrays; bound: how many these are.

    aliases: for a result's register that of an input which may be the same array. It is written when nothing reads the
        input any more; until then the result waits in a temporary.
    """
    last_read = {argument: n for n, (_, arguments) in enumerate(lines.values()) for argument in arguments}
    constants = [node for node in last_read if node.op == "const"]
    registers = {**inputs, **{node: bound + n for n, node in enumerate(constants)}}
    first = bound + len(constants)
    last_read_at = {registers[node]: n for node, n in last_read.items() if node in inputs}
    free: list[int] = []
    size = 0
    instructions: list[Instruction] = []
    waiting: list[Instruction] = []
    for n, (node, (operation, arguments)) in enumerate(lines.items()):
        read = tuple(registers[argument] for argument in arguments)
        distinct = dict.fromkeys(arguments)
        done = [argument for argument in distinct if last_read[argument] == n and argument not in results]
        free += [registers[argument] for argument in done if registers[argument] >= first]
        place = results.get(node)
        if place is None or last_read_at.get(aliases.get(place, -1), -1) > n:
            if not free:
                free.append(first + size)
                size += 1
            registers[node] = free.pop()
            if place is not None:
                waiting.append(("copy", place, (registers[node],)))
        else:
            registers[node] = place
        instructions.append((operation, registers[node], read))
    return Program(
        constants=tuple(float(node.value or 0.0) for node in constants),
        temporaries=size,
        instructions=(*instructions, *waiting),
    )
