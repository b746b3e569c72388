"""The translation table of keepgate's operators for torch's ONNX exporter."""

from collections.abc import Callable, Sequence
from typing import Any

import onnx_ir as ir
import torch
from onnxscript import evaluator

from ..arrays.core_cell import cell_of_operator
from ..errors import SettingsError
from .call import SequenceCall
from .emitter import Emitter
from .operator import emit_operator, has_operator
from .scan import emit_scan


def translation_table() -> dict[Callable[..., Any], Callable[..., Any]]:
    """keepgate::sequence → nodes of ONNX."""
    return {torch.ops.keepgate.sequence.default: _sequence}


def _sequence(
    x: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any, weight_hr: Any, states: Any, vectors: Any,
    lengths: Any, resets: Any, cell: str, reverse: bool, trace: bool, save: bool,
) -> Sequence[ir.Value]:  # fmt: skip
    if trace or save:
        raise SettingsError(
            "the model asks a layer for its trace, which ONNX has no operator for; export the model without it"
        )
    call = SequenceCall(
        cell=cell_of_operator(cell), x=x, weight_ih=weight_ih, weight_hh=weight_hh, bias_ih=bias_ih, bias_hh=bias_hh,
        weight_hr=weight_hr, states=states, vectors=vectors, lengths=lengths, resets=resets, reverse=reverse,
    )  # fmt: skip
    recorder: Any = evaluator.default()
    emit = Emitter(recorder.nodes)
    return emit_operator(emit, call) if has_operator(call) else emit_scan(emit, call)
