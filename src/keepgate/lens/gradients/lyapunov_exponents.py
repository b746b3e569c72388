"""Lyapunov exponents: the rates at which small differences of the state decay or grow while a network reads."""

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
    layer_run: LayerRun, *, layer: int = -1, reverse: bool = False, count: int | None = None, skip: int = 0
) -> Float[Tensor, "batch exponents"]:
    """Lyapunov exponents of one layer and direction driven by its input, in nats a step, the largest first; float64.

    If the largest is below 0, differences decay at that rate and the past is forgotten; above 0 they grow and gradients
    explode. The exponents of a stack in one direction are those of all its layers together.

    count: how many; None gives one for each unit of each state. skip: steps at the start of reading that align the
    basis and do not count. NaN for a row without a step that counts; -inf where a difference becomes exactly 0.
    Raises SettingsError for a count out of range, or if every step is skipped.
    Source: Vogt et al. (2020), arXiv:2006.14123: J_t Q_t = Q_{t+1} R_{t+1}, the mean of log |diag R|.
    """
    place = layer_run.place(layer, reverse=reverse)
    call, part = layer_run.call(place), layer_run.trace.layers[place]
    size = call.output_size + (len(call.cell.states) - 1) * call.hidden_size
    count = size if count is None else count
    if not 1 <= count <= size:
        raise SettingsError(
            f"count is {count}, but the states have {size} units together; it can be 1 to {size}"
        )
    if not 0 <= skip < call.steps:
        raise SettingsError(f"skip is {skip} of {call.steps} steps; leave at least one to count")
    real, device = part.is_real(), call.x.device
    # A basis in no special direction, the same every time.
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(call.rows, size, count, generator=generator, dtype=torch.float64).to(device)
    basis = torch.linalg.qr(basis).Q
    log_sum = torch.zeros(call.rows, count, dtype=torch.float64, device=device)
    counted_steps = torch.zeros(call.rows, 1, dtype=torch.float64, device=device)
    steps_read = torch.zeros(call.rows, dtype=torch.long, device=device)
    block = max(1, AT_ONCE // (size * size * call.rows))
    starts = range(0, call.steps, block)
    for start in reversed(starts) if part.reverse else starts:
        span = slice(start, min(start + block, call.steps))
        steps = list(zip(jacobians(call, part, span).double(), real[span], strict=True))
        for jacobian, is_real in reversed(steps) if part.reverse else steps:
            basis, stretch = torch.linalg.qr(jacobian @ basis)
            counts = (is_real & (steps_read >= skip)).unsqueeze(1)
            log_sum = log_sum + stretch.diagonal(dim1=1, dim2=2).abs().log().where(counts, 0.0)
            counted_steps, steps_read = counted_steps + counts, steps_read + is_real
    return (log_sum / counted_steps).sort(1, descending=True).values
