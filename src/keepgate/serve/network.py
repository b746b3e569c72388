"""A served network as the page needs it: its layer, sizes, gates and equations."""

from ..emit.unicode import equations_of
from ..equations import Cell
from ..equations.simplify import ONE
from ..errors import CellError, SettingsError
from ..nn import Recurrent
from ..tasks.task import Task
from ..wording import LANGUAGES, meaning

# Of the answers that a model chooses from, so many are listed.
MAX_CHOICES = 64


def network_json(task: Task) -> dict[str, object]:
    """A task's network as the page needs it: sizes, gates and equations, and what it chooses from."""
    layer = layer_of(task)
    cell = layer.cell
    return {
        "cell": cell.name,
        "kind": task.kind,
        "parameters": sum(weight.numel() for weight in task.parameters()),
        "layer_parameters": sum(weight.numel() for weight in layer.parameters()),
        "hidden_size": layer.hidden_size,
        "layers": [
            {"layer": number, "reverse": reverse}
            for number in range(layer.num_layers)
            for reverse in (False, True)[: layer.directions]
        ],
        "gates": list(gates_of(cell)),
        "letters": {
            language: {name: meaning(cell.letters, name, language) for name in cell.letters}
            for language in LANGUAGES
        },
        "states": sorted(cell.states, key=lambda state: state != cell.memory_state),
        "memory": cell.memory_state,
        "keeps": cell.retain_gate,
        "keeps_closed": gate_that_keeps_closed(cell),
        "erases_without_write": erases_without_write(cell),
        "choices": list(task.choices or ())[:MAX_CHOICES],
        "equations": [
            {"phase": line.phase, "name": line.name, "text": line.text} for line in equations_of(cell)
        ],
    }


def layer_of(task: Task) -> Recurrent:
    """The layer that reads a task's text. Raises SettingsError for a task without memory."""
    try:
        layer = task.get_submodule(task.reading_layer())
    except CellError as fault:
        raise SettingsError(
            f"this {task.kind} has no memory to look into; serve one with an RNN, LSTM or GRU"
        ) from fault
    assert isinstance(layer, Recurrent)
    return layer


def erases_without_write(cell: Cell) -> bool:
    """Whether a step of the cell that writes nothing still erases, as an LSTM's does and a GRU's does not."""
    update = cell.additive.get(cell.memory_state)
    return update is not None and update.keep_without_write is not ONE


def gate_that_keeps_closed(cell: Cell) -> str | None:
    """The gate that keeps as far as it is closed, as a minGRU's; None where an open one keeps, or none does."""
    block = cell.analysis.retain_block
    return block[0] if cell.retain_gate is None and block is not None and block[0] in gates_of(cell) else None


def gates_of(cell: Cell) -> tuple[str, ...]:
    """The names of a cell's gates: the one that keeps first, then the one that lets in."""
    order = (cell.retain_gate, cell.input_gate)
    gates = set(cell.analysis.gates.values())
    return tuple(
        sorted((name for name in cell.traced if name in gates), key=lambda name: _place(name, order))
    )


def _place(name: str, order: tuple[str | None, ...]) -> int:
    return order.index(name) if name in order else len(order)
