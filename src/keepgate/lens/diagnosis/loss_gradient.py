"""Loss gradient at a recurrent layer, wherever in the model it is, by lag."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ...errors import SettingsError
from ..capture.hooks import attach
from ..capture.layer_run import LayerRun, as_keepgate_layer, capture_layer, in_callers_order
from ..gradients.by_lag import gradient_of_run
from .samples import Sample


def recurrent_layer(model: nn.Module, wanted: str | None) -> tuple[str, Any]:
    """The recurrent layer of that name, or the last, and its name. Raises KeyError and SettingsError."""
    with attach(model) as known:
        name = known.names[-1] if wanted is None else wanted
        return name, known.module(name)


def loss_gradient_at_layer(
    model: nn.Module, name: str, module: Any, sample: Sample, run: int | None = None
) -> tuple[LayerRun, Tensor]:
    """One run of the layer, and by lag the gradient that reaches its states from the loss of these rows.

    run: which of the layer's runs; None takes the longest, the first of equals. Rows may be packed.
    Raises SettingsError where the loss does not depend on the layer.
    """
    results: list[tuple[Tensor, ...]] = []
    outputs: list[Tensor | PackedSequence] = []

    def leaves(_module: nn.Module, _given: Any, result: Any) -> Any:
        output, final = result
        states = final if isinstance(final, tuple) else (final,)
        packed = isinstance(output, PackedSequence)
        fresh = [each.detach().requires_grad_() for each in (output.data if packed else output, *states)]
        results.append(tuple(fresh))
        outputs.append(output)
        shown = output._replace(data=fresh[0]) if packed else fresh[0]
        return shown, tuple(fresh[1:]) if isinstance(final, tuple) else fresh[1]

    hook = module.register_forward_hook(leaves)
    try:
        with attach(model, keep="all") as seen, torch.enable_grad():
            value = sample.losses().sum()
    finally:
        hook.remove()
    runs = seen.runs(name)
    chosen = max(range(len(runs)), key=lambda k: len(runs[k].x)) if run is None else run
    if not value.requires_grad:
        raise SettingsError(
            f"the loss does not depend on what the layer {name!r} gives; examine another layer"
        )
    output, *final = torch.autograd.grad(value, results[chosen], allow_unused=True)
    shown = outputs[chosen]
    if output is not None and isinstance(shown, PackedSequence):
        output = in_callers_order(shown._replace(data=output), module).x
    elif output is not None and getattr(module, "batch_first", False) and output.dim() == 3:
        output = output.transpose(0, 1)
    run_in_float32 = _in_float32(_with_ends(runs[chosen], sample))
    return run_in_float32, gradient_of_run(run_in_float32, output, tuple(final))


def _with_ends(run: LayerRun, sample: Sample) -> LayerRun:
    """The same run with the rows' own ends, where the layer read the padding after them and the model left it out."""
    ends = sample.lengths
    if run.lengths is not None or run.layer.bidirectional or len(run.x) != int(ends.max()):
        return run
    if len(ends) != run.x.shape[1] or bool((ends == len(run.x)).all()):
        return run
    return replace(run, lengths=ends)


def _in_float32(run: LayerRun) -> LayerRun:
    """The same run in float32, where the model computes in fewer bits: a half-life hangs on how near 1 a gate is."""
    if run.x.dtype.itemsize >= 4:
        return run
    layer = as_keepgate_layer(run.layer).float()
    states = tuple(state.float() for state in run.initial)
    return capture_layer(layer, run.x.float(), states if len(states) > 1 else states[0], lengths=run.lengths)
