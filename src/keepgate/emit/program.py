"""Compiles a cell's step, forward and backward, to straight-line code on numbered registers, for csrc/interpreter.h."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..equations import Analysis, Cell, Expr, Graph, topological
from ..equations.additive import replaced
from ..equations.expr import heads_of, make, symbol
from ..equations.simplify import ONE
from .inside_product import elementwise_step
from .preactivations import fused_sums

# Operation, register of the result, registers of the arguments.
Instruction = tuple[str, int, tuple[int, ...]]

_ROW_TEMPORARIES = 1_000_000

# An instruction before register allocation: its operation and arguments.
_Operation = tuple[str, tuple[Expr, ...]]


@dataclass(frozen=True, kw_only=True)
class Program:
    """Straight-line code. Registers: first those bound to arrays, then one for each constant, then temporaries, and at
    last those that hold one number for each row."""

    constants: tuple[float, ...]
    temporaries: int
    row_temporaries: int
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, kw_only=True)
class StepProgram:
    """A cell's programs, and the layout of the arrays that the core binds them to.

    split, wx_gates, uh_gates: as in `Columns`. inside: how many of the split gates, the last ones, have their product
        inside the step. planes: the names of what a forward pass saves, in order; last the operand of that product.
    vectors: weights per unit, those of a diagonal recurrence last, one for each gate.
    unit_inputs, recurrent_state: as in `Cell`.
    reads_output: whether nothing may be projected: a unit's step reads that unit's previous output, or the step
        multiplies a value of its own.
    infer, forward: read columns, previous states, vectors and unit inputs; write the new states, and forward also the
        planes.
    backward: reads the gradients of the new states, the planes, previous and new states, the vectors and the unit
        inputs; writes the gradients of columns, vectors, unit inputs and previous states. The operand counts as one
        more new state, and the gradients of the products with it are read instead of written.
    operand: as infer, but writes the operand in place of the first new state.
    d_inside: as backward, but writes the gradients of the products with the operand and nothing else.
    """

    split: tuple[str, ...]
    inside: int
    wx_gates: tuple[str, ...]
    uh_gates: tuple[str, ...]
    planes: tuple[str, ...]
    vectors: tuple[str, ...]
    unit_inputs: int
    recurrent_state: int
    reads_output: bool
    infer: Program
    forward: Program
    backward: Program
    operand: Program
    d_inside: Program


def step_program(cell: Cell) -> StepProgram:
    """A cell's step for the core. Raises CellError for products inside the step that the core cannot make."""
    graph, inside = _column_graph(cell)
    analysis = Analysis(graph=graph)
    split = tuple(graph.uh)
    fused = tuple(gate for gate in cell.gates if gate not in split)
    columns = [*(graph.wx[gate] for gate in (*split, *fused)), *graph.uh.values()]
    new_states = [graph.next[state] for state in cell.states]
    # A traced value that is a previous state is saved too; one that is a new state is stored as such.
    traced = {name: node for name, node in graph.traced.items() if node not in new_states}
    planes = traced | {name: node for name, node in analysis.saved.items() if name not in graph.traced}
    infer, forward, operand = _forward_programs(graph, columns, len(new_states), [*planes.values()])
    backward, d_inside = _backward_programs(analysis, columns, len(inside), [*planes.values()])
    return StepProgram(
        split=split,
        inside=len(inside),
        wx_gates=(*split, *fused),
        uh_gates=(*fused, *split),
        planes=(*cell.states[1:], *planes, *[*graph.next][len(cell.states) :]),
        vectors=tuple(graph.vectors),
        unit_inputs=len(graph.unit_inputs),
        recurrent_state=cell.states.index(cell.recurrent_state),
        # A projection would leave the product inside no units to read.
        reads_output=analysis.reads_output or bool(inside),
        infer=infer,
        forward=forward,
        backward=backward,
        operand=operand,
        d_inside=d_inside,
    )


def _forward_programs(
    graph: Graph, columns: Sequence[Expr], states: int, saved: Sequence[Expr]
) -> tuple[Program, Program, Program]:
    """infer, forward and operand. states: how many of `graph.next` are states; one more is an operand."""
    new = [*graph.next.values()]
    inputs = [*columns, *graph.previous.values(), *graph.vectors.values(), *graph.unit_inputs.values()]
    results = _copy_duplicates([*new[:states], *saved], inputs)
    lines = lowered(inputs, results)
    places = _numbered(results, len(inputs))
    # In place: where nothing is saved, each new state may overwrite the previous one.
    aliases = {len(inputs) + n: len(columns) + n for n in range(states)}
    forward = _allocate_registers(lines, _numbered(inputs), places, aliases, len(inputs) + len(results))
    bound, places = len(inputs) + states, _numbered(results[:states], len(inputs))
    infer = _allocate_registers(_live_lines(lines, places), _numbered(inputs), places, aliases, bound)
    results = _copy_duplicates(new[states:], inputs)
    places = _numbered(results, len(inputs))
    operand = _allocate_registers(lowered(inputs, results), _numbered(inputs), places, {}, bound)
    return infer, forward, operand


def _backward_programs(
    analysis: Analysis, columns: Sequence[Expr], inside: int, saved: Sequence[Expr]
) -> tuple[Program, Program]:
    """backward and d_inside. inside: how many of the columns, the last ones, are products with the operand."""
    graph = analysis.graph
    previous, per_unit = [*graph.previous.values()], [*graph.vectors.values(), *graph.unit_inputs.values()]
    derivatives = [analysis.backward[f"d_{node.name}"] for node in (*columns, *per_unit, *previous)]
    inputs = [*graph.upstream.values(), *saved, *previous, *graph.next.values(), *per_unit]
    arrays = _numbered(inputs, len(derivatives))
    products = range(len(columns) - inside, len(columns))
    # In place: the gradient of a previous state may overwrite the new state's.
    aliases = {len(derivatives) + n - len(previous): len(derivatives) + n for n in range(len(previous))}

    def program(wanted: Iterable[int], arrays: Mapping[Expr, int]) -> Program:
        places = [*wanted]
        results = _copy_duplicates([derivatives[place] for place in places], arrays)
        at = dict(zip(results, places, strict=True))
        return _allocate_registers(
            lowered(arrays, results), arrays, at, aliases, len(derivatives) + len(inputs)
        )

    there = {derivatives[place]: place for place in products if derivatives[place].op != "const"}
    rest = (place for place in range(len(derivatives)) if place not in products)
    return program(rest, there | arrays), program(products, arrays)


def _column_graph(cell: Cell) -> tuple[Graph, tuple[str, ...]]:
    """The cell's graph over the core's columns: one symbol, in `wx`, for each gate that uses only the sum wx + uh.

    A diagonal recurrence is written out: for each gate u h_prev is added to the column that has its bias. Beside it
    the gates whose product is inside the step, as in `elementwise_step`; these are never fused.
    """
    graph, inside = elementwise_step(cell)
    sums = {gate: node for gate, node in fused_sums(graph, {}).items() if gate not in inside}
    output = graph.previous[cell.recurrent_state]
    fused = {gate: symbol(f"wx_{gate} + uh_{gate}") for gate in sums}
    weights: dict[str, Expr] = {}
    replacements = {sums[gate]: fused[gate] for gate in sums}
    if cell.recurrent == "diagonal":
        weights = {f"u_{gate}": symbol(f"u_{gate}") for gate in cell.gates}
        for gate in cell.gates:
            column = fused.get(gate, graph.uh[gate])
            product = make("mul", weights[f"u_{gate}"], output)
            replacements[sums.get(gate, column)] = make("add", product, column)
    columns = Graph(
        wx=graph.wx | fused,
        uh={gate: uh for gate, uh in graph.uh.items() if gate not in sums},
        previous=graph.previous,
        vectors=graph.vectors | weights,
        unit_inputs=graph.unit_inputs,
        next={name: replaced(node, replacements) for name, node in graph.next.items()},
        traced={name: replaced(node, replacements) for name, node in graph.traced.items()},
    )
    return columns, inside


def _numbered(nodes: Sequence[Expr], first: int = 0) -> dict[Expr, int]:
    """Consecutive registers, from `first` on; a node that occurs twice has its first one."""
    return {node: first + n for n, node in reversed(list(enumerate(nodes)))}


def _copy_duplicates(results: Iterable[Expr], inputs: Collection[Expr]) -> list[Expr]:
    """Results with a `copy` node around each input, constant or repeated result, so that each has a line of its own."""
    distinct: list[Expr] = []
    for node in results:
        while node in distinct or node in inputs or node.op == "const":
            node = make("copy", node)
        distinct.append(node)
    return distinct


def lowered(inputs: Collection[Expr], results: Collection[Expr]) -> dict[Expr, _Operation]:
    """Each node's operation, in topological order; a product used once, in a sum, becomes a fused multiply-add (fma).

    No other roundings differ, so that the bits are those of the compiled step (emit/expression.py). A product with the
    derivative of a sigmoid or a tanh becomes one instruction, which rounds as its parts do.
    """
    order = [node for node in topological(results, stop=inputs) if node not in inputs and node.args]
    uses = Counter(results)
    for node in order:
        uses.update(node.args)

    def once(node: Expr, operation: str) -> bool:
        return node.op == operation and uses[node] == 1 and node not in inputs

    lines: dict[Expr, _Operation] = {}
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
    return _live_lines({node: line for node, line in lines.items() if node not in absorbed}, results)


def _is_complement(node: Expr, of: Expr) -> bool:
    """Whether a node is 1 - of."""
    return node.op == "sub" and node.args[0] is ONE and node.args[1] is of


def _is_complement_of_square(node: Expr) -> bool:
    square = node.args[1].args
    return node.args[0] is ONE and square[0] is square[1]


def _live_lines(lines: Mapping[Expr, _Operation], results: Collection[Expr]) -> dict[Expr, _Operation]:
    """The lines on which the results depend: dead-code elimination."""
    live_nodes = set(results)
    for node, (_, arguments) in reversed(list(lines.items())):
        if node in live_nodes:
            live_nodes.update(arguments)
    return {node: line for node, line in lines.items() if node in live_nodes}


def _row_constants(lines: Mapping[Expr, _Operation]) -> set[Expr]:
    """The nodes that are alike in all units of a row: means over it, and what is made of these alone."""
    row_constant: set[Expr] = set()
    for node, (operation, arguments) in lines.items():
        rest = [argument for argument in arguments if argument.op != "const"]
        if operation == "row_mean":
            alike = heads_of(node) == 1
        else:
            alike = bool(rest) and row_constant.issuperset(rest)
        if alike:
            row_constant.add(node)
    return row_constant


def _allocate_registers(
    lines: Mapping[Expr, _Operation],
    inputs: Mapping[Expr, int],
    results: Mapping[Expr, int],
    aliases: Mapping[int, int],
    bound: int,
) -> Program:
    """Register allocation by one linear scan. inputs, results: the registers bound to arrays; bound: their number.

    aliases: for a result's register that of an input which may be the same array. A result computed before the input's
        last read goes to a temporary, and is copied at the end.
    """
    last_read = {argument: n for n, (_, arguments) in enumerate(lines.values()) for argument in arguments}
    constants = [node for node in last_read if node.op == "const"]
    registers = {**inputs, **{node: bound + n for n, node in enumerate(constants)}}
    first_temporary = bound + len(constants)
    last_read_at = {registers[node]: n for node, n in last_read.items() if node in inputs}
    # Temporaries of rows are numbered from a million on, until it is known how many others there are.
    free: dict[bool, list[int]] = {False: [], True: []}
    counts = {False: first_temporary, True: _ROW_TEMPORARIES}
    row_constant = _row_constants(lines)
    instructions, final_copies = list[Instruction](), list[Instruction]()
    for n, (node, (operation, arguments)) in enumerate(lines.items()):
        operands = tuple(registers[argument] for argument in arguments)
        dead = [a for a in dict.fromkeys(arguments) if last_read[a] == n and a not in results]
        for register in (registers[a] for a in dead if registers[a] >= first_temporary):
            free[register >= _ROW_TEMPORARIES].append(register)
        bound_to = results.get(node)
        if bound_to is None or last_read_at.get(aliases.get(bound_to, -1), -1) > n:
            by_row = node in row_constant
            if not free[by_row]:
                free[by_row].append(counts[by_row])
                counts[by_row] += 1
            registers[node] = free[by_row].pop()
            if bound_to is not None:
                final_copies.append(("copy", bound_to, (registers[node],)))
        else:
            registers[node] = bound_to
        instructions.append((operation, registers[node], operands))

    places = {n: n - _ROW_TEMPORARIES + counts[False] for n in range(_ROW_TEMPORARIES, counts[True])}
    return Program(
        constants=tuple(float(node.value or 0.0) for node in constants),
        temporaries=counts[False] - first_temporary,
        row_temporaries=len(places),
        instructions=_renumbered([*instructions, *final_copies], places),
    )


def _renumbered(lines: Iterable[Instruction], places: Mapping[int, int]) -> tuple[Instruction, ...]:
    """The instructions with other numbers for some registers."""
    return tuple((op, places.get(to, to), tuple(places.get(n, n) for n in read)) for op, to, read in lines)
