"""hooked_run: a layer's run whose trace the hooks on its gates are shown. Imported for the first such run alone, since
what keeps it out of torch.compile's graphs imports the compiler, which takes a second."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from .input_format import Hidden, batch_layout

_REASON = "the forward hooks on a layer's gates are Python; remove them for a whole graph"


@torch.compiler.disable(reason=_REASON)  # type: ignore[no-untyped-call, untyped-decorator]
def hooked_run(
    layer: Any, input: Tensor | PackedSequence, hx: Hidden | None, **others: Any
) -> tuple[Tensor | PackedSequence, Hidden]:
    """What the layer's forward gives, by its `trace`, which the hooks are shown; outside torch.compile's graph."""
    trace = layer.trace(input, hx, **others)
    layer.gates.show(trace)
    layout = batch_layout(input, others["lengths"], layer.batch_first, type(layer).__name__)
    return layout.output(trace.output), trace.final
