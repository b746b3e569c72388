"""What each write does to an answer along every path, to first order: the write times the answer's whole derivative.

A direct share (`attribution`) is exact and leaves out that later gates and writes depend on a token as well; this
counts them, as far as a straight line does. How far that is, dropping the write says (`intervene`).
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from .gradient import gradients_of, walk
from .seen import Seen, adopt
from .writes import writes_of


def influence(
    seen: Seen,
    answer: Callable[[Float[Tensor, "time batch output"]], Float[Tensor, ""]],
    *,
    layer: int = -1,
    reverse: bool = False,
) -> Float[Tensor, "time batch"]:
    """Σ over units of write · ∂answer / ∂memory after the write, for each step of one layer and direction; signed.

    What the answer would lose without the write, if it were linear in it. From one backward pass, in float64.
    answer: from the last layer's output, float64, to one number, the sum over the rows of what is asked of each.
    Raises CellError for a cell that carries no memory, SettingsError for an answer that does not depend on the output.
    Source: gradient × input, Shrikumar et al. (2016), arXiv:1605.01713, with a write for the input.
    """
    place = seen.place(layer, reverse=reverse)
    writes = writes_of(seen.trace.layers[place])
    exact = adopt(seen.layer).double()
    steps, rows = seen.x.shape[:2]
    ends = torch.full((rows,), steps) if seen.lengths is None else seen.lengths
    initial = tuple(state.double() for state in seen.initial)
    states, output = walk(exact, seen.x.double(), initial if len(initial) > 1 else initial[0], ends, 1)
    with torch.enable_grad():
        value = answer(output)
    number = exact.cell.states.index(writes.state)
    found = torch.stack([step[number] for step in gradients_of(value, states)[place]])
    return (writes.read(found) * writes.write.double()).sum(2)
