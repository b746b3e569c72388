"""One step of a cell from its weights, written once and plainly for these tests."""

from keepgate.equations import Cell, Named


def one_step(cell: Cell, x, states, weight_ih, bias_ih, weight_hh=None, bias_hh=None, **vectors):
    """x [batch, input]; states by name, each [batch, hidden]; weights as torch has them; the cell's own vectors."""
    count = len(cell.gates)
    wx = Named(**dict(zip(cell.gates, (x @ weight_ih.T + bias_ih).chunk(count, -1), strict=True)))
    if cell.recurrent == "none":
        uh = None
    elif cell.recurrent == "in_step":
        rows = zip(cell.gates, weight_hh.chunk(count), bias_hh.chunk(count), strict=True)
        uh = Named(**{gate: lambda v, w=w, b=b: v @ w.T + b for gate, w, b in rows})
    elif cell.recurrent == "diagonal":
        products = states[cell.states[0]].repeat(1, count) * weight_hh + bias_hh
        uh = Named(**dict(zip(cell.gates, products.chunk(count, -1), strict=True)))
    else:
        products = states[cell.states[0]] @ weight_hh.T + bias_hh
        uh = Named(**dict(zip(cell.gates, products.chunk(count, -1), strict=True)))
    return cell.step(wx, uh, Named(**states), *([Named(**vectors)] if vectors else []))
