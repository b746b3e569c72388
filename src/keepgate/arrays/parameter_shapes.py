"""The shapes of a recurrent layer's parameters, by torch's names for them."""

from ..equations import Cell


def parameter_shapes(
    cell: Cell, *, input_size: int, hidden_size: int, proj_size: int = 0, bias: bool = True
) -> dict[str, tuple[int, ...]]:
    """The shape of each parameter of one layer and direction, in torch's order, by the name `Call` gives it.

    Raises CellError where the cell takes means over heads of which the units are no multiple.
    """
    cell.check_heads(hidden_size)
    rows, output_size = len(cell.gates) * hidden_size, proj_size or hidden_size
    shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, input_size)}
    if cell.recurrent != "none":
        shapes["weight_hh"] = (rows,) if cell.recurrent == "diagonal" else (rows, output_size)
    if bias:
        shapes["bias_ih"] = (rows,)
        if cell.recurrent != "none":
            shapes["bias_hh"] = (rows,)
    if proj_size:
        shapes["weight_hr"] = (proj_size, hidden_size)
    return shapes | dict.fromkeys(cell.vectors, (hidden_size,))
