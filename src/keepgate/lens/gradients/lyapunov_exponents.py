"""Lyapunov exponents: at what rates small differences of the state die out or grow while a network reads."""

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import SettingsError
from ..capture.layer_run import LayerRun
from .step_jacobian import jacobians

# Jacobians held at once: 32 MiB of float64.
AT_ONCE = 4_194_304


@torch.no_grad()
def lyapunov(
    seen: LayerRun, *, layer: int = -1, reverse: bool = False, count: int | None = None, skip: int = 0
) -> Float[Tensor, "batch exponents"]:
    """The exponents of one layer and direction driven by what it read, in nats a step, the largest first; float64.

    The largest below 0: what was before is forgotten at that rate. Above 0: differences grow, gradients explode. For a
    stack of layers in one direction, those of all layers together are those of the stack.

    count: how many; None gives one for each unit of each state. skip: steps at the start of the reading that turn the
    basis and are not counted. NaN for a row without a step to count. -inf where nothing at all is left.
    Raises SettingsError for a count that there is not, or if every step is skipped.
    Source: Vogt et al. (2020), arXiv:2006.14123: J_t Q_t = Q_{t+1} R_{t+1}, the mean of log |diag R|.
    """
    place = seen.place(layer, reverse=reverse)
    call, part = seen.call(place), seen.trace.layers[place]
    size = call.output_size + (len(call.cell.states) - 1) * call.hidden_size
    count = size if count is None else count
    if not 1 <= count <= size:
        raise SettingsError(
            f"count is {count}, but the states have {size} units together; it can be 1 to {size}"
        )
    if not 0 <= skip < call.steps:
        raise SettingsError(f"skip is {skip} of {call.steps} steps; leave at least one to count")
    real = part.is_real()
    basis = torch.linalg.qr(_start(size, count, call.rows)).Q.to(call.x.device)
    total = torch.zeros(call.rows, count, dtype=torch.float64, device=call.x.device)
    counted = torch.zeros(call.rows, 1, dtype=torch.float64, device=call.x.device)
    read = torch.zeros(call.rows, dtype=torch.long, device=call.x.device)
    block = max(1, AT_ONCE // (size * size * call.rows))
    starts = range(0, call.steps, block)
    for start in reversed(starts) if part.reverse else starts:
        taken = slice(start, min(start + block, call.steps))
        steps = list(zip(jacobians(call, part, taken).double(), real[taken], strict=True))
        for step, alive in reversed(steps) if part.reverse else steps:
            turned, stretched = torch.linalg.qr(step @ basis)
            basis = turned
            counts = (alive & (read >= skip)).unsqueeze(1)
            total = total + stretched.diagonal(dim1=1, dim2=2).abs().log().where(counts, 0.0)
            counted, read = counted + counts, read + alive
    return (total / counted).sort(1, descending=True).values


def _start(size: int, count: int, rows: int) -> Tensor:
    """A basis in no special direction, the same every time."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(rows, size, count, generator=generator, dtype=torch.float64)
